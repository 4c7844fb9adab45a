"""Several processes on one state file, and processes that die on it."""

import asyncio
import os
import shutil
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from certwright.api.certificate import Certificate
from certwright.api.core import Secret
from certwright.api.meta import Key
from certwright.base.clock import SystemClock
from certwright.store.protocol import Change
from certwright.store.sqlite.place import Locked
from certwright.store.sqlite.store import SqliteStore
from tests.contract.store.objects import (
    ME,
    a_certificate,
    a_secret,
    an_owner,
    eventually,
    keys_of,
)

ROOT = Path(__file__).parents[3]


@asynccontextmanager
async def _child(*words: str | Path) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.integration.store.child",
        *map(str, words),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def _done(*words: str | Path) -> str:
    async with _child(*words) as process:
        output, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0
    return output.decode()


async def _line(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    return (await asyncio.wait_for(process.stdout.readline(), 60)).decode().strip()


async def test_the_second_to_run_on_a_file_is_told_who_holds_it(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    async with _child("hold", path) as holder:
        assert await _line(holder) == "holding"

        with pytest.raises(Locked) as refused:
            async with SqliteStore.open(path, clock=SystemClock()):
                pass

        assert refused.value.pid == holder.pid
        assert str(holder.pid) in refused.value.message


async def test_the_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    async with _child("hold", path) as holder:
        await _line(holder)
        holder.send_signal(signal.SIGKILL)
        await holder.wait()

    async with SqliteStore.open(path, clock=SystemClock()) as store:
        assert await keys_of(store, Certificate, "here") == set()


async def test_what_another_process_wrote_wakes_a_watch_within_a_second_or_so(
    tmp_path: Path,
) -> None:
    path = tmp_path / "state.db"
    clock = SystemClock()
    async with SqliteStore.open(path, clock=clock) as store:
        watch = store.watch(Certificate, since="0")
        assert (await anext(watch)).change is Change.BOOKMARK

        await _done("create", path, "theirs")
        started = clock.monotonic()
        event = await asyncio.wait_for(anext(watch), 10)

        assert event.change is Change.ADDED
        assert event.resource is not None
        assert event.resource.metadata.name == "theirs"
        assert clock.monotonic() - started < 2


async def test_foreign_and_own_changes_come_in_order(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    async with SqliteStore.open(path, clock=SystemClock()) as store:
        watch = store.watch(Certificate, since="0")
        await anext(watch)

        await _done("create", path, "theirs")
        await store.create(a_certificate(Key("here", "mine")), manager=ME)
        seen = [await asyncio.wait_for(anext(watch), 10) for _ in range(2)]

    assert [event.version for event in seen] == ["1", "2"]
    assert [event.resource.metadata.name for event in seen if event.resource] == ["theirs", "mine"]


async def test_what_loses_its_owner_to_another_process_is_collected(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    async with SqliteStore.open(path, clock=SystemClock()) as store:
        owner = await store.create(a_certificate(Key("here", "site")), manager=ME)
        metadata = {"ownerReferences": [an_owner(owner)]}
        await store.create(a_secret(Key("here", "s"), metadata=metadata), manager=ME)

        await _done("delete", path, "site")

        async def it_is_gone() -> bool:
            return await keys_of(store, Secret, "here") == set()

        await eventually(it_is_gone)


async def test_what_was_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    acknowledged: set[str] = set()
    async with _child("write-forever", path) as writer:
        while len(acknowledged) < 100:
            acknowledged.add(await _line(writer))
        writer.send_signal(signal.SIGKILL)
        output, _ = await writer.communicate()
        acknowledged.update(output.decode().split("\n")[:-1])

    async with SqliteStore.open(path, clock=SystemClock()) as store:
        assert acknowledged <= await keys_of(store, Certificate, "here")


async def test_a_disk_without_room_refuses_and_goes_on_later(tmp_path: Path) -> None:
    output = await _done("fill", tmp_path / "state.db")

    refusal, counts = output.strip().split("\n")
    written, found = counts.split()
    assert refusal.startswith("refused: state file")
    assert written == found


async def test_a_log_torn_anywhere_keeps_what_was_synced_before(tmp_path: Path) -> None:
    source = tmp_path / "state.db"
    sizes: list[int] = []
    async with SqliteStore.open(source, clock=SystemClock()) as store:
        log = tmp_path / "state.db-wal"
        for number in range(6):
            await store.create(a_certificate(Key("here", f"n{number}")), manager=ME)
            sizes.append(log.stat().st_size)
        main, torn = source.read_bytes(), log.read_bytes()
    folder = tmp_path / "after"
    folder.mkdir()

    # Every byte would take minutes: each commit's edges, and a stride through the last one.
    cuts = {size + shift for size in sizes for shift in (-1, 0, 1, 23, 24, 25)}
    cuts |= set(range(sizes[-2], sizes[-1], 997))
    for cut in sorted(cut for cut in cuts if cut <= len(torn)):
        names = _names_after(folder, main, torn[:cut])
        safe = sum(size <= cut for size in sizes)
        assert {f"n{number}" for number in range(safe)} == names, cut


async def test_a_log_with_a_garbled_end_keeps_what_was_synced_before(tmp_path: Path) -> None:
    source = tmp_path / "state.db"
    async with SqliteStore.open(source, clock=SystemClock()) as store:
        log = tmp_path / "state.db-wal"
        await store.create(a_certificate(Key("here", "safe")), manager=ME)
        synced = log.stat().st_size
        await store.create(a_certificate(Key("here", "torn")), manager=ME)
        main, whole = source.read_bytes(), log.read_bytes()
    folder = tmp_path / "after"
    folder.mkdir()

    for start in range(synced, len(whole), 1009):
        garbled = whole[:start] + os.urandom(len(whole) - start)
        assert _names_after(folder, main, garbled) == {"safe"}, start


def _names_after(folder: Path, main: bytes, log: bytes) -> set[str]:
    """What is there after a power loss that left these two files."""
    shutil.rmtree(folder)
    folder.mkdir()
    (folder / "state.db").write_bytes(main)
    (folder / "state.db-wal").write_bytes(log)
    connection = sqlite3.connect(folder / "state.db")
    try:
        assert connection.execute("PRAGMA quick_check").fetchone() == ("ok",)
        return {row[0] for row in connection.execute("SELECT name FROM resource")}
    finally:
        connection.close()
