"""Why a Certificate is as it is: one sentence, the object at fault, the next attempt, the remedy.

Built on the functions that decide, never on rules of its own: `certificate.next_step` and its
checks, then the request's, the Order's and the Challenge's own steps, down the chain::

    Certificate ─▶ Secret ─▶ CertificateRequest ─▶ Issuer ─▶ Order ─▶ Challenge

Pure. Called by `certwright why` and `status`, the lab, and the dashboard.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from msgspec.structs import replace

from certwright.api.annotations import CERTIFICATE_NAME
from certwright.api.certificate import ISSUING, READY, Certificate, RenewalPolicy
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
from certwright.policy.renewal import base_time

_FAILED = "The certificate request has failed to complete and will be retried: "
_CLOCK_DOUBT = timedelta(minutes=5)

Look = Callable[[Case], Explanation | None]


def explain(chain: Chain, now: datetime) -> Explanation:
    """Explain a Certificate; the first look that finds something wins."""
    seen = chain.seen
    case = Case(chain=chain, now=now, step=next_step(seen, now), readiness=assess(seen.facts(now)))
    explanation = next(found for look in LOOKS if (found := look(case)) is not None)
    return replace(explanation, notes=(*explanation.notes, *_notes(case, explanation)))


def _going(case: Case) -> Explanation | None:
    if not case.seen.certificate.metadata.deleting:
        return None
    return _say(case, Verdict.WAITING, f"{case.chain.about} is being deleted")


def _key_stuck(case: Case) -> Explanation | None:
    """Policy Never for the key, and a key that does not fit: nothing goes on by itself."""
    if not isinstance(case.step, KeyStuck):
        return None
    secret = _target(case)
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
    owner, secret = _owner_of_secret(case), _target(case)
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
    return _say(
        case,
        Verdict.FAILED,
        message or "the last attempt failed",
        culprit=culprit,
        fault=Fault.POLICY,
        reason=reason,
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
        culprit=_target(case),
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
        culprit=_target(case) if finding.reason is Reason.EXPIRED else None,
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


def _well(case: Case) -> Explanation:
    found, renewal = case.readiness.not_after, case.readiness.renewal_time
    until = f" until {found:%Y-%m-%d %H:%M} UTC" if found is not None else ""
    return _say(
        case,
        Verdict.READY,
        f"the certificate in {_target(case)} is up to date and valid{until}",
        reason=Reason.READY,
        next_attempt=renewal,
    )


LOOKS: tuple[Look, ...] = (
    _going,
    _key_stuck,
    _unbuildable,
    _shared_secret,
    _backing_off,
    _under_way,
    _about_to_begin,
    _unready,
    _not_brought_out,
    _well,
)
"""What is looked at, in this order."""


def _notes(case: Case, explanation: Explanation) -> tuple[str, ...]:
    notes = (
        _present(case, explanation),
        _renewal_note(case),
        _clock_note(case),
        _issuer_note(case, explanation),
        _rival_note(case),
    )
    return tuple(note for note in notes if note)


def _present(case: Case, explanation: Explanation) -> str:
    """Say what is served meanwhile."""
    if explanation.verdict is Verdict.READY:
        return ""
    found = case.seen.secret.certificate if case.seen.secret is not None else None
    if found is None:
        return f"there is no certificate in {_target(case)} yet"
    end = f"{found.not_after:%Y-%m-%d %H:%M} UTC"
    if found.not_after < case.now:
        return f"the certificate in {_target(case)} has expired at {end}"
    return f"the certificate in {_target(case)} stays valid until {end}"


def _renewal_note(case: Case) -> str:
    """Say when renewal is switched off, or a window delays it."""
    spec, readiness = case.seen.certificate.spec, case.readiness
    if spec.renewal is None or readiness.not_before is None or readiness.not_after is None:
        return ""
    if spec.renewal.policy is RenewalPolicy.DISABLED:
        return "it is never renewed by time: spec.renewal.policy is Disabled"
    base = base_time(spec, readiness.not_before, readiness.not_after)
    if readiness.renewal_time is None or readiness.renewal_time <= base:
        return ""
    return (
        f"renewal is due at {base:%Y-%m-%d %H:%M} UTC; the windows of spec.renewal delay it to "
        f"{readiness.renewal_time:%Y-%m-%d %H:%M} UTC"
    )


def _clock_note(case: Case) -> str:
    begins = case.readiness.not_before
    if begins is None or begins <= case.now + _CLOCK_DOUBT:
        return ""
    return (
        f"the certificate begins at {begins:%Y-%m-%d %H:%M} UTC, which is in the future: is this "
        "machine's clock right?"
    )


def _issuer_note(case: Case, explanation: Explanation) -> str:
    """Warn that a renewal would fail."""
    if explanation.verdict is not Verdict.READY:
        return ""
    if not case.seen.certificate.spec.issuer_ref.is_built_in:
        return ""
    issuer = case.chain.issuer
    if issuer is None:
        return f"{reference_name(case)} does not exist: the renewal would fail"
    ready = find_condition(issuer.status.conditions, READY)
    if ready is None or is_true(issuer.status.conditions, READY):
        return ""
    return f"{reference_name(case)} is not ready, the renewal would fail: {ready.message}"


def _rival_note(case: Case) -> str:
    if not case.seen.rivals or not is_owner(case.seen):
        return ""
    rivals = ", ".join(str(named(one)) for one in case.seen.rivals[:3])
    return f"the same Secret is also the target of {rivals}, which gets nothing"


def _say(case: Case, verdict: Verdict, sentence: str, **fields: object) -> Explanation:
    """Make an explanation; the Certificate is at fault unless said otherwise."""
    culprit = fields.pop("culprit", None)
    reason = str(fields.pop("reason", ""))
    secret = _target(case)
    known = names_known(case, secret=f"{secret.namespace}/{secret.name}", out=case.chain.local.out)
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


def _target(case: Case) -> Named:
    certificate = case.seen.certificate
    return Named("Secret", certificate.spec.secret_name, certificate.metadata.namespace)


def _is_issuing(case: Case) -> bool:
    return is_true(case.seen.certificate.status.conditions, ISSUING)
