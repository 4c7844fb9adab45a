"""The lab as a process: its signals, its log, its voice, and the person in front of it."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Iterator

import structlog

from certwright.app import forbid_core_dumps
from certwright.base.clock import SystemClock
from certwright.base.problem import Problem
from certwright.base.secret import scrub
from certwright.lab.narrate import ColouredNarrator, Narrator, PlainNarrator
from certwright.lab.place import Place
from certwright.lab.session import Around, Wishes, run_lab
from certwright.lab.why import explain

_SIGNALLED = 128
"""Added to a signal's number: the exit code of who was stopped before the work was done."""


def run(wishes: Wishes) -> int:
    """Run the lab; returns the exit code.

    Raises:
        Stalled: it could not start, or the page did not come.
    """
    forbid_core_dumps()
    try:
        return asyncio.run(_run(wishes))
    except ExceptionGroup as group:
        problem = next(_problems(group), None)
        if problem is None:
            raise
        raise problem from group


async def _run(wishes: Wishes) -> int:
    narrator: Narrator = ColouredNarrator() if sys.stdout.isatty() else PlainNarrator(sys.stdout)
    stays = asyncio.Event()
    around = Around(
        clock=SystemClock(),
        narrator=narrator,
        explain=explain,
        enter=_enter if sys.stdin.isatty() else None,
        set_up=_log_into,
        on_page=stays.set,
    )
    lab = asyncio.create_task(run_lab(wishes, around))
    stopped: list[int] = []
    loop = asyncio.get_running_loop()

    def stop(number: int) -> None:
        stopped.append(number)
        lab.cancel()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop, number)
    try:
        await lab
    except asyncio.CancelledError:
        if not stopped:
            raise
        return 0 if stays.is_set() else _SIGNALLED + stopped[0]
    return 0


def _problems(group: ExceptionGroup[Exception]) -> Iterator[Problem]:
    """Yield what tasks that ran side by side failed with, bugs left out."""
    for error in group.exceptions:
        if isinstance(error, ExceptionGroup):
            yield from _problems(error)
        elif isinstance(error, Problem):
            yield error


async def _enter() -> None:
    """Wait until somebody presses Enter, or closes the terminal."""
    loop, pressed = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(sys.stdin, pressed.set)
    try:
        await pressed.wait()
        os.read(sys.stdin.fileno(), 4096)
    finally:
        loop.remove_reader(sys.stdin)


def _log_into(place: Place) -> None:
    """Let the controllers log into a file: the terminal is the tour's."""
    descriptor = os.open(place.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _without_keys,
            structlog.processors.JSONRenderer(sort_keys=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(os.fdopen(descriptor, "a", encoding="utf-8")),
        cache_logger_on_first_use=True,
    )


def _without_keys(
    _logger: object, _method: str, words: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    return {name: scrub(text) if isinstance(text, str) else text for name, text in words.items()}
