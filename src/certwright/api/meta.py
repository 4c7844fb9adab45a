"""What all resources have in common: metadata, conditions, references (Kubernetes' meta/v1).

Resources are frozen structs with only the fields we read; names on the wire are Kubernetes' own.
`Mapping` fields must be treated as immutable: change a resource with `msgspec.structs.replace`.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, NamedTuple

from msgspec import Meta, Struct, field

Time = datetime
"""RFC 3339 on the wire, whole seconds, aware UTC."""

CONTROLLER_GROUP = "cert-manager.io"

INT32 = {"format": "int32"}
"""Schema of a number that Kubernetes' tools keep in 32 bits."""

DURATION = {"maxLength": 128}
"""Schema of a Go duration: an unbounded text would cost a CRD's rules more than they may."""

CONDITIONS = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]}
"""Schema of a list of conditions: one of each type."""


class Key(NamedTuple):
    """Where one resource of a known kind is: `namespace` is empty for cluster-scoped kinds."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


class OwnerReference(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Who a resource belongs to; collected when the owner's `uid` is gone."""

    api_version: str
    kind: str
    name: str
    uid: str
    controller: bool = False
    block_owner_deletion: bool = False


class ManagedFields(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Which fields one manager applied (server-side apply); `fields_v1` is Kubernetes' FieldsV1."""

    manager: str = ""
    operation: str = ""
    api_version: str = ""
    subresource: str = ""
    time: Time | None = None
    fields_type: str = "FieldsV1"
    fields_v1: Mapping[str, Any] = field(default_factory=dict, name="fieldsV1")


class ObjectMeta(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Identity, version and ownership of a resource; `resource_version` is opaque."""

    name: str = ""
    generate_name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: Time | None = None
    deletion_timestamp: Time | None = None
    finalizers: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    owner_references: tuple[OwnerReference, ...] = ()
    managed_fields: tuple[ManagedFields, ...] = ()

    @property
    def key(self) -> Key:
        """Namespace and name."""
        return Key(self.namespace, self.name)

    @property
    def deleting(self) -> bool:
        """A delete was asked for; only finalizers hold the resource."""
        return self.deletion_timestamp is not None

    @property
    def controller(self) -> OwnerReference | None:
        """The one owner that manages this resource, if any."""
        return next((owner for owner in self.owner_references if owner.controller), None)


class Resource(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Base of every kind. apiVersion and kind are the class's, see `api.kinds`."""

    metadata: ObjectMeta

    @property
    def key(self) -> Key:
        """Namespace and name."""
        metadata = self.metadata
        return Key(metadata.namespace, metadata.name)


class ConditionStatus(StrEnum):
    """Three-valued truth of a condition."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Condition(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One observed truth about a resource; `last_transition_time` moves only with `status`."""

    type: Annotated[str, Meta(description="What the condition speaks of, such as Ready.")]
    status: Annotated[ConditionStatus, Meta(description="Whether it holds.")]
    reason: Annotated[str, Meta(description="One word for machines, why it is so.")] = ""
    message: Annotated[str, Meta(description="One sentence for people, why it is so.")] = ""
    last_transition_time: Annotated[
        Time | None, Meta(description="When the status last changed.")
    ] = None
    observed_generation: Annotated[
        int,
        Meta(
            description="The metadata.generation that this condition speaks of.",
            extra_json_schema={"format": "int64"},
        ),
    ] = 0


class SecretKeySelector(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One key of a Secret."""

    name: Annotated[str, Meta(description="Name of the Secret.")]
    key: Annotated[str, Meta(description="Key within the Secret's data.")] = ""


class LocalObjectReference(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """An object by name, in the namespace that the context gives."""

    name: Annotated[
        str, Meta(description="Name of the object.", extra_json_schema={"default": ""})
    ] = ""


class IssuerReference(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Who shall sign. Empty kind and group mean Issuer of cert-manager.io and stay empty."""

    name: Annotated[str, Meta(description="Name of the issuer.")]
    kind: Annotated[str, Meta(description="Issuer (the default), ClusterIssuer, or foreign.")] = ""
    group: Annotated[str, Meta(description="API group; cert-manager.io where empty.")] = ""

    @property
    def effective_kind(self) -> str:
        """The kind with the default filled in (compat-spec 1.0)."""
        return self.kind or "Issuer"

    @property
    def effective_group(self) -> str:
        """The group with the default filled in."""
        return self.group or CONTROLLER_GROUP

    @property
    def is_built_in(self) -> bool:
        """One of our own issuer groups, so that our controllers answer for it."""
        return self.effective_group == CONTROLLER_GROUP

    def same_as(self, other: "IssuerReference") -> bool:
        """Whether both name one issuer, defaults filled in."""
        return (self.name, self.effective_kind, self.effective_group) == (
            other.name,
            other.effective_kind,
            other.effective_group,
        )
