"""A second process on a state file: `python -m tests.integration.store.child DOING FILE …`."""

import asyncio
import os
import resource
import sys
from pathlib import Path

from certwright.api.certificate import Certificate
from certwright.api.meta import Key
from certwright.base.clock import SystemClock
from certwright.store.protocol import Unavailable
from certwright.store.sqlite.store import SqliteStore
from tests.contract.store.objects import a_certificate


def _say(line: str) -> None:
    os.write(1, f"{line}\n".encode())  # at once, whatever happens next


async def _hold(path: Path) -> None:
    """Run on the file until killed."""
    async with SqliteStore.open(path, clock=SystemClock()):
        _say("holding")
        await asyncio.Event().wait()


async def _create(path: Path, name: str) -> None:
    """Write one resource beside the one that runs."""
    async with SqliteStore.open(path, clock=SystemClock(), lock=False) as store:
        await store.create(a_certificate(Key("here", name)), manager="child")


async def _delete(path: Path, name: str) -> None:
    """Delete one resource beside the one that runs."""
    async with SqliteStore.open(path, clock=SystemClock(), lock=False) as store:
        await store.delete(Certificate, Key("here", name))


async def _write_forever(path: Path) -> None:
    """Create without end, and say each name once it is acknowledged."""
    async with SqliteStore.open(path, clock=SystemClock()) as store:
        number = 0
        while True:
            await store.create(a_certificate(Key("here", f"n{number}")), manager="child")
            _say(f"n{number}")
            number += 1


async def _fill(path: Path) -> None:
    """Write until files may grow no more, then with room again."""
    async with SqliteStore.open(path, clock=SystemClock()) as store:
        await store.create(a_certificate(Key("here", "first")), manager="child")
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (512 * 1024, hard))
        number = 0
        try:
            while True:
                await store.create(a_certificate(Key("here", f"n{number}")), manager="child")
                number += 1
        except Unavailable as problem:
            _say(f"refused: {problem.message}")
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        await store.create(a_certificate(Key("here", "last")), manager="child")
        listing = await store.list(Certificate, namespace="here")
        _say(f"{number + 2} {len(listing.items)}")


def main() -> None:
    doing, path, *rest = sys.argv[1:]
    work = {
        "hold": _hold,
        "create": _create,
        "delete": _delete,
        "write-forever": _write_forever,
        "fill": _fill,
    }[doing]
    asyncio.run(work(Path(path), *rest))  # type: ignore[operator]  # the caller gives what it needs


if __name__ == "__main__":
    main()
