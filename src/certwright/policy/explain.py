"""Why a Certificate is as it is: one sentence, the object at fault, the next attempt, the remedy.

Built on the functions that decide, never on rules of its own: `certificate.next_step` and its
checks, then the request's, the Order's and the Challenge's own steps, down the chain::

    Certificate ─▶ Secret ─▶ CertificateRequest ─▶ Issuer ─▶ Order ─▶ Challenge

Pure. Called by `certwright why` and `status`, the lab, and the dashboard.
"""

from collections.abc import Callable
from datetime import datetime

from msgspec.structs import replace

from certwright.api.annotations import CERTIFICATE_NAME
from certwright.api.certificate import ISSUING, READY, Certificate
from certwright.api.conditions import find_condition, is_true
from certwright.base.evidence import Evidence
from certwright.base.reason import Reason
from certwright.policy.certificate import (
    KeyStuck,
    Rest,
    StartIssuing,
    is_owner,
    next_step,
    waiting_until,
)
from certwright.policy.explain_challenge import challenge_failure, failed_challenges
from certwright.policy.explain_issuer import explain_missing_issuer, names_known, reference_name
from certwright.policy.explain_notes import notes, target_of
from certwright.policy.explain_order import order_failure
from certwright.policy.explain_request import explain_attempt, explain_refusal
from certwright.policy.explanation import (
    Case,
    Chain,
    Explanation,
    Fault,
    Link,
    Named,
    Verdict,
    named,
    read_told,
)
from certwright.policy.mismatch import listed
from certwright.policy.readiness import assess
from certwright.policy.remedies import remedy_for

_FAILED = "The certificate request has failed to complete and will be retried: "

Look = Callable[[Case], Explanation | None]


def explain(chain: Chain, now: datetime) -> Explanation:
    """Explain a Certificate; the first look that finds something wins."""
    seen = chain.seen
    case = Case(chain=chain, now=now, step=next_step(seen, now), readiness=assess(seen.facts(now)))
    explanation = next(found for look in LOOKS if (found := look(case)) is not None)
    return replace(explanation, notes=(*explanation.notes, *notes(case, explanation)))


def _going(case: Case) -> Explanation | None:
    if not case.seen.certificate.metadata.deleting:
        return None
    return _say(case, Verdict.WAITING, f"{case.chain.about} is being deleted")


def _key_stuck(case: Case) -> Explanation | None:
    """Policy Never for the key, and a key that does not fit: nothing goes on by itself."""
    if not isinstance(case.step, KeyStuck):
        return None
    secret = target_of(case)
    return _say(
        case,
        Verdict.STALLED,
        f"the private key in {secret} must be kept (rotationPolicy Never), but does not fit the "
        f"spec: {listed(case.step.fields)}",
        culprit=secret,
        fault=Fault.CONFIGURATION,
        reason=Reason.CANNOT_REGENERATE_KEY,
    )


def _shared_secret(case: Case) -> Explanation | None:
    """Another Certificate has the target Secret."""
    if is_owner(case.seen) or _is_issuing(case):
        return None
    owner, secret = _owner_of_secret(case), target_of(case)
    return _say(
        case,
        Verdict.STALLED,
        f"{secret} is also the target of {named(owner)}, which owns it",
        culprit=named(owner),
        fault=Fault.CONFIGURATION,
        reason=Reason.INCORRECT_CERTIFICATE,
        evidence=tuple(
            Evidence(str(named(one)), f"spec.secretName is {one.spec.secret_name} too")
            for one in case.seen.rivals[:8]
        ),
        next_attempt=case.step.again_at if isinstance(case.step, Rest) else None,
    )


def _owner_of_secret(case: Case) -> Certificate:
    secret = case.seen.secret
    name = secret.metadata.annotations.get(CERTIFICATE_NAME) if secret is not None else None
    for rival in case.seen.rivals:
        if rival.metadata.name == name:
            return rival
    return min(
        case.seen.rivals,
        key=lambda one: (str(one.metadata.creation_timestamp or ""), one.metadata.name),
    )


def _unbuildable(case: Case) -> Explanation | None:
    """The spec is admitted, yet no CSR can be made of it."""
    certificate = case.seen.certificate
    ready = find_condition(certificate.status.conditions, READY)
    is_news = ready is not None and ready.observed_generation == certificate.metadata.generation
    if (
        ready is None
        or not is_news
        or ready.reason
        not in (
            Reason.INVALID_SPEC,
            Reason.INTERNAL_ERROR,
        )
    ):
        return None
    return _say(
        case,
        Verdict.STALLED,
        ready.message,
        fault=Fault.CONFIGURATION,
        reason=ready.reason,
    )


def _backing_off(case: Case) -> Explanation | None:
    """An attempt failed, and the next one is not due."""
    until = waiting_until(case.seen, case.now)
    if until is None or _is_issuing(case):
        return None
    certificate = case.seen.certificate
    if certificate.spec.issuer_ref.is_built_in and case.chain.issuer is None:
        return replace(explain_missing_issuer(case), next_attempt=until)
    told = read_told(certificate)
    found = _failure(case)
    return replace(
        found,
        verdict=Verdict.FAILED,
        fault=told.fault if told.failed else found.fault,
        evidence=found.evidence or told.evidence,
        document=found.document or told.document,
        next_attempt=until,
        remedy=found.remedy or told.remedy or remedy_for(told.words, **names_known(case)),
        notes=(*found.notes, _attempts(certificate)),
    )


def _attempts(certificate: Certificate) -> str:
    count = certificate.status.failed_issuance_attempts or 1
    times = "one attempt" if count == 1 else f"{count} attempts in a row"
    return f"{times} failed; an edit of the Certificate or its issuer is tried at once"


def _failure(case: Case) -> Explanation:
    """Find the deepest object that tells why the attempt failed."""
    issuing = find_condition(case.seen.certificate.status.conditions, ISSUING)
    reason = issuing.reason if issuing is not None else ""
    message = issuing.message.removeprefix(_FAILED) if issuing is not None else ""
    link = case.chain.link
    if link is not None and (found := _failure_of(case, link)) is not None:
        return found
    culprit = case.chain.about if link is None else named(link.attempt.request)
    if reason == Reason.INVALID_CERTIFICATE:
        culprit = reference_name(case)
    told = read_told(case.seen.certificate)
    return _say(
        case,
        Verdict.FAILED,
        message or "the last attempt failed",
        culprit=culprit,
        fault=Fault.POLICY,
        reason=told.reason if reason == Reason.FAILED and told.reason else reason,
    )


def _failure_of(case: Case, link: Link) -> Explanation | None:
    if link.attempt.refused is not None:
        return explain_refusal(case, link.attempt)
    if failed := failed_challenges(link):
        return challenge_failure(case, failed[0])
    if link.order is not None and link.order.status.state.failed:
        return order_failure(case, link.order)
    return None


def _under_way(case: Case) -> Explanation | None:
    """An issuance goes on: walk down."""
    if not _is_issuing(case):
        return None
    link = case.chain.link
    if link is not None:
        return explain_attempt(case, link)
    taken = case.chain.namesake
    if taken is not None:
        return _say(
            case,
            Verdict.STALLED,
            f"{named(taken)} is somebody else's, and has the name that the request of "
            f"{case.chain.about} needs",
            culprit=named(taken),
            fault=Fault.CONFIGURATION,
            reason=Reason.REQUEST_FAILED,
        )
    made = (
        "the CertificateRequest is about to be made"
        if case.seen.keys
        else ("the private key is being made")
    )
    return _say(case, Verdict.ISSUING, made)


def _about_to_begin(case: Case) -> Explanation | None:
    if not isinstance(case.step, StartIssuing):
        return None
    finding = case.step.finding
    return _say(
        case,
        Verdict.ISSUING,
        f"an issuance is about to begin: {_plain(finding.message)}",
        culprit=target_of(case),
        reason=finding.reason,
    )


def _unready(case: Case) -> Explanation | None:
    """Issuing again would not help: keystores, renewal windows, renewal switched off."""
    finding = case.readiness.finding
    if finding is None:
        return None
    return _say(
        case,
        Verdict.STALLED,
        _plain(finding.message),
        culprit=target_of(case) if finding.reason is Reason.EXPIRED else None,
        fault=Fault.CONFIGURATION,
        reason=finding.reason,
        next_attempt=case.step.again_at if isinstance(case.step, Rest) else None,
    )


def _not_brought_out(case: Case) -> Explanation | None:
    """The Secret is fine, the folder of this machine is not."""
    local = case.chain.local
    if local.export_error:
        return _say(
            case,
            Verdict.FAILED,
            f"it is issued, but could not be written to {local.out}: {local.export_error}",
            culprit=Named("Folder", local.out),
            fault=Fault.MACHINE,
            reason=Reason.EXPORT_FAILED,
            next_attempt=local.export_next,
        )
    if local.hook_error:
        return _say(
            case,
            Verdict.FAILED,
            f"it is issued and written, but the hook failed: {local.hook_error}",
            culprit=Named("Hook", "hook"),
            fault=Fault.MACHINE,
            reason=Reason.HOOK_FAILED,
            next_attempt=local.hook_next,
        )
    return None


def _distrusted(case: Case) -> Explanation | None:
    """It is signed, by a CA whose own certificate is over: no client believes it."""
    issuer = case.chain.issuer
    name = issuer.spec.ca.secret_name if issuer is not None and issuer.spec.ca is not None else ""
    signer = next((one for one in case.chain.secrets if one.metadata.name == name), None)
    end = signer.certificate.not_after if signer is not None and signer.certificate else None
    if signer is None or end is None or end > case.now:
        return None
    secret = named(signer)
    return _say(
        case,
        Verdict.STALLED,
        f"it is signed, but the CA's own certificate in {secret} has expired at "
        f"{end:%Y-%m-%d %H:%M} UTC: clients refuse what it signs",
        culprit=secret,
        fault=Fault.CONFIGURATION,
        reason=Reason.SIGNER_EXPIRED,
        remedy=remedy_for(
            (Reason.SIGNER_EXPIRED,),
            **names_known(case, secret=f"{secret.namespace}/{secret.name}"),
        ),
    )


def _not_stored(case: Case) -> Explanation | None:
    """Nothing goes on where nothing can be written down."""
    local = case.chain.local
    if not local.state_error:
        return None
    return _say(
        case,
        Verdict.FAILED,
        f"the state file cannot be written: {local.state_error}",
        culprit=Named("File", local.state),
        fault=Fault.MACHINE,
        reason=Reason.STATE_FAILED,
        next_attempt=local.state_next,
    )


def _well(case: Case) -> Explanation:
    found, renewal = case.readiness.not_after, case.readiness.renewal_time
    until = f" until {found:%Y-%m-%d %H:%M} UTC" if found is not None else ""
    return _say(
        case,
        Verdict.READY,
        f"the certificate in {target_of(case)} is up to date and valid{until}",
        reason=Reason.READY,
        next_attempt=renewal,
    )


LOOKS: tuple[Look, ...] = (
    _not_stored,
    _going,
    _key_stuck,
    _unbuildable,
    _shared_secret,
    _backing_off,
    _under_way,
    _about_to_begin,
    _unready,
    _distrusted,
    _not_brought_out,
    _well,
)
"""What is looked at, in this order."""


def _say(case: Case, verdict: Verdict, sentence: str, **fields: object) -> Explanation:
    """Make an explanation; the Certificate is at fault unless said otherwise."""
    culprit = fields.pop("culprit", None)
    reason = str(fields.pop("reason", ""))
    secret = target_of(case)
    known = names_known(
        case,
        secret=f"{secret.namespace}/{secret.name}",
        out=case.chain.local.out,
        file=case.chain.local.state,
    )
    explanation = Explanation(
        about=case.chain.about,
        verdict=verdict,
        sentence=sentence,
        culprit=culprit if isinstance(culprit, Named) else case.chain.about,
        reason=reason,
        remedy=""
        if verdict in (Verdict.READY, Verdict.ISSUING)
        else remedy_for((reason,), **known),
    )
    return replace(explanation, **fields)


def _plain(message: str) -> str:
    """Leave cert-manager's beginning out where nothing is being issued."""
    return message.removeprefix("Issuing certificate as ")


def _is_issuing(case: Case) -> bool:
    return is_true(case.seen.certificate.status.conditions, ISSUING)
