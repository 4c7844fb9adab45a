"""Follows folders for as long as the process lives, and reports what cannot be followed."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

import structlog

from certwright.base.backoff import RECONCILE
from certwright.base.clock import Clock
from certwright.files.directory import Directory
from certwright.files.report import Reporter
from certwright.store.protocol import StoreProblem

if TYPE_CHECKING:
    from certwright.files.plan import Plan

log = structlog.get_logger(__name__)


class Follower:
    """Several folders, one report."""

    def __init__(
        self, directories: Sequence[Directory], clock: Clock, *, reporter: Reporter
    ) -> None:
        self._directories = directories
        self._clock = clock
        self._reporter = reporter
        self._plans: dict[int, Plan] = {}
        self._told: set[str] = set()

    async def sync(self) -> None:
        """Follow every folder once; before the controllers start, so that they see what is."""
        for directory in self._directories:
            await self._sync(directory)

    async def run(self) -> None:
        """Follow changes until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for directory in self._directories:
                tasks.create_task(self._follow(directory), name="follow")

    async def _follow(self, directory: Directory) -> None:
        failures = 0
        while True:
            await directory.changes()
            try:
                await self._sync(directory)
                failures = 0
            except StoreProblem as problem:
                failures += 1
                log.warning("folder not followed", problem=problem.message)
                await self._clock.sleep(RECONCILE.delay(failures))

    async def _sync(self, directory: Directory) -> None:
        self._plans[id(directory)] = await directory.sync()
        plans = tuple(self._plans.values())
        errors = tuple(str(error) for plan in plans for error in plan.errors)
        held = [f"{kind} {key}" for plan in plans for kind, key in plan.held]
        because = "; ".join(plan.held_because for plan in plans if plan.held_because)
        self._tell({*errors, *([f"nothing is deleted: {because}"] if because else [])})
        self._reporter.update(manifests=errors, held=tuple(held), held_because=because)

    def _tell(self, words: set[str]) -> None:
        for line in sorted(words - self._told):
            log.error("manifest", problem=line)
        self._told = words
