"""Time, handed in.

Everything that needs the time of day, a span or a pause takes a `Clock`, so a test (or the virtual
year) can jump. This is the only module that may ask the operating system for the time.
"""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """The passing of time as a room sees it."""

    def now(self) -> datetime:
        """The wall clock: an aware moment in UTC. It may step in either direction."""

    def monotonic(self) -> float:
        """Seconds since some fixed point; never goes backwards. For measuring spans."""

    async def sleep(self, span: timedelta) -> None:
        """Pause this task for `span`; a span of zero or less only lets other tasks run."""


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """Return the machine's time of day in UTC."""
        return datetime.now(UTC)  # noqa: TID251  # the one place

    def monotonic(self) -> float:
        """Return the machine's monotonic seconds."""
        return time.monotonic()

    async def sleep(self, span: timedelta) -> None:
        """Pause on the running event loop."""
        await asyncio.sleep(max(0.0, span.total_seconds()))  # noqa: TID251  # the one place


def whole_seconds(moment: datetime) -> datetime:
    """Cut a moment down to the second, the resolution of Kubernetes' timestamps."""
    return moment.replace(microsecond=0)
