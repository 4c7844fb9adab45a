"""The store that is a Kubernetes API server: `store.protocol.Store` over `kube`.

Built by `app` and `cli` with `KubeStore.open`. Types and words are the protocol's; this module
chooses what is sent and makes the protocol's failures of the server's.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager
from random import Random
from typing import Any, TypeVar, cast

import msgspec

from certwright.api.core import Secret
from certwright.api.kept import lean as reduced
from certwright.api.kinds import Document, encode, kind_of
from certwright.api.meta import Key, Resource
from certwright.api.secret import SecretSummary
from certwright.base.problem import Problem
from certwright.kube import apply as writing
from certwright.kube.problem import ApiProblem
from certwright.kube.rest import Rest
from certwright.kube.secrets import SecretReader
from certwright.kube.watch import Query, Reader, Seen, Word
from certwright.store.protocol import (
    AlreadyExists,
    Change,
    Conflict,
    Gone,
    Invalid,
    Listing,
    NotFound,
    StoreProblem,
    Unavailable,
    WatchEvent,
)

R = TypeVar("R", bound=Resource)
T = TypeVar("T")

_BY_REASON: Mapping[str, type[StoreProblem]] = {
    "NotFound": NotFound,
    "AlreadyExists": AlreadyExists,
    "Conflict": Conflict,
    "Expired": Gone,
    "Gone": Gone,
}
_HARMLESS = frozenset({"NotFound", "AlreadyExists", "Conflict", "Forbidden"})
_QUOTES_NOTHING = ("Required value", "Forbidden")
_UNTYPED = "failed to create typed patch object"
_INVALID = frozenset({"Invalid", "BadRequest", "RequestEntityTooLarge", "UnsupportedMediaType"})


class KubeStore:
    """Resources on an API server; passes the same contract suite as the embedded store."""

    secrets_as = SecretSummary

    def __init__(self, rest: Rest, random: Random, *, namespace: str = "") -> None:
        self._rest = rest
        self._namespace = namespace
        self._random = random
        self._readers: dict[type[Resource], Reader[Any]] = {}
        self._secrets = SecretReader(rest, random, namespace=namespace)

    @classmethod
    @asynccontextmanager
    async def open(
        cls, rest: Rest, *, random: Random, namespace: str = ""
    ) -> "AsyncIterator[KubeStore]":
        """Use a server, and close all connections to it at the end of the block.

        With a `namespace` only that is listed and watched; what is in none seems not to be there.
        """
        try:
            yield cls(rest, random, namespace=namespace)
        finally:
            await rest.aclose()

    async def get(self, kind: type[R], key: Key) -> R:
        """Read one resource; see `Store.get`."""
        return await _asked(self._reader(kind).get(key))

    async def list(
        self,
        kind: type[R],
        *,
        namespace: str | None = None,
        labels: Mapping[str, str] | None = None,
        lean: bool = False,
    ) -> Listing[R]:
        """Read all of a kind, or a selection; see `Store.list`."""
        if self._is_out_of_sight(kind):
            return Listing(items=(), version="0")
        if kind is SecretSummary and namespace is None and not labels:
            ours = await _asked(self._secrets.list())
            found = cast("tuple[R, ...]", ours.items)
            return Listing(items=tuple(map(reduced, found)), version=ours.version)
        snapshot = await _asked(self._reader(kind).list(namespace=namespace, labels=labels))
        items = tuple(map(reduced, snapshot.items)) if lean else snapshot.items
        return Listing(items=items, version=snapshot.version)

    async def watch(self, kind: type[R], *, since: str) -> AsyncIterator[WatchEvent[R]]:
        """Yield the changes after `since`; see `Store.watch`."""
        if self._is_out_of_sight(kind):
            await asyncio.Event().wait()
        stream = (
            cast("AsyncIterator[Seen[R]]", self._secrets.watch(since))
            if kind is SecretSummary
            else self._reader(kind).watch(since)
        )
        try:
            async for seen in stream:
                yield _event(seen)
        except Problem as problem:
            raise _translated(problem) from problem

    async def create(self, resource: R, *, manager: str) -> R:
        """Write a new resource; see `Store.create`."""
        kind = kind_of(resource)
        document = encode(resource)
        document.pop("status", None)
        for name in ("resourceVersion", "uid"):  # the server's to give, and it insists
            document["metadata"].pop(name, None)
        written = writing.create(self._rest, kind, document, manager=manager)
        return self._read(type(resource), await _asked(written, type(resource)))

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
        body = _preconditioned({**patch}, version)
        body.pop("status", None)
        written = writing.merge(self._rest, kind_of(kind), key, body, manager=manager)
        try:
            return self._read(kind, await _asked(written, kind))
        except Invalid as problem:
            if {path for path, _ in problem.violations} != {"metadata.uid"}:
                raise
            raise Conflict("Conflict", problem.message) from problem  # another incarnation

    async def apply(
        self, kind: type[R], key: Key, fields: Document, *, manager: str, force: bool = False
    ) -> R:
        """Own exactly `fields`; see `Store.apply`."""
        wanted = {name: value for name, value in fields.items() if name != "status"}
        written = writing.apply(
            self._rest, kind_of(kind), key, wanted, manager=manager, force=force
        )
        return self._read(kind, await _asked(written, kind))

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
        # an empty status would be a change where there is none yet
        body = _preconditioned({"status": patch} if patch else {}, version)
        written = writing.merge(self._rest, what, key, body, manager=manager, subresource="status")
        return self._read(kind, await _asked(written, kind))

    async def delete(
        self, kind: type[R], key: Key, *, uid: str | None = None, version: str | None = None
    ) -> None:
        """Delete one resource; see `Store.delete`."""
        await _asked(writing.delete(self._rest, kind_of(kind), key, uid=uid, version=version))

    def _is_out_of_sight(self, kind: type[Resource]) -> bool:
        return bool(self._namespace) and not kind_of(kind).namespaced

    def _reader(self, kind: type[R]) -> Reader[R]:
        found = self._readers.get(kind)
        if found is None:
            query = (
                self._secrets.one
                if kind is SecretSummary
                else Query(
                    kind=kind_of(kind),
                    read=msgspec.json.Decoder(kind).decode,
                    namespace=self._namespace,
                )
            )
            found = self._readers[kind] = Reader(self._rest, query, self._random)
        return found

    def _read(self, kind: type[R], body: bytes) -> R:
        try:
            return msgspec.json.decode(body, type=kind)
        except msgspec.MsgspecError as error:
            text = f"the server's {kind_of(kind).name} is not of its kind's form: {error}"
            raise Unavailable("InternalError", text) from error


async def _asked(answer: Awaitable[T], kind: type[Resource] | None = None) -> T:
    try:
        return await answer
    except msgspec.MsgspecError as error:
        text = f"the server's answer is not of its kind's form: {error}"
        raise Unavailable("InternalError", text) from error
    except StoreProblem:
        raise
    except Problem as problem:
        raise _translated(problem, kind) from (None if kind is Secret else problem)


def _translated(problem: Problem, kind: type[Resource] | None = None) -> StoreProblem:
    """Make the store's failure of the server's, by the server's own word for it."""
    if not isinstance(problem, ApiProblem):
        return Unavailable(problem.reason, problem.message, remedy=problem.remedy)
    message, violations = problem.message, problem.causes
    if kind is Secret and problem.reason not in _HARMLESS:  # the server's text may quote all of it
        violations = tuple((path, _without_value(rule)) for path, rule in problem.causes)
        told = "; ".join(f"{path}: {rule}" for path, rule in violations) or problem.reason
        message = f"the API server does not take the Secret: {told}"
    if problem.is_expired:
        return Gone(problem.reason, message)
    # the server answers with 500 to an apply of wrong types
    if problem.reason in _INVALID or problem.message.startswith(_UNTYPED):
        return Invalid(problem.reason, message, violations=violations)
    found = _BY_REASON.get(problem.reason, StoreProblem)
    if problem.status >= 500 or problem.status == 429:  # noqa: PLR2004  # it failed, or is busy
        found = Unavailable
    return found(problem.reason, message)


def _without_value(rule: str) -> str:
    return rule if rule.startswith(_QUOTES_NOTHING) else "is not valid"


def _preconditioned(patch: Document, version: str | None) -> Document:
    if version is None:
        return patch
    return {**patch, "metadata": {**(patch.get("metadata") or {}), "resourceVersion": version}}


def _event(seen: Seen[R]) -> WatchEvent[R]:
    if seen.word is Word.BOOKMARK:
        return WatchEvent(change=Change.BOOKMARK, version=seen.version)
    return WatchEvent(change=Change(seen.word), version=seen.version, resource=seen.resource)
