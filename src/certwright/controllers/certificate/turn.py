"""One turn of a Certificate: what every step is handed, and how it reports."""

from datetime import datetime
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from certwright.api.certificate import CertificateStatus
from certwright.base.reason import Reason
from certwright.controllers.world import World
from certwright.policy.certificate import Seen
from certwright.policy.readiness import Readiness, assess, status_with
from certwright.runtime.outcome import Outcome, Report, warning
from certwright.runtime.view import View

TRIGGER = "cert-manager-certificates-trigger"
KEY_MANAGER = "cert-manager-certificates-key-manager"
REQUEST_MANAGER = "cert-manager-certificates-request-manager"
ISSUING = "cert-manager-certificates-issuing"
READINESS = "cert-manager-certificates-readiness"
REVISION_MANAGER = "cert-manager-certificates-revision-manager"
"""The controllers of cert-manager that the steps stand for: event source and field manager."""


class Turn(Struct, frozen=True, kw_only=True):
    """The world, the store as it is seen, what was observed, when, and what that says."""

    world: World
    view: View
    seen: Seen
    now: datetime
    readiness: Readiness

    def after(self, seen: Seen) -> "Turn":
        """Return the turn as it would be with the changes that a step has made."""
        return replace(self, seen=seen, readiness=assess(seen.facts(self.now)))

    @property
    def status(self) -> CertificateStatus:
        """The status that is true by what was seen."""
        return status_with(self.seen.certificate, self.readiness, self.now)

    def report(self, manager: str = READINESS, *events: Report, **fields: Any) -> Outcome:
        """Report the status (this turn's where `fields` has none) and tell `events`."""
        fields.setdefault("status", self.status)
        return Outcome(manager=manager, events=(*self._warnings(), *events), **fields)

    def _warnings(self) -> tuple[Report, ...]:
        error = self.readiness.window_error
        return (warning(READINESS, Reason.WINDOW_ERROR, error),) if error else ()
