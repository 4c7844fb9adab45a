"""A store that counts the writes to another one, and can die after any of them."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import TypeVar

from certwright.api.core import Event
from certwright.api.kinds import Document
from certwright.api.meta import Key, Resource
from certwright.store.protocol import Listing, Store, WatchEvent

R = TypeVar("R", bound=Resource)


class RecordingStore:
    """Writes down what is written: (verb, kind, key, manager). Events are counted apart.

    `dies_after`: the answer to this write never comes, nor that of anything after it, as when the
    process was killed between the commit and whatever it wanted to do next.
    """

    def __init__(self, inner: Store, *, dies_after: int | None = None) -> None:
        self._inner = inner
        self._dies_after = dies_after
        self.dead = asyncio.Event()
        self.writes: list[tuple[str, str, str, str]] = []
        self.events: list[str] = []

    @property
    def secrets_as(self) -> type[Resource]:
        return self._inner.secrets_as

    async def get(self, kind: type[R], key: Key) -> R:
        await self._live()
        return await self._inner.get(kind, key)

    async def list(
        self,
        kind: type[R],
        *,
        namespace: str | None = None,
        labels: Mapping[str, str] | None = None,
        lean: bool = False,
    ) -> Listing[R]:
        await self._live()
        return await self._inner.list(kind, namespace=namespace, labels=labels, lean=lean)

    def watch(self, kind: type[R], *, since: str) -> AsyncIterator[WatchEvent[R]]:
        return self._inner.watch(kind, since=since)

    async def create(self, resource: R, *, manager: str) -> R:
        await self._live()
        answer = await self._inner.create(resource, manager=manager)
        await self._wrote("create", type(resource), answer.key, manager)
        return answer

    async def patch(
        self,
        kind: type[R],
        key: Key,
        patch: Document,
        *,
        manager: str,
        version: str | None = None,
    ) -> R:
        await self._live()
        answer = await self._inner.patch(kind, key, patch, manager=manager, version=version)
        await self._wrote("patch", kind, key, manager)
        return answer

    async def apply(
        self, kind: type[R], key: Key, fields: Document, *, manager: str, force: bool = False
    ) -> R:
        await self._live()
        answer = await self._inner.apply(kind, key, fields, manager=manager, force=force)
        await self._wrote("apply", kind, key, manager)
        return answer

    async def patch_status(
        self,
        kind: type[R],
        key: Key,
        patch: Document,
        *,
        manager: str,
        version: str | None = None,
    ) -> R:
        await self._live()
        answer = await self._inner.patch_status(kind, key, patch, manager=manager, version=version)
        await self._wrote("status", kind, key, manager)
        return answer

    async def delete(
        self, kind: type[R], key: Key, *, uid: str | None = None, version: str | None = None
    ) -> None:
        await self._live()
        await self._inner.delete(kind, key, uid=uid, version=version)
        await self._wrote("delete", kind, key, "")

    async def _wrote(self, verb: str, kind: type[Resource], key: Key, manager: str) -> None:
        if kind is Event:
            self.events.append(verb)
            return
        self.writes.append((verb, kind.__name__, key.name, manager))
        if len(self.writes) == self._dies_after:
            self.dead.set()
            await self._live()

    async def _live(self) -> None:
        if self.dead.is_set():
            await asyncio.get_running_loop().create_future()
