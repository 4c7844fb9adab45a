"""A clock that only moves when it is told to, or when somebody sleeps."""

import asyncio
import heapq
from datetime import UTC, datetime, timedelta

START = datetime(2026, 1, 1, tzinfo=UTC)


class FakeClock:
    """Time jumps: `advance` moves it; with `auto`, a sleep returns at once and moves it itself."""

    def __init__(self, now: datetime = START, *, auto: bool = False) -> None:
        self._start = now
        self._elapsed = timedelta()
        self._auto = auto
        self._sleepers: list[tuple[timedelta, int, asyncio.Future[None]]] = []
        self._count = 0

    def now(self) -> datetime:
        return self._start + self._elapsed

    def monotonic(self) -> float:
        return self._elapsed.total_seconds()

    def step(self, span: timedelta) -> None:
        """Move the wall clock alone, as an administrator or NTP would."""
        self._start += span

    async def sleep(self, span: timedelta) -> None:
        if span <= timedelta() or self._auto:
            self._elapsed += max(span, timedelta())
            await asyncio.sleep(0)  # noqa: TID251  # lets others run; no time passes
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._count += 1
        heapq.heappush(self._sleepers, (self._elapsed + span, self._count, future))
        await future

    def advance(self, span: timedelta) -> None:
        """Move time forward and wake every sleeper whose moment has come, in order."""
        self._elapsed += span
        while self._sleepers and self._sleepers[0][0] <= self._elapsed:
            _, _, future = heapq.heappop(self._sleepers)
            if not future.done():
                future.set_result(None)
