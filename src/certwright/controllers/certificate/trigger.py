"""Begins an issuance (certificates-trigger, compat-spec 3.3)."""

from msgspec.structs import replace

from certwright.api.meta import ConditionStatus
from certwright.base.reason import Reason
from certwright.controllers.certificate.keys import new_name
from certwright.controllers.certificate.turn import TRIGGER, Turn
from certwright.policy.certificate import StartIssuing
from certwright.policy.readiness import with_issuing
from certwright.runtime.outcome import Outcome, normal, warning


def start_issuing(turn: Turn, step: StartIssuing) -> Outcome:
    """Set Issuing=True; the name of the next private key's Secret is chosen in the same write."""
    certificate, finding = turn.seen.certificate, step.finding
    status = with_issuing(
        certificate,
        turn.status,
        wanted=(ConditionStatus.TRUE, str(finding.reason), finding.message),
        now=turn.now,
    )
    status = replace(status, next_private_key_secret_name=new_name(turn))
    events = [normal(TRIGGER, Reason.ISSUING, finding.message)]
    if finding.warning:
        events.insert(0, warning(TRIGGER, Reason.WINDOW_ERROR, finding.warning))
    return turn.report(TRIGGER, *events, status=status)
