"""Many Certificates at once on the whole product, with a CA and a name server in memory.

Some will never be issued: for those of `refused` the CA has a policy, for those of `unproven` the
name server that their issuer names does not answer. `bench.load` runs the same in full size.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

from msgspec.structs import replace

from certwright.api.certificate import Certificate
from certwright.api.conditions import find_condition
from certwright.api.issuer import ClusterIssuer
from certwright.api.meta import ConditionStatus, IssuerReference, Key, Resource
from certwright.app import App, Seams, started
from certwright.base.clock import SystemClock
from certwright.dns.network import Address
from certwright.files.disk import Disk
from certwright.files.hooks import ProcessRunner
from certwright.lab.zone import Zone
from certwright.runtime.cache import Observed
from certwright.settings import Settings
from tests.builders import a_certificate
from tests.fakes.acme_server import AcmeServer
from tests.fakes.network import FakeNetwork
from tests.integration.servers.names import KEYS, ZONE
from tests.proof.world import ACME, APEX, TSIG, given, txt_values

SILENT = "silent"
"""The ClusterIssuer whose name server does not answer."""
_SERVER: Address = ("127.0.0.1", 53)
_LIMIT_SECONDS = 300


class Crowd:
    """The running product, and who is Ready since when."""

    def __init__(self, app: App, ca: AcmeServer, clock: SystemClock) -> None:
        self.app = app
        self.ca = ca
        self.ready: dict[Key, float] = {}
        self._clock = clock
        self._changed = asyncio.Event()
        app.view.listen(self._look)

    async def apply(self, certificates: Iterable[Certificate]) -> float:
        """Create all at once; returns when that began."""
        began = self._clock.monotonic()
        async with asyncio.TaskGroup() as tasks:
            for one in certificates:
                tasks.create_task(self.app.store.create(one, manager="user"))
        return began

    async def until_ready(self, wanted: Iterable[Resource]) -> float:
        """Wait for all of these; returns when the last one was Ready."""
        keys = [one.key for one in wanted]
        async with asyncio.timeout(_LIMIT_SECONDS):
            while not all(key in self.ready for key in keys):
                self._changed.clear()
                await self._changed.wait()
        return max(self.ready[key] for key in keys)

    async def until_failed(self, wanted: Iterable[Resource]) -> None:
        """Wait until each of these has failed once."""
        keys = [one.key for one in wanted]
        async with asyncio.timeout(_LIMIT_SECONDS):
            while not all(map(self.attempts, keys)):
                self._changed.clear()
                await self._changed.wait()

    def attempts(self, key: Key) -> int:
        """Return how often the issuance of one has failed in a row."""
        found = self.app.view.get(Certificate, key)
        return (found.status.failed_issuance_attempts or 0) if found is not None else 0

    def _look(self, _kind: type[Resource], seen: Observed[Any]) -> None:
        if not isinstance(seen.after, Certificate):
            return
        self._changed.set()
        condition = find_condition(seen.after.status.conditions, "Ready")
        if condition is not None and condition.status is ConditionStatus.TRUE:
            self.ready.setdefault(seen.after.key, self._clock.monotonic())


def tell(line: str) -> None:
    """Print a figure; pytest shows it with -s or beside a failure."""
    sys.stdout.write(f"{line}\n")


@asynccontextmanager
async def crowd(folder: Path) -> AsyncIterator[Crowd]:
    """Run the product with its issuers until the end of the block."""
    clock = SystemClock()
    zone = Zone.parse(APEX, ZONE)

    async def lookup(name: str) -> tuple[str, ...]:
        return txt_values(zone, name)

    ca = AcmeServer(clock, lookup)
    seams = Seams(
        network=FakeNetwork({_SERVER: [zone]}, [KEYS[TSIG]]),
        connect=lambda _trust: ca,
        disk=Disk(),
        runner=ProcessRunner(),
        random=Random(1),
    )
    settings = Settings(state=folder / "certwright.db", resolvers=(f"{_SERVER[0]}:{_SERVER[1]}",))
    async with started(settings, clock, seams) as app:
        for resource in (*given(), silent_issuer()):
            await app.store.create(resource, manager="user")
        yield Crowd(app, ca, clock)


def silent_issuer() -> ClusterIssuer:
    """Return the ACME issuer, but with a name server that does not answer."""
    issuer = next(one for one in given() if one.key == Key("", ACME))
    assert isinstance(issuer, ClusterIssuer)
    acme = issuer.spec.acme
    assert acme is not None
    dns01 = acme.solvers[0].dns01
    assert dns01 is not None
    assert dns01.rfc2136 is not None
    rfc2136 = replace(dns01.rfc2136, nameserver="127.0.0.9:53")
    solver = replace(acme.solvers[0], dns01=replace(dns01, rfc2136=rfc2136))
    account = replace(acme.private_key_secret_ref, name="account-of-silent")
    spec = replace(
        issuer.spec, acme=replace(acme, solvers=(solver,), private_key_secret_ref=account)
    )
    return replace(issuer, metadata=replace(issuer.metadata, name=SILENT), spec=spec)


def certificates(word: str, numbers: Iterable[int], issuer: str = ACME) -> list[Certificate]:
    """Return Certificates named after a word, each for a name of its own below the zone."""
    return [
        a_certificate(
            f"{word}-{number}",
            dns_names=(f"{word}-{number}.example.test",),
            issuer_ref=IssuerReference(name=issuer, kind="ClusterIssuer"),
        )
        for number in numbers
    ]


def refuse(ca: AcmeServer, certificates: Sequence[Certificate]) -> None:
    """Let the CA refuse the names of these for ever."""
    names = {name for one in certificates for name in one.spec.dns_names}
    ca.moods.blocked = ca.moods.blocked | names
