"""What controllers read and write: cached reads through indexes, writes whose answers are seen.

After our own write the store's answer goes into the cache at once, so a reconcile never acts twice
on a stale view.
"""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from certwright.api.core import Secret
from certwright.api.kept import kept
from certwright.api.kinds import Document
from certwright.api.meta import Key, Resource
from certwright.api.secret import SecretSummary
from certwright.runtime.cache import Cache, Index, Observed, kept_as
from certwright.store.protocol import Change, NotFound, Store

R = TypeVar("R", bound=Resource)

Listener = Callable[[type[Resource], Observed[Any]], None]


class View:
    """The store as one process sees it."""

    def __init__(self, store: Store, cache: Cache) -> None:
        self._store = store
        self._cache = cache
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> None:
        """Call `listener` with the kept kind and every change of the cache, in order."""
        self._listeners.append(listener)

    # Reads from the cache. Secrets are there as SecretSummary.

    def get(self, kind: type[R], key: Key) -> R | None:
        """Return what is known of one resource."""
        return self._cache.shelf(kind).get(key)

    def list(self, kind: type[R], namespace: str | None = None) -> tuple[R, ...]:
        """Return all that is known of a kind; costs as much as there is, so not for reconciles."""
        found = self._cache.shelf(kind).values()
        return tuple(r for r in found if namespace is None or r.metadata.namespace == namespace)

    def by(self, index: Index[R], value: str) -> tuple[R, ...]:
        """Return the resources that an index finds."""
        return self._cache.shelf(index.kind).by(index, value)

    # Reads and writes of the store itself.

    async def live(self, kind: type[R], key: Key) -> R | None:
        """Read one resource from the store; the only way to a Secret's bytes."""
        try:
            return await self._store.get(kind, key)
        except NotFound:
            return None

    async def complete(self, key: Key) -> None:
        """Make sure that a Secret, if it is known at all, is known in full.

        Only Secrets that are not labelled as ours cost a read, once for each of their versions.
        """
        known = self.get(SecretSummary, key)
        if known is None or not known.partial:
            return
        try:
            found = await self._store.get(SecretSummary, key)
        except NotFound:
            self.observe(Change.DELETED, known)
        else:
            self.observe(Change.MODIFIED, found)

    async def create(self, resource: R, *, manager: str) -> R:
        """Create; raises as the store does."""
        return self._written(await self._store.create(resource, manager=manager))

    async def patch(
        self, resource: R, patch: Document, *, manager: str, version: str | None = None
    ) -> R:
        """Merge into everything but the status of a resource."""
        answer = await self._store.patch(
            type(resource), resource.key, patch, manager=manager, version=version
        )
        return self._written(answer)

    async def patch_status(self, resource: R, patch: Document, *, manager: str) -> R:
        """Merge into the status, if the resource is still as it was seen."""
        answer = await self._store.patch_status(
            type(resource),
            resource.key,
            patch,
            manager=manager,
            version=resource.metadata.resource_version,
        )
        return self._written(answer)

    async def apply(self, kind: type[R], key: Key, fields: Document, *, manager: str) -> R:
        """Server-side apply with force."""
        return self._written(
            await self._store.apply(kind, key, fields, manager=manager, force=True)
        )

    async def delete(self, resource: Resource) -> None:
        """Delete exactly this resource; that it is gone already is no failure."""
        kind = Secret if isinstance(resource, SecretSummary) else type(resource)
        try:
            await self._store.delete(kind, resource.key, uid=resource.metadata.uid)
        except NotFound:
            self.observe(Change.DELETED, resource)

    # What watches bring.

    def observe(self, change: Change, resource: Resource) -> None:
        """Take in one change and tell the listeners if it was news."""
        seen = self._cache.observe(change, resource)
        if seen is not None:
            self._tell(kept_as(type(resource)), seen)

    def observe_all(self, kind: type[R], resources: Iterable[R]) -> None:
        """Take in a complete listing of a kind, lean where there may be many."""
        found = (kept(one) if isinstance(one, Secret) else one for one in resources)
        for seen in self._cache.shelf(kept_as(kind)).replace(found):
            self._tell(kept_as(kind), seen)

    def _written(self, answer: R) -> R:
        self.observe(Change.MODIFIED, answer)
        return answer

    def _tell(self, kind: type[Resource], seen: Observed[Any]) -> None:
        for listener in self._listeners:
            listener(kind, seen)
