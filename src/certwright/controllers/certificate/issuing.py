"""The end of an issuance, good or bad, and the wait for it (certificates-issuing, 3.6)."""

from datetime import timedelta

from msgspec.structs import replace

from certwright.api import annotations as names
from certwright.api.certificate import ISSUING as ISSUING_CONDITION
from certwright.api.conditions import without_condition
from certwright.api.duration import parse_duration
from certwright.api.meta import ConditionStatus
from certwright.base.clock import whole_seconds
from certwright.base.reason import Reason
from certwright.controllers.certificate.keys import read_next_key
from certwright.controllers.certificate.requests import OF_FAILURES
from certwright.controllers.certificate.target import Bundle, origin_of, write_target
from certwright.controllers.certificate.turn import ISSUING, Turn
from certwright.controllers.failure import carried
from certwright.pki.certificate import temporary_certificate
from certwright.pki.keys import encode_key
from certwright.policy.certificate import Complete, Fail, IssueTemporary, seen_fingerprint
from certwright.policy.csr import csr_request, wanted_encoding
from certwright.policy.failure import cause_of, choose_next_attempt
from certwright.policy.readiness import with_issuing
from certwright.runtime.outcome import DONE, Outcome, normal, warning

SUCCESS = "The certificate has been successfully issued"
_DEFAULT_DURATION = "2160h"


async def complete(turn: Turn, step: Complete) -> Outcome:
    """Write key and chain into the target Secret, then all of the status at once.

    When the status cannot be written the step repeats; it writes the same again.
    """
    certificate, request = turn.seen.certificate, step.attempt.request
    key = await read_next_key(turn)
    if key is None:
        return DONE  # the watch will tell
    bundle = Bundle(
        key=encode_key(key, wanted_encoding(certificate.spec)),
        chain=request.status.certificate,
        ca=request.status.ca,
    )
    origin = origin_of(certificate, request.spec.issuer_ref)
    secret = await write_target(turn, bundle, origin=origin)
    status = certificate.status
    issued = replace(
        certificate,
        status=replace(
            status,
            conditions=without_condition(status.conditions, ISSUING_CONDITION),
            revision=turn.seen.next_revision,
            last_failure_time=None,
            failed_issuance_attempts=None,
        ),
    )
    after = turn.after(replace(turn.seen, certificate=issued, secret=secret))
    return after.report(
        ISSUING, normal(ISSUING, Reason.ISSUING, SUCCESS), annotations=_forgotten(turn)
    )


def fail(turn: Turn, step: Fail) -> Outcome:
    """Set Issuing=False, and choose when to try again."""
    certificate, request = turn.seen.certificate, step.attempt.request
    attempts = (certificate.status.failed_issuance_attempts or 0) + 1
    message = f"The certificate request has failed to complete and will be retried: {step.message}"
    again = choose_next_attempt(
        request,
        attempts,
        turn.now,
        backoff=turn.seen.backoff,
        jitter=turn.world.random.random(),
    )
    status = with_issuing(
        certificate,
        turn.status,
        wanted=(ConditionStatus.FALSE, str(step.reason), message),
        now=turn.now,
    )
    status = replace(
        status,
        last_failure_time=whole_seconds(turn.now),
        failed_issuance_attempts=attempts,
        next_private_key_secret_name="",
    )
    return turn.report(
        ISSUING,
        warning(ISSUING, step.reason, message),
        status=status,
        annotations={
            **carried(request),
            names.FAILURE_CLASS: str(cause_of(request)),
            names.NEXT_ATTEMPT: f"{again:%Y-%m-%dT%H:%M:%SZ}",
            names.FAILED_WITH: seen_fingerprint(turn.seen),
        },
    )


async def issue_temporary(turn: Turn, _step: IssueTemporary) -> Outcome:
    """Fill the target Secret with a certificate that nobody trusts, until the real one is there."""
    certificate = turn.seen.certificate
    key = await read_next_key(turn)
    if key is None:
        return DONE
    chain = temporary_certificate(
        csr_request(certificate.spec),
        key,
        not_before=whole_seconds(turn.now),
        duration=_duration(certificate.spec.duration),
    )
    bundle = Bundle(key=encode_key(key, wanted_encoding(certificate.spec)), chain=chain)
    secret = await write_target(turn, bundle, origin=origin_of(certificate, None))
    after = turn.after(replace(turn.seen, secret=secret))
    return after.report(ISSUING, normal(ISSUING, Reason.ISSUING, "Issued temporary certificate"))


def _duration(text: str | None) -> timedelta:
    return parse_duration(text or _DEFAULT_DURATION)


def _forgotten(turn: Turn) -> dict[str, str | None]:
    """Return the removal of all that told of an earlier failure."""
    known = turn.seen.certificate.metadata.annotations
    return {name: None for name in OF_FAILURES if name in known}
