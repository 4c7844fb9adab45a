"""The jumping loop itself: time passes only where everybody waits for it."""

import asyncio
import threading
import time
from concurrent.futures import Future
from datetime import timedelta
from functools import partial

import pytest

from tests.fakes.clock import START
from tests.fakes.virtual import Stuck, VirtualClock, run_virtually

DAY = timedelta(days=1)


def test_a_year_of_sleep_takes_no_time() -> None:
    began = time.monotonic()

    async def main(clock: VirtualClock) -> None:
        await clock.sleep(365 * DAY)
        assert clock.now() == START + 365 * DAY

    run_virtually(main)

    assert time.monotonic() - began < 1


def test_sleepers_wake_in_order() -> None:
    async def main(clock: VirtualClock) -> list[int]:
        woken: list[int] = []

        async def sleeper(days: int) -> None:
            await clock.sleep(days * DAY)
            woken.append(days)

        async with asyncio.TaskGroup() as tasks:
            for days in (3, 1, 2):
                tasks.create_task(sleeper(days))
        return woken

    assert run_virtually(main) == [1, 2, 3]


def test_no_time_passes_while_a_thread_works() -> None:
    async def main(clock: VirtualClock) -> None:
        timer = asyncio.ensure_future(clock.sleep(timedelta(milliseconds=1)))
        for _ in range(20):
            await asyncio.to_thread(time.sleep, 0.005)  # noqa: TID251  # a thread that works
            assert clock.monotonic() == 0
        await timer
        assert clock.monotonic() == pytest.approx(0.001)

    run_virtually(main)


def test_no_time_passes_while_a_counted_executor_works() -> None:
    async def main(clock: VirtualClock) -> None:
        executor = clock.threads.executor()
        loop = asyncio.get_running_loop()
        timer = asyncio.ensure_future(clock.sleep(DAY))
        for _ in range(200):
            told: asyncio.Future[None] = loop.create_future()
            done = executor.submit(time.sleep, 0)  # noqa: TID251  # the same
            done.add_done_callback(partial(_tell, loop, told))
            await told
            assert clock.monotonic() == 0
        await timer
        executor.shutdown()

    run_virtually(main)


def _tell(loop: asyncio.AbstractEventLoop, told: asyncio.Future[None], _done: Future[None]) -> None:
    loop.call_soon_threadsafe(told.set_result, None)


def test_inline_work_runs_on_the_loops_own_thread() -> None:
    async def main(_clock: VirtualClock) -> int:
        return await asyncio.to_thread(threading.get_ident)

    assert run_virtually(main, inline=True) == threading.get_ident()


def test_a_timeout_counts_virtual_time() -> None:
    async def main(clock: VirtualClock) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(10):
                await clock.sleep(DAY)
        assert clock.monotonic() == 10

    run_virtually(main)


def test_a_suspended_machine_stops_the_monotonic_clock_alone() -> None:
    async def main(clock: VirtualClock) -> None:
        clock.suspend(DAY)
        assert clock.monotonic() == 0
        assert clock.now() == START + DAY

    run_virtually(main)


def test_a_busy_loop_is_found_out() -> None:
    async def main(clock: VirtualClock) -> None:
        while True:
            await clock.sleep(timedelta())

    with pytest.raises(Stuck):
        run_virtually(main, turns=1000)
