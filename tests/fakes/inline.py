"""An executor that works here and now: a store in memory without a thread's hand-overs."""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import ParamSpec, TypeVar

from certwright.store.sqlite.store import Tuning

P = ParamSpec("P")
T = TypeVar("T")


class Inline(Executor):
    """Calls at once; the answer is there when `submit` returns."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
        answer: Future[T] = Future()
        try:
            answer.set_result(fn(*args, **kwargs))
        except BaseException as error:  # noqa: BLE001  # it belongs to whoever asks for the answer
            answer.set_exception(error)
        return answer


INLINE = Tuning(thread=Inline)
"""For the store of a test that is not about threads."""
