"""The work queue of one controller: keyed, de-duplicated, with two priorities and timers.

Laws (tested): a key is never worked on twice at once; a key added while it is worked on comes again
afterwards; edits come before the initial sync; one timer per key, a newer one replaces it; a
reset key starts its back-off anew.
"""

import asyncio
import heapq
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta

from certwright.api.meta import Key
from certwright.base.backoff import RECONCILE, Schedule
from certwright.base.clock import Clock

LONGEST_NAP = timedelta(seconds=30)
"""How long a timer may trust the monotonic clock; a suspended machine is noticed then."""

_REPLACED = 64
"""How many replaced timers may lie about, beside one for each that is pending."""


class Queue:
    """Keys to reconcile."""

    def __init__(
        self, clock: Clock, jitter: Callable[[], float], *, longest_nap: timedelta = LONGEST_NAP
    ) -> None:
        self._clock = clock
        self._longest_nap = longest_nap
        self._jitter = jitter
        self._urgent: OrderedDict[Key, None] = OrderedDict()
        self._background: OrderedDict[Key, None] = OrderedDict()
        self._working: set[Key] = set()
        self._again: set[Key] = set()
        self._failures: dict[Key, int] = {}
        self._due: dict[Key, datetime] = {}
        self._heap: list[tuple[datetime, Key]] = []
        self._ready = asyncio.Event()
        self._timers_changed = asyncio.Event()

    @property
    def at_rest(self) -> bool:
        """Nothing is queued or worked on (timers may be pending)."""
        return not (self._urgent or self._background or self._working)

    @property
    def next_due(self) -> datetime | None:
        """When the earliest timer fires."""
        return min(self._due.values(), default=None)

    def add(self, key: Key, *, background: bool = False) -> None:
        """Ask for a reconcile of `key` as soon as possible."""
        if key in self._working:
            self._again.add(key)
            return
        if key in self._urgent or (background and key in self._background):
            return
        self._background.pop(key, None)  # an edit hurries what the initial sync has put there
        (self._background if background else self._urgent)[key] = None
        self._ready.set()

    def add_at(self, key: Key, moment: datetime) -> None:
        """Ask for a reconcile of `key` at `moment`, instead of an earlier such wish."""
        if self._due.get(key) == moment:
            return
        self._due[key] = moment
        heapq.heappush(self._heap, (moment, key))
        if len(self._heap) > 2 * len(self._due) + _REPLACED:
            self._heap = [(due, one) for one, due in self._due.items()]
            heapq.heapify(self._heap)
        self._timers_changed.set()

    def cancel(self, key: Key) -> None:
        """Forget the timer of `key`."""
        self._due.pop(key, None)

    def failed(self, key: Key, schedule: Schedule = RECONCILE) -> None:
        """Try `key` again after the next back-off of `schedule`."""
        self.add_at(key, self.plan(key, schedule))

    def plan(self, key: Key, schedule: Schedule = RECONCILE) -> datetime:
        """Count one more failure of `key`; return when to try again, for `add_at`."""
        attempt = self._failures[key] = self._failures.get(key, 0) + 1
        return self._clock.now() + schedule.delay(attempt, self._jitter())

    def forget(self, key: Key) -> None:
        """Start the back-off of `key` anew."""
        self._failures.pop(key, None)

    async def take(self) -> Key:
        """Wait for the next key; hand it back with `done`."""
        while not (self._urgent or self._background):
            self._ready.clear()
            await self._ready.wait()
        key, _ = (self._urgent or self._background).popitem(last=False)
        self._working.add(key)
        return key

    def done(self, key: Key) -> None:
        """Work on `key` has ended; it comes again if it was added meanwhile."""
        self._working.discard(key)
        if key in self._again:
            self._again.discard(key)
            self.add(key)

    async def run_timers(self) -> None:
        """Add keys when their moment comes; runs until cancelled.

        Naps are short, so that a wall clock that steps, or a machine that slept, is noticed.
        """
        while True:
            self._fire(self._clock.now())
            self._timers_changed.clear()
            nap = self._nap()
            if nap is None:
                await self._timers_changed.wait()
                continue
            await self._sleep_or_change(nap)

    def _fire(self, now: datetime) -> None:
        while self._heap and self._heap[0][0] <= now:
            moment, key = heapq.heappop(self._heap)
            if self._due.get(key) == moment:
                del self._due[key]
                self.add(key)

    def _nap(self) -> timedelta | None:
        while self._heap and self._due.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)  # replaced or cancelled meanwhile
        if not self._heap:
            return None
        return min(self._heap[0][0] - self._clock.now(), self._longest_nap)

    async def _sleep_or_change(self, nap: timedelta) -> None:
        sleep = asyncio.ensure_future(self._clock.sleep(nap))
        change = asyncio.ensure_future(self._timers_changed.wait())
        try:
            await asyncio.wait({sleep, change}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleep.cancel()
            change.cancel()
