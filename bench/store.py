"""What the store and an idle or starting process cost: `python -m bench.store WHAT`.

* `writes`: creates and status writes a second, with and without the kinds' rules.
* `fill`: a state file with `--count` issued Certificates and their Secrets, kept in `--folder`;
  tells what a hundred cost when there are few, and when there are many.
* `cold`: the product on that file, from its start until it has nothing left to do.
* `idle`: the same, then `--minutes` of doing nothing.
* `serve`: what these two start.
"""

import argparse
import asyncio
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from msgspec import Struct

from bench.fleet import (
    CLOCK,
    Awaited,
    add_ca,
    certificates,
    create_all,
    own_folder,
    product,
    quiet_log,
)
from bench.usage import cpu_of, megabytes, peak, resident, tell, tell_usage, used
from certwright.api.certificate import Certificate, KeyAlgorithm
from certwright.api.rules.admission import Rules
from certwright.store.protocol import Store
from certwright.store.sqlite.store import SqliteStore

FEW = 100
_TICK = timedelta(milliseconds=100)
_QUIET_TICKS = 10
_QUIET_SHARE = 0.05
"""Of a core: below it for a second, a process has nothing left to do."""


class Options(Struct, frozen=True):
    """The command line."""

    what: str
    count: int
    folder: Path
    minutes: float


async def writes(options: Options) -> None:
    """Measure creates and status writes, 500 at a time."""
    del options
    with own_folder() as folder:
        for what, path, rules in (
            ("memory", ":memory:", None),
            ("file", folder / "plain.db", None),
            ("file, rules", folder / "rules.db", Rules()),
        ):
            async with SqliteStore.open(path, clock=CLOCK, admission=rules) as store:
                await _creates(store, what)
                await _status_writes(store, what)


async def _creates(store: Store, what: str) -> None:
    fleet = certificates(10_000, KeyAlgorithm.ECDSA)
    with used() as usage:
        for start in range(0, len(fleet), 500):
            await create_all(store, fleet[start : start + 500])
    tell_usage(f"{what}: create", usage, len(fleet))


async def _status_writes(store: Store, what: str) -> None:
    fleet = certificates(500, KeyAlgorithm.ECDSA)
    with used() as usage:
        for turn in range(1, 21):
            async with asyncio.TaskGroup() as tasks:
                for one in fleet:
                    patch = {"revision": turn}
                    tasks.create_task(
                        store.patch_status(Certificate, one.key, patch, manager="bench")
                    )
    tell_usage(f"{what}: status", usage, 20 * len(fleet))


async def fill(options: Options) -> None:
    """Issue until there are `count`, and compare what a hundred cost early and late."""
    options.folder.mkdir(parents=True, exist_ok=True)
    with quiet_log():
        async with product(options.folder) as app:
            await add_ca(app.store, app)
            awaited = Awaited(app)
            for first, count in ((0, FEW), (FEW, FEW), (2 * FEW, options.count - 3 * FEW)):
                await _issue(app.store, awaited, first, count)
            await _issue(app.store, awaited, options.count - FEW, FEW)
            tell(f"{megabytes(resident())} resident, {megabytes(peak())} at most")


async def _issue(store: Store, awaited: Awaited, first: int, count: int) -> None:
    fleet = certificates(count, KeyAlgorithm.ECDSA, first=first)
    awaited.expect(one.key for one in fleet)
    with used() as usage:
        await create_all(store, fleet)
        await awaited.wait()
    tell_usage(f"{count} more than {first}", usage, count)


async def cold(options: Options) -> None:
    """Start the program until it is quiet."""
    async with _program(options.folder):
        pass


async def idle(options: Options) -> None:
    """Start the program, and measure what it takes when there is nothing to do."""
    async with _program(options.folder) as pid:
        before = cpu_of(pid)
        await CLOCK.sleep(timedelta(minutes=options.minutes))
        spent = cpu_of(pid) - before
        share = spent / (options.minutes * 60)
        tell(f"idle for {options.minutes:g} minutes: {spent:.3f} s CPU, {share:.3%} of a core")


async def serve(options: Options) -> None:
    """Run the product on the state file alone: no manifests, no exports."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    with quiet_log():
        async with product(options.folder):
            sys.stderr.write('"running"\n')
            sys.stderr.flush()
            await stop.wait()


@asynccontextmanager
async def _program(folder: Path) -> AsyncIterator[int]:
    argv = [sys.executable, "-m", "bench.store", "serve", "--folder", str(folder)]
    began = time.perf_counter()
    with (folder / "log").open("wb") as log:
        child = await asyncio.create_subprocess_exec(*argv, stderr=log)
        try:
            await _until_quiet(child.pid, began, folder / "log")
            yield child.pid
        finally:
            child.send_signal(signal.SIGTERM)
            await child.wait()


async def _until_quiet(pid: int, began: float, log: Path) -> None:
    quiet = 0
    at_rest, spent, running = 0.0, 0.0, 0.0
    while quiet < _QUIET_TICKS:
        before = cpu_of(pid)
        await CLOCK.sleep(_TICK)
        after = cpu_of(pid)
        if not running and _is_running(log):
            running = time.perf_counter() - began
        if running and after - before < _QUIET_SHARE * _TICK.total_seconds():
            quiet += 1
        else:
            quiet, at_rest, spent = 0, time.perf_counter() - began, after
    tell(
        f"running after {running:.1f} s, quiet after {at_rest:.1f} s and {spent:.2f} s CPU,"
        f" {megabytes(resident(pid))} resident, {megabytes(peak(pid))} at most"
    )


def _is_running(log: Path) -> bool:
    return b'"running"' in log.read_bytes()


WHAT: Mapping[str, Callable[[Options], Awaitable[None]]] = {
    "writes": writes,
    "fill": fill,
    "cold": cold,
    "idle": idle,
    "serve": serve,
}


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=WHAT)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--folder", type=Path, default=Path(".bench-state"))
    parser.add_argument("--minutes", type=float, default=10.0)
    options = Options(**vars(parser.parse_args()))
    asyncio.run(WHAT[options.what](options))


if __name__ == "__main__":
    main()
