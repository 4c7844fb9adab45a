"""Watches: what was committed, in order, to everybody who asked.

Called by `store`. The worker announces every commit; a watch starts by reading the log since its
version and goes on with what is announced meanwhile. Who does not keep up has to list again.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Final, TypeVar

from msgspec import Struct

from certwright.api.kinds import Kind, kind_of
from certwright.api.meta import Resource
from certwright.api.secret import read_as
from certwright.store.protocol import Change, Gone, Unavailable, WatchEvent
from certwright.store.sqlite.place import UNAVAILABLE
from certwright.store.sqlite.records import Changed, Records
from certwright.store.sqlite.worker import News, Worker

R = TypeVar("R", bound=Resource)

_MAX_BEHIND: Final = 20_000  # changes one watch may lag behind before it is told to list again
_BOOKMARK_EVERY: Final = 500  # versions without a change of the watched kind


class Replay(Struct, frozen=True):
    """What the log still knew, and up to which version."""

    changes: tuple[Changed, ...]
    version: int


class Watcher:
    """One open watch."""

    def __init__(self, kind: Kind, position: int) -> None:
        self.kind = kind
        self.position = position
        self.end: Callable[[], Exception] | None = None
        self._waiting: deque[Changed] = deque()
        self._seen = position
        self._wake = asyncio.Event()

    def tell(self, news: News) -> None:
        """Take over what concerns this watch."""
        if news.compacted > max(self.position, self._seen):
            self.finish(gone)
            return
        self._waiting.extend(change for change in news.changes if change.kind is self.kind)
        self._seen = news.version
        if len(self._waiting) > _MAX_BEHIND:
            self._waiting.clear()
            self.finish(gone)
        elif self._waiting or self._seen - self.position >= _BOOKMARK_EVERY:
            self._wake.set()

    def finish(self, problem: Callable[[], Exception]) -> None:
        """End the watch with a problem."""
        self.end = problem
        self._wake.set()

    async def next_events(self) -> list[Changed]:
        """Wait for changes; an empty list means that only the version moved on (a bookmark)."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            if self.end is not None:
                self._wake.set()
                raise self.end()
            found = [change for change in self._waiting if change.version > self.position]
            self._waiting.clear()
            if found:
                self.position = found[-1].version
                return found
            if self._seen - self.position >= _BOOKMARK_EVERY:
                self.position = self._seen
                return found


class Hub:
    """All open watches of one store."""

    def __init__(self) -> None:
        self._watchers: set[Watcher] = set()

    def announce(self, news: News) -> None:
        """Tell every watch."""
        for watcher in self._watchers:
            watcher.tell(news)

    def close(self) -> None:
        """End every watch."""
        for watcher in self._watchers:
            watcher.finish(closed)

    async def follow(
        self, worker: Worker, type_: type[R], since: str
    ) -> AsyncIterator[WatchEvent[R]]:
        """Yield the changes after `since`, then those to come.

        Raises:
            Gone: the log no longer reaches back to `since`.
        """
        kind = kind_of(type_)
        start = parse_version(since)
        watcher = Watcher(kind, start)

        def event(changed: Changed) -> WatchEvent[R]:
            resource = read_as(type_, changed.resource)  # only those of `kind` come here
            return WatchEvent(
                change=changed.change, version=str(changed.version), resource=resource
            )

        def bookmark() -> WatchEvent[R]:
            return WatchEvent(change=Change.BOOKMARK, version=str(watcher.position))

        self._watchers.add(watcher)  # before the log is read, so that nothing falls between
        try:
            replay = await worker.read(lambda records: _replay(records, kind, start))
            for change in replay.changes:
                yield event(change)
            watcher.position = max(start, replay.version)
            if not replay.changes or replay.changes[-1].version < replay.version:
                yield bookmark()
            while True:
                changes = await watcher.next_events()
                for change in changes:
                    yield event(change)
                if not changes:
                    yield bookmark()
        finally:
            self._watchers.discard(watcher)


def parse_version(version: str) -> int:
    """Read a resourceVersion of ours.

    Raises:
        Gone: it was never ours, so nothing is known since then.
    """
    if not version.isdecimal():
        raise gone()
    return int(version)


def gone() -> Gone:
    """Build the answer to a watch from a version too old (or never given out)."""
    return Gone("Expired", "the changes since that version are no longer known: list again")


def closed() -> Unavailable:
    """Build the answer to a watch on a store that was closed."""
    return Unavailable(UNAVAILABLE, "the store was closed")


def _replay(records: Records, kind: Kind, since: int) -> Replay:
    if since < records.compacted or since > records.version:
        raise gone()
    return Replay(tuple(records.changes_since(since, kind)), records.version)
