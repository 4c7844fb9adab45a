"""Explains an attempt that is under way: approval, issuer, signature (compat-spec 3.12, 3.13)."""

from collections.abc import Mapping
from typing import assert_never

from certwright.api.annotations import PRIVATE_KEY_SECRET
from certwright.api.certificate import READY
from certwright.api.conditions import find_condition
from certwright.api.request import DENIED
from certwright.base.evidence import Evidence
from certwright.base.reason import Reason
from certwright.policy import request as policy
from certwright.policy.attempt import Attempt
from certwright.policy.explain_issuer import (
    explain_foreign_issuer,
    explain_issuer,
    explain_missing_issuer,
    names_known,
    reference_name,
    secret_in_doubt,
)
from certwright.policy.explain_order import explain_order
from certwright.policy.explanation import Case, Explanation, Fault, Link, Named, Verdict, named
from certwright.policy.issuer import IssuerType
from certwright.policy.remedies import remedy_for

_BEGINNINGS: Mapping[str, Reason] = {
    "Required secret resource not found": Reason.SECRET_MISSING,
    "Referenced secret": Reason.SECRET_MISSING,
    "Failed to parse signing CA keypair": Reason.SECRET_INVALID_DATA,
    "Failed to get key": Reason.SECRET_INVALID_DATA,
}
"""A waiting request has one reason, Pending; its message tells what for (compat-spec 3.13)."""


def explain_attempt(case: Case, link: Link) -> Explanation:  # noqa: PLR0911  # one case a step
    """Say what the attempt waits for, by the step that the request's own controller takes."""
    attempt = link.attempt
    if attempt.refused is not None:
        return explain_refusal(case, attempt)
    if attempt.ready is not None and attempt.ready.reason == Reason.ISSUED:
        return _progress(
            case,
            attempt,
            f"{named(attempt.request)} is signed; its certificate goes "
            f"into Secret {case.seen.certificate.spec.secret_name}",
        )
    facts = policy.Facts(
        request=attempt.request, issuer=case.chain.issuer, approves=case.chain.approves
    )
    match step := policy.next_step(facts):
        case policy.Approve() | policy.Deny():
            return _progress(
                case, attempt, f"{named(attempt.request)} is being looked at by the approver"
            )
        case policy.AwaitApproval():
            return _unapproved(case, attempt)
        case policy.Pend():
            return _pended(case, step)
        case policy.Sign():
            return _at_signer(case, link, step.type)
        case policy.Idle():
            return _idle(case, attempt, step)
        case _:
            assert_never(step)


def explain_refusal(case: Case, attempt: Attempt) -> Explanation:
    """Somebody said no to the request."""
    refused = attempt.refused
    message = refused.message if refused is not None else ""
    by = "denied" if refused is not None and refused.type == DENIED else "called invalid"
    word = Reason.DENIED if by == "denied" else Reason.INVALID_SPEC
    return Explanation(
        about=case.chain.about,
        verdict=Verdict.STALLED,
        sentence=f"{named(attempt.request)} was {by}: {message}",
        culprit=named(attempt.request),
        fault=Fault.APPROVAL,
        reason=refused.reason if refused is not None else "",
        remedy=remedy_for((word,), **names_known(case)),
    )


def _unapproved(case: Case, attempt: Attempt) -> Explanation:
    return Explanation(
        about=case.chain.about,
        verdict=Verdict.WAITING,
        sentence=f"{named(attempt.request)} waits for somebody to approve it",
        culprit=named(attempt.request),
        fault=Fault.APPROVAL,
        reason=Reason.WAITING_FOR_APPROVAL,
        remedy=remedy_for((Reason.WAITING_FOR_APPROVAL,)),
    )


def _pended(case: Case, step: policy.Pend) -> Explanation:
    issuer = case.chain.issuer
    if issuer is None:
        return explain_missing_issuer(case)
    if step.reason is not Reason.ISSUER_TYPE_MISSING:
        return explain_issuer(case, issuer)
    return Explanation(
        about=case.chain.about,
        verdict=Verdict.STALLED,
        sentence=f"{named(issuer)} does not have exactly one type",
        culprit=named(issuer),
        fault=Fault.CONFIGURATION,
        reason=step.reason,
        remedy=remedy_for((step.reason,), **names_known(case)),
    )


def _idle(case: Case, attempt: Attempt, step: policy.Idle) -> Explanation:
    if not attempt.request.spec.issuer_ref.is_built_in:
        return explain_foreign_issuer(case)
    return _progress(case, attempt, f"{named(attempt.request)} is left as it is: {step.why}")


def _at_signer(case: Case, link: Link, kind: IssuerType) -> Explanation:
    if kind is IssuerType.ACME:
        return explain_order(case, link)
    request = link.attempt.request
    ready = find_condition(request.status.conditions, READY)
    # what an unready issuer left there says nothing any more
    if ready is None or ready.reason != Reason.PENDING or ready.message == policy.NOT_READY_MESSAGE:
        return _progress(case, link.attempt, f"{reference_name(case)} is signing {named(request)}")
    culprit = secret_in_doubt(case, ready.message) or reference_name(case)
    if kind is IssuerType.SELF_SIGNED:
        key = request.metadata.annotations.get(PRIVATE_KEY_SECRET, "")
        culprit = Named("Secret", key, request.metadata.namespace) if key else culprit
    word = next((w for text, w in _BEGINNINGS.items() if ready.message.startswith(text)), "")
    secret = f"{culprit.namespace}/{culprit.name}" if culprit.kind == "Secret" else ""
    return Explanation(
        about=case.chain.about,
        verdict=Verdict.STALLED,
        sentence=f"{reference_name(case)} cannot sign: {ready.message}",
        culprit=culprit,
        fault=Fault.CONFIGURATION,
        reason=word or ready.reason,
        evidence=(Evidence(str(named(request)), ready.message),),
        remedy=remedy_for((word,), **names_known(case, secret=secret)),
    )


def _progress(case: Case, attempt: Attempt, sentence: str) -> Explanation:
    return Explanation(
        about=case.chain.about,
        verdict=Verdict.ISSUING,
        sentence=sentence,
        culprit=named(attempt.request),
    )
