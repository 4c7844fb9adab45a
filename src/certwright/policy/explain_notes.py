"""What else is worth knowing about a Certificate: what is served meanwhile, what comes later."""

from datetime import timedelta

from certwright.api.certificate import READY, RenewalPolicy
from certwright.api.conditions import find_condition, is_true
from certwright.policy.certificate import is_owner
from certwright.policy.explain_issuer import reference_name
from certwright.policy.explanation import Case, Explanation, Named, Verdict, named
from certwright.policy.renewal import base_time

_CLOCK_DOUBT = timedelta(minutes=5)


def target_of(case: Case) -> Named:
    """Name the target Secret."""
    certificate = case.seen.certificate
    return Named("Secret", certificate.spec.secret_name, certificate.metadata.namespace)


def notes(case: Case, explanation: Explanation) -> tuple[str, ...]:
    """Return what else is worth knowing, the most telling first."""
    found = (
        _present(case, explanation),
        _renewal_note(case),
        _clock_note(case),
        _issuer_note(case, explanation),
        _rival_note(case),
        _held_note(case),
    )
    return tuple(note for note in found if note)


def _present(case: Case, explanation: Explanation) -> str:
    """Say what is served meanwhile."""
    if explanation.verdict is Verdict.READY:
        return ""
    found = case.seen.secret.certificate if case.seen.secret is not None else None
    if found is None:
        return f"there is no certificate in {target_of(case)} yet"
    end = f"{found.not_after:%Y-%m-%d %H:%M} UTC"
    if found.not_after < case.now:
        return f"the certificate in {target_of(case)} has expired at {end}"
    return f"the certificate in {target_of(case)} stays valid until {end}"


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


def _held_note(case: Case) -> str:
    """Say that the manifest is gone, and why the Certificate is not."""
    if not case.chain.local.held:
        return ""
    return (
        f"its manifest has vanished, and it is kept because {case.chain.local.held}; `certwright "
        "prune --confirm` deletes it"
    )


def _rival_note(case: Case) -> str:
    if not case.seen.rivals or not is_owner(case.seen):
        return ""
    rivals = ", ".join(str(named(one)) for one in case.seen.rivals[:3])
    return f"the same Secret is also the target of {rivals}, which gets nothing"
