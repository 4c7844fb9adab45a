"""How many writes a second the embedded store takes: `python -m tests.integration.store.measure`.

Not a test: figures depend on the machine. Prints per backend the rate, and the processor time of
one write, which says what an otherwise idle machine could do.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from certwright.api.certificate import Certificate
from certwright.api.meta import Key
from certwright.api.rules.admission import Rules
from certwright.base.clock import SystemClock
from certwright.store.protocol import Admission
from certwright.store.sqlite.store import SqliteStore
from tests.contract.store.objects import a_certificate

WRITERS = 500
ROUNDS = 20


async def _rate(what: str, write: Callable[[str, int], Awaitable[object]]) -> None:
    async def writer(number: int) -> None:
        for turn in range(ROUNDS):
            await write(f"n{number}-{turn}", turn + 1)

    count = WRITERS * ROUNDS
    started, used = time.perf_counter(), time.process_time()
    await asyncio.gather(*(writer(number) for number in range(WRITERS)))
    elapsed, used = time.perf_counter() - started, time.process_time() - used
    sys.stdout.write(f"{what:32}{count / elapsed:8.0f} /s {used / count * 1e6:8.0f} us each\n")


async def _measure(name: str, path: str | Path, admission: Admission | None) -> None:
    async with SqliteStore.open(path, clock=SystemClock(), admission=admission) as store:
        await _rate(
            f"{name}: create",
            lambda name, _: store.create(a_certificate(Key("here", name)), manager="measure"),
        )
        await _rate(
            f"{name}: patch_status",
            lambda name, turn: store.patch_status(
                Certificate, Key("here", name), {"revision": turn}, manager="measure"
            ),
        )


def main() -> None:
    with tempfile.TemporaryDirectory(dir=".") as folder:
        asyncio.run(_measure("memory", ":memory:", None))
        asyncio.run(_measure("file", Path(folder) / "a.db", None))
        asyncio.run(_measure("file with rules", Path(folder) / "b.db", Rules()))


if __name__ == "__main__":
    main()
