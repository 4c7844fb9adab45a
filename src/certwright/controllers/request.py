"""CertificateRequest: approval, and the issuer's answer (compat-spec 3.12, 3.13).

Stands for cert-manager's `certificaterequests-approver` and `certificaterequests-issuer-*`.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import partial
from typing import assert_never

from msgspec import Struct

from certwright.api.core import Secret
from certwright.api.issuer import AnyIssuer, ClusterIssuer, Issuer
from certwright.api.meta import Key
from certwright.api.order import Order
from certwright.api.request import CertificateRequest
from certwright.api.secret import SecretSummary
from certwright.base.problem import Problem, Retryable, Waiting
from certwright.base.reason import Reason
from certwright.controllers import names
from certwright.controllers.account import namespace_of
from certwright.controllers.failure import CLEARED, carried, described
from certwright.controllers.indexes import (
    ORDERS_BY_OWNER,
    REQUESTS_BY_ISSUER,
    REQUESTS_BY_KEY_SECRET,
    id_of_issuer,
)
from certwright.controllers.references import find_issuer, issuers_using, owner_key
from certwright.controllers.world import World
from certwright.issuers.acme import AcmeSigner, OrderFailed
from certwright.issuers.ca import CaSigner
from certwright.issuers.protocol import NotYet, Signed, SigningIssuer
from certwright.issuers.selfsigned import SelfSigner
from certwright.pki.certificate import certificate_facts
from certwright.pki.errors import PkiError
from certwright.policy import request as policy
from certwright.policy.issuer import IssuerType, issuer_type
from certwright.policy.request import (
    Approve,
    AwaitApproval,
    Deny,
    Facts,
    Idle,
    Pend,
    Sign,
    Step,
    next_step,
)
from certwright.runtime.loop import Controller, Watch
from certwright.runtime.outcome import DONE, Outcome, normal, warning
from certwright.runtime.view import View
from certwright.store.protocol import AlreadyExists

APPROVER = "cert-manager-certificaterequests-approver"
_ISSUER = "cert-manager-certificaterequests-issuer-"
_PAUSE = timedelta(seconds=5)
_HINT = "the secretName of the Certificate must differ from the secretName of the CA issuer"


def build_request_controller(world: World) -> Controller[CertificateRequest]:
    """Build the controller of CertificateRequests."""
    return Controller(
        name="certificaterequests",
        stands_for=(names.APPROVER, *names.REQUESTS),
        kind=CertificateRequest,
        reconcile=partial(reconcile, world),
        failed=failed,
        watches=(
            Watch(Issuer, _open_requests),
            Watch(ClusterIssuer, _open_requests),
            Watch(Order, owner_key("CertificateRequest")),
            Watch(SecretSummary, partial(_requests_using, world)),
        ),
    )


async def reconcile(  # noqa: PLR0911  # one case per step
    world: World, view: View, key: Key
) -> Outcome:
    """Move one CertificateRequest one step forward."""
    request = view.get(CertificateRequest, key)
    if request is None:
        return DONE
    now = world.clock.now()
    issuer = find_issuer(view, request.spec.issuer_ref, key.namespace)
    step = next_step(Facts(request=request, issuer=issuer, approves=world.options.approve))
    if not _is_stood_for(world, step, issuer):
        return DONE
    match step:
        case Approve():
            return Outcome(
                status=policy.approved(request, now),
                manager=APPROVER,
                events=(normal(APPROVER, Reason.APPROVED, policy.APPROVED_MESSAGE),),
            )
        case Deny():
            return Outcome(status=policy.denied(request, now), manager=_speaker(issuer))
        case AwaitApproval():
            event = normal(_speaker(issuer), Reason.WAITING_FOR_APPROVAL, policy.WAITING_MESSAGE)
            return Outcome(events=(event,))
        case Pend(reason, message):
            return _pending(request, Waiting(reason, message), _speaker(issuer), now)
        case Sign():
            return await _sign(_Asked(request, step.issuer, now), _signer(world, view, step))
        case Idle():
            return DONE
        case _:
            assert_never(step)


def _is_stood_for(world: World, step: Step, issuer: AnyIssuer | None) -> bool:
    """Whether the part of cert-manager that would take this step is ours to play."""
    if isinstance(step, Approve):
        return world.options.approve
    return _speaker(issuer).removeprefix("cert-manager-") in world.options.controllers


def failed(request: CertificateRequest, problem: Problem, now: datetime) -> Outcome:
    """Show what nobody expected: the request waits."""
    return _pending(request, problem, _ISSUER + "acme", now)


class _Asked(Struct, frozen=True):
    request: CertificateRequest
    issuer: AnyIssuer
    now: datetime


async def _sign(asked: _Asked, signer: SigningIssuer) -> Outcome:
    request, speaker, now = asked.request, _speaker(asked.issuer), asked.now
    try:
        signed = await signer.sign(request)
    except (Waiting, Retryable) as problem:
        return _pending(request, problem, speaker, now)
    except Problem as problem:
        return _failed(request, problem, speaker, now)
    return _issued(asked, signed)


def _issued(asked: _Asked, signed: Signed) -> Outcome:
    speaker = _speaker(asked.issuer)
    try:
        certificate_facts(signed.chain)
    except PkiError as error:
        hint = f"; {_HINT}" if asked.issuer.spec.ca is not None else ""
        message = f"Failed to decode returned certificate: {error}{hint}"
        return _failed(asked.request, Waiting(Reason.DECODE_ERROR, message), speaker, asked.now)
    warnings = tuple(warning(speaker, reason, text) for reason, text in signed.warnings)
    issued = normal(speaker, Reason.CERTIFICATE_ISSUED, policy.ISSUED_MESSAGE)
    return Outcome(
        status=policy.issued(asked.request, signed.chain, signed.ca, asked.now),
        manager=speaker,
        annotations=CLEARED,
        events=(*warnings, issued),
    )


def _pending(request: CertificateRequest, problem: Problem, speaker: str, now: datetime) -> Outcome:
    """Wait; the event comes only when the request was not waiting already (compat-spec 3.13)."""
    text = problem.event if isinstance(problem, NotYet) else problem.message
    source = problem.source if isinstance(problem, NotYet) else None
    known = policy.ready_reason(request) == Reason.PENDING
    again = now + _PAUSE if isinstance(problem, Retryable) else None
    return Outcome(
        status=policy.pending(request, problem.message, now),
        manager=speaker,
        annotations=carried(source) if source is not None else {},
        events=() if known else (normal(speaker, problem.reason, text),),
        again_at=again,
    )


def _failed(request: CertificateRequest, problem: Problem, speaker: str, now: datetime) -> Outcome:
    told = described(problem)
    if isinstance(problem, OrderFailed):
        told = carried(problem.order)
    return Outcome(
        status=policy.failed(request, problem.message, now),
        manager=speaker,
        annotations=told,
        events=(warning(speaker, problem.reason, problem.message),),
    )


class _Orders:
    """The Orders of the view, for the ACME issuer."""

    def __init__(self, view: View) -> None:
        self._view = view

    def of(self, request: CertificateRequest) -> Order | None:
        """Return the Order that a request owns."""
        found = self._view.by(ORDERS_BY_OWNER, request.metadata.uid)
        return next((order for order in found if not order.metadata.deleting), None)

    async def create(self, order: Order) -> bool:
        """Create an Order; False where the name is taken."""
        try:
            await self._view.create(order, manager=_ISSUER + "acme")
        except AlreadyExists:
            return False
        return True

    async def delete(self, order: Order) -> None:
        """Delete an Order."""
        await self._view.delete(order)


def _signer(world: World, view: View, step: Sign) -> SigningIssuer:
    spec = step.issuer.spec
    read = partial(view.live, Secret)
    if spec.ca is not None:
        namespace = namespace_of(world, step.issuer)
        return CaSigner(spec.ca, namespace, read_secret=read, clock=world.clock)
    if spec.self_signed is not None:
        return SelfSigner(spec.self_signed, read_secret=read, clock=world.clock)
    if spec.acme is not None:
        return AcmeSigner(spec.acme, _Orders(view))
    raise Waiting(Reason.NOT_SERVED, f"issuers of the type {step.type} are not served yet")


def _speaker(issuer: AnyIssuer | None) -> str:
    """Name the cert-manager controller that would speak: the issuer type's, else the first."""
    kind = issuer_type(issuer.spec) if issuer is not None else None
    return _ISSUER + (kind or IssuerType.ACME).lower()


def _open_requests(view: View, issuer: AnyIssuer) -> Iterable[Key]:
    requests = view.by(REQUESTS_BY_ISSUER, id_of_issuer(issuer))
    return (request.key for request in requests if not policy.is_settled(request))


def _requests_using(world: World, view: View, secret: SecretSummary) -> Iterable[Key]:
    for request in view.by(REQUESTS_BY_KEY_SECRET, str(secret.key)):
        if not policy.is_settled(request):
            yield request.key
    for issuer in issuers_using(view, secret.key, world.options):
        if issuer.spec.ca is not None:
            yield from _open_requests(view, issuer)
