"""What a reconcile reports; the runtime alone writes it.

A reconcile observes once, decides once, acts once and returns an `Outcome`: the status it wants to
see, the events to tell, and when to look again.
"""

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct, field

from certwright.api.core import EventType
from certwright.api.meta import Resource


class Report(Struct, frozen=True, kw_only=True):
    """One event: a word, a sentence, and which controller speaks (compat-spec 3.1, 7.7).

    `about` is the reconciled resource where unset.
    """

    reason: str
    message: str
    source: str
    type: EventType = EventType.NORMAL
    about: Resource | None = None


class Outcome(Struct, frozen=True, kw_only=True):
    """What came of one reconcile.

    Attributes:
        status: the whole status wanted on the reconciled resource; only its difference to the
            stored one is written, nothing when there is none. None: leave it.
        manager: who writes the status (field manager), such as cert-manager-certificates-trigger.
        annotations: certwright.io/… annotations to set (None removes); for failures only.
        events: told after the status is written.
        again_at: look again then, if nothing happens before. With it, the status written here does
            not wake the resource's own controller; without it, it does, for the next step.
    """

    status: Struct | None = None
    manager: str = ""
    annotations: Mapping[str, str | None] = field(default_factory=dict)
    events: tuple[Report, ...] = ()
    again_at: datetime | None = None


DONE = Outcome()
"""Nothing to report; wait for the next change."""


def again_at(moment: datetime | None) -> Outcome:
    """Nothing to report; look again at `moment`."""
    return Outcome(again_at=moment)


def normal(source: str, reason: str, message: str, about: Resource | None = None) -> Report:
    """An event that nobody has to look at."""
    return Report(source=source, reason=str(reason), message=message, about=about)


def warning(source: str, reason: str, message: str, about: Resource | None = None) -> Report:
    """An event that a person should see."""
    return Report(
        source=source, reason=str(reason), message=message, about=about, type=EventType.WARNING
    )
