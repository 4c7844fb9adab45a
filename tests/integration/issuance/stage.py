"""A real issuance on loopback: our controllers, a real name server, Pebble; only ports are ours."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any, TypeVar

from msgspec import Struct

from certwright.api.core import Event, Secret
from certwright.api.issuer import ACMEIssuer, ClusterIssuer, IssuerSpec
from certwright.api.meta import IssuerReference, Key, ObjectMeta, Resource, SecretKeySelector
from certwright.api.request import CertificateRequest, CertificateRequestSpec
from certwright.api.solver import DNS01, RFC2136, ACMEChallengeSolver
from certwright.base.clock import SystemClock
from certwright.controllers.certificate.controller import build_certificate_controller
from certwright.controllers.challenge import build_challenge_controller
from certwright.controllers.indexes import INDEXES
from certwright.controllers.ingress import build_ingress_controller
from certwright.controllers.issuer import build_issuer_controllers
from certwright.controllers.options import Options
from certwright.controllers.order import build_order_controller
from certwright.controllers.request import build_request_controller
from certwright.controllers.world import World
from certwright.dns.answer import RdataType, build_query
from certwright.dns.exchange import Exchange
from certwright.dns.lookup import Resolver
from certwright.dns.name import challenge_name
from certwright.dns.network import SystemNetwork
from certwright.dns.update import TsigAlgorithm
from certwright.issuers.accounts import AcmeAccounts
from certwright.net.http import HttpClient, Trust
from certwright.pki.csr import Names, Request, build_csr
from certwright.pki.keys import Algorithm, PrivateKey, generate_key
from certwright.runtime.loop import Controller, Runtime
from certwright.solvers.dns01 import build_solver
from certwright.solvers.protocol import Solver
from certwright.solvers.provider import Credentials
from certwright.store.protocol import NotFound, Store
from certwright.store.sqlite.store import SqliteStore
from tests.fakes.store import RecordingStore
from tests.integration.servers import pebble as ca
from tests.integration.servers.names import KEYS, ZONE, NameServerUnderTest, base64_text
from tests.integration.servers.ours import running_ours

R = TypeVar("R", bound=Resource)
TSIG = TsigAlgorithm.HMACSHA256
CLUSTER = "kube-system"
ISSUER = "letsencrypt"
APEX = "example.test."

StartServer = Callable[[Path, dict[str, str]], Any]


class Stage(Struct, frozen=True):
    """What runs, and what was written."""

    store: Store
    recording: RecordingStore
    runtime: Runtime
    ca: ca.Pebble
    dns: NameServerUnderTest
    clock: SystemClock
    task: asyncio.Task[None]

    async def find(self, kind: type[R], name: str, namespace: str = "default") -> R | None:
        try:
            return await self.store.get(kind, Key(namespace, name))
        except NotFound:
            return None

    async def until(self, holds: Callable[[], Awaitable[bool]], seconds: float = 20.0) -> timedelta:
        """Wait until something holds; returns how long that took."""
        began = self.clock.monotonic()
        async with asyncio.timeout(seconds):
            while not await holds():
                if self.task.done():
                    self.task.result()  # a controller that fell over is the failure to show
                await self.clock.sleep(timedelta(milliseconds=5))
        return timedelta(seconds=self.clock.monotonic() - began)

    async def dead(self) -> bool:
        """Whether the write has happened after which this process is no more."""
        return self.recording.dead.is_set()

    async def rest(self) -> None:
        """Wait until nothing is to be done and no timer will do anything."""

        async def quiet() -> bool:
            return self.runtime.at_rest and self.runtime.next_due is None

        await self.until(quiet)

    async def rest_but_for_renewal(self) -> None:
        """Wait until nothing is to be done for an hour."""

        async def quiet() -> bool:
            due = self.runtime.next_due
            far = due is None or due > self.clock.now() + timedelta(hours=1)
            return self.runtime.at_rest and far

        await self.until(quiet)

    async def all(self, kind: type[R]) -> tuple[R, ...]:
        return (await self.store.list(kind)).items

    async def events(self, reason: str = "") -> list[tuple[str, str]]:
        told = sorted(await self.all(Event), key=lambda one: int(one.metadata.resource_version))
        return [(one.reason, one.message) for one in told if not reason or one.reason == reason]


class Ground(Struct, frozen=True):
    """What stays when our process dies: the store, the CA, the name server."""

    store: Store
    ca: ca.Pebble
    dns: NameServerUnderTest
    clock: SystemClock


@asynccontextmanager
async def ground(
    folder: Path, *, server: StartServer = running_ours, zone: str = ZONE, **pebble: Any
) -> AsyncIterator[Ground]:
    """Start the peers and an empty store."""
    clock = SystemClock()
    async with server(folder, {APEX: zone}) as dns:
        host, port = dns.address
        wanted = ca.Options(**{"dns": f"{host}:{port}", **pebble})
        async with (
            ca.pebble(folder, wanted) as running,
            SqliteStore.open(":memory:", clock=clock) as store,
        ):
            yield Ground(store, running, dns, clock)


@asynccontextmanager
async def played(
    on: Ground, *, options: Options | None = None, dies_after: int | None = None
) -> AsyncIterator[Stage]:
    """Run our controllers on the ground until the end of the block."""
    async with AsyncExitStack() as stack:
        recording = RecordingStore(on.store, dies_after=dies_after)
        world = _world(on.clock, stack, on.dns, options or Options())
        runtime = Runtime(
            recording,
            on.clock,
            controllers=_controllers(world),
            indexes=INDEXES,
            random=Random(1),
        )
        task = asyncio.create_task(runtime.run())
        stack.push_async_callback(_stop, task)
        yield Stage(on.store, recording, runtime, on.ca, on.dns, on.clock, task)


@asynccontextmanager
async def stage(
    folder: Path, *, options: Options | None = None, **peers: Any
) -> AsyncIterator[Stage]:
    """Run everything until the end of the block."""
    async with ground(folder, **peers) as on, played(on, options=options) as running:
        yield running


def _world(
    clock: SystemClock, stack: AsyncExitStack, dns: NameServerUnderTest, options: Options
) -> World:
    host, port = dns.address
    http = HttpClient(Trust())
    resolver = Resolver(
        (f"{host}:{port}",),
        exchange=Exchange(SystemNetwork(), http, timeout_seconds=2),
        clock=clock,
        address_map={("ns1.example.test", 53): dns.address, ("127.0.0.1", 53): dns.address},
        system=(f"{host}:{port}",),
    )
    accounts = AcmeAccounts(
        clock, connect=lambda trust: HttpClient(trust, connections=ca.CONNECTIONS)
    )
    stack.push_async_callback(accounts.aclose)
    stack.push_async_callback(http.aclose)

    def solver(config: DNS01, credentials: Credentials) -> Solver:
        return build_solver(config, credentials, resolver=resolver, http=http, clock=clock)

    return World(
        clock=clock,
        options=options,
        random=Random(1),
        make_key=_make_key,
        accounts=accounts,
        build_solver=solver,
    )


def _controllers(world: World) -> tuple[Controller[Any], ...]:
    return (
        build_ingress_controller(world),
        build_certificate_controller(world),
        build_request_controller(world),
        *build_issuer_controllers(world),
        build_order_controller(world),
        build_challenge_controller(world),
    )


async def _make_key(algorithm: Algorithm, size: int) -> PrivateKey:
    return generate_key(algorithm, size)


async def _stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def add_issuer(stage: Stage, *, dns01: DNS01 | None = None, **acme: Any) -> None:
    """Create the ClusterIssuer with its TSIG key, and wait until it was worked on."""
    host, port = stage.dns.address
    secret = Secret(
        metadata=ObjectMeta(namespace=CLUSTER, name="tsig"),
        data={"secret": base64_text(KEYS[TSIG]).encode()},
    )
    await stage.store.create(secret, manager="user")
    solver = dns01 or DNS01(
        rfc2136=RFC2136(
            nameserver=f"{host}:{port}",
            tsig_key_name=KEYS[TSIG].name,
            tsig_algorithm=TSIG,
            tsig_secret_secret_ref=SecretKeySelector(name="tsig", key="secret"),
        )
    )
    fields: dict[str, Any] = {
        "server": stage.ca.directory_url,
        "ca_bundle": stage.ca.trust.ca_bundle,
        "private_key_secret_ref": SecretKeySelector(name="account"),
        "email": "ops@example.com",
        "profile": "default",
        "solvers": (ACMEChallengeSolver(dns01=solver),),
    }
    issuer = ClusterIssuer(
        metadata=ObjectMeta(name=ISSUER), spec=IssuerSpec(acme=ACMEIssuer(**{**fields, **acme}))
    )
    await stage.store.create(issuer, manager="user")

    async def judged() -> bool:
        found = await stage.find(ClusterIssuer, ISSUER, "")
        return found is not None and bool(found.status.conditions)

    await stage.until(judged)


async def ask_for(stage: Stage, *dns: str, name: str = "web-1") -> PrivateKey:
    """Create a CertificateRequest; returns the key of its CSR."""
    key = generate_key(Algorithm.ECDSA)
    csr = build_csr(Request(names=Names(dns=dns)), key)
    request = CertificateRequest(
        metadata=ObjectMeta(namespace="default", name=name),
        spec=CertificateRequestSpec(
            request=csr, issuer_ref=IssuerReference(name=ISSUER, kind="ClusterIssuer")
        ),
    )
    await stage.store.create(request, manager="user")
    return key


def ready_of(request: CertificateRequest | None) -> str:
    """Reason of the Ready condition."""
    conditions = request.status.conditions if request is not None else ()
    return next((one.reason for one in conditions if one.type == "Ready"), "")


async def settled(running: Stage, name: str = "web-1") -> CertificateRequest:
    """Wait until the request was issued or failed, and return it."""

    async def done() -> bool:
        return ready_of(await running.find(CertificateRequest, name)) in {"Issued", "Failed"}

    await running.until(done)
    return await running.store.get(CertificateRequest, Key("default", name))


async def published(dns: NameServerUnderTest, domain: str) -> tuple[str, ...]:
    """Values of the TXT records at the challenge's name of a domain."""
    exchange = Exchange(SystemNetwork(), timeout_seconds=2)
    name = challenge_name(domain)
    query = build_query(name, RdataType.TXT, recursive=False)
    answer = await exchange.ask(query, dns.address)
    return tuple(str(record) for rrset in answer.answer for record in rrset)
