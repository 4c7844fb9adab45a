"""From a reference to what it means: issuers, owners, Secrets; and whom a change concerns."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from certwright.api.certificate import ISSUING, Certificate
from certwright.api.conditions import find_condition
from certwright.api.issuer import AnyIssuer, ClusterIssuer, Issuer
from certwright.api.meta import IssuerReference, Key, Resource
from certwright.api.order import Challenge, Order
from certwright.api.request import CertificateRequest
from certwright.base.reason import Reason
from certwright.controllers.indexes import (
    CLUSTER_ISSUERS_BY_SECRET,
    ISSUERS_BY_SECRET,
    ORDERS_BY_OWNER,
    REQUESTS_BY_OWNER,
    id_of_issuer,
)
from certwright.controllers.options import Options
from certwright.runtime.cache import Index, Observed
from certwright.runtime.view import View

R = TypeVar("R", bound=Resource)


def find_issuer(view: View, reference: IssuerReference, namespace: str) -> AnyIssuer | None:
    """Return the issuer that a reference from `namespace` means."""
    match reference.effective_kind:
        case "Issuer":
            return view.get(Issuer, Key(namespace, reference.name))
        case "ClusterIssuer":
            return view.get(ClusterIssuer, Key("", reference.name))
        case _:
            return None


def owning_request(view: View, order: Order) -> CertificateRequest | None:
    """Return the CertificateRequest that an Order belongs to, if it is still that one."""
    owner = order.metadata.controller
    if owner is None or owner.kind != "CertificateRequest":
        return None
    found = view.get(CertificateRequest, Key(order.metadata.namespace, owner.name))
    return found if found is not None and found.metadata.uid == owner.uid else None


def owning_order(view: View, challenge: Challenge) -> Order | None:
    """Return the Order that a Challenge belongs to, if it is still that one."""
    owner = challenge.metadata.controller
    if owner is None or owner.kind != "Order":
        return None
    found = view.get(Order, Key(challenge.metadata.namespace, owner.name))
    return found if found is not None and found.metadata.uid == owner.uid else None


def owner_key(kind: str) -> Callable[[View, Resource], Iterable[Key]]:
    """Build the answer to whom a change concerns: the controller of that kind."""

    def keys(_: View, resource: Resource) -> Iterable[Key]:
        owner = resource.metadata.controller
        if owner is not None and owner.kind == kind:
            yield Key(resource.metadata.namespace, owner.name)

    return keys


def issuers_using(view: View, secret: Key, options: Options) -> Iterable[AnyIssuer]:
    """Return the issuers that a Secret concerns (compat-spec 3.14)."""
    yield from view.by(ISSUERS_BY_SECRET, str(secret))
    if secret.namespace == options.cluster_resource_namespace:
        yield from view.by(CLUSTER_ISSUERS_BY_SECRET, secret.name)


def referring_to(index: Index[R]) -> Callable[[View, AnyIssuer], Iterable[Key]]:
    """Build the answer to whom a change of an issuer concerns."""

    def keys(view: View, issuer: AnyIssuer) -> Iterable[Key]:
        return (resource.key for resource in view.by(index, id_of_issuer(issuer)))

    return keys


def asked_again(seen: Observed[Certificate]) -> bool:
    """Whether a person asks for an issuance now (`certwright renew`): all waits end."""
    issuing = None if seen.after is None else find_condition(seen.after.status.conditions, ISSUING)
    if issuing is None or issuing.reason != Reason.MANUALLY_TRIGGERED:
        return False
    before = seen.before.status.conditions if seen.before is not None else ()
    return find_condition(before, ISSUING) != issuing


def orders_of(view: View, certificate: Certificate) -> Iterable[Order]:
    """Return the Orders of a Certificate's attempts."""
    for request in view.by(REQUESTS_BY_OWNER, certificate.metadata.uid):
        yield from view.by(ORDERS_BY_OWNER, request.metadata.uid)


def using_secret(index: Index[R], options: Options) -> Callable[[View, Resource], Iterable[Key]]:
    """Build the answer to whom a change of a Secret concerns, by way of its issuers."""

    def keys(view: View, secret: Resource) -> Iterable[Key]:
        for issuer in issuers_using(view, secret.key, options):
            yield from (resource.key for resource in view.by(index, id_of_issuer(issuer)))

    return keys
