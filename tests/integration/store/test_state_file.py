"""The state file: private, recognised, never overwritten, backed up while in use."""

import asyncio
import os
import sqlite3
import stat
from pathlib import Path

import pytest

from certwright.api.certificate import Certificate
from certwright.api.core import Secret
from certwright.api.meta import Key
from certwright.base.clock import SystemClock
from certwright.store.protocol import Unavailable
from certwright.store.sqlite.store import SqliteStore, Tuning
from tests.contract.store.objects import (
    ME,
    a_certificate,
    a_secret,
    an_owner,
    eventually,
    keys_of,
)

HERE = Key("here", "site")


async def _a_state_file(folder: Path, *, count: int = 1) -> Path:
    path = folder / "state.db"
    async with SqliteStore.open(path, clock=SystemClock()) as store:
        for number in range(count):
            await store.create(a_certificate(Key("here", f"n{number}")), manager=ME)
    return path


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _files(folder: Path) -> dict[str, int]:
    return {item.name: _mode(item) for item in folder.iterdir()}


async def _refusal(path: Path) -> Unavailable:
    before = await asyncio.to_thread(path.read_bytes)
    with pytest.raises(Unavailable) as refused:
        async with SqliteStore.open(path, clock=SystemClock()):
            pass
    assert await asyncio.to_thread(path.read_bytes) == before
    assert str(path) in refused.value.message
    return refused.value


async def test_all_files_are_their_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    old = os.umask(0)
    try:
        async with SqliteStore.open(path, clock=SystemClock()) as store:
            await store.create(a_secret(HERE, stringData={"a": "b"}), manager=ME)

            files = _files(tmp_path)
    finally:
        os.umask(old)

    names = ("state.db", "state.db-wal", "state.db-shm", "state.db.lock")
    assert files == dict.fromkeys(names, 0o600)


async def test_a_file_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    path = await _a_state_file(tmp_path)
    path.chmod(0o644)

    async with SqliteStore.open(path, clock=SystemClock()):
        mode = _mode(path)

    assert mode == 0o600


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o770])
async def test_a_folder_writable_by_others_is_refused(tmp_path: Path, mode: int) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(mode)

    with pytest.raises(Unavailable, match="writable by others"):
        async with SqliteStore.open(folder / "state.db", clock=SystemClock()):
            pass

    assert list(folder.iterdir()) == []


async def test_a_file_writable_by_others_is_refused(tmp_path: Path) -> None:
    path = await _a_state_file(tmp_path)
    path.chmod(0o666)

    refusal = await _refusal(path)

    assert "writable by others" in refusal.message


async def test_a_link_is_refused(tmp_path: Path) -> None:
    path = await _a_state_file(tmp_path)
    link = tmp_path / "link.db"
    link.symlink_to(path)

    refusal = await _refusal(link)

    assert "is not a file" in refusal.message


async def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="missing"):
        async with SqliteStore.open(tmp_path / "missing" / "state.db", clock=SystemClock()):
            pass


async def test_without_the_lock_the_file_must_be_there(tmp_path: Path) -> None:
    path = tmp_path / "state.db"

    for read_only in (True, False):
        with pytest.raises(Unavailable, match="No such file"):
            async with SqliteStore.open(path, clock=SystemClock(), lock=False, read_only=read_only):
                pass

    assert not path.exists()


async def test_a_read_only_store_reads_and_does_not_write(tmp_path: Path) -> None:
    path = await _a_state_file(tmp_path)

    async with SqliteStore.open(path, clock=SystemClock(), read_only=True) as store:
        names = await keys_of(store, Certificate, "here")
        with pytest.raises(Unavailable):
            await store.create(a_certificate(HERE), manager=ME)

    assert names == {"n0"}


async def test_a_file_of_another_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE theirs (a)")
    connection.close()

    refusal = await _refusal(path)

    assert "another program" in refusal.message


async def test_a_file_of_a_newer_certwright_is_refused(tmp_path: Path) -> None:
    path = await _a_state_file(tmp_path)
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()

    refusal = await _refusal(path)

    assert "newer certwright" in refusal.message


@pytest.mark.parametrize("content", [b"not a database, " * 1000, b"\x00" * 8192, b"SQLite"])
async def test_garbage_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "state.db"
    path.write_bytes(content)
    path.chmod(0o600)

    refusal = await _refusal(path)

    assert refusal.message


async def test_a_damaged_header_is_refused(tmp_path: Path) -> None:
    path = await _a_state_file(tmp_path)
    content = bytearray(path.read_bytes())
    content[:16] = b"\xff" * 16
    path.write_bytes(content)

    refusal = await _refusal(path)

    assert "not a database" in refusal.message
    assert "backup" in refusal.remedy


@pytest.mark.parametrize("keep", [0.3, 0.9, 0.99])
async def test_a_truncated_file_is_refused(tmp_path: Path, keep: float) -> None:
    path = await _a_state_file(tmp_path, count=50)
    os.truncate(path, int(path.stat().st_size * keep))

    refusal = await _refusal(path)

    assert refusal.remedy


async def test_a_damaged_page_is_refused(tmp_path: Path) -> None:
    path = await _a_state_file(tmp_path, count=200)
    content = bytearray(path.read_bytes())
    for page in range(4, len(content) // 4096, 3):
        content[page * 4096 : page * 4096 + 64] = b"\xa5" * 64
    path.write_bytes(content)

    refusal = await _refusal(path)

    assert refusal.remedy


async def test_an_empty_file_left_by_a_crash_becomes_the_state(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    path.touch(0o600)

    async with SqliteStore.open(path, clock=SystemClock()) as store:
        created = await store.create(a_certificate(HERE), manager=ME)

    assert created.metadata.resource_version == "1"


async def test_state_survives_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    async with SqliteStore.open(path, clock=SystemClock()) as store:
        created = await store.create(a_certificate(HERE), manager=ME)

    async with SqliteStore.open(path, clock=SystemClock()) as store:
        again = await store.get(Certificate, HERE)
        second = await store.create(a_certificate(Key("here", "two")), manager=ME)
        watch = store.watch(Certificate, since=created.metadata.resource_version)
        seen = await anext(watch)

    assert again == created
    assert seen.resource == second


async def test_what_lost_its_owner_while_nobody_ran_is_collected(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    async with SqliteStore.open(path, clock=SystemClock()) as store:
        owner = await store.create(a_certificate(HERE), manager=ME)
        metadata = {"ownerReferences": [an_owner(owner)]}
        await store.create(a_secret(Key("here", "s"), metadata=metadata), manager=ME)
    async with SqliteStore.open(path, clock=SystemClock(), lock=False) as store:
        await store.delete(Certificate, HERE)
        assert await keys_of(store, Secret, "here") == {"s"}

    async with SqliteStore.open(path, clock=SystemClock()) as store:

        async def it_is_gone() -> bool:
            return await keys_of(store, Secret, "here") == set()

        await eventually(it_is_gone)


async def test_a_backup_is_a_private_state_file(tmp_path: Path) -> None:
    target = tmp_path / "backup.db"
    async with SqliteStore.open(tmp_path / "state.db", clock=SystemClock()) as store:
        created = await store.create(a_certificate(HERE), manager=ME)

        await store.backup(target)
        await store.delete(Certificate, HERE)

    assert _mode(target) == 0o600
    assert set(_files(tmp_path)) == {"state.db", "state.db.lock", "backup.db"}
    async with SqliteStore.open(target, clock=SystemClock()) as restored:
        assert await restored.get(Certificate, HERE) == created


async def test_a_backup_replaces_no_file(tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.write_text("precious")
    async with SqliteStore.open(tmp_path / "state.db", clock=SystemClock()) as store:
        with pytest.raises(Unavailable, match="is there already"):
            await store.backup(target)

    assert target.read_text() == "precious"
    assert set(_files(tmp_path)) == {"state.db", "state.db.lock", "precious"}


async def test_a_full_file_refuses_and_goes_on_when_there_is_room(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    async with SqliteStore.open(path, clock=SystemClock(), tuning=Tuning(max_pages=40)) as store:
        written: set[str] = set()

        async def write_on() -> None:
            for number in range(1000):
                await store.create(a_certificate(Key("here", f"n{number}")), manager=ME)
                written.add(f"n{number}")

        with pytest.raises(Unavailable, match="full"):
            await write_on()

        assert await keys_of(store, Certificate, "here") == written
        await store.delete(Certificate, Key("here", "n0"))
        assert await keys_of(store, Certificate, "here") == written - {"n0"}
