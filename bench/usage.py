"""What a stretch of work took: wall clock, processor time, memory; and how busy the machine was."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

_MEGABYTE = 1_000_000


class Usage(Struct):
    """One stretch of work; filled in at its end.

    Attributes:
        seconds: of the wall clock.
        cpu: seconds of processor time of this process, all threads.
        load: the machine's load average over the last minute, at the end.
        grown: bytes of resident memory more than at the beginning.
    """

    seconds: float = 0.0
    cpu: float = 0.0
    load: float = 0.0
    grown: int = 0


@contextmanager
def used() -> Iterator[Usage]:
    """Measure the block."""
    usage = Usage()
    before = resident()
    began, cpu = time.perf_counter(), time.process_time()
    try:
        yield usage
    finally:
        usage.seconds = time.perf_counter() - began
        usage.cpu = time.process_time() - cpu
        usage.load = os.getloadavg()[0]
        usage.grown = resident() - before


def resident(pid: int | str = "self") -> int:
    """Return the bytes of a process that are in memory (VmRSS)."""
    return _status(pid, "VmRSS")


def peak(pid: int | str = "self") -> int:
    """Return the most bytes of a process that ever were in memory (VmHWM)."""
    return _status(pid, "VmHWM")


def cpu_of(pid: int) -> float:
    """Return the seconds that all threads of a process have run, by the scheduler's own count."""
    tasks = Path(f"/proc/{pid}/task")
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks.iterdir()) / 1e9


def descriptors(pid: int | str = "self") -> int:
    """Return how many files a process has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def megabytes(count: int) -> str:
    """Write a number of bytes for people."""
    return f"{count / _MEGABYTE:.1f} MB"


def tell(line: str) -> None:
    """Print one line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def tell_usage(what: str, usage: Usage, count: int) -> None:
    """Print what `count` pieces of work took, together and each."""
    each = usage.cpu / count * 1000
    tell(
        f"{what:28}{usage.seconds:8.2f} s wall {usage.cpu:8.2f} s CPU {each:8.2f} ms CPU each"
        f"  {megabytes(usage.grown):>9} more  (load {usage.load:.1f})"
    )


def _status(pid: int | str, name: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise ProcessLookupError(f"process {pid} tells no {name}")
