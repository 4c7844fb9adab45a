"""What is read: one resource, all of a kind, and every change from there on.

Called by `store`. A list comes as the beginning of a watch where the server can do that (WatchList,
by default from Kubernetes 1.35), else in pages. A watch goes on for ever: the server ends it every
few minutes, a network loses it without a word, and in both cases the next one starts where the last
one was. Only a version that the server no longer knows ends it (`ApiProblem.is_expired`).
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing
from datetime import timedelta
from enum import StrEnum
from random import Random
from typing import Final, Generic, TypeVar

import msgspec
import structlog
from msgspec import Struct

from certwright.api.kinds import Kind
from certwright.api.meta import Key, Resource
from certwright.base.backoff import Schedule
from certwright.base.evidence import printable
from certwright.base.problem import Cause, Retryable
from certwright.base.reason import Reason
from certwright.kube.lines import LineSplitter
from certwright.kube.paths import METADATA, METADATA_LIST, collection, item
from certwright.kube.problem import ApiProblem, parse_problem
from certwright.kube.rest import JSON, Call, Rest

R = TypeVar("R", bound=Resource)

PAGE: Final = 500
WATCH: Final = timedelta(minutes=5)
"""How long a watch is asked for; up to twice that, so that not all end at once."""
SILENCE: Final = timedelta(seconds=30)
"""How much longer than asked for a watch may be silent before it counts as lost."""
_LIST_SILENCE: Final = timedelta(seconds=30)
_AGAIN: Final = Schedule(timedelta(milliseconds=500), timedelta(seconds=30))
_INITIAL_END: Final = "k8s.io/initial-events-end"
_NOT_KNOWN: Final = frozenset({400, 403, 404, 405, 422})
_HOPELESS: Final = frozenset({400, 401, 403, 404, 405, 422})
_SERVER_ERROR: Final = 500

log = structlog.get_logger(__name__)


class Word(StrEnum):
    """What a line of a watch is about."""

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"
    BOOKMARK = "BOOKMARK"
    ERROR = "ERROR"


class Seen(Struct, Generic[R], frozen=True):
    """One line of a watch; a bookmark has no resource."""

    word: Word
    version: str
    resource: R | None = None
    is_initial_end: bool = False


class Snapshot(Struct, Generic[R], frozen=True):
    """All that was there at a version."""

    items: tuple[R, ...]
    version: str


class Query(Struct, Generic[R], frozen=True, kw_only=True):
    """What is read, and what is made of each object's JSON.

    Attributes:
        kind: under which path it is.
        read: an object's JSON to a value.
        selector: of labels, in the API's form; empty for all.
        metadata_only: whether the server shall leave out everything else.
        namespace: the only one that is looked at; empty for all.
    """

    kind: Kind
    read: Callable[[bytes | msgspec.Raw], R]
    selector: str = ""
    metadata_only: bool = False
    namespace: str = ""

    def asked(self, **more: str) -> dict[str, str]:
        """Return the query parameters, with more of them."""
        return ({"labelSelector": self.selector} if self.selector else {}) | more


class Reader(Generic[R]):
    """Reads one kind through one server."""

    def __init__(self, rest: Rest, query: Query[R], random: Random) -> None:
        self._rest = rest
        self._query = query
        self._random = random

    async def get(self, key: Key) -> R:
        """Read one resource.

        Raises:
            ApiProblem: the server refused.
            Retryable: there was no answer.
        """
        accept = METADATA if self._query.metadata_only else JSON
        call = Call(path=item(self._query.kind, key), accept=accept)
        return self._query.read(await self._rest.request(call))

    async def list(
        self, *, namespace: str | None = None, labels: Mapping[str, str] | None = None
    ) -> Snapshot[R]:
        """Read all, or those of a namespace and with (at least) these labels.

        Raises:
            ApiProblem: the server refused.
            Retryable: there was no answer.
        """
        selector = ",".join(f"{name}={value}" for name, value in (labels or {}).items())
        path = collection(self._query.kind, namespace or self._query.namespace)
        if namespace is not None or selector or not self._rest.lists_by_watch:
            return await self._paged(path, selector)
        try:
            return await self._streamed()
        except ApiProblem as problem:
            if problem.status not in _NOT_KNOWN:
                raise
            told = problem.message
        except Retryable as problem:
            told = problem.message
        snapshot = await self._paged(path, selector)
        log.info("lists come in pages from now on", kind=self._query.kind.name, problem=told)
        self._rest.lists_by_watch = False  # it was that, and not the server as a whole
        return snapshot

    async def watch(self, since: str) -> AsyncIterator[Seen[R]]:
        """Yield every change after a version, and bookmarks; never ends by itself.

        Raises:
            ApiProblem: the version is too old (`is_expired`), or we may not watch.
        """
        version, failures = since, 0
        while True:
            before = self._rest.clock.monotonic()
            try:
                if failures or version == since:
                    await self._look_back(version)
                span = WATCH * (1 + self._random.random())
                asked = self._query.asked(
                    watch="1",
                    allowWatchBookmarks="true",
                    resourceVersion=version,
                    timeoutSeconds=str(int(span.total_seconds())),
                )
                async with aclosing(self._lines(asked, quiet=span + SILENCE)) as lines:
                    async for seen in lines:
                        version, failures = seen.version, 0
                        yield seen
                if self._rest.clock.monotonic() - before >= 1:
                    continue  # its time was over
                problem = "it ended at once"
            except ApiProblem as refused:
                if refused.is_expired or refused.status in _HOPELESS:
                    raise
                problem = refused.message
            except Retryable as lost:
                problem = lost.message
            failures += 1
            log.info("watch again", kind=self._query.kind.name, problem=problem)
            await self._rest.clock.sleep(_AGAIN.delay(failures, self._random.random()))

    async def _look_back(self, version: str) -> None:
        """Make sure that the server has come as far as we have.

        One that was restored from a backup has not, and would be silent until it had again.
        """
        asked = {"limit": "1", "resourceVersion": version, "resourceVersionMatch": "NotOlderThan"}
        path = collection(self._query.kind, self._query.namespace)
        call = Call(path=path, query=asked, accept=METADATA_LIST)
        try:
            await self._rest.request(call)
        except ApiProblem as problem:
            if problem.is_ahead:
                text = "the server has forgotten what came last: it was restored"
                raise ApiProblem("Expired", text, status=410) from problem
            raise

    async def _streamed(self) -> Snapshot[R]:
        asked = self._query.asked(
            watch="1",
            sendInitialEvents="true",
            allowWatchBookmarks="true",
            resourceVersionMatch="NotOlderThan",
            timeoutSeconds="300",
        )
        found: dict[Key, R] = {}
        async with aclosing(self._lines(asked, quiet=_LIST_SILENCE)) as lines:
            async for seen in lines:
                if seen.is_initial_end:
                    return Snapshot(tuple(found.values()), seen.version)
                if seen.resource is not None and seen.word is Word.DELETED:
                    found.pop(seen.resource.key, None)
                elif seen.resource is not None:
                    found[seen.resource.key] = seen.resource
        raise ApiProblem("Timeout", "the server never said where its list ends", status=404)

    async def _paged(self, path: str, selector: str) -> Snapshot[R]:
        found: list[R] = []
        query = self._query
        asked = query.asked(limit=str(PAGE))
        if selector:
            asked["labelSelector"] = ",".join(filter(None, (query.selector, selector)))
        accept = METADATA_LIST if query.metadata_only else JSON
        while True:
            try:
                body = await self._rest.request(Call(path=path, query=asked, accept=accept))
            except ApiProblem as problem:
                if not problem.is_expired or "continue" not in asked:
                    raise
                found.clear()  # the pages took too long: all at once, as client-go does
                del asked["continue"], asked["limit"]
                continue
            try:
                page = _page.decode(body)
            except msgspec.MsgspecError as error:
                raise _unreadable("a list") from error
            found += (one for raw in page.items if (one := self._read(raw)) is not None)
            if not page.metadata.continue_:
                return Snapshot(tuple(found), page.metadata.resource_version)
            asked["continue"] = page.metadata.continue_

    async def _lines(
        self, asked: Mapping[str, str], *, quiet: timedelta
    ) -> AsyncGenerator[Seen[R]]:
        accept = METADATA if self._query.metadata_only else JSON
        path = collection(self._query.kind, self._query.namespace)
        call = Call(path=path, query=asked, accept=accept)
        async with self._rest.stream(call, quiet=quiet) as answer:
            splitter = LineSplitter()
            async for chunk in answer.chunks():
                for line in splitter.feed(chunk):
                    seen = self._parse(line)
                    if seen is not None:
                        yield seen

    def _parse(self, line: bytes) -> Seen[R] | None:
        try:
            frame = _frame.decode(line)
        except msgspec.MsgspecError as error:
            raise _unreadable("a watch") from error
        if frame.type is Word.ERROR:
            raise parse_problem(_SERVER_ERROR, bytes(frame.object))
        if frame.type is Word.BOOKMARK:
            metadata = _bookmark.decode(frame.object).metadata
            is_end = metadata.annotations.get(_INITIAL_END) == "true"
            return Seen(Word.BOOKMARK, metadata.resource_version, is_initial_end=is_end)
        resource = self._read(frame.object)
        if resource is None:
            return None
        return Seen(frame.type, resource.metadata.resource_version, resource)

    def _read(self, raw: msgspec.Raw) -> R | None:
        """Parse one object; one that is not of its kind's form is as if it were not there."""
        try:
            return self._query.read(raw)
        except msgspec.MsgspecError as error:
            text = printable(str(error), 300)  # names the field and its type, not its value
            log.warning("unreadable object", kind=self._query.kind.name, problem=text)
            return None


def _unreadable(what: str) -> Retryable:
    text = f"the answer to {what} is none of an API server"
    return Retryable(Reason.SERVER_ERROR, text, cause=Cause.SERVER)


class _Frame(Struct, frozen=True):
    type: Word
    object: msgspec.Raw


class _BookmarkMeta(Struct, frozen=True):
    resource_version: str = msgspec.field(name="resourceVersion")
    annotations: dict[str, str] = msgspec.field(default_factory=dict)


class _Bookmark(Struct, frozen=True):
    metadata: _BookmarkMeta


class _PageMeta(Struct, frozen=True):
    resource_version: str = msgspec.field(default="", name="resourceVersion")
    continue_: str = msgspec.field(default="", name="continue")


class _Page(Struct, frozen=True):
    metadata: _PageMeta
    items: tuple[msgspec.Raw, ...] = ()


_frame = msgspec.json.Decoder(_Frame)
_bookmark = msgspec.json.Decoder(_Bookmark)
_page = msgspec.json.Decoder(_Page)
