"""One actor at a time: the lease that certwright and cert-manager share."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import pytest
from msgspec.structs import replace

from certwright.api.lease import Lease, LeaseSpec, micro_time
from certwright.api.meta import Key, ObjectMeta
from certwright.base.problem import Stalled
from certwright.runtime.leader import NAME, Election, Lead, LeaseLost
from certwright.store.protocol import Store
from certwright.store.sqlite.store import SqliteStore
from tests.fakes.clock import START, FakeClock

ELECTION = Election(identity="one-external-cert-manager-controller")
OTHER = replace(ELECTION, identity="two-external-cert-manager-controller")
KEY = Key("kube-system", NAME)


@pytest.fixture
async def clock() -> FakeClock:
    return FakeClock(START)


@pytest.fixture
async def store(clock: FakeClock) -> AsyncIterator[Store]:
    async with SqliteStore.open(":memory:", clock=clock) as opened:
        yield opened


@asynccontextmanager
async def acquiring(lead: Lead) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(lead.acquire())
    yield task
    task.cancel()
    with suppress(asyncio.CancelledError, Stalled):
        await task


async def passes(store: Store, clock: FakeClock, seconds: int) -> None:
    """Let time pass second by second, and everybody do what he would do in it."""
    for _ in range(seconds):
        clock.advance(timedelta(seconds=1))
        for _ in range(4):
            await store.list(Lease)


async def cert_managers(store: Store, clock: FakeClock, namespace: str = "kube-system") -> None:
    """Write the lease as cert-manager's controller does."""
    spec = LeaseSpec(
        holder_identity="cert-manager-7d-external-cert-manager-controller",
        lease_duration_seconds=60,
        acquire_time=micro_time(clock.now()),
        renew_time=micro_time(clock.now()),
    )
    metadata = ObjectMeta(namespace=namespace, name=NAME)
    await store.create(Lease(metadata=metadata, spec=spec), manager="cert-manager")


async def test_the_first_one_leads_under_cert_managers_name(store: Store, clock: FakeClock) -> None:
    lead = Lead(store, clock, ELECTION)

    await lead.acquire()

    lead.check()
    lease = await store.get(Lease, KEY)
    assert lease.spec.holder_identity == ELECTION.identity
    assert lease.spec.lease_duration_seconds == 60
    assert lease.spec.renew_time == micro_time(clock.now())


@pytest.mark.parametrize("namespace", ["kube-system", "cert-manager"])
async def test_a_live_cert_manager_prevents_the_start_wherever_its_lease_is(
    store: Store, clock: FakeClock, namespace: str
) -> None:
    await cert_managers(store, clock, namespace)

    with pytest.raises(Stalled, match="cert-manager-7d-external") as refused:
        await Lead(store, clock, ELECTION).acquire()

    assert f"{namespace}/{NAME}" in refused.value.message
    assert "--replicas=0" in refused.value.remedy


async def test_a_lease_that_ran_out_elsewhere_prevents_nothing(
    store: Store, clock: FakeClock
) -> None:
    await cert_managers(store, clock, "cert-manager")
    await passes(store, clock, 61)

    await Lead(store, clock, ELECTION).acquire()


async def test_certwrights_of_two_namespaces_work_beside_each_other(
    store: Store, clock: FakeClock
) -> None:
    one, two = (
        Lead(store, clock, replace(ELECTION, namespace=name, serves=name)) for name in ("a", "b")
    )
    await one.acquire()

    await two.acquire()

    with pytest.raises(Stalled, match="holds the lease a/"):
        await Lead(store, clock, ELECTION).acquire()


async def test_a_standby_takes_over_when_the_lease_is_released(
    store: Store, clock: FakeClock
) -> None:
    first, second = Lead(store, clock, ELECTION), Lead(store, clock, OTHER)
    await first.acquire()

    async with acquiring(second) as waiting:
        await passes(store, clock, 16)
        assert not waiting.done()
        await first.release()
        await passes(store, clock, 16)

        assert waiting.done()
    second.check()
    with pytest.raises(LeaseLost):
        first.check()


async def test_a_standby_waits_the_whole_duration_by_its_own_clock_when_the_leader_is_silent(
    store: Store, clock: FakeClock
) -> None:
    first, second = Lead(store, clock, ELECTION), Lead(store, clock, OTHER)
    await first.acquire()

    async with acquiring(second) as waiting:
        await passes(store, clock, 59)
        assert not waiting.done()
        with pytest.raises(LeaseLost):
            first.check()
        await passes(store, clock, 17)

        assert waiting.done()


async def test_a_process_of_the_same_name_is_somebody_else(store: Store, clock: FakeClock) -> None:
    await Lead(store, clock, ELECTION).acquire()

    async with acquiring(Lead(store, clock, ELECTION)) as waiting:
        await passes(store, clock, 31)

        assert not waiting.done()


async def test_renewing_keeps_the_lease(store: Store, clock: FakeClock) -> None:
    lead = Lead(store, clock, ELECTION)
    await lead.acquire()

    keeping = asyncio.create_task(lead.keep())
    for _ in range(20):
        await passes(store, clock, 15)
        lead.check()

    keeping.cancel()


async def test_a_wall_clock_that_ran_on_alone_ends_the_lead(store: Store, clock: FakeClock) -> None:
    lead = Lead(store, clock, ELECTION)
    await lead.acquire()

    clock.step(timedelta(seconds=41))  # the machine slept: its monotonic clock stood still

    with pytest.raises(LeaseLost):
        lead.check()


async def test_a_wall_clock_that_was_set_back_keeps_nobody_in_the_lead(
    store: Store, clock: FakeClock
) -> None:
    lead = Lead(store, clock, ELECTION)
    await lead.acquire()

    clock.step(timedelta(hours=-1))
    await passes(store, clock, 41)

    with pytest.raises(LeaseLost):
        lead.check()


async def test_a_lease_that_somebody_took_is_lost(store: Store, clock: FakeClock) -> None:
    lead = Lead(store, clock, ELECTION)
    await lead.acquire()
    taken = {"spec": {"holderIdentity": "somebody"}}
    await store.patch(Lease, KEY, taken, manager="test")

    keeping = asyncio.create_task(lead.keep())
    await passes(store, clock, 16)

    with pytest.raises(LeaseLost):
        await keeping


async def test_a_label_that_somebody_put_on_the_lease_does_no_harm(
    store: Store, clock: FakeClock
) -> None:
    lead = Lead(store, clock, ELECTION)
    await lead.acquire()
    await store.patch(Lease, KEY, {"metadata": {"labels": {"a": "b"}}}, manager="test")

    keeping = asyncio.create_task(lead.keep())
    for _ in range(6):
        await passes(store, clock, 15)

    lead.check()
    keeping.cancel()


async def test_a_deleted_lease_is_lost(store: Store, clock: FakeClock) -> None:
    lead = Lead(store, clock, ELECTION)
    await lead.acquire()
    await store.delete(Lease, KEY)

    keeping = asyncio.create_task(lead.keep())
    await passes(store, clock, 16)

    with pytest.raises(LeaseLost):
        await keeping
