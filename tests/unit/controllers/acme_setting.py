"""The setting of the issuers' tests: store, CA and zone in memory, and our controllers."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from certwright.api.issuer import Issuer, IssuerStatus
from certwright.api.kinds import to_wire
from certwright.api.meta import Condition, Resource
from certwright.api.order import Challenge, Order
from certwright.api.request import CertificateRequest, CertificateRequestStatus
from certwright.controllers.challenge import build_challenge_controller
from certwright.controllers.issuer import build_issuer_controllers
from certwright.controllers.order import build_order_controller
from certwright.controllers.request import build_request_controller
from certwright.store.sqlite.store import SqliteStore
from tests.acme_objects import a_csr, a_request, an_acme_issuer
from tests.fakes.acme import FakeAccounts, FakeCa
from tests.fakes.clock import FakeClock
from tests.fakes.inline import INLINE
from tests.fakes.solver import FakeDns
from tests.fakes.store import RecordingStore
from tests.harness import Running, a_world, running

NAME = "web-1"


class Scene(Struct, kw_only=True):
    """What a test looks at; `world` writes as a user and comes to rest."""

    clock: FakeClock
    ca: FakeCa
    dns: FakeDns
    store: RecordingStore
    world: Running

    async def request(self, name: str = NAME) -> CertificateRequest:
        return await self.world.get(CertificateRequest, name)

    async def order(self) -> Order:
        (order,) = (await self.world.store.list(Order)).items
        return order

    async def challenges(self) -> tuple[Challenge, ...]:
        return (await self.world.store.list(Challenge)).items

    async def reasons(self) -> list[str]:
        return [reason for reason, _ in await self.world.events()]

    async def issuer(self, name: str = "acme") -> Issuer:
        return await self.world.get(Issuer, name)

    async def ask(self, *names: str, name: str = NAME, **fields: Any) -> None:
        """Ask for a certificate of the ACME issuer and come to rest."""
        request = a_request(name, csr=a_csr(*names), conditions=(), **fields)
        await self.world.create(_new(request))

    async def wait(self, seconds: float) -> None:
        """Let time pass, timer by timer."""
        end = self.clock.now() + timedelta(seconds=seconds)
        while (due := self.world.runtime.next_due) is not None and due <= end:
            await self.world.advance(max(due - self.clock.now(), timedelta()))
        await self.world.advance(end - self.clock.now())


@asynccontextmanager
async def a_scene(
    *,
    resources: Sequence[Resource] | None = None,
    before: Any = None,
    store_type: type[RecordingStore] = RecordingStore,
    **options: Any,
) -> AsyncIterator[Scene]:
    """Run request, issuer, order and challenge controllers; an ACME issuer is registered first."""
    clock = FakeClock()
    ca, dns = FakeCa(clock=clock), FakeDns()
    async with SqliteStore.open(":memory:", clock=clock, tuning=INLINE) as inner:
        store = store_type(inner)
        if before is not None:
            before(ca, dns)
        for resource in (an_acme_issuer(),) if resources is None else resources:
            await inner.create(_new(resource), manager="user")
        async with process(clock, ca, dns, store=store, **options) as scene:
            yield scene


@asynccontextmanager
async def process(
    clock: FakeClock, ca: FakeCa, dns: FakeDns, *, store: RecordingStore, **options: Any
) -> AsyncIterator[Scene]:
    """Run the controllers over a store, as a new process."""
    world = a_world(clock, accounts=FakeAccounts(ca), build_solver=dns.build, **options)
    controllers = (
        build_request_controller(world),
        *build_issuer_controllers(world),
        build_order_controller(world),
        build_challenge_controller(world),
    )
    async with running(controllers, store, clock, user=store._inner) as works:
        yield Scene(clock=clock, ca=ca, dns=dns, store=store, world=works)


def _new(resource: Any) -> Any:
    """Take off what only a store gives."""
    metadata = replace(resource.metadata, uid="")
    if isinstance(resource, CertificateRequest):
        return replace(resource, metadata=metadata, status=CertificateRequestStatus())
    if isinstance(resource, Issuer):
        return replace(resource, metadata=metadata, status=IssuerStatus())
    return replace(resource, metadata=metadata)


async def set_condition(scene: Scene, condition: Condition, name: str = NAME) -> None:
    """Write a condition as an approver of the user's."""
    request = await scene.request(name)
    status = replace(request.status, conditions=(*request.status.conditions, condition))
    await scene.world.store.patch_status(
        CertificateRequest, request.key, to_wire(status), manager="user"
    )
    await scene.world.rest()


def condition_of(resource: Any, type_: str = "Ready") -> tuple[str, str, str]:
    """Status, reason and message of a condition."""
    found = next((one for one in resource.status.conditions if one.type == type_), None)
    return ("", "", "") if found is None else (found.status, found.reason, found.message)
