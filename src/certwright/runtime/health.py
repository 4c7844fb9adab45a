"""Whether this process is alive and ready (compat-spec 7.3); asked by `web`, never by itself."""

from datetime import timedelta
from typing import Final, Protocol

from certwright.base.clock import Clock

DRIFT: Final = timedelta(minutes=5)
"""How far wall clock and monotonic clock may part before every time is doubtful."""


class Leading(Protocol):
    """Who knows when the lease was last renewed."""

    @property
    def silent_for(self) -> timedelta | None:
        """Since the last renewal; None where this process does not lead."""


class Syncing(Protocol):
    """Who knows whether everything was read once."""

    @property
    def synced(self) -> bool:
        """Whether it was."""


class Health:
    """Answers probes; an empty text is good health."""

    def __init__(self, clock: Clock, *, longest_silence: timedelta | None = None) -> None:
        self._clock = clock
        self._longest_silence = longest_silence
        self._lead: Leading | None = None
        self._runtime: Syncing | None = None
        self._offset = self._clocks()

    def lead_by(self, lead: Leading) -> None:
        """Watch a lease from now on."""
        self._lead = lead

    def work_by(self, runtime: Syncing) -> None:
        """Be ready when this runtime has read everything once."""
        self._runtime = runtime

    def why_not_alive(self) -> str:
        """Say why this process should be started anew."""
        drift = abs(self._clocks() - self._offset)
        if drift > DRIFT.total_seconds():
            return f"the wall clock has moved by {drift:.0f} s against the monotonic clock"
        silent = self._lead.silent_for if self._lead is not None else None
        if silent is not None and self._longest_silence and silent > self._longest_silence:
            return f"this process leads, but has not renewed its lease for {silent.seconds} s"
        return ""

    def why_not_ready(self) -> str:
        """Say why this process cannot work yet; one that stands by is ready to take over."""
        if self._runtime is not None and not self._runtime.synced:
            return "not everything was read yet"
        return self.why_not_alive()

    def _clocks(self) -> float:
        return self._clock.now().timestamp() - self._clock.monotonic()
