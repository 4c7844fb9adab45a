"""A fleet of certificates, the years that pass over it, and whether one of them ever expires."""

from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace
from structlog.testing import capture_logs

from certwright.api.certificate import Certificate, CertificateSpec, KeyAlgorithm, PrivateKeySpec
from certwright.api.issuer import ClusterIssuer
from certwright.api.meta import IssuerReference, Key, ObjectMeta, Resource
from certwright.api.secret import SecretSummary
from certwright.app import App, Seams, started
from certwright.runtime.cache import Observed
from certwright.runtime.queue import LONGEST_NAP
from certwright.store.sqlite.store import Tuning
from tests.fakes.clock import START
from tests.fakes.virtual import VirtualClock, run_virtually
from tests.proof.effects import Effects
from tests.proof.world import ACME, CA, World, fast_folder, given

DAY = timedelta(days=1)
YEAR = 365 * DAY
LIMITED, FREE = "limited.example.test", "free.example.test"
"""The CA limits orders below the one domain, never below the other."""


class Kind(Struct, frozen=True, kw_only=True):
    """Certificates of one sort, and their share of the fleet."""

    name: str
    share: int
    issuer: str
    days: int
    domain: str = LIMITED
    renew_before: int = 0


FLEET = (
    Kind(name="ca-6", share=8, issuer=CA, days=6),
    Kind(name="ca-45", share=20, issuer=CA, days=45),
    Kind(name="ca-90", share=22, issuer=CA, days=90),
    # two days without a CA are too long for the two days that are left by default
    Kind(name="acme-6", share=1, issuer="acme-6", days=6, domain=FREE, renew_before=4),
    Kind(name="acme-45", share=20, issuer="acme-45", days=45),
    Kind(name="acme-90", share=29, issuer=ACME, days=90),
)


class Watchman(Struct):
    """Hears of every new certificate at once, and notes those that came too late."""

    clock: VirtualClock
    ends: dict[Key, datetime] = field(default_factory=dict)
    issued: dict[Key, list[datetime]] = field(default_factory=dict)
    expired: list[str] = field(default_factory=list)

    def hear(self, kind: type[Resource], seen: Observed[Any]) -> None:
        """Compare the moment of a change with the end of what was there before."""
        if kind is not SecretSummary or seen.after is None or seen.after.certificate is None:
            return
        key, ends = seen.after.key, seen.after.certificate.not_after
        if key.namespace != "default" or not key.name.endswith("-tls"):
            return
        if self.ends.get(key) == ends:
            return
        self.check(key)
        self.ends[key] = ends
        self.issued.setdefault(key, []).append(self.clock.now())

    def check(self, key: Key) -> None:
        """Note it if the last certificate of a Secret has expired."""
        now = self.clock.now()
        if key in self.ends and self.ends[key] <= now:
            self.expired.append(f"{key} expired at {self.ends[key]}, it is {now}")

    def check_all(self) -> None:
        """Look at everything, at the end."""
        for key in self.ends:
            self.check(key)


def fleet(count: int) -> Iterator[Certificate]:
    """Yield `count` Certificates, mixed by their shares."""
    whole = sum(kind.share for kind in FLEET)
    for kind in FLEET:
        for number in range(round(count * kind.share / whole)):
            yield certificate(kind, number)


def certificate(kind: Kind, number: int) -> Certificate:
    """Return one of its sort."""
    name = f"{kind.name}-{number}"
    spec = CertificateSpec(
        secret_name=f"{name}-tls",
        issuer_ref=IssuerReference(name=kind.issuer, kind="ClusterIssuer"),
        dns_names=(f"{name}.{kind.domain}",),
        private_key=PrivateKeySpec(algorithm=KeyAlgorithm.ECDSA),
        duration=f"{24 * kind.days}h",
        renew_before=f"{24 * kind.renew_before}h" if kind.renew_before else None,
    )
    return Certificate(metadata=ObjectMeta(namespace="default", name=name), spec=spec)


def issuers() -> Iterator[Resource]:
    """Yield what an operator writes: the CA decides by profile how long a certificate lives."""
    for resource in given():
        yield resource
        if isinstance(resource, ClusterIssuer) and resource.spec.acme is not None:
            for days in (6, 45):
                acme = replace(resource.spec.acme, profile=f"days-{days}")
                metadata = replace(resource.metadata, name=f"acme-{days}")
                yield replace(resource, metadata=metadata, spec=replace(resource.spec, acme=acme))


Happening = Callable[[World, Watchman], Awaitable[None]]


class Story(Struct, frozen=True, kw_only=True):
    """A fleet, a time, and what happens meanwhile.

    `inline`: what threads do is done at once on the loop, instead of in real threads.
    """

    fleet: tuple[Certificate, ...]
    span: timedelta
    happening: Happening
    longest_nap: timedelta = LONGEST_NAP
    inline: bool = True


async def live(folder: Path, clock: VirtualClock, story: Story) -> Watchman:
    """Let the time of a story pass over its fleet."""
    world = World(folder, clock, exports=False)
    world.ca.offer.profiles.update({"days-6": 6 * DAY, "days-45": 45 * DAY})
    watchman = Watchman(clock)
    async with started(world.settings, clock, _seams(world, story)) as app:
        app.view.listen(watchman.hear)
        for resource in (*issuers(), *story.fleet):
            await app.store.create(resource, manager="user")
        await _all_issued(app, watchman, clock, len(story.fleet))
        end = clock.monotonic() + story.span.total_seconds()
        await story.happening(world, watchman)
        while clock.monotonic() < end:
            await clock.sleep(min(DAY, timedelta(seconds=end - clock.monotonic())))
            watchman.check_all()
    return watchman


async def _all_issued(app: App, watchman: Watchman, clock: VirtualClock, count: int) -> None:
    deadline = clock.now() + timedelta(hours=2)
    while len(watchman.ends) < count or not app.runtime.at_rest:
        await clock.sleep(timedelta(seconds=10))
        assert clock.now() < deadline, f"only {len(watchman.ends)} of {count} were issued"


def told(story: Story, *, now: datetime = START) -> Watchman:
    """Tell a story in a folder of its own."""
    with fast_folder() as folder, capture_logs():
        return run_virtually(lambda clock: live(folder, clock, story), now=now, inline=story.inline)


def _seams(world: World, story: Story) -> Seams:
    seams = world.seams(Effects())
    tuning = Tuning(thread=world.clock.threads.executor, look_every=timedelta(hours=1))
    return replace(seams, tuning=tuning, longest_nap=story.longest_nap)
