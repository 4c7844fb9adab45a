"""What an issuance goes through while the process dies: one class per story."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from msgspec.structs import replace
from structlog.testing import capture_logs

from certwright.api.certificate import Certificate
from certwright.api.core import Secret
from certwright.api.meta import IssuerReference, Key
from certwright.app import App
from certwright.pki.certificate import certificate_facts
from certwright.store.protocol import AlreadyExists, NotFound
from tests.builders import a_certificate
from tests.fakes.acme_server import Moods
from tests.fakes.virtual import VirtualClock, run_virtually
from tests.proof.effects import Effects, Moment
from tests.proof.world import (
    ACME,
    Snapshot,
    World,
    given,
    nothing_yet,
    prepare,
    restored,
    unready,
)

NAMES = ("example.test", "*.example.test")
"""They share one challenge name."""
WEB, TARGET = Key("default", "web"), Key("default", "web-tls")

CutAt = tuple[int, Moment]


class Issuance:
    """A Certificate is issued for the first time."""

    orders = 1
    """How many orders it takes when nobody dies."""
    names: tuple[str, ...] = NAMES

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer
        if issuer != ACME:
            self.orders = 0

    def __str__(self) -> str:
        words = ", ".join(f"{name}={value}" for name, value in vars(self).items())
        return f"{type(self).__name__}({words})"

    def certificate(self) -> Certificate:
        """Return what is asked for."""
        reference = IssuerReference(name=self.issuer, kind="ClusterIssuer")
        return a_certificate(WEB.name, dns_names=self.names, issuer_ref=reference)

    def begin(self, folder: Path) -> Snapshot:
        """Return the moment at which the story begins."""
        return run_virtually(lambda clock: prepare(folder, clock), inline=True)

    async def open(self, world: World) -> None:
        """Do what a person does before the process starts."""
        async with world.user() as store:
            await store.create(self.certificate(), manager="user")

    async def live(self, world: World, app: App, effects: Effects) -> None:
        """Wait until all is as it shall be; every life does this, the last one to its end."""
        await world.until(lambda: world.missing(app, WEB), effects=effects)


class Renewal(Issuance):
    """A Certificate is due when the process starts."""

    names = NAMES[:1]

    def begin(self, folder: Path) -> Snapshot:
        """Issue once, and let two thirds of the life pass."""
        snapshot = run_virtually(
            lambda clock: prepare(folder, clock, self.certificate()), inline=True
        )
        return replace(snapshot, now=snapshot.now + timedelta(days=61))

    async def open(self, world: World) -> None:
        """Nobody needs to do anything."""

    async def live(self, world: World, app: App, effects: Effects) -> None:
        """Wait for a certificate that is younger than the process."""

        async def missing() -> list[str]:
            lacking = await world.missing(app, WEB)
            if not lacking:
                secret = await app.store.get(Secret, TARGET)
                begun = certificate_facts(secret.data["tls.crt"]).not_before
                if world.clock.now() - begun > timedelta(days=60):
                    lacking = ["it is the old certificate still"]
            return lacking

        await world.until(missing, effects=effects)


class Retry(Issuance):
    """The first order fails, for the CA does not see the records; the next one succeeds."""

    orders = 2
    names = NAMES[:1]

    async def open(self, world: World) -> None:
        """Let the CA be wrong."""
        world.ca.moods = Moods(wrong=True)
        await super().open(world)

    async def live(self, world: World, app: App, effects: Effects) -> None:
        """The CA is right again once it has refused something."""

        async def missing() -> list[str]:
            if any(one.status == "invalid" for one in world.ca.authorizations.values()):
                world.ca.moods.wrong = False
            return await world.missing(app, WEB)

        await world.until(missing, effects=effects)


class Deletion(Issuance):
    """The Certificate is deleted while its record stands; when all is gone it is made again."""

    orders = 2

    def __init__(self, issuer: str, during: str | int = "DNS update") -> None:
        super().__init__(issuer)
        self._during = during
        if isinstance(during, str):
            self.names = NAMES[:1]  # every death on the way is one run more: half the way will do

    async def live(self, world: World, app: App, effects: Effects) -> None:
        """Delete in the middle; who comes back to a Certificate that is still there does it then.

        The Certificate that is made in its place is another one, as its label says.
        """
        if await self._first(app) is not None:
            if world.lives == 1:
                middle = asyncio.Event()
                effects.listeners[self._during] = middle.set
                await middle.wait()
            with suppress(NotFound):
                await app.store.delete(Certificate, WEB)
        if not (await app.store.list(Certificate)).items:
            # what was issued before stays: the Secret is not the Certificate's child
            await world.until(
                lambda: world.missing(app, spared=frozenset({TARGET})), effects=effects
            )
            again = self.certificate()
            metadata = replace(again.metadata, labels={"made": "again"})
            await app.store.create(replace(again, metadata=metadata), manager="user")
        await world.until(lambda: world.missing(app, WEB), effects=effects)

    async def _first(self, app: App) -> Certificate | None:
        found = (await app.store.list(Certificate)).items
        return next((one for one in found if not one.metadata.labels), None)


class FirstStart(Issuance):
    """There is no state file yet, no account at the CA, and all is written by the operator."""

    def __init__(self, issuer: str) -> None:
        super().__init__(issuer)
        self._written = (*given(), self.certificate())

    def begin(self, folder: Path) -> Snapshot:
        """Return an empty folder."""
        return run_virtually(lambda clock: nothing_yet(folder, clock), inline=True)

    async def open(self, world: World) -> None:
        """The process comes first."""

    async def live(self, world: World, app: App, effects: Effects) -> None:
        """Write what is not there yet, as a folder of manifests would, and wait."""
        for resource in self._written:
            with suppress(AlreadyExists):
                await app.store.create(resource, manager="user")

        async def missing() -> list[str]:
            return [*(await unready(app)), *(await world.missing(app, WEB))]

        await world.until(missing, effects=effects)
        assert len(world.ca.accounts) == 1, f"{len(world.ca.accounts)} accounts"


def play(story: Issuance, snapshot: Snapshot, cuts: Iterable[CutAt]) -> list[list[str]]:
    """Let the process die at each of the `cuts`, one life after the other, then live to the end.

    Returns:
        What each life did; the last one was not cut short.
    """

    async def lives(clock: VirtualClock) -> list[list[str]]:
        with restored(snapshot, clock) as world:
            before = len(world.ca.orders)
            await story.open(world)
            traces = []
            for at, moment in (*cuts, (0, Moment.BEFORE)):
                effects = Effects(at, moment)
                await _live(story, world, effects)
                traces.append(effects.trace)
                if not effects.dead:
                    break
            asked = len(world.ca.orders) - before

            assert not world.torn, world.torn
            assert asked <= story.orders + len(traces) - 1, f"{asked} orders"
            return traces

    with capture_logs():
        return run_virtually(lives, now=snapshot.now, inline=True)


async def _live(story: Issuance, world: World, effects: Effects) -> None:
    try:
        async with world.life(effects) as app:
            await story.live(world, app, effects)
    except BaseException:
        if not effects.dead:
            raise
