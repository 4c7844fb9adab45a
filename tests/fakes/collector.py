"""Owner garbage collection for an API server without a controller-manager.

Does what Kubernetes' collector does in background mode: a dependant whose owners are all gone is
deleted, one that has lost some of its owners loses the references. An owner is only believed gone
after it was looked for once more.
"""

import asyncio
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, contextmanager, suppress

from certwright.api.certificate import Certificate
from certwright.api.core import Ingress, Secret, Service
from certwright.api.issuer import ClusterIssuer, Issuer
from certwright.api.kinds import find_kind, to_wire
from certwright.api.meta import Key, OwnerReference, Resource
from certwright.api.order import Challenge, Order
from certwright.api.request import CertificateRequest
from certwright.store.protocol import Change, NotFound, Store, StoreProblem

KINDS: tuple[type[Resource], ...] = (
    Certificate, CertificateRequest, Order, Challenge, Issuer, ClusterIssuer,
    Ingress, Service, Secret,
)  # fmt: skip


@contextmanager
def collecting(open_store: Callable[[], AbstractAsyncContextManager[Store]]) -> Iterator[None]:
    """Collect until the end of the block, on a thread and with a loop of its own."""
    ready, ended = threading.Event(), threading.Event()
    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(lambda: asyncio.run(_collect(open_store, ready, ended)))
        try:
            ready.wait(20)
            yield
        finally:
            ended.set()
            running.result(20)


async def _collect(
    open_store: Callable[[], AbstractAsyncContextManager[Store]],
    ready: threading.Event,
    ended: threading.Event,
) -> None:
    async with open_store() as store:
        collector = Collector(store)
        tasks = [asyncio.create_task(collector.follow(kind)) for kind in KINDS]
        tasks.append(asyncio.create_task(collector.collect()))
        ready.set()
        await asyncio.to_thread(ended.wait)
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task


class Collector:
    """Knows who belongs to whom."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[tuple[type[Resource], Key], Resource] = {}
        self._changed = asyncio.Event()

    async def follow(self, kind: type[Resource]) -> None:
        """Learn of every resource of a kind."""
        listing = await self._store.list(kind)
        self._known.update(((kind, one.key), one) for one in listing.items)
        self._changed.set()
        async for event in self._store.watch(kind, since=listing.version):
            if event.resource is None:
                continue
            if event.change is Change.DELETED:
                self._known.pop((kind, event.resource.key), None)
            else:
                self._known[kind, event.resource.key] = event.resource
            self._changed.set()

    async def collect(self) -> None:
        """Collect whenever something has changed."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            for dependant in tuple(self._known.values()):
                if dependant.metadata.owner_references and not dependant.metadata.deleting:
                    await self._look_at(dependant)

    async def _look_at(self, dependant: Resource) -> None:
        gone = [
            owner
            for owner in dependant.metadata.owner_references
            if await self._is_gone(dependant, owner)
        ]
        if gone:
            with suppress(StoreProblem):  # it has changed meanwhile: its change comes by itself
                await self._lose(dependant, gone)

    async def _is_gone(self, dependant: Resource, owner: OwnerReference) -> bool:
        kind = find_kind(owner.api_version, owner.kind)
        if kind is None or kind.type not in KINDS:
            return False  # not ours to judge
        key = Key(dependant.metadata.namespace if kind.namespaced else "", owner.name)
        known = self._known.get((kind.type, key))
        if known is not None and known.metadata.uid == owner.uid:
            return False
        try:
            return (await self._store.get(kind.type, key)).metadata.uid != owner.uid
        except NotFound:
            return True

    async def _lose(self, dependant: Resource, gone: Iterable[OwnerReference]) -> None:
        lost = {one.uid for one in gone}
        metadata = dependant.metadata
        kept = [one for one in metadata.owner_references if one.uid not in lost]
        kind, version = type(dependant), metadata.resource_version
        if not kept:
            await self._store.delete(kind, dependant.key, uid=metadata.uid, version=version)
            return
        patch = {"metadata": {"ownerReferences": [to_wire(one) for one in kept]}}
        await self._store.patch(kind, dependant.key, patch, manager="collector", version=version)
