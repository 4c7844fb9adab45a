"""Programs that serve a test: they end with it, even when the test run is killed."""

import contextlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path

from certwright.base.clock import SystemClock

_CLOCK = SystemClock()
_WAIT = 15.0

_TIED = (
    "import ctypes, os, sys\n"
    "ctypes.CDLL(None).prctl(1, 9)\n"  # PR_SET_PDEATHSIG, SIGKILL
    "os.getppid() == int(sys.argv[1]) or sys.exit(1)\n"  # the parent died before that
    "os.execv(sys.argv[2], sys.argv[2:])\n"
)


class DidNotStart(Exception):  # noqa: N818  # what was found
    """The program ended, or did not answer in time; the text is what it wrote."""


@contextlib.asynccontextmanager
async def serving(
    argv: list[str], folder: Path, is_ready: Callable[[], Awaitable[bool]]
) -> AsyncIterator[int]:
    """Run a program until the block ends; yields its process id once `is_ready` says so.

    The kernel kills it when this process ends, however that happens.
    """
    log = folder / "output.log"
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: ASYNC220  # it returns at once
            [sys.executable, "-I", "-S", "-c", _TIED, str(os.getpid()), *argv],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        await _until_ready(process, log, is_ready)
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)


async def _until_ready(
    process: subprocess.Popen[bytes], log: Path, is_ready: Callable[[], Awaitable[bool]]
) -> None:
    deadline = _CLOCK.monotonic() + _WAIT
    while not await is_ready():
        if process.poll() is not None or _CLOCK.monotonic() > deadline:
            raise DidNotStart(_end_of(log))
        await _CLOCK.sleep(timedelta(milliseconds=50))


def _end_of(log: Path) -> str:
    return log.read_text(errors="replace")[-4000:]
