"""The whole product with all its seams in memory, but for the state file and OUT, which are files.

A `World` is what lives on when the process dies: files, CA, name server, time. `life` is one
process in it. `Snapshot` lets many worlds begin at the same moment.
"""

import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import dns.name
from msgspec import Struct

from certwright.api.certificate import Certificate
from certwright.api.conditions import find_condition
from certwright.api.core import TLS_CERT, TLS_KEY, Event, Secret
from certwright.api.issuer import (
    ACMEIssuer,
    CAIssuer,
    ClusterIssuer,
    IssuerSpec,
    SelfSignedIssuer,
)
from certwright.api.meta import ConditionStatus, Key, ObjectMeta, Resource, SecretKeySelector
from certwright.api.order import Challenge, Order
from certwright.api.request import CertificateRequest
from certwright.api.secret import summarize
from certwright.api.solver import DNS01, RFC2136, ACMEChallengeSolver
from certwright.app import App, Seams, started
from certwright.dns.answer import RdataType
from certwright.dns.name import challenge_name
from certwright.dns.update import TsigAlgorithm
from certwright.lab.zone import Zone
from certwright.pki.certificate import certificate_facts, key_matches
from certwright.pki.keys import encode_key, parse_key
from certwright.settings import Settings
from certwright.store.protocol import Store
from certwright.store.sqlite.store import SqliteStore, Tuning
from tests.builders import a_ca
from tests.fakes.acme_server import DIRECTORY, AcmeServer
from tests.fakes.network import FakeNetwork
from tests.fakes.virtual import VirtualClock
from tests.integration.servers.names import KEYS, ZONE, base64_text
from tests.proof.effects import (
    Cut,
    CutCommitter,
    CutDisk,
    CutHttp,
    CutNetwork,
    CutRunner,
    Effects,
)

TSIG = TsigAlgorithm.HMACSHA256
CLUSTER = "kube-system"
ACME, CA, SELF_SIGNED = "acme", "ca", "self-signed"
GIVEN = {Key(CLUSTER, "tsig"), Key(CLUSTER, "ca-key-pair"), Key(CLUSTER, "account")}
"""Secrets that are no Certificate's."""
APEX = "example.test."
_SERVER = ("127.0.0.1", 53)
_SHARED_MEMORY = Path("/dev/shm")


@contextmanager
def fast_folder() -> Iterator[Path]:
    """A folder in memory where there is one: durable writes cost nothing there."""
    where = _SHARED_MEMORY if _SHARED_MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(dir=where, prefix="certwright-proof-") as folder:
        yield Path(folder)


class Snapshot(Struct, frozen=True):
    """A moment at which no process runs."""

    folder: Path
    ca: AcmeServer
    now: datetime


class World:
    """What lives on."""

    def __init__(
        self,
        folder: Path,
        clock: VirtualClock,
        ca: AcmeServer | None = None,
        *,
        exports: bool = True,
    ) -> None:
        self.folder = folder
        self.clock = clock
        self.exports = exports
        self.zone = Zone.parse(APEX, ZONE)
        self.network = FakeNetwork({_SERVER: [self.zone]}, [KEYS[TSIG]])
        self.ca = ca.twin(clock, self.lookup) if ca is not None else AcmeServer(clock, self.lookup)
        self.torn: list[str] = []
        self.hooked: dict[Key, str] = {}
        self.lives = 0
        for name in ("state", "out"):
            (folder / name).mkdir(mode=0o755, exist_ok=True)

    @property
    def out(self) -> Path:
        """The folder of exports."""
        return self.folder / "out"

    @property
    def settings(self) -> Settings:
        """What the process is called with."""
        return Settings(
            state=self.folder / "state" / "certwright.db",
            out=self.out if self.exports else None,
            hook="/bin/true" if self.exports else "",
            resolvers=(f"{_SERVER[0]}:{_SERVER[1]}",),
        )

    async def lookup(self, name: str) -> tuple[str, ...]:
        """Return the TXT values at a name, as the CA sees them."""
        return txt_values(self.zone, name)

    def seams(self, effects: Effects) -> Seams:
        """Return the ways out of one life."""
        self.lives += 1
        return Seams(
            network=CutNetwork(self.network, effects),
            connect=lambda _trust: CutHttp(self.ca, effects),
            disk=CutDisk(effects, self._look),
            runner=CutRunner(effects, self._note_hook),
            random=Random(self.lives),
            tuning=Tuning(committer=CutCommitter(effects), thread=self.clock.threads.executor),
        )

    @asynccontextmanager
    async def life(self, effects: Effects | None = None) -> AsyncIterator[App]:
        """Run the product; the end of the block ends it, and so does a cut."""
        seams = self.seams(effects or Effects())
        async with started(self.settings, self.clock, seams) as app:
            yield app

    @asynccontextmanager
    async def user(self) -> AsyncIterator[Store]:
        """The store as somebody beside the process writes to it."""
        tuning = Tuning(thread=self.clock.threads.executor)
        async with SqliteStore.open(
            self.settings.state, clock=self.clock, lock=False, tuning=tuning
        ) as store:
            yield store

    async def until(
        self,
        missing: Callable[[], Awaitable[Sequence[str]]],
        *,
        limit: timedelta = timedelta(hours=2),
        effects: Effects | None = None,
    ) -> None:
        """Let time pass until nothing is missing; a dead process waits for nothing."""
        deadline = self.clock.now() + limit
        pause = timedelta(seconds=1)
        while True:
            await self.clock.sleep(pause)
            pause = min(1.2 * pause, timedelta(minutes=5))
            if effects is not None and effects.dead:
                raise Cut
            lacking = await missing()
            if not lacking:
                return
            assert self.clock.now() < deadline, f"not within {limit}: {'; '.join(lacking)}"

    async def missing(
        self, app: App, *wanted: Key, spared: frozenset[Key] = frozenset()
    ) -> list[str]:
        """Say what is not yet as it shall be when all `wanted` Certificates are issued.

        `spared`: Secrets that may be there without a Certificate.
        """
        lacking = [] if app.runtime.at_rest else ["the controllers are at work"]
        secrets = {one.key: one for one in (await app.store.list(Secret)).items}
        targets = set()
        for key in wanted:
            certificate = await app.store.get(Certificate, key)
            target = Key(key.namespace, certificate.spec.secret_name)
            targets.add(target)
            secret = secrets.get(target)
            problem = _problem_of(certificate, secret, self.clock.now())
            if not problem and secret is not None:
                problem = self._problem_of_export(target, secret)
            if problem:
                lacking.append(f"Certificate {key}: {problem}")
        lacking += [f"Secret {key} is left" for key in secrets.keys() - targets - GIVEN - spared]
        return lacking + await self._left_over(app, wanted)

    async def _left_over(self, app: App, wanted: Sequence[Key]) -> list[str]:
        left = [f"Challenge {one.key}" for one in (await app.store.list(Challenge)).items]
        # as many as the history shall keep: revisionHistoryLimit is 1
        for kind in (Order, CertificateRequest):
            found = [f"{kind.__name__} {one.key}" for one in (await app.store.list(kind)).items]
            left += found[len(wanted) :]
        records = txt_values(self.zone, challenge_name("example.test"))
        return [f"{one} is left" for one in (*left, *(f"TXT {text}" for text in records))]

    def _problem_of_export(self, target: Key, secret: Secret) -> str:
        link = self.out / target.namespace / target.name
        try:
            shown = (link / "tls.crt").read_bytes(), (link / "tls.key").read_bytes()
        except OSError as error:
            return f"not in OUT: {error.strerror}"
        if shown != (secret.data[TLS_CERT], secret.data[TLS_KEY]):
            return "OUT shows another one"
        marks = [path.name for path in link.parent.glob(f".{target.name}.changed")]
        if marks:
            return "its hook has not run"
        if self.hooked.get(target) != str(link.readlink()):
            return "no hook has seen this version"
        return ""

    def _note_hook(self, environment: Mapping[str, str]) -> None:
        for word in environment["CERTWRIGHT_CHANGED"].split():
            namespace, _, name = word.rpartition("/")
            link = self.out / namespace / name
            self.hooked[Key(namespace, name)] = str(link.readlink()) if link.is_symlink() else ""

    def _look(self) -> None:
        """Look at OUT as a reader would; what does not fit together is noted."""
        for link in self.out.glob("*/*"):
            if link.name.startswith(".") or not link.is_symlink():
                continue
            try:
                chain = (link / "tls.crt").read_bytes()
                key = parse_key((link / "tls.key").read_bytes())
            except (OSError, ValueError) as error:
                self.torn.append(f"{link.name}: {error}")
                continue
            if not key_matches(key, certificate_facts(chain)):
                self.torn.append(f"{link.name}: one certificate beside another's key")


def txt_values(zone: Zone, name: str) -> tuple[str, ...]:
    """Return the TXT values at a name of a zone."""
    found = zone.at(dns.name.from_text(name), RdataType.TXT)
    return tuple(b"".join(one.strings).decode() for one in found or ())


def _problem_of(certificate: Certificate, secret: Secret | None, now: datetime) -> str:
    if secret is None:
        return "no Secret"
    summary = summarize(secret)
    facts = summary.certificate
    if facts is None or summary.key_facts is None or not key_matches(summary.key_facts, facts):
        return "key and certificate do not fit"
    if not facts.not_before <= now < facts.not_after:
        return "its certificate is not valid now"
    if set(facts.dns) != set(certificate.spec.dns_names):
        return f"its certificate is for {facts.dns}"
    for type_, status in (("Ready", ConditionStatus.TRUE), ("Issuing", None)):
        found = find_condition(certificate.status.conditions, type_)
        if (found.status if found is not None else None) != status:
            why = f"{found.reason}: {found.message}" if found is not None else "absent"
            return f"{type_} is {why}"
    return ""


def given() -> tuple[Resource, ...]:
    """Return what an operator writes before the first Certificate."""
    pair = a_ca()
    solver = DNS01(
        rfc2136=RFC2136(
            nameserver=f"{_SERVER[0]}:{_SERVER[1]}",
            tsig_key_name=KEYS[TSIG].name,
            tsig_algorithm=TSIG,
            tsig_secret_secret_ref=SecretKeySelector(name="tsig", key="secret"),
        )
    )
    acme = ACMEIssuer(
        server=DIRECTORY,
        private_key_secret_ref=SecretKeySelector(name="account"),
        email="ops@example.com",
        solvers=(ACMEChallengeSolver(dns01=solver),),
    )
    ca_data = {TLS_CERT: pair.certificate, TLS_KEY: encode_key(pair.key)}
    tsig_data = {"secret": base64_text(KEYS[TSIG]).encode()}
    return (
        Secret(metadata=ObjectMeta(namespace=CLUSTER, name="ca-key-pair"), data=ca_data),
        Secret(metadata=ObjectMeta(namespace=CLUSTER, name="tsig"), data=tsig_data),
        _issuer(ACME, IssuerSpec(acme=acme)),
        _issuer(CA, IssuerSpec(ca=CAIssuer(secret_name="ca-key-pair"))),
        _issuer(SELF_SIGNED, IssuerSpec(self_signed=SelfSignedIssuer())),
    )


def _issuer(name: str, spec: IssuerSpec) -> ClusterIssuer:
    return ClusterIssuer(metadata=ObjectMeta(name=name), spec=spec)


async def prepare(folder: Path, clock: VirtualClock, *certificates: Certificate) -> Snapshot:
    """Let a first process settle the issuers and the `certificates`; return how it is then."""
    world = World(folder, clock)
    async with world.life() as app:
        for resource in (*given(), *certificates):
            await app.store.create(resource, manager="user")

        async def missing() -> list[str]:
            keys = tuple(one.key for one in certificates)
            return [*(await unready(app)), *(await world.missing(app, *keys))]

        await world.until(missing)
    return Snapshot(folder, world.ca, clock.now())


async def nothing_yet(folder: Path, clock: VirtualClock) -> Snapshot:
    """Return a world in which no process has ever run."""
    return Snapshot(folder, World(folder, clock).ca, clock.now())


async def unready(app: App) -> list[str]:
    """Return the issuers that are not ready."""
    issuers = (await app.store.list(ClusterIssuer)).items
    return [f"issuer {one.metadata.name}" for one in issuers if not _is_ready(one)]


def _is_ready(issuer: ClusterIssuer) -> bool:
    found = find_condition(issuer.status.conditions, "Ready")
    return found is not None and found.status is ConditionStatus.TRUE


@contextmanager
def restored(snapshot: Snapshot, clock: VirtualClock) -> Iterator[World]:
    """A world of its own that begins at the snapshot."""
    with fast_folder() as folder:
        shutil.copytree(snapshot.folder, folder, symlinks=True, dirs_exist_ok=True)
        yield World(folder, clock, snapshot.ca)


async def told(store: Store) -> list[str]:
    """Return all events, for a failure's message."""
    events = (await store.list(Event)).items
    ordered = sorted(events, key=lambda one: int(one.metadata.resource_version))
    return [f"{one.reason}: {one.message}" for one in ordered]
