"""What every clock keeps to: the machine's, the one tests move, and that of virtual time."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest

from certwright.base.clock import Clock, SystemClock
from tests.fakes.clock import FakeClock
from tests.fakes.virtual import VirtualClock, VirtualLoop

Law = Callable[[Clock], Awaitable[None]]
Keeps = Callable[[Law], None]

SPAN = timedelta(milliseconds=20)
"""Short enough for the machine's clock, long enough to be seen on it."""


def on_the_machine(law: Law) -> None:
    asyncio.run(_as_coroutine(law, SystemClock()))


def on_a_clock_that_jumps(law: Law) -> None:
    asyncio.run(_as_coroutine(law, FakeClock(auto=True)))


def in_virtual_time(law: Law) -> None:
    loop = VirtualLoop()
    try:
        loop.run_until_complete(_as_coroutine(law, VirtualClock(loop)))
    finally:
        loop.close()


async def _as_coroutine(law: Law, clock: Clock) -> None:
    await law(clock)


@pytest.fixture(params=[on_the_machine, on_a_clock_that_jumps, in_virtual_time])
def keeps(request: pytest.FixtureRequest) -> Keeps:
    run: Keeps = request.param
    return run


def test_now_is_an_aware_moment_in_utc(keeps: Keeps) -> None:
    async def law(clock: Clock) -> None:
        assert isinstance(clock.now(), datetime)
        assert clock.now().tzinfo is UTC

    keeps(law)


def test_a_sleep_lasts_its_span_on_both_clocks(keeps: Keeps) -> None:
    async def law(clock: Clock) -> None:
        before, since = clock.now(), clock.monotonic()

        await clock.sleep(SPAN)

        assert clock.monotonic() - since >= SPAN.total_seconds() * 0.99
        assert clock.now() - before >= SPAN * 0.99

    keeps(law)


@pytest.mark.parametrize("span", [timedelta(), timedelta(seconds=-5)])
def test_a_sleep_of_nothing_lets_others_run_and_takes_no_time(
    keeps: Keeps, span: timedelta
) -> None:
    async def law(clock: Clock) -> None:
        ran = asyncio.Event()
        other = asyncio.get_running_loop().create_task(_set(ran))

        await clock.sleep(span)
        await clock.sleep(span)

        assert ran.is_set()
        await other

    keeps(law)


def test_monotonic_time_never_goes_back(keeps: Keeps) -> None:
    async def law(clock: Clock) -> None:
        seen = [clock.monotonic()]
        for _ in range(5):
            await clock.sleep(SPAN / 10)
            seen.append(clock.monotonic())

        assert seen == sorted(seen)

    keeps(law)


def test_a_sleep_can_be_cancelled(keeps: Keeps) -> None:
    async def law(clock: Clock) -> None:
        sleeper = asyncio.get_running_loop().create_task(_sleep(clock, timedelta(days=1)))
        await asyncio.sleep(0)  # noqa: TID251  # lets the sleeper begin
        if not sleeper.done():  # a clock that jumps may have slept the day already
            sleeper.cancel()
        await asyncio.wait({sleeper})

        assert sleeper.done()

    keeps(law)


async def _set(event: asyncio.Event) -> None:
    event.set()


async def _sleep(clock: Clock, span: timedelta) -> None:
    await clock.sleep(span)
