"""Builds everything from `Settings` and runs it: the only place that wires objects.

`started` is the whole product on the embedded store. What touches the outside is in `Seams`, so the
lab, tests and proofs hand in their own clock, network, disk and processes.
"""

import asyncio
import os
import resource
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from functools import partial
from random import Random, SystemRandom
from typing import Any

from msgspec import Struct

from certwright.api.rules.admission import Rules
from certwright.api.solver import DNS01
from certwright.base.clock import Clock, SystemClock, whole_seconds
from certwright.base.problem import Stalled
from certwright.base.reason import Reason
from certwright.controllers.certificate.controller import build_certificate_controller
from certwright.controllers.certificate.keymaker import KeyMaker
from certwright.controllers.challenge import build_challenge_controller
from certwright.controllers.indexes import INDEXES
from certwright.controllers.ingress import build_ingress_controller
from certwright.controllers.issuer import build_issuer_controllers
from certwright.controllers.order import build_order_controller
from certwright.controllers.request import build_request_controller
from certwright.controllers.world import World
from certwright.dns.exchange import Exchange
from certwright.dns.lookup import Resolver
from certwright.dns.network import Network, SystemNetwork
from certwright.dns.server import choose_nameservers
from certwright.files.credentials import CredentialsFolder
from certwright.files.directory import Directory
from certwright.files.disk import Disk
from certwright.files.export import Export
from certwright.files.folder import Folder
from certwright.files.follow import Follower
from certwright.files.hooks import Hook, ProcessRunner, Runner, build_hook
from certwright.files.publish import Publisher
from certwright.files.report import Report, Reporter, report_path
from certwright.issuers.accounts import AcmeAccounts, ClosableHttp
from certwright.net.http import HttpClient, Trust
from certwright.runtime.counts import Counts
from certwright.runtime.health import Health
from certwright.runtime.loop import Controller, Runtime
from certwright.runtime.metrics import Metrics
from certwright.runtime.queue import LONGEST_NAP
from certwright.runtime.view import View
from certwright.settings import Settings, Ways
from certwright.solvers.dns01 import build_solver
from certwright.solvers.protocol import Solver
from certwright.solvers.provider import Credentials
from certwright.store.protocol import Store
from certwright.store.sqlite.store import SqliteStore, Tuning
from certwright.web.routes import Places, serving

MANIFESTS = "certwright-directory"
"""Field manager of what comes from the folder of manifests."""
CREDENTIALS = "certwright-credentials"
"""Field manager of what comes from the folder of credentials."""


Job = Callable[[], Coroutine[None, None, None]]


class Seams(Struct, frozen=True, kw_only=True):
    """Every way to the outside; the defaults are the real ones.

    `longest_nap` is how soon a stepped wall clock or a machine that slept is noticed.
    """

    network: Network
    connect: Callable[[Trust], ClosableHttp]
    disk: Disk
    runner: Runner
    random: Random
    tuning: Tuning = Tuning()
    longest_nap: timedelta = LONGEST_NAP


class App(Struct, frozen=True, kw_only=True):
    """The running product."""

    store: Store
    view: View
    runtime: Runtime
    reporter: Reporter


def real_seams(settings: Ways) -> Seams:
    """Return the ways of this machine."""
    return Seams(
        network=SystemNetwork(),
        connect=lambda trust: HttpClient(trust, addresses=settings.hosts),
        disk=Disk(),
        runner=ProcessRunner(),
        random=SystemRandom(),
    )


def forbid_core_dumps() -> None:
    """Keep private keys out of core files: this process never writes one."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


@asynccontextmanager
async def started(
    settings: Settings, clock: Clock | None = None, seams: Seams | None = None
) -> AsyncIterator[App]:
    """Run the product until the end of the block.

    Raises:
        Stalled: a folder or the hook is not safe, or another process has the output folder.
        StoreProblem: the state file is locked, foreign or damaged.
    """
    clock = clock or SystemClock()
    seams = seams or real_seams(settings)
    async with AsyncExitStack() as stack:
        rules = Rules()
        store = await stack.enter_async_context(
            SqliteStore.open(settings.state, clock=clock, admission=rules, tuning=seams.tuning)
        )
        counts, health = Counts(), Health(clock)
        metrics = Metrics(counts, clock)
        await stack.enter_async_context(serving(places(settings), metrics, health))
        world = await build_world(settings, clock, seams, stack=stack, counts=counts)
        reporter = _build_reporter(settings, clock)
        runtime = Runtime(
            store,
            clock,
            controllers=build_controllers(world),
            indexes=INDEXES,
            random=seams.random,
            longest_nap=seams.longest_nap,
        )
        runtime.count_in(counts)
        metrics.show(runtime.view)
        health.work_by(runtime)
        runtime.tell_of_store(
            lambda words, again: reporter.update(state_error=words, state_next=again)
        )
        jobs: list[Job] = [runtime.run]
        if settings.out is not None:
            publisher = _publisher(settings, store, clock, seams=seams, reporter=reporter)
            hook = _hook(settings)
            stack.enter_context(publisher.export.locked())
            jobs.append(partial(publisher.run, hook, seams.runner))
        directories = _directories(settings, store, clock, rules=rules)
        if directories:
            follower = Follower(directories, clock, reporter=reporter)
            await follower.sync()
            jobs.append(follower.run)
        await stack.enter_async_context(running_beside(jobs))
        yield App(store=store, view=runtime.view, runtime=runtime, reporter=reporter)


def _directories(
    settings: Settings, store: Store, clock: Clock, *, rules: Rules
) -> tuple[Directory, ...]:
    found = []
    if settings.credentials_directory is not None:
        source = CredentialsFolder(settings.credentials_directory, rules)
        found.append(Directory(source, store, clock, manager=CREDENTIALS))
    if settings.directory is not None:
        folder = Folder(settings.directory, rules)
        found.append(Directory(folder, store, clock, manager=MANIFESTS))
    return tuple(found)


def build_directories(settings: Settings, store: Store, clock: Clock) -> tuple[Directory, ...]:
    """Return the folders that `settings` names, for a command beside a running process."""
    return _directories(settings, store, clock, rules=Rules())


def build_controllers(world: World) -> tuple[Controller[Any], ...]:
    """Return the controllers that the options ask for."""
    every = (
        build_ingress_controller(world),
        build_certificate_controller(world),
        build_request_controller(world),
        *build_issuer_controllers(world),
        build_order_controller(world),
        build_challenge_controller(world),
    )
    wanted = world.options.controllers
    return tuple(one for one in every if wanted.intersection(one.stands_for))


def places(settings: Ways) -> Places:
    """Return where metrics and probes are answered."""
    return Places(metrics=settings.metrics_address, health=settings.health_address)


async def build_world(
    settings: Ways, clock: Clock, seams: Seams, *, stack: AsyncExitStack, counts: Counts
) -> World:
    """Build what the controllers are handed; the ways out close with the stack."""
    accounts = AcmeAccounts(
        clock,
        connect=seams.connect,
        told=lambda exchange: counts.asked(exchange, clock.monotonic()),
    )
    stack.push_async_callback(accounts.aclose)
    http = seams.connect(Trust())
    stack.push_async_callback(http.aclose)
    make_key = KeyMaker()
    stack.callback(make_key.close)
    options = settings.options
    resolver = Resolver(
        choose_nameservers((), options.dns01_recursive_nameservers, settings.resolvers),
        exchange=Exchange(seams.network, http),
        clock=clock,
        address_map=settings.name_servers,
        system=settings.resolvers or choose_nameservers((), (), ()),
        recursive_only=options.dns01_recursive_nameservers_only,
    )

    def solver(config: DNS01, credentials: Credentials) -> Solver:
        return build_solver(config, credentials, resolver=resolver, http=http, clock=clock)

    return World(
        clock=clock,
        options=options,
        random=seams.random,
        make_key=make_key,
        accounts=accounts,
        build_solver=solver,
    )


def _build_reporter(settings: Settings, clock: Clock) -> Reporter:
    first = Report(
        pid=os.getpid(),
        started=whole_seconds(clock.now()),
        directory=str(settings.directory or ""),
        out=str(settings.out or ""),
        approves=settings.options.approve,
    )
    return Reporter(report_path(settings.state), first)


def _publisher(
    settings: Settings, store: Store, clock: Clock, *, seams: Seams, reporter: Reporter
) -> Publisher:
    return Publisher(
        store,
        clock,
        export=build_export(settings, seams.disk),
        reporter=reporter,
        cluster_namespace=settings.options.cluster_resource_namespace,
        random=seams.random,
    )


def build_export(settings: Settings, disk: Disk) -> Export:
    """Return the output folder that `settings` names.

    Raises:
        Stalled: it names none.
    """
    if settings.out is None:
        raise Stalled(Reason.INVALID_CONFIG, "no output folder is named (--out)")
    return Export(settings.out, settings.rights, disk)


def _hook(settings: Settings) -> Hook | None:
    if not settings.hook or settings.out is None:
        return None
    return build_hook(settings.hook, settings.out, settings.hook_limit)


@asynccontextmanager
async def running_beside(jobs: Sequence[Job]) -> AsyncIterator[None]:
    """Run jobs beside the block; one that fails ends the block with its error."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(job()) for job in jobs]
        yield
        for task in tasks:
            task.cancel()
