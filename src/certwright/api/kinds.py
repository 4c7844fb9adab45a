"""The kinds: what each is called on the wire, and how a document becomes a value and back."""

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from certwright.api.certificate import Certificate
from certwright.api.core import Event, Ingress, Secret, Service
from certwright.api.issuer import ClusterIssuer, Issuer
from certwright.api.lease import Lease
from certwright.api.meta import OwnerReference, Resource
from certwright.api.order import Challenge, Order
from certwright.api.request import CertificateRequest
from certwright.api.secret import stored_as

R = TypeVar("R", bound=Resource)
Document = dict[str, Any]
"""A resource in its wire form."""


class Kind(Struct, frozen=True, kw_only=True):
    """Names of a kind; `spec_fields` are the top-level fields whose change is a new generation."""

    type: type[Resource]
    name: str
    group: str
    version: str
    plural: str
    namespaced: bool = True
    has_status: bool = True
    spec_fields: tuple[str, ...] = ("spec",)
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()

    @property
    def api_version(self) -> str:
        """Group and version as in a manifest."""
        return f"{self.group}/{self.version}" if self.group else self.version


_CM = "cert-manager"
KINDS: tuple[Kind, ...] = (
    Kind(
        type=Certificate, name="Certificate", group="cert-manager.io", version="v1",
        plural="certificates", short_names=("cert", "certs"), categories=(_CM,),
    ),
    Kind(
        type=CertificateRequest, name="CertificateRequest", group="cert-manager.io", version="v1",
        plural="certificaterequests", short_names=("cr", "crs"), categories=(_CM,),
    ),
    Kind(
        type=Issuer, name="Issuer", group="cert-manager.io", version="v1",
        plural="issuers", short_names=("iss",), categories=(_CM,),
    ),
    Kind(
        type=ClusterIssuer, name="ClusterIssuer", group="cert-manager.io", version="v1",
        plural="clusterissuers", short_names=("ciss",), categories=(_CM,), namespaced=False,
    ),
    Kind(
        type=Order, name="Order", group="acme.cert-manager.io", version="v1",
        plural="orders", categories=(_CM, "cert-manager-acme"),
    ),
    Kind(
        type=Challenge, name="Challenge", group="acme.cert-manager.io", version="v1",
        plural="challenges", categories=(_CM, "cert-manager-acme"),
    ),
    Kind(
        type=Secret, name="Secret", group="", version="v1", plural="secrets",
        has_status=False, spec_fields=(),
    ),
    Kind(type=Service, name="Service", group="", version="v1", plural="services", spec_fields=()),
    Kind(
        type=Ingress, name="Ingress", group="networking.k8s.io", version="v1", plural="ingresses"
    ),
    Kind(
        type=Event, name="Event", group="", version="v1", plural="events",
        has_status=False, spec_fields=(),
    ),
    Kind(
        type=Lease, name="Lease", group="coordination.k8s.io", version="v1", plural="leases",
        has_status=False,
    ),
)  # fmt: skip

_BY_TYPE: Mapping[type[Resource], Kind] = {kind.type: kind for kind in KINDS}
_BY_NAME: Mapping[tuple[str, str], Kind] = {(kind.api_version, kind.name): kind for kind in KINDS}


def kind_of(resource: Resource | type[Resource]) -> Kind:
    """Return the kind of a resource or of its class; a summary's is Secret."""
    return _BY_TYPE[stored_as(resource if isinstance(resource, type) else type(resource))]


def find_kind(api_version: str, name: str) -> Kind | None:
    """Look a kind up by the words of a manifest."""
    return _BY_NAME.get((api_version, name))


def encode(resource: Resource) -> Document:
    """Return the wire form, apiVersion and kind included; bytes are base64, times RFC 3339."""
    kind = kind_of(resource)
    return {"apiVersion": kind.api_version, "kind": kind.name, **to_wire(resource)}


def to_wire(part: Struct) -> Document:
    """Return the wire form of a resource's part (a spec, a status)."""
    document: Document = msgspec.to_builtins(part)
    return document


def decode(document: Mapping[str, Any], type_: type[R]) -> R:
    """Parse a wire form; unknown fields are left out.

    Raises:
        msgspec.ValidationError: a field has the wrong type; the text names its path.
    """
    return msgspec.convert(document, type=type_)


def owner_reference(owner: Resource) -> OwnerReference:
    """Return the controller reference to `owner`, as on everything we create (compat-spec 9.4)."""
    kind = kind_of(owner)
    return OwnerReference(
        api_version=kind.api_version,
        kind=kind.name,
        name=owner.metadata.name,
        uid=owner.metadata.uid,
        controller=True,
        block_owner_deletion=True,
    )
