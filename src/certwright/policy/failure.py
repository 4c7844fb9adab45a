"""How long an issuance waits after it failed, and what ends the wait (compat-spec 3.3 step 4).

certwright waits by class of failure, minutes first; the moment is chosen once, with jitter, and
kept in an annotation where everybody can read it. With a minimum back-off configured it waits as
cert-manager does: doubling from there.
"""

import hashlib
from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec import Struct

from certwright.api.annotations import FAILURE_CLASS, NEXT_ATTEMPT
from certwright.api.certificate import Certificate
from certwright.api.conditions import find_condition
from certwright.api.issuer import AnyIssuer
from certwright.api.meta import ConditionStatus
from certwright.api.request import CertificateRequest
from certwright.api.secret import SecretSummary
from certwright.base.backoff import ISSUANCE, Schedule
from certwright.base.clock import whole_seconds
from certwright.base.problem import Cause

LONGEST = timedelta(hours=32)
"""cert-manager's cap, used with its doubling."""


class Backoff(Struct, frozen=True, kw_only=True):
    """cert-manager's back-off: `minimum` None means ours, zero or less means none at all."""

    minimum: timedelta | None = None
    maximum: timedelta | None = None


def cause_of(request: CertificateRequest | None) -> Cause:
    """Return the class of failure that a failed request names; a policy where it names none."""
    word = request.metadata.annotations.get(FAILURE_CLASS, "") if request is not None else ""
    return Cause(word) if word in tuple(Cause) else Cause.POLICY


def choose_next_attempt(
    request: CertificateRequest | None,
    attempts: int,
    now: datetime,
    *,
    backoff: Backoff,
    jitter: float,
) -> datetime:
    """Choose when to try again after the failure number `attempts`, at `now`.

    A moment that the failed request itself carries (a CA that asked for it) is the earliest.
    """
    if backoff.minimum is not None:
        return whole_seconds(now + _doubled(backoff.minimum, attempts, backoff))
    chosen = now + ISSUANCE[cause_of(request)].delay(attempts, jitter)
    asked = _moment(request.metadata.annotations.get(NEXT_ATTEMPT)) if request else None
    return whole_seconds(chosen if asked is None else max(chosen, asked))


def next_attempt(certificate: Certificate, *, backoff: Backoff) -> datetime | None:
    """Return until when a failed Certificate waits; None where it has not failed."""
    status = certificate.status
    failed = status.last_failure_time
    if failed is None:
        return None
    attempts = status.failed_issuance_attempts or 1
    if backoff.minimum is not None:
        return failed + _doubled(backoff.minimum, attempts, backoff)
    chosen = _moment(certificate.metadata.annotations.get(NEXT_ATTEMPT))
    if chosen is not None and chosen >= failed:
        return chosen
    word = certificate.metadata.annotations.get(FAILURE_CLASS, "")
    cause = Cause(word) if word in tuple(Cause) else Cause.POLICY
    return failed + ISSUANCE[cause].delay(attempts)


def fingerprint(
    certificate: Certificate, issuer: AnyIssuer | None, credentials: Iterable[SecretSummary]
) -> str:
    """Name what an attempt depended on; another value means that a new attempt makes sense.

    That is the spec of the Certificate, its issuer's, and the content of the Secrets that the
    issuer names.
    """
    parts = [str(certificate.metadata.generation)]
    if issuer is not None:
        parts.append(f"{issuer.metadata.uid}/{issuer.metadata.generation}")
    for secret in sorted(credentials, key=lambda one: one.key):
        parts += [str(secret.key), *(f"{k}={v}" for k, v in sorted(secret.digests.items()))]
        if secret.partial:  # its content is not known: any change may be one of it
            parts.append(secret.metadata.resource_version)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def became_ready(issuer: AnyIssuer | None, since: datetime) -> bool:
    """Whether the issuer has become ready after `since`."""
    ready = find_condition(issuer.status.conditions, "Ready") if issuer is not None else None
    return (
        ready is not None
        and ready.status is ConditionStatus.TRUE
        and ready.last_transition_time is not None
        and ready.last_transition_time > since
    )


def _doubled(minimum: timedelta, attempts: int, backoff: Backoff) -> timedelta:
    if minimum <= timedelta():
        return timedelta()
    cap = LONGEST if backoff.maximum is None else backoff.maximum
    return Schedule(minimum, max(cap, minimum)).delay(attempts)


def _moment(text: str | None) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    return moment if moment is not None and moment.tzinfo is not None else None
