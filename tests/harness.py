"""Runs controllers over a store, to rest, under a clock that only the test moves."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from random import Random
from typing import Any, TypeVar

from certwright.acme.jws import AccountKey
from certwright.api.core import Event, EventType
from certwright.api.meta import Key, Resource
from certwright.api.solver import DNS01
from certwright.base.clock import Clock
from certwright.controllers.indexes import INDEXES
from certwright.controllers.options import Options
from certwright.controllers.world import World
from certwright.issuers.accounts import Accounts, AcmeClient, Identity
from certwright.pki.keys import Algorithm, PrivateKey, generate_key
from certwright.runtime.loop import Controller, Runtime
from certwright.solvers.protocol import Solver
from certwright.solvers.provider import Credentials
from certwright.store.protocol import NotFound, Store
from tests.fakes.clock import FakeClock

R = TypeVar("R", bound=Resource)

_QUIET_ROUNDS = 8
"""Round trips to the store in which nothing may happen before all is called at rest."""


class Running:
    """Controllers at work; `store` is how the test looks and writes, as a user would."""

    def __init__(
        self, runtime: Runtime, store: Store, clock: FakeClock, *, task: asyncio.Task[None]
    ) -> None:
        self.runtime = runtime
        self.task = task
        self.store = store
        self.clock = clock

    async def rest(self) -> None:
        """Wait until nothing is queued or worked on, and the store has told all it knows."""
        async with asyncio.timeout(20):
            quiet = 0
            while quiet < _QUIET_ROUNDS:
                if self.task.done():
                    self.task.result()  # raises what ended it
                quiet = quiet + 1 if self.runtime.at_rest else 0
                await self.store.list(Event, namespace="nowhere")

    async def advance(self, span: timedelta) -> None:
        """Move the clock, and come to rest."""
        self.clock.advance(span)
        await self.rest()

    async def create(self, resource: R) -> R:
        """Write as a user, and come to rest."""
        created = await self.store.create(resource, manager="user")
        await self.rest()
        return created

    async def patch(self, kind: type[R], name: str, patch: dict[str, Any]) -> None:
        """Edit as a user, and come to rest."""
        await self.store.patch(kind, Key("default", name), patch, manager="user")
        await self.rest()

    async def delete(self, kind: type[R], name: str) -> None:
        """Delete as a user, and come to rest."""
        await self.store.delete(kind, Key("default", name))
        await self.rest()

    async def get(self, kind: type[R], name: str) -> R:
        return await self.store.get(kind, Key("default", name))

    async def find(self, kind: type[R], name: str) -> R | None:
        try:
            return await self.get(kind, name)
        except NotFound:
            return None

    async def names(self, kind: type[Resource]) -> list[str]:
        return sorted(one.metadata.name for one in (await self.store.list(kind)).items)

    async def events(self) -> list[tuple[str, str]]:
        """Return (reason, message) of all events, in the order in which they were told."""
        return [(one.reason, one.message) for one in await self._told()]

    async def warnings(self) -> list[tuple[str, str]]:
        told = await self._told()
        return [(one.reason, one.message) for one in told if one.type is EventType.WARNING]

    async def _told(self) -> list[Event]:
        events = (await self.store.list(Event)).items
        return sorted(events, key=lambda one: int(one.metadata.resource_version))


@asynccontextmanager
async def running(
    controllers: Sequence[Controller[Any]],
    store: Store,
    clock: FakeClock,
    *,
    user: Store | None = None,
    rests: bool = True,
) -> AsyncIterator[Running]:
    """Run controllers until the end of the block, from rest.

    `user` is the store as the test sees it, where the controllers' own is a recording one. One
    that dies never rests.
    """
    runtime = Runtime(store, clock, controllers=controllers, indexes=INDEXES, random=Random(1))
    task = asyncio.create_task(runtime.run())
    try:
        world = Running(runtime, user or store, clock, task=task)
        if rests:
            await world.rest()
        yield world
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def a_world(
    clock: Clock,
    *,
    accounts: Accounts | None = None,
    build_solver: Callable[[DNS01, Credentials], Solver] | None = None,
    **options: Any,
) -> World:
    """Return what controllers are handed in tests: chance is seeded, keys are made at once."""
    return World(
        clock=clock,
        options=Options(**options),
        random=Random(1),
        make_key=_make_key,
        accounts=accounts or NoAccounts(),
        build_solver=build_solver or _no_solver,
    )


class NoAccounts:
    """There is no ACME server in this test."""

    def known(self, _identity: Identity, /) -> AcmeClient | None:
        return None

    def open(self, identity: Identity, key: AccountKey, account_url: str = "") -> AcmeClient:
        raise AssertionError(f"a test without ACME asked for {(identity, key, account_url)}")

    def forget(self, issuer_uid: str) -> None:
        """Nothing is remembered."""


async def _make_key(algorithm: Algorithm, size: int) -> PrivateKey:
    return generate_key(algorithm, size)


def _no_solver(_config: DNS01, _credentials: Credentials) -> Solver:
    raise AssertionError("a test without DNS asked for a solver")
