"""Whether a Certificate is ready, and its times (certificates-readiness, compat-spec 3.9)."""

from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from certwright.api.certificate import ISSUING, READY, Certificate, CertificateStatus
from certwright.api.conditions import find_condition, is_true, with_condition
from certwright.api.meta import Condition, ConditionStatus
from certwright.base.clock import whole_seconds
from certwright.base.reason import Reason
from certwright.policy.checks import (
    LIFE_CHECKS,
    SPEC_CHECKS,
    Facts,
    Finding,
    first_finding,
    not_due_for_renewal,
)

READY_MESSAGE = "Certificate is up to date and has not expired"


class Readiness(Struct, frozen=True, kw_only=True):
    """What readiness says.

    Attributes:
        finding: why it is not ready; None where it is.
        reissue: why it is to be issued; None where it is not.
        not_before, not_after: of the certificate in the Secret.
        renewal_time: when it is renewed.
        window_error: why renewal windows cannot be kept, where that is news.
    """

    finding: Finding | None
    reissue: Finding | None = None
    not_before: datetime | None = None
    not_after: datetime | None = None
    renewal_time: datetime | None = None
    window_error: str = ""

    @property
    def expiry(self) -> datetime | None:
        """The first moment at which the certificate counts as expired."""
        return None if self.not_after is None else self.not_after + timedelta(seconds=1)


def assess(facts: Facts) -> Readiness:
    """Say whether the Certificate is ready, and whether it is to be issued."""
    broken = first_finding(SPEC_CHECKS, facts)
    finding = broken or first_finding(LIFE_CHECKS, facts)
    reissue = broken or not_due_for_renewal(facts)
    found = facts.secret.certificate if facts.secret is not None else None
    if found is None:
        return Readiness(finding=finding, reissue=reissue)
    renewal = facts.renewal
    window_error = ""
    if renewal.error:
        message = f"Could not calculate renewal time: {renewal.error}"
        window_error = "" if _is_known(facts.certificate, message) else message
        finding = Finding(Reason.WINDOW_ERROR, message)
    return Readiness(
        finding=finding,
        reissue=reissue,
        not_before=found.not_before,
        not_after=found.not_after,
        renewal_time=renewal.at,
        window_error=window_error,
    )


def status_with(certificate: Certificate, readiness: Readiness, now: datetime) -> CertificateStatus:
    """Return the Certificate's status with what readiness says.

    Where no issuance is under way, no key waits for one either.
    """
    status = certificate.status
    issuing = is_true(status.conditions, ISSUING)
    return replace(
        status,
        conditions=with_condition(status.conditions, _condition(certificate, readiness), now),
        not_before=readiness.not_before,
        not_after=readiness.not_after,
        renewal_time=readiness.renewal_time,
        next_private_key_secret_name=status.next_private_key_secret_name if issuing else "",
    )


def with_issuing(
    certificate: Certificate,
    status: CertificateStatus,
    *,
    wanted: tuple[ConditionStatus, str, str],
    now: datetime,
) -> CertificateStatus:
    """Set the Issuing condition to (status, reason, message)."""
    condition = Condition(
        type=ISSUING,
        status=wanted[0],
        reason=wanted[1],
        message=wanted[2],
        observed_generation=certificate.metadata.generation,
    )
    return replace(
        status, conditions=with_condition(status.conditions, condition, whole_seconds(now))
    )


def _condition(certificate: Certificate, readiness: Readiness) -> Condition:
    finding = readiness.finding
    return Condition(
        type=READY,
        status=ConditionStatus.TRUE if finding is None else ConditionStatus.FALSE,
        reason=str(Reason.READY if finding is None else finding.reason),
        message=READY_MESSAGE if finding is None else finding.message,
        observed_generation=certificate.metadata.generation,
    )


def _is_known(certificate: Certificate, message: str) -> bool:
    ready = find_condition(certificate.status.conditions, READY)
    return ready is not None and ready.message == message
