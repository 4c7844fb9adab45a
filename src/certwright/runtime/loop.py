"""The loop: watches become keys, keys become reconciles, outcomes become writes.

Level-based: a reconcile never learns which event woke it. Only this module writes conditions,
events and back-off, so conflicts, no-op detection and failures are handled in one place.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import datetime
from random import Random
from typing import Any, Generic, TypeVar

import structlog
from msgspec import Struct

from certwright.api.core import Secret
from certwright.api.kinds import to_wire
from certwright.api.meta import Key, Resource
from certwright.api.patch import merge_diff
from certwright.api.secret import SecretSummary
from certwright.base.backoff import ISSUANCE, RECONCILE
from certwright.base.clock import Clock
from certwright.base.problem import Problem, Retryable, Waiting
from certwright.runtime.cache import Cache, Index, Observed
from certwright.runtime.events import Recorder
from certwright.runtime.outcome import DONE, Outcome
from certwright.runtime.queue import Queue
from certwright.runtime.view import View
from certwright.store.protocol import Change, Conflict, Gone, NotFound, Store, StoreProblem

R = TypeVar("R", bound=Resource)

log = structlog.get_logger(__name__)


class Watch(Struct, frozen=True):
    """Changes of `kind` (as kept: SecretSummary for Secrets) wake the keys that `keys` finds."""

    kind: type[Resource]
    keys: Callable[[View, Any], Iterable[Key]]


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
    """

    name: str
    kind: type[R]
    reconcile: Callable[[View, Key], Awaitable[Outcome]]
    failed: Callable[[R, Problem, datetime], Outcome]
    watches: tuple[Watch, ...] = ()
    limit: int = 50


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
    ) -> None:
        self._store = store
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
        self._queues = {one.name: Queue(clock, random.random) for one in controllers}
        self._pausing: set[tuple[type[Resource], Key]] = set()
        self._syncing = True
        self.view.listen(self._wake)

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
            versions = {kind: await self._list(kind) for kind in self._kinds}
            self._syncing = False
            for kind, version in versions.items():
                tasks.create_task(self._watch(kind, version), name=f"watch {kind.__name__}")
            for controller in self._controllers:
                queue = self._queues[controller.name]
                tasks.create_task(queue.run_timers(), name=f"timers {controller.name}")
                tasks.create_task(self._work(controller, queue), name=controller.name)

    # watches → keys

    async def _list(self, kind: type[Resource]) -> str:
        listing = await self._store.list(_stored(kind))
        self.view.observe_all(_stored(kind), listing.items)
        return listing.version

    async def _watch(self, kind: type[Resource], version: str) -> None:
        while True:
            try:
                async for event in self._store.watch(_stored(kind), since=version):
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
            for watch in controller.watches:
                if watch.kind is kind:
                    for key in self._keys(watch, seen):
                        queue.add(key, background=self._syncing)

    def _is_own_pause(self, kind: type[Resource], seen: Observed[Any]) -> bool:
        if (kind, seen.resource.key) not in self._pausing:
            return False
        before, after = seen.before, seen.after
        return (
            before is not None
            and after is not None
            and before.metadata.generation == after.metadata.generation
            and before.metadata.deleting == after.metadata.deleting
        )

    def _keys(self, watch: Watch, seen: Observed[Any]) -> Iterable[Key]:
        both = (one for one in (seen.before, seen.after) if one is not None)
        return dict.fromkeys(key for one in both for key in watch.keys(self.view, one))

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
        try:
            outcome, problem = await self._reconcile(controller, key)
            pausing = problem is not None or outcome.again_at is not None
            with self._quiet(controller, key) if pausing else nullcontext():
                await self._write(controller.kind, key, outcome)
        except Conflict:
            queue.add(key)  # somebody was faster: the newer state will be there
        except NotFound:
            queue.forget(key)
        except StoreProblem as refused:
            log.warning("store", controller=controller.name, key=str(key), problem=refused.message)
            queue.failed(key)
        except Exception:
            log.exception("bug", controller=controller.name, key=str(key))
            queue.failed(key)
        else:
            self._schedule(queue, key, outcome, problem)
        finally:
            queue.done(key)

    async def _reconcile(
        self, controller: Controller[Any], key: Key
    ) -> tuple[Outcome, Problem | None]:
        try:
            return await controller.reconcile(self.view, key), None
        except StoreProblem:
            raise
        except Problem as problem:
            resource = self.view.get(controller.kind, key)
            if resource is None:
                return DONE, problem
            return controller.failed(resource, problem, self._clock.now()), problem

    @contextmanager
    def _quiet(self, controller: Controller[Any], key: Key) -> Iterator[None]:
        """Keep our own note of a pause from ending the pause.

        A reconcile that wants to wait, or failed, writes its reason into the status; that write
        must not wake the key at once. Writes of others in the meantime make ours a conflict.
        """
        self._pausing.add((controller.kind, key))
        try:
            yield
        finally:
            self._pausing.discard((controller.kind, key))

    def _schedule(self, queue: Queue, key: Key, outcome: Outcome, problem: Problem | None) -> None:
        if isinstance(problem, Retryable) and outcome.again_at is None:
            if problem.not_before is not None:
                queue.add_at(key, problem.not_before)
            else:
                queue.failed(key, ISSUANCE[problem.cause])
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

    async def _write(self, kind: type[Resource], key: Key, outcome: Outcome) -> None:
        resource = self.view.get(kind, key)
        if resource is None:
            return
        if outcome.annotations:
            resource = await self._annotate(resource, outcome)
        if outcome.status is not None:
            before = to_wire(getattr(resource, "status"))  # noqa: B009  # not every kind has one
            patch = merge_diff(before, to_wire(outcome.status))
            if patch:
                await self.view.patch_status(resource, patch, manager=outcome.manager)
        await self._recorder.record(outcome.events, resource)

    async def _annotate(self, resource: R, outcome: Outcome) -> R:
        known = resource.metadata.annotations
        news = {name: text for name, text in outcome.annotations.items() if known.get(name) != text}
        if not news:
            return resource
        patch = {"metadata": {"annotations": news}}
        return await self.view.patch(resource, patch, manager=outcome.manager or "certwright")


def _stored(kind: type[Resource]) -> type[Resource]:
    return Secret if kind is SecretSummary else kind
