"""What goes by itself: resources whose owners are gone, and Events after an hour.

Called by `store`. Kubernetes' rules for owners: a resource is deleted when none of its owners is
there any more; a reference to one that is gone is taken out while another owner is left; an owner
of a kind this store does not serve is not ours to judge.
"""

import asyncio
import functools
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Final

import msgspec

from certwright.api.core import Event
from certwright.api.kinds import Kind, find_kind, kind_of
from certwright.api.meta import Key, OwnerReference
from certwright.base.clock import Clock
from certwright.store.protocol import Change, StoreProblem
from certwright.store.sqlite.edit import deleted
from certwright.store.sqlite.managers import UPDATE, Author
from certwright.store.sqlite.records import Changed, Records, Stored
from certwright.store.sqlite.worker import Worker

EVENT_LIFETIME: Final = timedelta(hours=1)
MANAGER: Final = "garbage-collector"
_PORTION: Final = 200  # resources per transaction, so that others get their turn
_SWEEP_EVERY: Final = timedelta(minutes=1)

Place = tuple[Kind, Key]


class Collector:
    """Collects in the background; `notice` tells it what changed, `run` does the work."""

    def __init__(self, worker: Worker, clock: Clock) -> None:
        self._worker = worker
        self._clock = clock
        self._lost: dict[str, None] = {}
        self._suspects: dict[Place, None] = {}
        self._wake = asyncio.Event()
        self._next_sweep = clock.now()

    def notice(self, changes: Iterable[Changed]) -> None:
        """Remember who lost an owner and who may never have had one."""
        for changed in changes:
            metadata = changed.resource.metadata
            if changed.change is Change.DELETED:
                self._lost[metadata.uid] = None
            elif metadata.owner_references and changed.owners_changed:
                self._suspects[(changed.kind, metadata.key)] = None
        self.nudge()

    def nudge(self) -> None:
        """Look for work, also for what failed (the disk may have room again)."""
        if self._lost or self._suspects or self._clock.now() >= self._next_sweep:
            self._wake.set()

    async def run(self) -> None:
        """Collect until cancelled; starts with all that have owners."""
        await self._start()
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                await self._collect()
                await self._sweep()
            except StoreProblem:
                continue  # the store said it to whoever writes; the next change wakes us again

    async def _sweep(self) -> None:
        """Delete Events that are an hour old; does nothing within a minute of the last time."""
        now = self._clock.now()
        if now < self._next_sweep:
            return
        self._next_sweep = now + _SWEEP_EVERY
        before = now - EVENT_LIFETIME
        while old := await self._worker.read(
            lambda records: records.events_before(before, _PORTION)
        ):
            await self._worker.write(_deleting(old, _delete_event))

    async def _start(self) -> None:
        try:
            self._suspects.update(dict.fromkeys(await self._worker.read(Records.owned)))
        except StoreProblem:
            return
        self.nudge()

    async def _collect(self) -> None:
        while self._lost:
            uids = list(self._lost)[:_PORTION]
            found = await self._worker.read(functools.partial(_children, uids=uids))
            self._suspects.update(dict.fromkeys(found))
            for uid in uids:
                del self._lost[uid]
        while self._suspects:
            portion = list(self._suspects)[:_PORTION]
            doomed = await self._worker.read(functools.partial(_with_dangling, places=portion))
            if doomed:
                await self._worker.write(_deleting(doomed, self._release))
            for place in portion:
                del self._suspects[place]

    def _release(self, records: Records, kind: Kind, stored: Stored) -> None:
        metadata = stored.document["metadata"]
        place = kind, Key(metadata.get("namespace", ""), metadata["name"])
        owners = metadata.get("ownerReferences", [])
        typed = msgspec.convert(owners, type=list[OwnerReference])
        solid = [
            owner
            for owner, read in zip(owners, typed, strict=True)
            if _is_there(records, place, read)
        ]
        if len(solid) == len(owners):
            return
        now = self._clock.now()
        if solid:
            kept = {**metadata, "ownerReferences": solid}
            records.update(kind, stored, {**stored.document, "metadata": kept}, now)
            return
        author = Author(MANAGER, UPDATE, kind.api_version, now)
        after = deleted(stored.document, author)
        if after is None:
            records.remove(kind, stored, stored.document)
        elif after is not stored.document:
            records.update(kind, stored, after, now)


def _deleting(
    places: Iterable[Place], act: Callable[[Records, Kind, Stored], None]
) -> Callable[[Records], None]:
    def work(records: Records) -> None:
        for kind, key in places:
            stored = records.find(kind, key)
            if stored is not None:
                act(records, kind, stored)

    return work


def _delete_event(records: Records, kind: Kind, stored: Stored) -> None:
    if kind is kind_of(Event):
        records.remove(kind, stored, stored.document)


def _children(records: Records, uids: Iterable[str]) -> list[Place]:
    return [place for uid in uids for place in records.children(uid)]


def _with_dangling(records: Records, places: Iterable[Place]) -> dict[Place, None]:
    found: dict[Place, None] = {}
    for place in places:
        owners = records.owners_of(*place)
        if not all(_is_there(records, place, owner) for owner in owners):
            found[place] = None
    return found


def _is_there(records: Records, child: Place, owner: OwnerReference) -> bool:
    kind = find_kind(owner.api_version, owner.kind)
    if kind is None:
        return True
    namespace = child[1].namespace if kind.namespaced else ""
    return records.whereabouts(owner.uid) == (kind, Key(namespace, owner.name))
