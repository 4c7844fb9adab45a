"""The laws of the work queue."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

from certwright.api.meta import Key
from certwright.base.backoff import Schedule
from certwright.runtime.queue import LONGEST_NAP, Queue
from tests.fakes.clock import START, FakeClock

A, B, C = (Key("default", name) for name in "abc")
SECOND = timedelta(seconds=1)


def a_queue(clock: FakeClock | None = None) -> Queue:
    return Queue(clock or FakeClock(), lambda: 0.0)


@asynccontextmanager
async def ticking(queue: Queue) -> AsyncIterator[None]:
    task = asyncio.create_task(queue.run_timers())
    await settle()
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)  # noqa: TID251  # lets the timers' task run


async def waiting_in(queue: Queue) -> list[Key]:
    """Take all that is ready."""
    await settle()
    taken = []
    while not queue.at_rest:
        key = await queue.take()
        taken.append(key)
        queue.done(key)
    return taken


async def test_a_key_that_is_asked_for_twice_is_handed_out_once() -> None:
    queue = a_queue()

    queue.add(A)
    queue.add(A)

    assert await waiting_in(queue) == [A]


async def test_a_key_is_never_worked_on_twice_at_once_and_comes_again_afterwards() -> None:
    queue = a_queue()
    queue.add(A)
    key = await queue.take()

    queue.add(A)
    queue.add(A)
    meanwhile = asyncio.ensure_future(queue.take())
    await settle()
    assert not meanwhile.done()
    meanwhile.cancel()
    queue.done(key)

    assert await waiting_in(queue) == [A]
    assert queue.at_rest


async def test_edits_come_before_the_initial_sync() -> None:
    queue = a_queue()

    queue.add(A, background=True)
    queue.add(B, background=True)
    queue.add(C)

    assert await waiting_in(queue) == [C, A, B]


async def test_an_edit_hurries_a_key_that_waits_in_the_background() -> None:
    queue = a_queue()
    queue.add(A, background=True)
    queue.add(B, background=True)

    queue.add(B)

    assert await waiting_in(queue) == [B, A]


async def test_take_waits_for_a_key() -> None:
    queue = a_queue()
    taken = asyncio.ensure_future(queue.take())
    await settle()
    assert not taken.done()

    queue.add(A)

    assert await taken == A


async def test_a_timer_adds_its_key_at_its_moment() -> None:
    clock = FakeClock()
    queue = a_queue(clock)
    async with ticking(queue):
        queue.add_at(A, START + timedelta(days=30))
        await settle()

        clock.advance(timedelta(days=30) - SECOND)
        early = await waiting_in(queue)
        clock.advance(SECOND)

        assert early == []
        assert await waiting_in(queue) == [A]
        assert queue.next_due is None


async def test_a_newer_timer_replaces_an_older_one() -> None:
    clock = FakeClock()
    queue = a_queue(clock)
    async with ticking(queue):
        queue.add_at(A, START + SECOND)
        queue.add_at(A, START + 3 * SECOND)
        await settle()

        clock.advance(2 * SECOND)
        early = await waiting_in(queue)
        clock.advance(SECOND)

        assert early == []
        assert await waiting_in(queue) == [A]


async def test_a_cancelled_timer_is_silent() -> None:
    clock = FakeClock()
    queue = a_queue(clock)
    async with ticking(queue):
        queue.add_at(A, START + SECOND)
        queue.add_at(B, START + SECOND)
        queue.cancel(A)
        await settle()

        clock.advance(SECOND)

        assert await waiting_in(queue) == [B]


async def test_a_wall_clock_that_jumps_is_noticed_within_a_nap() -> None:
    clock = FakeClock()
    queue = a_queue(clock)
    async with ticking(queue):
        queue.add_at(A, START + timedelta(days=1))
        await settle()

        clock.step(timedelta(days=1))
        clock.advance(LONGEST_NAP)

        assert await waiting_in(queue) == [A]


async def test_back_off_grows_with_each_failure_and_a_reset_starts_it_anew() -> None:
    clock = FakeClock()
    queue = a_queue(clock)
    schedule = Schedule(SECOND, 4 * SECOND)
    dues = []

    for _ in range(4):
        queue.failed(A, schedule)
        dues.append(queue.next_due)
    queue.forget(A)
    queue.failed(A, schedule)

    assert dues == [START + n * SECOND for n in (1, 2, 4, 4)]
    assert queue.next_due == START + SECOND


async def test_many_replaced_timers_leave_no_weight_behind() -> None:
    queue = a_queue()

    for n in range(10_000):
        queue.add_at(A, START + timedelta(hours=1, seconds=n))

    assert len(queue._heap) < 200
    assert queue.next_due == START + timedelta(hours=1, seconds=9_999)
