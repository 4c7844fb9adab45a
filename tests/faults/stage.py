"""One small world per fault: the product, a CA, two name servers, a resolver, a user who looks.

On virtual time, but for what needs a real socket or a real folder watch; the state file and OUT are
real files always.
"""

import os
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, TypeVar, cast

import dns.message
import dns.name
import dns.rcode
import msgspec
from msgspec import Struct
from msgspec.structs import replace

from certwright.api.certificate import Certificate
from certwright.api.core import Secret
from certwright.api.issuer import ACMEIssuer, ClusterIssuer, Issuer
from certwright.api.kinds import to_wire
from certwright.api.meta import IssuerReference, Key, ObjectMeta, Resource
from certwright.api.solver import RFC2136, ACMEChallengeSolver
from certwright.app import App, Seams
from certwright.base.clock import Clock
from certwright.cli.renew import trigger
from certwright.cli.snapshot import take_snapshot
from certwright.cli.why import find, missing
from certwright.controllers.options import Options
from certwright.dns.network import Address
from certwright.dns.update import TsigKey
from certwright.files.disk import Disk, Entry
from certwright.files.hooks import HookEnded
from certwright.lab.zone import Zone
from certwright.policy.explain_text import render
from certwright.policy.explanation import Explanation, Verdict
from certwright.settings import Settings
from certwright.store.sqlite.store import Tuning
from tests.builders import a_certificate
from tests.fakes.network import FakeNetwork
from tests.fakes.virtual import Threads, VirtualClock
from tests.faults.ca import MoodyCa
from tests.integration.servers.names import KEYS, ZONE
from tests.proof.effects import Effects
from tests.proof.world import ACME, APEX, CLUSTER, TSIG, World, given

if TYPE_CHECKING:
    from certwright.issuers.accounts import ClosableHttp
    from certwright.net.http import Trust

R = TypeVar("R", bound=Resource)

PRIMARY: Address = ("127.0.0.1", 53)
SECONDARY: Address = ("127.0.0.2", 53)
ELSEWHERE: Address = ("127.0.0.3", 53)
RESOLVER: Address = ("127.0.0.53", 53)
WEB = Key("default", "web")
_UPDATE = 5  # the opcode: RFC 2136 §2.2
_SETTLED = timedelta(seconds=2)
STEP = timedelta(milliseconds=500)
_ROOT = """
$TTL 300
@ SOA a.root. admin. 1 3600 600 86400 60
@ NS a.root.
a.root. A 127.0.0.9
"""
_TWO_SERVERS = f"{ZONE}\n@ NS ns2\nns2 A 127.0.0.2\n"


class Folders(Disk):
    """OUT's disk, which may refuse."""

    def __init__(self, inner: Disk) -> None:
        self._inner = inner
        self.refusing = 0

    def write_folder(self, name: str, files: dict[str, Entry], *, inside: int, mode: int) -> None:
        """Write a folder."""
        self._refuse()
        self._inner.write_folder(name, files, inside=inside, mode=mode)

    def make_folder(self, name: str, *, inside: int, mode: int) -> None:
        """Make a folder."""
        self._refuse()
        self._inner.make_folder(name, inside=inside, mode=mode)

    def _refuse(self) -> None:
        if self.refusing:
            raise OSError(self.refusing, os.strerror(self.refusing))


class Hooks:
    """The hook, which may fail."""

    def __init__(self) -> None:
        self.ended = HookEnded(status=0, output="")

    async def run(self, argv: tuple[str, ...], environment: Any, limit: timedelta) -> HookEnded:
        """Start nothing; end as the test wants."""
        del argv, environment, limit
        return self.ended


class FullDisk:
    """Where transactions become true, unless there is an `error`."""

    def __init__(self) -> None:
        self.error = ""

    def commit(self, connection: sqlite3.Connection) -> None:
        """Commit."""
        if self.error:
            raise sqlite3.OperationalError(self.error)
        connection.execute("COMMIT")


class Servers(FakeNetwork):
    """The name servers; those in `refusing` answer updates with an error code."""

    def __init__(self, keys: Iterable[TsigKey]) -> None:
        super().__init__({}, keys)
        self.refusing: dict[Address, dns.rcode.Rcode] = {}

    async def query(self, message: bytes, address: Address, *, tcp: bool) -> bytes:
        """Carry a message."""
        is_update = (message[2] >> 3) & 0xF == _UPDATE
        if address not in self.refusing or not is_update:
            return await super().query(message, address, tcp=tcp)
        update = dns.message.from_wire(message, keyring=dict(self.keys))
        answer = dns.message.make_response(update)
        answer.set_rcode(self.refusing[address])
        return answer.to_wire()


class FaultyWorld(World):
    """The world of the proofs with a second name server, a resolver, and a moody CA."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        # real time does too: nothing of ours steps it
        super().__init__(folder, cast("VirtualClock", clock))
        self.options = Options()
        self.zone = Zone.parse(APEX, _TWO_SERVERS)
        self.network = self.dns = Servers([KEYS[TSIG]])
        self.moody = self.ca = MoodyCa(clock, self.lookup)
        self.folders = Folders(Disk())
        self.hooks = Hooks()
        self.committer = FullDisk()
        self.connect: Callable[[Trust], ClosableHttp] = lambda _trust: self.moody
        self.settings_more: dict[str, Any] = {}
        root = Zone.parse(".", _ROOT)
        self.serve(PRIMARY, self.zone)
        self.serve(SECONDARY, self.zone)
        self.serve(ELSEWHERE)
        self.serve(RESOLVER, self.zone, root)

    def serve(self, address: Address, *zones: Zone) -> None:
        """Let a server have these zones and no others."""
        self.network.servers[address] = {zone.apex: zone for zone in zones}

    async def lookup(self, name: str) -> tuple[str, ...]:
        """Return the TXT values at a name, as the CA sees them: aliases are followed."""
        alias = self.zone.at(dns.name.from_text(name), dns.rdatatype.CNAME)
        target = str(alias[0].target) if alias is not None else name
        return await super().lookup(target)

    @property
    def settings(self) -> Settings:
        """What the process is called with."""
        return replace(
            super().settings,
            options=self.options,
            resolvers=(f"{RESOLVER[0]}:{RESOLVER[1]}",),
            **self.settings_more,
        )

    def seams(self, effects: Effects) -> Seams:
        """Return the ways out of one life; nothing is cut off here."""
        del effects
        virtual = isinstance(self.clock, VirtualClock)
        threads = self.clock.threads if virtual else Threads(inline=True)
        return Seams(
            network=self.network,
            connect=self.connect,
            disk=self.folders,
            runner=self.hooks,
            random=Random(1),
            tuning=Tuning(committer=self.committer, thread=threads.executor),
        )


class Looked(Struct, frozen=True, kw_only=True):
    """What `why` said: its lines, and the same for machines where it found something."""

    lines: tuple[str, ...]
    explanation: Explanation | None
    hint: str = ""

    @property
    def text(self) -> str:
        """All of it in one line."""
        return " ".join(" ".join(self.lines).split())


class Stage:
    """What a row of the table works with."""

    def __init__(self, world: FaultyWorld) -> None:
        self.world = world
        self.ca = world.moody
        self.network = world.network
        self.zone = world.zone
        self.resources: dict[str, Resource] = {_name(one): one for one in given()}
        self.certificates: list[Resource] = [a_web()]
        self.about = "web"
        self.services: list[AbstractAsyncContextManager[None]] = []
        self.stack = AsyncExitStack()
        self.root: Any = None
        self.front: Any = None
        self._app: App | None = None

    @property
    def app(self) -> App:
        """The running product."""
        assert self._app is not None
        return self._app

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the product, with the issuers written and looked at."""
        async with self.stack as stack:
            for service in self.services:
                await stack.enter_async_context(service)
            app = await stack.enter_async_context(self.world.life())
            self._app = app
            for resource in self.resources.values():
                await app.store.create(resource, manager="user")
            await self.until(self._looked_at, _SETTLED)
            yield

    async def _looked_at(self) -> bool:
        """Whether every issuer was looked at; those that wait for an answer are, after a while."""
        store = self.app.store
        issuers = ((await store.list(ClusterIssuer)).items, (await store.list(Issuer)).items)
        return self.app.runtime.at_rest and all(
            one.status.conditions for some in issuers for one in some
        )

    async def begin(self) -> None:
        """Write the Certificates."""
        for resource in self.certificates:
            await self.app.store.create(resource, manager="user")

    async def look(self) -> Looked:
        """Ask `why`."""
        settings = self.world.settings
        cluster = settings.options.cluster_resource_namespace
        snapshot = await take_snapshot(self.app.store, settings.state, cluster_namespace=cluster)
        now = self.world.clock.now()
        explanation = find(msgspec.structs.replace(snapshot, now=now), self.about, "default")
        if explanation is None:
            lines, hint = missing(snapshot, self.about, "default")
            return Looked(lines=tuple(lines), explanation=None, hint=hint)
        return Looked(lines=render(explanation, now), explanation=explanation)

    async def is_ready(self) -> bool:
        """Whether what was asked for is there, and `why` has no more to say."""
        found = (await self.look()).explanation
        return found is not None and found.verdict is Verdict.READY

    async def until(
        self, holds: Callable[[], Awaitable[bool]], span: timedelta, *, step: timedelta = STEP
    ) -> bool:
        """Let time pass until something holds; False where it does not within `span`."""
        deadline = self.world.clock.now() + span
        while not await holds():
            if self.world.clock.now() >= deadline:
                return False
            await self.world.clock.sleep(step)
        return True

    async def renew(self) -> None:
        """Do what `certwright renew web` does."""
        await trigger(self.app.store, WEB, self.world.clock)

    # edits of a user

    async def edit(self, kind: type[R], name: str, spec: dict[str, Any], namespace: str = "") -> R:
        """Merge into the spec of a resource."""
        return await self.app.store.patch(
            kind, Key(namespace, name), {"spec": spec}, manager="user"
        )

    async def edit_acme(self, **wire: Any) -> None:
        """Merge into `spec.acme` of the ACME issuer."""
        await self.edit(ClusterIssuer, ACME, {"acme": wire})

    async def edit_web(self, **wire: Any) -> None:
        """Merge into the spec of the Certificate."""
        await self.edit(Certificate, "web", wire, "default")

    async def delete(self, kind: type[Resource], name: str, namespace: str = CLUSTER) -> None:
        """Delete a resource."""
        await self.app.store.delete(kind, Key(namespace, name))

    async def put(self, resource: Resource) -> None:
        """Create a resource, or replace what it says."""
        try:
            await self.app.store.create(resource, manager="user")
        except Exception:  # noqa: BLE001  # it is there: say it anew
            wire = to_wire(resource)
            patch: dict[str, Any] = {key: wire[key] for key in ("spec", "data") if key in wire}
            await self.app.store.patch(type(resource), resource.key, patch, manager="user")

    async def put_secret(self, name: str, namespace: str = CLUSTER, **data: bytes) -> None:
        """Write a Secret."""
        named = {key.replace("__", "."): value for key, value in data.items()}
        await self.put(Secret(metadata=ObjectMeta(namespace=namespace, name=name), data=named))

    # before the start

    def with_acme(self, **fields: Any) -> None:
        """Change the ACME issuer before it is written."""
        issuer = self.resources["ClusterIssuer acme"]
        assert isinstance(issuer, ClusterIssuer)
        assert issuer.spec.acme is not None
        acme: ACMEIssuer = replace(issuer.spec.acme, **fields)
        spec = replace(issuer.spec, acme=acme)
        self.resources["ClusterIssuer acme"] = replace(issuer, spec=spec)

    def with_solver(self, **dns01: Any) -> None:
        """Change the DNS-01 part of the issuer's one solver."""
        self.with_acme(solvers=(self.solver(**dns01),))

    @property
    def rfc2136(self) -> RFC2136:
        """The provider of the issuer's one solver."""
        dns01 = self.solver().dns01
        assert dns01 is not None
        assert dns01.rfc2136 is not None
        return dns01.rfc2136

    def solver(self, **dns01: Any) -> ACMEChallengeSolver:
        """Return the issuer's solver, with another DNS-01 part."""
        issuer = self.resources["ClusterIssuer acme"]
        assert isinstance(issuer, ClusterIssuer)
        assert issuer.spec.acme is not None
        first = issuer.spec.acme.solvers[0]
        assert first.dns01 is not None
        return replace(first, dns01=replace(first.dns01, **dns01))

    def with_web(self, **spec: Any) -> None:
        """Change the Certificate before it is written."""
        self.certificates = [a_web(**spec)]

    def without(self, name: str) -> Resource:
        """Leave a resource out; returns it for later."""
        return self.resources.pop(name)

    # name servers

    def copy(self, text: str = _TWO_SERVERS) -> Zone:
        """Return the zone as it is in the file."""
        return Zone.parse(APEX, text)

    def alias(self, name: str, target: str, zone: Zone | None = None) -> None:
        """Add a CNAME record."""
        rdata = dns.rdata.from_text("IN", "CNAME", target)
        (zone or self.zone).add(dns.name.from_text(name), 60, rdata)

    def unalias(self, name: str) -> None:
        """Remove a CNAME record."""
        self.zone.remove_type(dns.name.from_text(name), dns.rdatatype.CNAME)

    def fail_with(self, address: Address, rcode: dns.rcode.Rcode) -> None:
        """Let a server answer questions with an error code."""

        def forge(wire: bytes) -> bytes:
            is_update = (wire[2] >> 3) & 0xF == _UPDATE
            return wire if is_update else wire[:3] + bytes([wire[3] & 0xF0 | rcode]) + wire[4:]

        self.network.forge[address] = forge

    def refuse_updates(self, address: Address, rcode: dns.rcode.Rcode) -> None:
        """Let a server answer updates with an error code, duly signed."""
        self.world.dns.refusing[address] = rcode

    def hijack(self, address: Address) -> None:
        """Let somebody else answer questions for a server: the AA bit is not theirs to set."""

        def forge(wire: bytes) -> bytes:
            is_update = (wire[2] >> 3) & 0xF == _UPDATE
            return wire if is_update else wire[:2] + bytes([wire[2] & ~0x04]) + wire[3:]

        self.network.forge[address] = forge

    def silence(self, address: Address) -> None:
        """Let a server never answer."""
        self.network.silent |= {(address, False), (address, True)}

    def heal(self) -> None:
        """Let all name servers be well again."""
        self.network.silent.clear()
        self.network.down.clear()
        self.network.forge.clear()
        self.world.dns.refusing.clear()


def a_web(name: str = "web", **spec: Any) -> Certificate:
    """Return the Certificate that the faults are about, from the ACME issuer."""
    fields = {
        "dns_names": ("www.example.test",),
        "issuer_ref": IssuerReference(name=ACME, kind="ClusterIssuer"),
    }
    return a_certificate(name, **{**fields, **spec})


def _name(resource: Resource) -> str:
    return f"{type(resource).__name__} {resource.key}"
