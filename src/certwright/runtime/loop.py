"""The loop: watches become keys, keys become reconciles, outcomes become writes.

Level-based: a reconcile never learns which event woke it. Only this module writes conditions,
events and back-off, so conflicts, no-op detection and failures are handled in one place.
"""

import asyncio
import gc
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from random import Random
from typing import Any, Generic, TypeVar

import structlog
from msgspec import Struct

from certwright.api.kinds import to_wire
from certwright.api.meta import Key, Resource
from certwright.api.patch import merge_diff
from certwright.api.secret import SecretSummary
from certwright.base.backoff import ISSUANCE, RECONCILE
from certwright.base.clock import Clock
from certwright.base.problem import Problem, Retryable, Waiting
from certwright.runtime.cache import Cache, Index, Observed
from certwright.runtime.counts import Counts
from certwright.runtime.events import Recorder
from certwright.runtime.outcome import DONE, Outcome
from certwright.runtime.queue import LONGEST_NAP, Queue
from certwright.runtime.view import View
from certwright.store.protocol import (
    Change,
    Conflict,
    Gone,
    NotFound,
    Store,
    StoreProblem,
    Unavailable,
)

R = TypeVar("R", bound=Resource)

log = structlog.get_logger(__name__)


_MANY = 1000
"""So many resources are worth being left out of the search for garbage."""


def _unheard(_words: str, _again_at: datetime | None) -> None:
    """Nobody wants to know."""


def _always(_seen: Observed[Any]) -> bool:
    return True


@contextmanager
def _without_collections() -> Iterator[None]:
    """Fill the cache without looking for garbage in it again and again while it grows."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


class Watch(Struct, frozen=True):
    """Changes of `kind` (as kept: SecretSummary for Secrets) wake the keys that `keys` finds.

    `matters` leaves out changes that are nobody's business, such as those of a status.
    """

    kind: type[Resource]
    keys: Callable[[View, Any], Iterable[Key]]
    matters: Callable[[Observed[Any]], bool] = _always


class Controller(Struct, Generic[R], frozen=True, kw_only=True):
    """One kind's way of life.

    Attributes:
        name: for logs.
        kind: what is reconciled; every change of it wakes its key.
        watches: other kinds whose changes wake keys of this one.
        reconcile: observe, decide, act once, report. May raise a `Problem`.
        failed: how a raised `Problem` is shown on this kind (pure). Where its outcome names no
            `again_at`, the class of the problem decides: Retryable backs off by cause, Waiting
            comes again after its span, Stalled waits for a change.
        limit: how many reconciles of this controller may run at once.
        stands_for: the names of cert-manager's controllers whose work it does.
    """

    name: str
    kind: type[R]
    reconcile: Callable[[View, Key], Awaitable[Outcome]]
    failed: Callable[[R, Problem, datetime], Outcome]
    watches: tuple[Watch, ...] = ()
    limit: int = 50
    stands_for: tuple[str, ...] = ()


class Runtime:
    """Runs controllers over a store until cancelled."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        controllers: Sequence[Controller[Any]],
        indexes: Iterable[Index[Any]],
        random: Random,
        longest_nap: timedelta = LONGEST_NAP,
    ) -> None:
        self._store = store
        self._counts = Counts()
        self._clock = clock
        self._random = random
        self._controllers = controllers
        self._kinds = tuple(
            dict.fromkeys(
                kind
                for controller in controllers
                for kind in (controller.kind, *(watch.kind for watch in controller.watches))
            )
        )
        self.view = View(store, Cache(self._kinds, indexes))
        self._recorder = Recorder(store, clock)
        self._queues = {
            one.name: Queue(clock, random.random, longest_nap=longest_nap) for one in controllers
        }
        self._pausing: dict[tuple[type[Resource], Key], set[str]] = {}
        self._store_fails: Callable[[str, datetime | None], None] = _unheard
        self._unwritten: set[tuple[str, Key]] = set()
        self._syncing = True
        self.view.listen(self._wake)

    def tell_of_store(self, told: Callable[[str, datetime | None], None]) -> None:
        """Let `told` know why the store does not take writes and when the next is tried.

        The words are empty when it does again.
        """
        self._store_fails = told

    def count_in(self, counts: Counts) -> None:
        """Count reconciles there."""
        self._counts = counts

    @property
    def synced(self) -> bool:
        """Everything was read once."""
        return not self._syncing

    @property
    def at_rest(self) -> bool:
        """No key is queued or worked on."""
        return not self._syncing and all(queue.at_rest for queue in self._queues.values())

    @property
    def next_due(self) -> datetime | None:
        """When the earliest timer of any controller fires."""
        return min((q.next_due for q in self._queues.values() if q.next_due), default=None)

    def wake(self, controller: str, key: Key) -> None:
        """Ask for a reconcile from outside, such as when a solver's answer was seen."""
        self._queues[controller].add(key)

    async def run(self) -> None:
        """List and watch everything, then reconcile for ever."""
        async with asyncio.TaskGroup() as tasks:
            with _without_collections():
                versions = {kind: await self._list(kind) for kind in self._kinds}
            self._syncing = False
            if sum(len(self.view.list(kind)) for kind in self._kinds) >= _MANY:
                gc.freeze()  # else each full collection would go through all that is known
            for kind, version in versions.items():
                tasks.create_task(self._watch(kind, version), name=f"watch {kind.__name__}")
            for controller in self._controllers:
                queue = self._queues[controller.name]
                tasks.create_task(queue.run_timers(), name=f"timers {controller.name}")
                tasks.create_task(self._work(controller, queue), name=controller.name)

    # watches → keys

    async def _list(self, kind: type[Resource]) -> str:
        # Of Secrets only what is kept: never all keys at once.
        listing = await self._store.list(kind, lean=True)
        self.view.observe_all(kind, listing.items)
        return listing.version

    def _read_as(self, kind: type[Resource]) -> type[Resource]:
        return self._store.secrets_as if kind is SecretSummary else kind

    async def _watch(self, kind: type[Resource], version: str) -> None:
        while True:
            try:
                async for event in self._store.watch(self._read_as(kind), since=version):
                    version = event.version
                    if event.change is not Change.BOOKMARK and event.resource is not None:
                        self.view.observe(event.change, event.resource)
            except Gone:
                version = await self._list(kind)
            except StoreProblem as problem:
                log.warning("watch", kind=kind.__name__, problem=problem.message)
                await self._clock.sleep(RECONCILE.first)

    def _wake(self, kind: type[Resource], seen: Observed[Any]) -> None:
        for controller in self._controllers:
            queue = self._queues[controller.name]
            if kind is controller.kind and not self._is_own_pause(kind, seen):
                queue.add(seen.resource.key, background=self._syncing)
            if self._syncing:
                continue  # whomever it concerns is listed too
            for watch in controller.watches:
                if watch.kind is kind and watch.matters(seen):
                    for key in self._keys(watch, seen):
                        queue.add(key)

    def _is_own_pause(self, kind: type[Resource], seen: Observed[Any]) -> bool:
        versions = self._pausing.get((kind, seen.resource.key))
        if versions is None or seen.before is None or seen.after is None:
            return False
        versions.add(seen.after.metadata.resource_version)  # `_quiet` tells whose it was
        return True

    def _keys(self, watch: Watch, seen: Observed[Any]) -> Iterable[Key]:
        both = (one for one in (seen.before, seen.after) if one is not None)
        try:
            return dict.fromkeys(key for one in both for key in watch.keys(self.view, one))
        except Exception:  # a bug here must end neither the watch nor whoever has just written
            log.exception("bug", watch=watch.kind.__name__, key=str(seen.resource.key))
            return ()

    # keys → reconciles

    async def _work(self, controller: Controller[Any], queue: Queue) -> None:
        slots = asyncio.Semaphore(controller.limit)
        async with asyncio.TaskGroup() as tasks:
            while True:
                await slots.acquire()
                key = await queue.take()
                task = tasks.create_task(self._step(controller, queue, key))
                task.add_done_callback(lambda _: slots.release())

    async def _step(self, controller: Controller[Any], queue: Queue, key: Key) -> None:
        seen = self.view.get(controller.kind, key)
        failed = True
        try:
            outcome, problem = await self._reconcile(controller, queue, key)
            pausing = problem is not None or outcome.again_at is not None
            if pausing:
                await self._write_quietly(controller.kind, seen, outcome)
            else:
                await self._write(controller.kind, seen, outcome)
        except Conflict:
            await self._refresh(controller.kind, queue, key)
        except NotFound as missing:
            # gone, and the watch will say so; or a server that was just started knows no kinds yet
            failed = False
            log.info("missing", controller=controller.name, key=str(key), problem=missing.message)
            queue.failed(key)
        except StoreProblem as refused:
            log.warning("store", controller=controller.name, key=str(key), problem=refused.message)
            again = queue.plan(key)
            queue.add_at(key, again)
            if isinstance(refused, Unavailable):
                self._unwritten.add((controller.name, key))
                self._store_fails(refused.message, again)
        except Exception:
            log.exception("bug", controller=controller.name, key=str(key))
            queue.failed(key)
        else:
            failed = isinstance(problem, Retryable)
            self._schedule(queue, key, outcome, problem)
            self._written(controller.name, key)
        finally:
            self._counts.synced(controller.stands_for or (controller.name,), failed=failed)
            queue.done(key)

    def _written(self, controller: str, key: Key) -> None:
        """Say that the store is well again when nothing is left that it refused."""
        if (controller, key) in self._unwritten:
            self._unwritten.discard((controller, key))
            if not self._unwritten:
                self._store_fails("", None)

    async def _refresh(self, kind: type[Resource], queue: Queue, key: Key) -> None:
        """After a conflict: somebody was faster; decide again as soon as the news is here."""
        before = self.view.get(kind, key)
        try:
            newest = await self._store.get(self._read_as(kind), key)
        except NotFound:
            queue.forget(key)
            return
        except StoreProblem:
            queue.failed(key)
            return
        self.view.observe(Change.MODIFIED, newest)
        if self.view.get(kind, key) is before:
            queue.failed(key)  # the conflict was about something else: do not spin
        else:
            queue.add(key)

    async def _reconcile(
        self, controller: Controller[Any], queue: Queue, key: Key
    ) -> tuple[Outcome, Problem | None]:
        try:
            return await controller.reconcile(self.view, key), None
        except StoreProblem:
            raise
        except Problem as problem:
            if isinstance(problem, Retryable) and problem.not_before is None:
                # planned before it is told of, so that people can read when
                problem.planned = queue.plan(key, ISSUANCE[problem.cause])
            resource = self.view.get(controller.kind, key)
            if resource is None:
                return DONE, problem
            return controller.failed(resource, problem, self._clock.now()), problem

    async def _write_quietly(
        self, kind: type[Resource], seen: Resource | None, outcome: Outcome
    ) -> None:
        """Write, and keep our own note of a pause from ending the pause.

        A reconcile that wants to wait, or failed, writes its reason into the status; that write
        must not wake the key at once. What others write in the meantime must.
        """
        if seen is None:
            return
        name = (kind, seen.key)
        observed = self._pausing[name] = set()
        own: set[str] = set()
        try:
            own = await self._write(kind, seen, outcome)
        finally:
            del self._pausing[name]
            if observed - own:
                self._awaken(kind, seen.key)

    def _awaken(self, kind: type[Resource], key: Key) -> None:
        for controller in self._controllers:
            if controller.kind is kind:
                self._queues[controller.name].add(key)

    def _schedule(self, queue: Queue, key: Key, outcome: Outcome, problem: Problem | None) -> None:
        if isinstance(problem, Retryable) and outcome.again_at in (None, problem.planned):
            moment = problem.not_before or problem.planned
            if moment is not None:
                queue.add_at(key, moment)
            return
        queue.forget(key)
        moment = outcome.again_at
        if moment is None and isinstance(problem, Waiting) and problem.again_after is not None:
            moment = self._clock.now() + problem.again_after
        if moment is None:
            queue.cancel(key)
        else:
            queue.add_at(key, moment)

    # outcomes → writes

    async def _write(
        self, kind: type[Resource], seen: Resource | None, outcome: Outcome
    ) -> set[str]:
        """Write an outcome that was decided on `seen`; return the versions that came of it.

        Raises:
            Conflict: the status is not the one that was seen any more.
        """
        resource = self.view.get(kind, seen.key) if seen is not None else None
        if seen is None or resource is None or resource.metadata.uid != seen.metadata.uid:
            return set()
        versions: set[str] = set()
        if outcome.annotations:
            resource = await self._annotate(resource, outcome)
            versions.add(resource.metadata.resource_version)
        if outcome.status is not None:
            before = to_wire(getattr(seen, "status"))  # noqa: B009  # not every kind has one
            if before != to_wire(getattr(resource, "status")):  # noqa: B009  # as above
                raise Conflict("Conflict", f"the status of {seen.key} has changed meanwhile")
            patch = merge_diff(before, to_wire(outcome.status))
            if patch:
                resource = await self.view.patch_status(resource, patch, manager=outcome.manager)
                versions.add(resource.metadata.resource_version)
        await self._recorder.record(outcome.events, resource)
        return versions

    async def _annotate(self, resource: R, outcome: Outcome) -> R:
        known = resource.metadata.annotations
        news = {name: text for name, text in outcome.annotations.items() if known.get(name) != text}
        if not news:
            return resource
        patch = {"metadata": {"annotations": news}}
        return await self.view.patch(resource, patch, manager=outcome.manager or "certwright")
