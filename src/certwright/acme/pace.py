"""One poll's waits: by the clock handed in, and never past the caller's patience."""

import random
from datetime import datetime, timedelta

from certwright.acme.polling import next_wait
from certwright.base.clock import Clock
from certwright.base.problem import Waiting
from certwright.base.reason import Reason


class Pace:
    """The waits of one poll; no connection is held meanwhile."""

    def __init__(self, clock: Clock, patience: timedelta, what: str) -> None:
        self._clock = clock
        self._end = clock.monotonic() + patience.total_seconds()
        self._what = what
        self._look = 0

    async def pause(self, retry_at: datetime | None) -> None:
        """Wait until the next look.

        Raises:
            Waiting: that would be too late; it says how long to wait.
        """
        wait = next_wait(
            self._look,
            now=self._clock.now(),
            retry_at=retry_at,
            jitter=random.random(),  # noqa: S311  # spreads load; no secret
        )
        if self._clock.monotonic() + wait.total_seconds() > self._end:
            raise Waiting(Reason.ORDER_PENDING, f"{self._what} still", again_after=wait)
        self._look += 1
        await self._clock.sleep(wait)
