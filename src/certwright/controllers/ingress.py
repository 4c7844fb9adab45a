"""Makes Certificates for Ingresses that ask for them (ingress-shim, compat-spec 3.2)."""

from collections.abc import Iterable
from datetime import datetime
from functools import partial
from typing import Any

import structlog

from certwright.api.certificate import Certificate
from certwright.api.core import Ingress
from certwright.api.kinds import kind_of, to_wire
from certwright.api.meta import Key
from certwright.api.patch import merge_diff
from certwright.base.problem import Problem
from certwright.base.reason import Reason
from certwright.controllers import names
from certwright.controllers.indexes import CERTIFICATES_BY_OWNER
from certwright.controllers.options import Options
from certwright.controllers.world import World
from certwright.policy.ingress import Defaults, plan
from certwright.policy.ingress_annotations import BadAnnotationError
from certwright.runtime.cache import Observed
from certwright.runtime.loop import Controller, Watch
from certwright.runtime.outcome import DONE, Outcome, Report, normal, warning
from certwright.runtime.view import View

INGRESS_SHIM = "cert-manager-ingress-shim"

log = structlog.get_logger(__name__)


def build_ingress_controller(world: World) -> Controller[Ingress]:
    """Build the controller of Ingresses."""
    return Controller(
        name="ingresses",
        stands_for=(names.INGRESS_SHIM,),
        kind=Ingress,
        watches=(Watch(Certificate, _owner, _matters),),
        reconcile=partial(reconcile, world),
        failed=failed,
    )


async def reconcile(world: World, view: View, key: Key) -> Outcome:
    """Make, change and delete the Certificates of one Ingress."""
    ingress = view.get(Ingress, key)
    if ingress is None:
        return DONE
    names = {entry.secret_name for entry in ingress.spec.tls}
    found = {name: view.get(Certificate, Key(key.namespace, name)) for name in names}
    try:
        todo = plan(
            ingress,
            present={name: one for name, one in found.items() if one is not None},
            owned=view.by(CERTIFICATES_BY_OWNER, ingress.metadata.uid),
            defaults=_defaults(world.options),
        )
    except BadAnnotationError as error:
        # No event, as with cert-manager. Only an edit can help, and that wakes us.
        log.warning("ingress", ingress=str(key), problem=str(error))
        return DONE
    events = [warning(INGRESS_SHIM, Reason.BAD_CONFIG, text) for text in todo.complaints]
    for certificate in todo.create:
        await view.create(certificate, manager=INGRESS_SHIM)
        events.append(_told(Reason.CREATE_CERTIFICATE, "created", certificate))
    for old, new in todo.update:
        await view.patch(old, update_patch(old, new), manager=INGRESS_SHIM)
        events.append(_told(Reason.UPDATE_CERTIFICATE, "updated", new))
    for certificate in todo.delete:
        await view.delete(certificate)
        events.append(_told(Reason.DELETE_CERTIFICATE, "deleted unrequired", certificate))
    return Outcome(events=tuple(events))


def update_patch(old: Certificate, new: Certificate) -> dict[str, Any]:
    """Return the patch that gives a Certificate another's spec, labels and annotations, wholly."""

    def parts(one: Certificate) -> dict[str, Any]:
        metadata = {
            "labels": dict(one.metadata.labels),
            "annotations": dict(one.metadata.annotations),
        }
        return {"spec": to_wire(one.spec), "metadata": metadata}

    return merge_diff(parts(old), parts(new))


def failed(_ingress: Ingress, _problem: Problem, _now: datetime) -> Outcome:
    """An Ingress has no place to show a problem."""
    return DONE


def _told(reason: Reason, done: str, certificate: Certificate) -> Report:
    message = f'Successfully {done} Certificate "{certificate.metadata.name}"'
    return normal(INGRESS_SHIM, reason, message)


def _owner(_view: View, certificate: Certificate) -> Iterable[Key]:
    owner, kind = certificate.metadata.controller, kind_of(Ingress)
    if owner is not None and (owner.kind, owner.api_version) == (kind.name, kind.api_version):
        yield Key(certificate.metadata.namespace, owner.name)


def _matters(seen: Observed[Certificate]) -> bool:
    """Whether a change of a Certificate is more than the progress of its status."""
    if seen.before is None or seen.after is None:
        return True
    before, after = seen.before.metadata, seen.after.metadata
    return (before.generation, before.labels) != (after.generation, after.labels)


def _defaults(options: Options) -> Defaults:
    return Defaults(
        auto_annotations=options.auto_certificate_annotations,
        extra_annotations=options.extra_certificate_annotations,
        issuer_name=options.default_issuer_name,
        issuer_kind=options.default_issuer_kind,
        issuer_group=options.default_issuer_group,
    )
