"""The life of a CertificateRequest: approved, signed, settled (compat-spec 3.12, 3.13).

::

    new ──approve──▶ Approved ──sign──▶ Ready=True/Issued
     │                   │ ▲──────────── Ready=False/Pending: the issuer or its answer is not there
     └──deny──▶ Denied    └────────────▶ Ready=False/Failed
"""

from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from certwright.api.certificate import READY
from certwright.api.conditions import find_condition, is_true, with_condition
from certwright.api.issuer import AnyIssuer
from certwright.api.meta import Condition, ConditionStatus, IssuerReference
from certwright.api.request import (
    APPROVED,
    DENIED,
    INVALID_REQUEST,
    CertificateRequest,
    CertificateRequestStatus,
)
from certwright.base.clock import whole_seconds
from certwright.base.reason import Reason
from certwright.policy.issuer import IssuerType, issuer_type

APPROVED_MESSAGE = "Certificate request has been approved by cert-manager.io"
DENIED_MESSAGE = "The CertificateRequest was denied by an approval controller"
WAITING_MESSAGE = "Not signing CertificateRequest until it is Approved"
NOT_READY_MESSAGE = "Referenced issuer does not have a Ready status condition"
ISSUED_MESSAGE = "Certificate fetched from issuer successfully"


class Facts(Struct, frozen=True, kw_only=True):
    """What a decision needs.

    Attributes:
        issuer: the one referred to; None where it is not there.
        approves: whether the built-in approver runs.
    """

    request: CertificateRequest
    issuer: AnyIssuer | None
    approves: bool = True


class Approve(Struct, frozen=True):
    """Say yes; policy beyond that is the cluster's (compat-spec 3.12)."""


class Deny(Struct, frozen=True):
    """Somebody said no: settle it."""


class AwaitApproval(Struct, frozen=True):
    """Somebody else must say yes first."""


class Pend(Struct, frozen=True):
    """Wait for the issuer; `reason` is the event's word, the condition's is always Pending."""

    reason: Reason
    message: str


class Sign(Struct, frozen=True):
    """Hand it to the issuer."""

    type: IssuerType
    issuer: AnyIssuer


class Idle(Struct, frozen=True):
    """Nothing is to be done; `why` says so."""

    why: str


Step = Approve | Deny | AwaitApproval | Pend | Sign | Idle


def next_step(facts: Facts) -> Step:  # noqa: PLR0911  # one guard a line, in the spec's order
    """Pick the one step that moves a CertificateRequest forward; the first match wins."""
    request = facts.request
    conditions = request.status.conditions
    if request.metadata.deleting:
        return Idle("it is being deleted")
    if facts.approves and _is_open(request):
        return Approve()
    if not request.spec.issuer_ref.is_built_in:
        return Idle("its issuer is not ours")
    if is_true(conditions, DENIED):
        return Idle("it is denied") if is_settled(request) else Deny()
    if is_true(conditions, INVALID_REQUEST):
        return Idle("it is invalid")
    if not is_true(conditions, APPROVED):
        return AwaitApproval()
    if is_settled(request) or request.status.certificate:
        return Idle("it is settled")
    return _at_issuer(request.spec.issuer_ref, facts.issuer)


def _at_issuer(reference: IssuerReference, issuer: AnyIssuer | None) -> Step:
    if issuer is None:
        return Pend(Reason.ISSUER_NOT_FOUND, not_found(reference))
    kind = issuer_type(issuer.spec)
    if kind is None:
        return Pend(Reason.ISSUER_TYPE_MISSING, "Missing issuer type")
    if not is_true(issuer.status.conditions, READY):
        return Pend(Reason.ISSUER_NOT_READY, NOT_READY_MESSAGE)
    return Sign(kind, issuer)


def not_found(reference: IssuerReference) -> str:
    """Say that an issuer is not there."""
    kind = reference.effective_kind
    what = f'{kind.lower()}.cert-manager.io "{reference.name}"'
    return f'Referenced "{kind}" not found: {what} not found'


def ready_reason(request: CertificateRequest) -> str:
    """Return the reason of the Ready condition; empty where there is none."""
    ready = find_condition(request.status.conditions, READY)
    return "" if ready is None else ready.reason


def is_settled(request: CertificateRequest) -> bool:
    """Whether it was issued, failed or denied for good."""
    return ready_reason(request) in {Reason.FAILED, Reason.ISSUED, Reason.DENIED}


def _is_open(request: CertificateRequest) -> bool:
    """Whether nobody has decided on it (any issuer group, compat-spec 3.12)."""
    conditions = request.status.conditions
    decided = any(find_condition(conditions, type_) for type_ in (APPROVED, DENIED))
    return not decided and ready_reason(request) not in {Reason.FAILED, Reason.ISSUED}


# Statuses: the condition's reason is one of four words; the specific one is the event's.


def approved(request: CertificateRequest, now: datetime) -> CertificateRequestStatus:
    """Return the status with Approved=True."""
    condition = Condition(
        type=APPROVED,
        status=ConditionStatus.TRUE,
        reason=Reason.APPROVED,
        message=APPROVED_MESSAGE,
    )
    conditions = with_condition(request.status.conditions, condition, now)
    return replace(request.status, conditions=conditions)


def denied(request: CertificateRequest, now: datetime) -> CertificateRequestStatus:
    """Return the status of a request that was refused by an approver."""
    status = _with_ready(request, Reason.DENIED, DENIED_MESSAGE, now)
    return replace(status, failure_time=status.failure_time or whole_seconds(now))


def pending(request: CertificateRequest, message: str, now: datetime) -> CertificateRequestStatus:
    """Return the status of a request that waits."""
    return _with_ready(request, Reason.PENDING, message, now)


def failed(request: CertificateRequest, message: str, now: datetime) -> CertificateRequestStatus:
    """Return the status of a request that failed for good."""
    status = _with_ready(request, Reason.FAILED, message, now)
    return replace(status, failure_time=whole_seconds(now))


def issued(
    request: CertificateRequest, chain: bytes, ca: bytes, now: datetime
) -> CertificateRequestStatus:
    """Return the status of a request whose certificate is there."""
    status = _with_ready(request, Reason.ISSUED, ISSUED_MESSAGE, now)
    return replace(status, certificate=chain, ca=ca)


def _with_ready(
    request: CertificateRequest, reason: Reason, message: str, now: datetime
) -> CertificateRequestStatus:
    ready = ConditionStatus.TRUE if reason is Reason.ISSUED else ConditionStatus.FALSE
    condition = Condition(type=READY, status=ready, reason=reason, message=message)
    return replace(
        request.status, conditions=with_condition(request.status.conditions, condition, now)
    )
