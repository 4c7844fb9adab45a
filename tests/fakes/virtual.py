"""An event loop under a jumping clock: where everybody waits for time alone, time is now later.

A year passes in the time that its work takes. The loop never jumps while a thread works: its own
executors are counted, and the store's (`Threads.executor` goes into `Tuning.thread`). With
`inline`, threads' work is done at once on the loop instead, so that a run is the same each time.
"""

import asyncio
import selectors
import threading
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any, ParamSpec, TypeVar

from tests.fakes.clock import START

T = TypeVar("T")
P = ParamSpec("P")

_PATIENCE_SECONDS = 30.0
"""Real seconds to wait for a thread, or for what is neither thread nor time: then it hangs."""
_LOOK_SECONDS = 0.002
_TURNS = 2_000_000
"""Turns of the loop in which no time passes, after which somebody is called a busy loop."""


class Stuck(AssertionError):  # noqa: N818  # what happened to the test
    """Nothing can ever happen any more, or no time passes."""


class Threads:
    """Counts what threads work on; whoever waits for it is told before it counts as done."""

    def __init__(self, *, inline: bool = False) -> None:
        self._inline = inline
        self._lock = threading.Lock()
        self._working = 0

    @property
    def working(self) -> int:
        """How many calls are under way."""
        with self._lock:
            return self._working

    def executor(self) -> Executor:
        """Return a thread of its own, counted."""
        return _Counted(self, None if self._inline else ThreadPoolExecutor(max_workers=1))

    def submit(
        self, executor: Executor | None, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> "Future[T]":
        """Hand a call to an executor, or do it here and now."""
        answer: Future[T] = Future()
        if executor is None or self._inline:
            _settle(answer, _called(work, *args, **kwargs))
            return answer
        with self._lock:
            self._working += 1
        executor.submit(work, *args, **kwargs).add_done_callback(
            lambda done: self._finish(answer, done)
        )
        return answer

    def _finish(self, answer: "Future[T]", done: "Future[T]") -> None:
        _settle(answer, done)  # tells the loop, which then has something to do
        with self._lock:
            self._working -= 1


def _called(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
    done: Future[T] = Future()
    try:
        done.set_result(work(*args, **kwargs))
    except BaseException as error:  # noqa: BLE001  # as an executor's own thread does
        done.set_exception(error)
    return done


def _settle(answer: "Future[T]", done: "Future[T]") -> None:
    error = done.exception()
    if answer.cancelled():
        return
    if error is not None:
        answer.set_exception(error)
    else:
        answer.set_result(done.result())


class _Counted(Executor):
    def __init__(self, threads: Threads, inner: Executor | None) -> None:
        self._threads = threads
        self._inner = inner

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
        return self._threads.submit(self._inner, fn, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002  # as in Executor
        if self._inner is not None:
            self._inner.shutdown(wait=wait, cancel_futures=cancel_futures)


class _Jumper(selectors.BaseSelector):
    """A selector that lets time pass instead of waiting for it."""

    def __init__(self, threads: Threads, most_turns: int) -> None:
        self._real = selectors.DefaultSelector()
        self._threads = threads
        self._most_turns = most_turns
        self._turns = 0
        self.seconds = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = self._real.select(0)
        if ready or (timeout is not None and timeout <= 0):
            self._turns += 1
            if self._turns > self._most_turns:
                raise Stuck(f"no time passes in {self._turns} turns of the loop")
            return ready
        if timeout is None:
            ready = self._real.select(_PATIENCE_SECONDS)
            if not ready:
                raise Stuck("nothing is waited for but what never comes")
            return ready
        return self._wait_for_threads() or self._jump(timeout)

    def _wait_for_threads(self) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait in real time, while a thread works, for what it has to tell."""
        looks = 0
        ready = self._real.select(0)
        while not ready and self._threads.working:
            ready = self._real.select(_LOOK_SECONDS)
            looks += 1
            if looks * _LOOK_SECONDS > _PATIENCE_SECONDS:
                raise Stuck("a thread does not come to an end")
        # one that ended between the look and the count has left its news
        return ready or self._real.select(0)

    def _jump(self, seconds: float) -> list[tuple[selectors.SelectorKey, int]]:
        self.seconds += seconds
        self._turns = 0
        return []

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._real.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.modify(fileobj, events, data)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._real.get_map()

    def close(self) -> None:
        self._real.close()


class VirtualLoop(asyncio.SelectorEventLoop):
    """The loop; `threads.executor` is what the store's `Tuning.thread` wants to have."""

    def __init__(self, *, inline: bool = False, turns: int = _TURNS) -> None:
        self.threads = Threads(inline=inline)
        self._jumper = _Jumper(self.threads, turns)
        self._few = ThreadPoolExecutor(max_workers=2)
        super().__init__(self._jumper)
        # after months a float no longer tells nanoseconds apart: a timer would never be due
        self._clock_resolution = 1e-6

    def time(self) -> float:
        """Return the seconds that have passed, by jumps alone."""
        return self._jumper.seconds

    def run_in_executor(  # type: ignore[override]  # typeshed binds the arguments differently
        self, executor: Executor | None, func: Callable[..., T], *args: Any
    ) -> "asyncio.Future[T]":
        """Run in a counted thread."""
        if isinstance(executor, _Counted):
            return asyncio.wrap_future(executor.submit(func, *args), loop=self)
        done = self.threads.submit(executor or self._few, func, *args)
        return asyncio.wrap_future(done, loop=self)

    def close(self) -> None:
        """Close, when the threads are through."""
        self._few.shutdown(wait=True)
        super().close()


class VirtualClock:
    """A `Clock` on a `VirtualLoop`; the wall clock can be stepped, and the machine suspended."""

    def __init__(self, loop: VirtualLoop, now: datetime = START) -> None:
        self._loop = loop
        self._wall = now

    @property
    def threads(self) -> Threads:
        """The loop's threads, for those who make threads of their own."""
        return self._loop.threads

    def now(self) -> datetime:
        """Return the wall clock."""
        return self._wall + timedelta(seconds=self._loop.time())

    def monotonic(self) -> float:
        """Return the seconds since the loop was made."""
        return self._loop.time()

    async def sleep(self, span: timedelta) -> None:
        """Wait until the loop has jumped over `span`."""
        await asyncio.sleep(max(0.0, span.total_seconds()))  # noqa: TID251  # on virtual time

    def step(self, span: timedelta) -> None:
        """Set the wall clock forward, or back; what sleeps notices nothing."""
        self._wall += span

    def suspend(self, span: timedelta) -> None:
        """Let the machine sleep: CLOCK_MONOTONIC stands still, the world goes on."""
        self.step(span)


def run_virtually(
    main: Callable[[VirtualClock], Coroutine[None, None, T]],
    *,
    now: datetime = START,
    inline: bool = False,
    turns: int = _TURNS,
) -> T:
    """Run a coroutine on a loop of its own, with the clock of that loop."""
    loop = VirtualLoop(inline=inline, turns=turns)
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(main(VirtualClock(loop, now)))
