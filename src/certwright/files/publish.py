"""Keeps OUT equal to the target Secrets, and runs the hook after changes.

Level-based like a controller: any change of a Certificate, a Secret or an issuer makes the Secrets
concerned dirty; one worker brings them out, another runs the hook for all that is pending. A
Secret that a CA issuer signs with never leaves, even where a Certificate made it.
"""

import asyncio
from collections import Counter
from collections.abc import Coroutine
from datetime import timedelta
from random import Random

import structlog

from certwright.api.certificate import Certificate
from certwright.api.core import Secret
from certwright.api.issuer import ClusterIssuer, Issuer
from certwright.api.meta import Key, Resource
from certwright.base.backoff import Schedule
from certwright.base.clock import Clock, whole_seconds
from certwright.base.evidence import printable
from certwright.base.problem import Problem
from certwright.files.export import Export
from certwright.files.hooks import Hook, HookEnded, Runner
from certwright.files.report import HookReport, Reporter
from certwright.store.protocol import Change, Gone, NotFound, Store

log = structlog.get_logger(__name__)

RETRY = Schedule(timedelta(seconds=2), timedelta(minutes=5))
"""A hook that failed."""

WRITE_AGAIN = Schedule(timedelta(seconds=2), timedelta(seconds=8))
"""A write to OUT that failed: trying costs nothing, and who made room waits for it."""

_WATCHED: tuple[type[Resource], ...] = (Certificate, Secret, Issuer, ClusterIssuer)


class Names:
    """Secrets by the resource that names them, and how often each is named."""

    def __init__(self) -> None:
        self._named: dict[tuple[type[Resource], Key], Key] = {}
        self._count: Counter[Key] = Counter()

    def __contains__(self, secret: Key) -> bool:
        return self._count[secret] > 0

    def name(self, by: Resource, secret: Key | None) -> tuple[Key, ...]:
        """Note which Secret a resource names (None: none); return those whose naming changed."""
        at = (type(by), by.key)
        before = self._named.pop(at, None)
        if before is not None:
            self._count[before] -= 1
        if secret is not None:
            self._named[at] = secret
            self._count[secret] += 1
        return tuple(one for one in (before, secret) if one is not None)

    def forget(self, kind: type[Resource]) -> None:
        """Drop what resources of one kind named, before a new listing of them."""
        for at in [at for at in self._named if at[0] is kind]:
            self._count[self._named.pop(at)] -= 1


class Publisher:
    """Secrets of a store into an `Export`, with an optional hook."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        export: Export,
        reporter: Reporter,
        cluster_namespace: str,
        random: Random,
    ) -> None:
        self._store = store
        self._clock = clock
        self._export = export
        self._reporter = reporter
        self._cluster_namespace = cluster_namespace
        self._random = random
        self._targets = Names()
        self._signing = Names()
        self._dirty: dict[Key, None] = {}
        self._woken = asyncio.Event()
        self._changed = asyncio.Event()

    @property
    def export(self) -> Export:
        """The folder that is written to; hold it (`Export.locked`) while this runs."""
        return self._export

    async def run(self, hook: Hook | None, runner: Runner) -> None:
        """Publish until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for kind in _WATCHED:
                tasks.create_task(self._watch(kind), name=f"publish {kind.__name__}")
            tasks.create_task(self._write_dirty(), name="publish")
            if hook is not None:
                tasks.create_task(self._run_hook(hook, runner), name="hook")

    async def _watch(self, kind: type[Resource]) -> None:
        version = await self._list(kind)
        while True:
            try:
                async for event in self._store.watch(kind, since=version):
                    version = event.version
                    if event.resource is not None:
                        self._observe(event.resource, gone=event.change is Change.DELETED)
            except Gone:
                version = await self._list(kind)

    async def _list(self, kind: type[Resource]) -> str:
        listing = await self._store.list(kind)
        self._targets.forget(kind)
        self._signing.forget(kind)
        for resource in listing.items:
            self._observe(resource, gone=False)
        return listing.version

    def _observe(self, resource: Resource, *, gone: bool) -> None:
        if isinstance(resource, Secret):
            self._soil(resource.key)
            return
        names = self._targets if isinstance(resource, Certificate) else self._signing
        secret = None if gone else self._secret_named_by(resource)
        for touched in names.name(resource, secret):
            self._soil(touched)

    def _secret_named_by(self, resource: Resource) -> Key | None:
        if isinstance(resource, Certificate):
            return Key(resource.metadata.namespace, resource.spec.secret_name)
        if isinstance(resource, Issuer | ClusterIssuer) and resource.spec.ca is not None:
            namespace = resource.metadata.namespace or self._cluster_namespace
            return Key(namespace, resource.spec.ca.secret_name)
        return None

    def _soil(self, secret: Key) -> None:
        self._dirty[secret] = None
        self._woken.set()

    async def _write_dirty(self) -> None:
        failures: dict[Key, int] = {}
        while True:
            self._woken.clear()
            batch, self._dirty = tuple(self._dirty), {}
            wanted = [key for key in batch if key in self._targets and key not in self._signing]
            for key in wanted:
                await self._write(key, failures)
            for key in set(batch).difference(wanted):
                failures.pop(key, None)
            if not failures:
                self._reporter.update(export_next=None)
                await self._woken.wait()
                continue
            delay = WRITE_AGAIN.delay(max(failures.values()), self._random.random())
            self._reporter.update(export_next=whole_seconds(self._clock.now() + delay))
            await _first(self._woken.wait(), self._clock.sleep(delay))
            self._dirty.update(dict.fromkeys(failures))

    async def _write(self, key: Key, failures: dict[Key, int]) -> None:
        try:
            secret = await self._store.get(Secret, key)
            changed = await asyncio.to_thread(self._export.write, secret)
        except NotFound:
            failures.pop(key, None)
            return
        except (OSError, Problem) as error:
            failures[key] = failures.get(key, 0) + 1
            words = printable(error.message if isinstance(error, Problem) else str(error))
            log.warning("not exported", secret=str(key), problem=words)
            self._reporter.update(exports={**self._reporter.report.exports, str(key): words})
            return
        failures.pop(key, None)
        if str(key) in self._reporter.report.exports:
            rest = {k: v for k, v in self._reporter.report.exports.items() if k != str(key)}
            self._reporter.update(exports=rest)
        if changed:
            log.info("exported", secret=str(key))
            self._changed.set()

    async def _run_hook(self, hook: Hook, runner: Runner) -> None:
        failures = 0
        while True:
            self._changed.clear()
            pending = await asyncio.to_thread(self._export.pending)
            if not pending:
                await self._changed.wait()
                continue
            ended = await _run(hook, runner, pending)
            if isinstance(ended, HookEnded) and ended.succeeded:
                failures = 0
                log.info("hook", secrets=[str(key) for key in pending], output=ended.output)
                await asyncio.to_thread(self._export.settled, pending)
                self._reporter.update(hook=HookReport())
                continue
            failures += 1
            delay = RETRY.delay(failures, self._random.random())
            log.error("hook", secrets=[str(key) for key in pending], problem=str(ended))
            self._reporter.update(
                hook=HookReport(
                    failures=failures,
                    message=printable(str(ended)),
                    next_attempt=self._clock.now() + delay,
                )
            )
            await _first(self._changed.wait(), self._clock.sleep(delay))


async def _run(
    hook: Hook, runner: Runner, pending: tuple[Key, ...]
) -> HookEnded | Problem | OSError:
    try:
        return await hook.run(runner, pending)
    except (OSError, Problem) as error:
        return error


async def _first(*waits: Coroutine[None, None, object]) -> None:
    tasks = {asyncio.ensure_future(wait) for wait in waits}
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
