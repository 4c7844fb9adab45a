"""The product in a cluster: the same controllers over an API server, and never two of them at once.

Beside `app` the only place that wires objects. Whatever goes out, be it to the API server, a CA or
a name server, asks the lease first (`runtime.leader`).
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from random import SystemRandom

import structlog
from msgspec import Struct
from msgspec.structs import replace

from certwright.app import (
    Seams,
    build_controllers,
    build_world,
    places,
    real_seams,
    running_beside,
)
from certwright.base.clock import Clock, SystemClock
from certwright.base.problem import Problem, Stalled
from certwright.base.reason import Reason
from certwright.controllers.indexes import INDEXES
from certwright.controllers.names import CHALLENGES, ORDERS
from certwright.controllers.unserved import UNSERVED_KINDS, leaving_alone, list_unserved
from certwright.dns.permit import PermittedNetwork
from certwright.kube.config import Config
from certwright.kube.leftovers import Leftover, find_leftovers
from certwright.kube.pace import Pace
from certwright.kube.plugin import ProcessExecRunner
from certwright.kube.rest import Rest
from certwright.net.permit import Permit, PermittedHttp, PermittedLink
from certwright.net.stream import Channel, Link, Tls
from certwright.runtime.cache import Cache
from certwright.runtime.counts import Counts
from certwright.runtime.health import Health
from certwright.runtime.leader import Lead, LeaseLost
from certwright.runtime.loop import Runtime
from certwright.runtime.metrics import Metrics
from certwright.runtime.observe import LookingStore
from certwright.runtime.view import View
from certwright.settings import ClusterSettings, environment
from certwright.store.kube import KubeStore
from certwright.store.protocol import Store
from certwright.web.routes import serving

_TICK_SECONDS = 1.0
_REST = timedelta(milliseconds=50)
_MOST_NAMED = 10
_OUTSIDE = frozenset({"issuers", "clusterissuers", ORDERS, CHALLENGES})
"""Controllers that begin with a question to a CA or a name server."""

log = structlog.get_logger(__name__)


class Cluster(Struct, frozen=True, kw_only=True):
    """The running product."""

    store: Store
    view: View
    runtime: Runtime
    lead: Lead | None


class Findings(Struct, frozen=True, kw_only=True):
    """What was seen without touching anything, one line each."""

    unserved: tuple[str, ...]
    changes: tuple[str, ...]
    leftovers: tuple[Leftover, ...]


@asynccontextmanager
async def started_on_cluster(
    settings: ClusterSettings,
    clock: Clock | None = None,
    seams: Seams | None = None,
    *,
    lost: Callable[[Problem], None] | None = None,
) -> AsyncIterator[Cluster]:
    """Run the product until the end of the block, which begins when this process leads.

    `lost` is called, in the middle of whatever happens, when the lease is; it should end the
    process, since a request that is being sent cannot be taken back otherwise.

    Raises:
        Stalled: somebody else works on these objects, or there are some that are not served.
        LeaseLost: within the block.
    """
    clock, seams = clock or SystemClock(), seams or real_seams(settings)
    async with AsyncExitStack() as stack:
        plain = await _store(stack, settings, clock, seams, permit=None)
        await _look_around(settings, clock, seams)
        lead = Lead(plain, clock, settings.election) if settings.election is not None else None
        permit: Permit = lead.check if lead is not None else _always
        counts, health = Counts(), _health(settings, clock)
        metrics = Metrics(counts, clock)
        await stack.enter_async_context(serving(places(settings), metrics, health))
        if lead is not None:
            health.lead_by(lead)
            await lead.acquire()
            stack.push_async_callback(lead.release)
            stack.callback(_watch_over(lead, lost or _log_loss))
        store = await _store(stack, settings, clock, seams, permit=permit)
        guarded = _guarded(seams, permit)
        runtime = await _build_runtime(settings, clock, guarded, store, stack=stack, counts=counts)
        metrics.show(runtime.view)
        health.work_by(runtime)
        jobs = [runtime.run, *([lead.keep] if lead is not None else [])]
        await stack.enter_async_context(running_beside(jobs))
        yield Cluster(store=store, view=runtime.view, runtime=runtime, lead=lead)


async def observe(
    settings: ClusterSettings, clock: Clock | None = None, seams: Seams | None = None
) -> Findings:
    """Look at everything once, write nothing, take no lease, ask no CA and no name server."""
    clock, seams = clock or SystemClock(), seams or real_seams(settings)
    async with AsyncExitStack() as stack:
        plain = await _store(stack, settings, clock, seams, permit=_never)
        looking = LookingStore(plain)
        seams = _guarded(seams, _never)
        served = settings.options.controllers - _OUTSIDE
        settings = replace(settings, options=replace(settings.options, controllers=served))
        counts = Counts()
        runtime = await _build_runtime(settings, clock, seams, looking, stack=stack, counts=counts)
        await stack.enter_async_context(running_beside([runtime.run]))
        while not runtime.at_rest:
            await clock.sleep(_REST)
        unserved = tuple(list_unserved(runtime.view))
        changes = tuple(map(str, looking.intentions))
    return Findings(unserved=unserved, changes=changes, leftovers=await _leftovers(settings, clock))


@asynccontextmanager
async def reaching(config: Config) -> AsyncIterator[Store]:
    """Use a cluster's API server as a person does, by a command."""
    rest = Rest(config, SystemClock(), ProcessExecRunner(environment()))
    async with KubeStore.open(rest, random=SystemRandom()) as store:
        yield store


async def _look_around(settings: ClusterSettings, clock: Clock, seams: Seams) -> None:
    """Name what would stop us, before anybody is told that we lead."""
    for one in await _leftovers(settings, clock):
        log.warning("left behind by cert-manager", found=one.text, command=one.command)
    async with AsyncExitStack() as stack:
        store = await _store(stack, settings, clock, seams, permit=_never)
        view = View(store, Cache(UNSERVED_KINDS, ()))
        for kind in UNSERVED_KINDS:
            view.observe_all(kind, (await store.list(kind)).items)
        unserved = tuple(list_unserved(view))
    if not unserved:
        return
    if not settings.allow_unserved:
        raise _unserved(unserved)
    for line in unserved:
        log.warning("left alone", found=line)


def _unserved(lines: tuple[str, ...]) -> Stalled:
    named = "; ".join(lines[:_MOST_NAMED])
    more = f"; and {len(lines) - _MOST_NAMED} more" if len(lines) > _MOST_NAMED else ""
    return Stalled(
        Reason.NOT_SERVED,
        f"{len(lines)} objects here are not served yet: {named}{more}",
        remedy="See all of them with --observe; --allow-unserved leaves them alone and serves the"
        " rest.",
    )


async def _leftovers(settings: ClusterSettings, clock: Clock) -> tuple[Leftover, ...]:
    rest = _rest(settings, clock, permit=_never)
    try:
        return await find_leftovers(rest)
    finally:
        await rest.aclose()


def _health(settings: ClusterSettings, clock: Clock) -> Health:
    if settings.election is None:
        return Health(clock)
    longest = settings.election.lease_duration + settings.health_timeout
    return Health(clock, longest_silence=longest)


async def _build_runtime(
    settings: ClusterSettings,
    clock: Clock,
    seams: Seams,
    store: Store,
    *,
    stack: AsyncExitStack,
    counts: Counts,
) -> Runtime:
    world = await build_world(settings, clock, seams, stack=stack, counts=counts)
    runtime = Runtime(
        store,
        clock,
        controllers=leaving_alone(build_controllers(world)),
        indexes=INDEXES,
        random=seams.random,
        longest_nap=seams.longest_nap,
    )
    runtime.count_in(counts)
    return runtime


async def _store(
    stack: AsyncExitStack,
    settings: ClusterSettings,
    clock: Clock,
    seams: Seams,
    *,
    permit: Permit | None,
) -> KubeStore:
    rest = _rest(settings, clock, permit=permit)
    # leases are looked for everywhere, all else where we work
    namespace = settings.namespace if permit is not None else ""
    return await stack.enter_async_context(
        KubeStore.open(rest, random=seams.random, namespace=namespace)
    )


def _rest(settings: ClusterSettings, clock: Clock, *, permit: Permit | None) -> Rest:
    pace = None
    if settings.requests_per_second:
        pace = Pace(clock, per_second=settings.requests_per_second, burst=settings.burst)

    def connect(server: str, tls: Tls, proxy: str) -> Link:
        channel = Channel(server, tls, proxy=proxy)
        return channel if permit is None else PermittedLink(channel, permit)

    runner = ProcessExecRunner(environment())
    return Rest(settings.config, clock, runner, pace=pace, connect=connect)


def _guarded(seams: Seams, permit: Permit) -> Seams:
    return replace(
        seams,
        network=PermittedNetwork(seams.network, permit),
        connect=lambda trust: PermittedHttp(seams.connect(trust), permit),
    )


def _always() -> None:
    """Let everything happen: nobody elects a leader."""


def _never() -> None:
    raise LeaseLost(Reason.NOT_LEADING, "this process only looks")


def _watch_over(lead: Lead, lost: Callable[[Problem], None]) -> Callable[[], None]:
    """Look at the lease every second, in the loop's own turn; returns what ends that.

    After the process was stopped for a while, timers come before the tasks that answers have
    woken: `lost` ends the process before any of them can send anything.
    """
    loop = asyncio.get_running_loop()
    handles: list[asyncio.TimerHandle] = []

    def tick() -> None:
        handles.clear()
        try:
            lead.check()
        except LeaseLost as problem:
            lost(problem)
        else:
            handles.append(loop.call_later(_TICK_SECONDS, tick))

    handles.append(loop.call_later(_TICK_SECONDS, tick))

    def stop() -> None:
        for handle in handles:
            handle.cancel()

    return stop


def _log_loss(problem: Problem) -> None:
    log.error("the lease is lost", problem=problem.message)
