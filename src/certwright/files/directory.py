"""Manifests in: keeps the store equal to what a folder says, and says what it cannot follow.

Applied server-side under a manager of its own: a field taken out of a file goes, and what came
from the folder is known by its managed fields, also after a restart.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Protocol

import structlog
from watchfiles import awatch

from certwright.api.kinds import KINDS, Kind
from certwright.api.manifest import FOLDER_KINDS, Located, ManifestError, Parsed
from certwright.base.clock import Clock
from certwright.files.folder import Scan
from certwright.files.plan import Name, Plan, make_plan
from certwright.store.protocol import Conflict, Invalid, NotFound, Store

log = structlog.get_logger(__name__)

RESCAN = timedelta(seconds=30)
"""A scan without any notice, for file systems that give none."""
MISSING = timedelta(seconds=1)
"""Between looks for a folder that is not there."""
_AT_ONCE = 500
_DEBOUNCE_MS = 50
_KINDS: Mapping[str, Kind] = {kind.name: kind for kind in KINDS}


class Source(Protocol):
    """A folder that can be scanned; blocking."""

    @property
    def root(self) -> Path:
        """The folder."""

    def scan(self) -> Scan:
        """Say what is in it now."""


class Directory:
    """One folder's part of a store."""

    def __init__(self, source: Source, store: Store, clock: Clock, *, manager: str) -> None:
        self._source = source
        self._store = store
        self._clock = clock
        self._manager = manager
        self._known: dict[Name, None] | None = None
        self._applied: dict[Name, Located] = {}
        self._refused: dict[Name, tuple[ManifestError, ...]] = {}
        self._before: dict[str, Parsed] = {}

    async def look(self) -> Plan:
        """Scan once and say what would be done."""
        scan = await asyncio.to_thread(self._source.scan)
        return make_plan(scan, frozenset(await self._known_names()), before=self._before)

    async def sync(self, *, confirmed: bool = False) -> Plan:
        """Scan once and follow; the answer's errors include what the store refused.

        Raises:
            StoreProblem: the store failed; the next call tries again.
        """
        scan = await asyncio.to_thread(self._source.scan)
        known = frozenset(await self._known_names())
        plan = make_plan(scan, known, before=self._before, confirmed=confirmed)
        self._remember(scan)
        news = [one for one in plan.apply if self._applied.get(_name(one[1])) != one[1]]
        for start in range(0, len(news), _AT_ONCE):
            batch = news[start : start + _AT_ONCE]
            await asyncio.gather(*(self._apply(file, located) for file, located in batch))
        for name in plan.delete:
            await self._delete(name)
        wanted = {_name(located) for _, located in plan.apply}
        self._refused = {name: refused for name, refused in self._refused.items() if name in wanted}
        refused = tuple(error for errors in self._refused.values() for error in errors)
        return Plan(
            apply=tuple(news),
            delete=plan.delete,
            held=plan.held,
            held_because=plan.held_because,
            errors=(*plan.errors, *refused),
        )

    async def changes(self) -> None:
        """Wait until something in the folder may have changed."""
        stop = asyncio.Event()
        sleep = asyncio.ensure_future(self._clock.sleep(RESCAN))
        watch = asyncio.ensure_future(self._next_notice(stop))
        try:
            await asyncio.wait({sleep, watch}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stop.set()
            sleep.cancel()
            watch.cancel()
            with suppress(asyncio.CancelledError):
                await watch

    async def _next_notice(self, stop: asyncio.Event) -> None:
        if not self._source.root.is_dir():
            await self._clock.sleep(MISSING)  # nobody tells when it comes back
            return
        async for _ in awatch(
            self._source.root, stop_event=stop, debounce=_DEBOUNCE_MS, step=_DEBOUNCE_MS // 2
        ):
            return

    async def _known_names(self) -> dict[Name, None]:
        if self._known is None:
            self._known = {
                (_kind_name(type_), resource.key): None
                for type_ in FOLDER_KINDS
                for resource in (await self._store.list(type_)).items
                if any(one.manager == self._manager for one in resource.metadata.managed_fields)
            }
        return self._known

    def _remember(self, scan: Scan) -> None:
        if scan.failure:
            return
        good = {path: parsed for path, parsed in scan.files.items() if parsed.is_complete}
        there = scan.unreadable.union(scan.files)
        kept = {path: parsed for path, parsed in self._before.items() if path in there}
        self._before = kept | good

    async def _apply(self, file: str, located: Located) -> None:
        name = _name(located)
        try:
            await self._store.apply(
                located.kind.type,
                located.key,
                located.document,
                manager=self._manager,
                force=True,
            )
        except Invalid as refused:
            self._refused[name] = tuple(
                _refusal(file, located, field, rule) for field, rule in refused.violations
            ) or (_refusal(file, located, "", refused.message),)
            self._applied[name] = located
            return
        except Conflict:
            return  # somebody wrote at the same moment; the next scan comes back to it
        self._refused.pop(name, None)
        self._applied[name] = located
        (await self._known_names())[name] = None
        log.info("applied", kind=located.kind.name, object=str(located.key), file=file)

    async def _delete(self, name: Name) -> None:
        kind, key = name
        with suppress(NotFound):
            await self._store.delete(_KINDS[kind].type, key)
        self._applied.pop(name, None)
        (await self._known_names()).pop(name, None)
        log.info("deleted", kind=kind, object=str(key))


def _name(located: Located) -> Name:
    return (located.kind.name, located.key)


def _kind_name(type_: type) -> str:
    return next(kind.name for kind in KINDS if kind.type is type_)


def _refusal(file: str, located: Located, field: str, rule: str) -> ManifestError:
    return ManifestError(
        file=file,
        line=located.line,
        object=f"{located.kind.name} {located.key}",
        field=field,
        rule=rule,
    )
