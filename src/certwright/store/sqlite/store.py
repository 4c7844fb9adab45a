"""The embedded store: `store.protocol.Store` over one SQLite file or over memory.

Built by `app` and `cli` with `SqliteStore.open`. This module says what each request does inside
its transaction; what a document becomes is `edit`, how it is committed is `worker`.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import msgspec

from certwright.api.core import Secret
from certwright.api.kept import lean as reduced
from certwright.api.kinds import Document, Kind, encode, kind_of
from certwright.api.meta import Key, Resource
from certwright.api.secret import read_as
from certwright.base.clock import Clock
from certwright.store.protocol import (
    Admission,
    AlreadyExists,
    Conflict,
    Invalid,
    Listing,
    NotFound,
    Unavailable,
    WatchEvent,
)
from certwright.store.sqlite.backup import write_backup
from certwright.store.sqlite.collect import Collector
from certwright.store.sqlite.connection import MEMORY, connect
from certwright.store.sqlite.edit import (
    Edit,
    created,
    deleted,
    first_applied,
    is_finished,
    patched,
    reapplied,
    refuse,
    status_patched,
)
from certwright.store.sqlite.managers import APPLY, UPDATE, Author
from certwright.store.sqlite.place import StateLock, prepare, refuse_shared
from certwright.store.sqlite.records import Records, Stored, TooLarge
from certwright.store.sqlite.watch import Hub
from certwright.store.sqlite.worker import News, Tuning, Worker

__all__ = ["SqliteStore", "Tuning"]

R = TypeVar("R", bound=Resource)

_NAME_TRIES: Final = 8  # Kubernetes' number


class SqliteStore:
    """Resources in one file; passes the same contract suite as the Kubernetes backend."""

    secrets_as = Secret

    def __init__(self, worker: Worker, hub: Hub, clock: Clock, admission: Admission | None) -> None:
        self._worker = worker
        self._hub = hub
        self._clock = clock
        self._admission = admission
        self._collector: Collector | None = None

    @classmethod
    @contextlib.asynccontextmanager
    async def open(
        cls,
        path: str | Path,
        *,
        clock: Clock,
        admission: Admission | None = None,
        lock: bool = True,
        read_only: bool = False,
        tuning: Tuning = Tuning(),  # noqa: B008  # frozen
    ) -> "AsyncIterator[SqliteStore]":
        """Open the store, and close it at the end of the block.

        Args:
            path: the state file, or `:memory:`.
            clock: time for stamps, for the look at other processes' writes, for Events' age.
            admission: the kinds' rules; None for none.
            lock: be the one that runs on this file: create and migrate it, collect garbage.
                Without it the file must be there; requests work beside the one that runs.
            read_only: never write, not even garbage collection; takes no lock.
            tuning: for tests and proofs.

        Raises:
            Locked: another process runs on the file.
            Unavailable: the file is foreign, damaged, of another version, or not private.
        """
        async with contextlib.AsyncExitStack() as stack:
            runs = lock and not read_only
            name = str(path)
            if name != MEMORY:
                name = await asyncio.to_thread(_take_place, Path(path), stack, runs=runs)
            connection = await asyncio.to_thread(
                connect, name, committer=tuning.committer, migrate=runs, read_only=read_only
            )
            if tuning.max_pages:
                connection.execute(f"PRAGMA max_page_count = {tuning.max_pages}")
            hub = Hub()
            store: SqliteStore | None = None

            def announce(news: News) -> None:
                hub.announce(news)
                if store is not None and store._collector is not None:
                    store._collector.notice(news.changes)

            worker = Worker(
                connection,
                path=name,
                tuning=tuning,
                announce=announce,
            )
            stack.push_async_callback(worker.close)
            store = cls(worker, hub, clock, admission)
            if runs:
                store._collector = Collector(worker, clock)
            stack.callback(hub.close)
            await stack.enter_async_context(
                store._background(tuning.look_every if name != MEMORY else None)
            )
            yield store

    async def get(self, kind: type[R], key: Key) -> R:
        """Read one resource; see `Store.get`."""
        what = kind_of(kind)
        return await self._worker.peek(
            lambda records: read_as(
                kind, msgspec.convert(_found(records, what, key).document, type=what.type)
            )
        )

    async def list(
        self,
        kind: type[R],
        *,
        namespace: str | None = None,
        labels: Mapping[str, str] | None = None,
        lean: bool = False,
    ) -> Listing[R]:
        """Read all of a kind, or a selection; see `Store.list`."""
        wanted = dict(labels or {}).items()
        what = kind_of(kind)

        def work(records: Records) -> Listing[R]:
            decoder = msgspec.json.Decoder(what.type)
            texts = records.texts(what, namespace)
            found = (read_as(kind, decoder.decode(text)) for text in texts)
            if lean:  # one after the other: never all of them in full
                found = (reduced(item) for item in found)
            if wanted:
                found = (item for item in found if wanted <= item.metadata.labels.items())
            return Listing(items=tuple(found), version=str(records.version))

        return await self._worker.read(work)

    def watch(self, kind: type[R], *, since: str) -> AsyncIterator[WatchEvent[R]]:
        """Yield the changes after `since`; see `Store.watch`."""
        return self._hub.follow(self._worker, kind, since)

    async def create(self, resource: R, *, manager: str) -> R:
        """Write a new resource; see `Store.create`."""
        kind = kind_of(resource)
        edit = self._edit(kind, Author(manager, UPDATE, kind.api_version, self._clock.now()))
        asked = _snapshot(kind, encode(resource))

        def work(records: Records) -> Resource:
            new = created(edit, asked)
            for _ in range(_NAME_TRIES):
                if records.find(kind, _key_of(new)) is None:
                    return records.insert(kind, new, edit.author.now)
                if resource.metadata.name:
                    break
                new = created(edit, asked)
            name = new["metadata"]["name"]
            raise AlreadyExists("AlreadyExists", f"{kind.name} {name} already exists")

        return cast("R", await self._write(edit, work))

    async def patch(
        self,
        kind: type[R],
        key: Key,
        patch: Document,
        *,
        manager: str,
        version: str | None = None,
    ) -> R:
        """Merge into everything but the status; see `Store.patch`."""
        what = kind_of(kind)
        edit = self._edit(what, Author(manager, UPDATE, what.api_version, self._clock.now()))
        body = _snapshot(what, patch)

        def work(records: Records) -> Resource:
            stored = _found(records, what, key, version=version)
            return _replace(records, edit, stored, patched(edit, stored.document, body))

        return cast("R", await self._write(edit, work))

    async def apply(
        self, kind: type[R], key: Key, fields: Document, *, manager: str, force: bool = False
    ) -> R:
        """Own exactly `fields`; see `Store.apply`."""
        what = kind_of(kind)
        edit = self._edit(what, Author(manager, APPLY, what.api_version, self._clock.now()))
        body = _snapshot(what, fields)

        def work(records: Records) -> Resource:
            stored = records.find(what, key)
            if stored is None:
                return records.insert(what, first_applied(edit, key, body), edit.author.now)
            new = reapplied(edit, stored.document, body, force=force)
            return _replace(records, edit, stored, new)

        return cast("R", await self._write(edit, work))

    async def patch_status(
        self,
        kind: type[R],
        key: Key,
        patch: Document,
        *,
        manager: str,
        version: str | None = None,
    ) -> R:
        """Merge into the status; see `Store.patch_status`."""
        what = kind_of(kind)
        if not what.has_status:
            raise NotFound("NotFound", f"{what.name} has no status")
        now = self._clock.now()
        edit = self._edit(what, Author(manager, UPDATE, what.api_version, now, "status"))
        body = _snapshot(what, patch)

        def work(records: Records) -> Resource:
            stored = _found(records, what, key, version=version)
            return _replace(records, edit, stored, status_patched(edit, stored.document, body))

        return cast("R", await self._write(edit, work))

    async def delete(
        self, kind: type[R], key: Key, *, uid: str | None = None, version: str | None = None
    ) -> None:
        """Delete one resource; see `Store.delete`."""
        what = kind_of(kind)
        edit = self._edit(what, Author("", UPDATE, what.api_version, self._clock.now()))

        def work(records: Records) -> None:
            stored = _found(records, what, key, version=version, uid=uid)
            after = deleted(stored.document, edit.author)
            if after is None:
                records.remove(what, stored, stored.document)
            elif after is not stored.document:
                records.update(what, stored, after, edit.author.now)

        await self._write(edit, work)

    async def backup(self, target: Path) -> None:
        """Write a copy of the whole store to a new private file.

        Requests to this object wait meanwhile, other processes' go on.

        Raises:
            Unavailable: the file is there already, or cannot be written.
        """
        await self._worker.on_thread(lambda connection: write_backup(connection, target))

    def _edit(self, kind: Kind, author: Author) -> Edit:
        return Edit(kind=kind, author=author, admission=self._admission)

    async def _write(self, edit: Edit, work: Callable[[Records], Any]) -> Any:
        try:
            result = await self._worker.write(work)
        except TooLarge as error:
            rule = "the object is too large to be stored"
            raise Invalid(
                "Invalid", f"{edit.kind.name}: {rule}", violations=(("", rule),)
            ) from error
        return result

    @contextlib.asynccontextmanager
    async def _background(self, look_every: timedelta | None) -> AsyncIterator[None]:
        tasks: set[asyncio.Task[None]] = set()
        if self._collector is not None:
            tasks.add(asyncio.create_task(self._collector.run()))
        if look_every is not None:
            tasks.add(asyncio.create_task(self._look_around(look_every)))
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            for task in tasks:
                with contextlib.suppress(asyncio.CancelledError):
                    await task  # a bug in the background is not swallowed

    async def _look_around(self, every: timedelta) -> None:
        """Now and then: other processes' commits, old Events, what could not be collected."""
        while True:
            await self._clock.sleep(every)
            with contextlib.suppress(Unavailable):  # said to whoever asks; here it only waits
                await self._worker.look()
            if self._collector is not None:
                self._collector.nudge()


def _take_place(path: Path, stack: contextlib.AsyncExitStack, *, runs: bool) -> str:
    """Make sure of the state file, after locking it: who comes second touches nothing."""
    path = path.parent.resolve() / path.name
    if runs:
        refuse_shared(path.parent)
        lock = StateLock.take(path)
        stack.callback(lock.release)
    prepare(path, create=runs)
    return str(path)


def _snapshot(kind: Kind, document: Document) -> Document:
    """Copy a body at the moment of the request, as the JSON that it is.

    Raises:
        Invalid: it is not JSON, or its metadata is not an object.
    """
    try:
        copy: Document = msgspec.json.decode(msgspec.json.encode(document))
    except (TypeError, ValueError, OverflowError, RecursionError, msgspec.MsgspecError) as error:
        rule = f"not a JSON document: {error}"
        raise Invalid("Invalid", f"{kind.name}: {rule}", violations=(("", rule),)) from error
    if not isinstance(copy.get("metadata") or {}, dict):
        refuse(kind, "", (("metadata", "must be an object"),))
    return copy


def _found(
    records: Records, kind: Kind, key: Key, *, version: str | None = None, uid: str | None = None
) -> Stored:
    stored = records.find(kind, key)
    if stored is None:
        raise NotFound("NotFound", f"{kind.name} {key} not found")
    metadata = stored.document["metadata"]
    for name, given in (("uid", uid), ("resourceVersion", version)):
        if given is not None and given != metadata[name]:
            raise Conflict(
                "Conflict",
                f"{kind.name} {key} was changed: metadata.{name} is {metadata[name]}, not {given}",
            )
    return stored


def _replace(records: Records, edit: Edit, stored: Stored, new: Document) -> Resource:
    if new is stored.document:
        return msgspec.convert(new, type=edit.kind.type)
    if is_finished(new):
        return records.remove(edit.kind, stored, new)
    return records.update(edit.kind, stored, new, edit.author.now)


def _key_of(document: Document) -> Key:
    metadata = document["metadata"]
    return Key(metadata.get("namespace", ""), metadata["name"])
