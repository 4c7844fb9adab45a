"""Leaves alone what is not served yet: cert-manager may serve it, now or when it comes back.

Used in a cluster only; on one machine nobody else would tell why nothing happens.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from msgspec.structs import replace

from certwright.api.certificate import Certificate
from certwright.api.issuer import ClusterIssuer, Issuer
from certwright.api.kinds import kind_of
from certwright.api.meta import Key, Resource
from certwright.api.order import Challenge, Order
from certwright.api.request import CertificateRequest
from certwright.controllers.references import find_issuer
from certwright.policy.served import (
    unserved_certificate,
    unserved_issuer,
    unserved_parts,
    unserved_solver,
)
from certwright.runtime.loop import Controller
from certwright.runtime.outcome import DONE, Outcome
from certwright.runtime.view import View

UNSERVED_KINDS: tuple[type[Resource], ...] = (Issuer, ClusterIssuer, Certificate)


def leaving_alone(controllers: Iterable[Controller[Any]]) -> tuple[Controller[Any], ...]:
    """Return controllers that do nothing about an object that is not served."""
    return tuple(map(_leaving_alone, controllers))


def why_unserved(view: View, resource: Resource) -> str:
    """Say why an object is not served; empty where it is."""
    namespace = resource.metadata.namespace
    if isinstance(resource, Issuer | ClusterIssuer):
        return unserved_issuer(resource)
    if isinstance(resource, Challenge) and (why := unserved_solver(resource.spec.solver)):
        return why
    if isinstance(resource, Certificate) and (why := unserved_certificate(resource)):
        return why
    if not isinstance(resource, Certificate | CertificateRequest | Order | Challenge):
        return ""
    reference = resource.spec.issuer_ref
    issuer = find_issuer(view, reference, namespace) if reference.is_built_in else None
    why = unserved_issuer(issuer) if issuer is not None else ""
    return f"its {reference.effective_kind} {reference.name}: {why}" if why else ""


def list_unserved(view: View) -> Iterator[str]:
    """Yield a line for each object, or part of one, that is not served."""
    for kind in UNSERVED_KINDS:
        for resource in sorted(view.list(kind), key=lambda one: one.key):
            where = f"{kind_of(kind).name} {resource.key}"
            if why := why_unserved(view, resource):
                yield f"{where}: {why}"
            elif isinstance(resource, Issuer | ClusterIssuer):
                yield from (f"{where}: {part}" for part in unserved_parts(resource))


def _leaving_alone(controller: Controller[Any]) -> Controller[Any]:
    async def reconcile(view: View, key: Key) -> Outcome:
        resource = view.get(controller.kind, key)
        if resource is not None and why_unserved(view, resource):
            return DONE
        return await controller.reconcile(view, key)

    return replace(controller, reconcile=reconcile)
