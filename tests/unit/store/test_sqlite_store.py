"""What only the embedded store does: its limits, its clock, its commits."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from certwright.api.certificate import Certificate
from certwright.api.core import Event, ObjectReference, Secret
from certwright.api.kinds import Document, encode
from certwright.api.meta import Key, ObjectMeta
from certwright.base.clock import SystemClock
from certwright.store.protocol import Change, Gone, Invalid, NotFound, Unavailable
from certwright.store.sqlite.connection import PlainCommitter
from certwright.store.sqlite.store import SqliteStore, Tuning
from tests.contract.store.objects import ME, a_certificate, a_secret, eventually, keys_of
from tests.fakes.clock import FakeClock

HERE = Key("here", "site")


@pytest.fixture
async def store() -> AsyncIterator[SqliteStore]:
    async with SqliteStore.open(":memory:", clock=FakeClock()) as opened:
        yield opened


class CountingCommitter:
    """Counts transactions, and fails those it is told to."""

    def __init__(self) -> None:
        self.count = 0
        self.failing = False

    def commit(self, connection: sqlite3.Connection) -> None:
        if self.failing:
            raise sqlite3.OperationalError("disk I/O error")
        self.count += 1
        PlainCommitter().commit(connection)


class Rules:
    """One default and two rules."""

    def defaulted(self, document: Document) -> Document:
        labels = {"defaulted": "yes", **document["metadata"].get("labels", {})}
        return {**document, "metadata": {**document["metadata"], "labels": labels}}

    def violations(
        self, document: Document, old: Document | None, *, subresource: str = ""
    ) -> tuple[tuple[str, str], ...]:
        if subresource == "status":
            unlucky: bool = document["status"]["revision"] == 13
            return (("status.revision", "never 13"),) if unlucky else ()
        assert old is None or old["kind"] == document["kind"]
        bad: bool = document["spec"]["secretName"] == "bad"
        return (("spec.secretName", "never bad"), ("spec", "never so")) if bad else ()


async def test_writes_of_one_turn_are_one_transaction() -> None:
    committer = CountingCommitter()
    clock = SystemClock()
    tuning = Tuning(committer=committer)
    async with SqliteStore.open(":memory:", clock=clock, tuning=tuning) as store:
        before = committer.count

        work = [store.create(a_certificate(Key("here", f"n{n}")), manager=ME) for n in range(50)]
        await asyncio.gather(*work)

        assert committer.count == before + 1


async def test_one_refused_write_leaves_its_neighbours_alone(store: SqliteStore) -> None:
    good, bad, other = await asyncio.gather(
        store.create(a_certificate(Key("here", "one")), manager=ME),
        store.create(a_certificate(Key("here", "NO")), manager=ME),
        store.create(a_certificate(Key("here", "two")), manager=ME),
        return_exceptions=True,
    )

    assert isinstance(bad, Invalid)
    assert isinstance(good, Certificate)
    assert isinstance(other, Certificate)
    assert await keys_of(store, Certificate, "here") == {"one", "two"}


async def test_a_failed_commit_leaves_nothing_and_the_store_goes_on() -> None:
    committer = CountingCommitter()
    tuning = Tuning(committer=committer)
    async with SqliteStore.open(":memory:", clock=FakeClock(), tuning=tuning) as store:
        before = await store.create(a_certificate(HERE), manager=ME)

        committer.failing = True
        with pytest.raises(Unavailable, match="disk I/O error"):
            await store.patch(Certificate, HERE, {"spec": {"secretName": "x"}}, manager=ME)
        committer.failing = False

        assert await store.get(Certificate, HERE) == before
        after = await store.patch(Certificate, HERE, {"spec": {"secretName": "x"}}, manager=ME)
        assert int(after.metadata.resource_version) == int(before.metadata.resource_version) + 1


async def test_a_failed_commit_is_not_seen_by_a_watch() -> None:
    committer = CountingCommitter()
    tuning = Tuning(committer=committer)
    async with SqliteStore.open(":memory:", clock=FakeClock(), tuning=tuning) as store:
        watch = store.watch(Certificate, since="0")
        assert (await anext(watch)).change is Change.BOOKMARK
        committer.failing = True
        with pytest.raises(Unavailable):
            await store.create(a_certificate(HERE), manager=ME)
        committer.failing = False

        created = await store.create(a_certificate(HERE), manager=ME)

        assert (await anext(watch)).resource == created


async def test_a_failed_commit_hides_nothing_that_others_wrote(tmp_path: Path) -> None:
    committer = CountingCommitter()
    tuning = Tuning(committer=committer)
    path = tmp_path / "state.db"
    async with (
        SqliteStore.open(path, clock=FakeClock(), tuning=tuning) as store,
        SqliteStore.open(path, clock=FakeClock(), lock=False) as beside,
    ):
        watch = store.watch(Certificate, since="0")
        await anext(watch)
        theirs = await beside.create(a_certificate(Key("here", "theirs")), manager=ME)
        committer.failing = True
        with pytest.raises(Unavailable):
            await store.create(a_certificate(HERE), manager=ME)
        committer.failing = False

        mine = await store.create(a_certificate(HERE), manager=ME)

        assert [(await anext(watch)).resource for _ in range(2)] == [theirs, mine]


async def test_the_rules_of_the_kinds_run_inside_the_write() -> None:
    async with SqliteStore.open(":memory:", clock=FakeClock(), admission=Rules()) as store:
        created = await store.create(a_certificate(HERE), manager=ME)

        with pytest.raises(Invalid) as refused:
            await store.patch(Certificate, HERE, {"spec": {"secretName": "bad"}}, manager=ME)
        with pytest.raises(Invalid):
            await store.patch_status(Certificate, HERE, {"revision": 13}, manager=ME)

        assert created.metadata.labels == {"defaulted": "yes"}
        assert refused.value.violations == (
            ("spec.secretName", "never bad"),
            ("spec", "never so"),
        )
        assert await store.get(Certificate, HERE) == created


async def test_events_live_one_hour_after_their_last_write() -> None:
    clock = FakeClock()
    async with SqliteStore.open(":memory:", clock=clock) as store:

        async def event(name: str) -> None:
            metadata = ObjectMeta(namespace="here", name=name)
            await store.create(
                Event(metadata=metadata, involved_object=ObjectReference()), manager=ME
            )

        await event("old")
        await event("kept")
        clock.advance(timedelta(minutes=50))
        await store.patch(Event, Key("here", "kept"), {"count": 2}, manager=ME)
        clock.advance(timedelta(minutes=11))
        await event("new")

        async def the_old_one_is_gone() -> bool:
            return await keys_of(store, Event, "here") == {"kept", "new"}

        await eventually(the_old_one_is_gone)


async def test_a_watch_from_before_the_compaction_is_gone() -> None:
    tuning = Tuning(history=5)
    async with SqliteStore.open(":memory:", clock=FakeClock(), tuning=tuning) as store:
        start = (await store.list(Certificate)).version
        for number in range(20):
            await store.create(a_certificate(Key("here", f"n{number}")), manager=ME)

        with pytest.raises(Gone):
            await anext(store.watch(Certificate, since=start))
        late = store.watch(Certificate, since="18")

        assert [(await anext(late)).version for _ in range(2)] == ["19", "20"]


async def test_a_watch_of_a_quiet_kind_gets_bookmarks(store: SqliteStore) -> None:
    watch = store.watch(Secret, since="0")
    first = await anext(watch)

    for number in range(500):
        await store.create(a_certificate(Key("here", f"n{number}")), manager=ME)
    second = await anext(watch)

    assert (first.change, first.version) == (Change.BOOKMARK, "0")
    assert (second.change, second.version) == (Change.BOOKMARK, "500")


async def test_a_closed_store_ends_its_watches() -> None:
    async with SqliteStore.open(":memory:", clock=FakeClock()) as store:
        watch = store.watch(Certificate, since="0")
        await anext(watch)

    with pytest.raises(Unavailable):
        await anext(watch)
    with pytest.raises(Unavailable):
        await store.get(Certificate, HERE)


async def test_a_document_over_the_limit_is_refused(store: SqliteStore) -> None:
    await store.create(a_secret(HERE), manager=ME)

    with pytest.raises(Invalid, match="too large"):
        await store.patch(Secret, HERE, {"data": {"a": "AAAA" * 500_000}}, manager=ME)

    assert (await store.get(Secret, HERE)).data == {}


async def test_fields_that_nobody_knows_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    async with SqliteStore.open(path, clock=FakeClock()) as store:
        await store.create(a_certificate(HERE), manager=ME)
        await store.patch(Certificate, HERE, {"spec": {"later": {"x": 1}}}, manager=ME)
        await store.patch(Certificate, HERE, {"spec": {"secretName": "x"}}, manager=ME)

    with sqlite3.connect(path) as connection:
        text = connection.execute("SELECT document FROM resource").fetchone()[0]
    connection.close()
    document: Any = msgspec.json.decode(text)
    assert document["spec"]["later"] == {"x": 1}


async def test_a_deleted_secret_leaves_no_trace_in_the_log(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    async with SqliteStore.open(path, clock=FakeClock()) as store:
        await store.create(a_secret(HERE, stringData={"key": "the-private-part"}), manager=ME)
        await store.patch(Secret, HERE, {"metadata": {"labels": {"a": "b"}}}, manager=ME)
        await store.delete(Secret, HERE)

        seen = [event async for event in _until_deleted(store)]

    assert seen[-1].resource is not None
    assert seen[-1].resource.metadata.name == "site"
    content = path.read_bytes()
    assert b"the-private-part" not in content
    assert b"dGhlLXByaXZhdGUtcGFydA" not in content


async def _until_deleted(store: SqliteStore) -> AsyncIterator[Any]:
    async for event in store.watch(Secret, since="0"):
        yield event
        if event.change is Change.DELETED:
            return


async def test_a_cancelled_request_harms_nobody(store: SqliteStore) -> None:
    async with asyncio.TaskGroup() as tasks:
        doomed = tasks.create_task(store.create(a_certificate(HERE), manager=ME))
        tasks.create_task(store.create(a_certificate(Key("here", "two")), manager=ME))
        await asyncio.sleep(0)  # noqa: TID251  # one turn
        doomed.cancel()

    assert "two" in await keys_of(store, Certificate, "here")


async def test_what_is_read_encodes_to_what_is_stored(store: SqliteStore) -> None:
    created = await store.create(a_certificate(HERE), manager=ME)

    again = await store.get(Certificate, HERE)

    assert encode(again) == encode(created)
    with pytest.raises(NotFound):
        await store.get(Secret, HERE)
