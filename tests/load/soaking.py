"""Certificates that are renewed all the time, edited and deleted at random; and what is left over.

`bench.soak` runs it for an hour, CI for two minutes. A Certificate lives an hour and is renewed
`rhythm` after it was issued: no rule allows a shorter life than an hour.
"""

import asyncio
import gc
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from random import Random

from msgspec import Struct

from certwright.api.certificate import Certificate
from certwright.api.conditions import find_condition
from certwright.api.core import TLS_CERT, TLS_KEY, Event, Secret
from certwright.api.issuer import ClusterIssuer
from certwright.api.meta import ConditionStatus, IssuerReference, Key
from certwright.api.request import CertificateRequest
from certwright.app import App, started
from certwright.base.clock import SystemClock
from certwright.pki.keys import encode_key
from certwright.settings import Options, Settings
from certwright.store.protocol import NotFound
from tests.builders import a_ca, a_certificate, a_cluster_issuer, a_secret

_CLOCK = SystemClock()
_HOUR = timedelta(hours=1)
_CA = Key("default", "ca-key-pair")


class Wish(Struct, frozen=True, kw_only=True):
    """What a soak shall be like.

    Attributes:
        count: how many Certificates there are at any time.
        rhythm: span from an issuance to the next one.
        edits_a_second: how many are edited, and as many deleted and made anew.
    """

    count: int
    rhythm: timedelta
    edits_a_second: float


class Soak:
    """The running product, with somebody who cannot leave it alone."""

    def __init__(self, app: App, wish: Wish) -> None:
        self.app = app
        self._wish = wish
        self._random = Random(1)
        self._names = [f"site-{number}" for number in range(wish.count)]
        self._made = wish.count

    async def fill(self) -> None:
        """Create all, and wait until each is Ready."""
        async with asyncio.TaskGroup() as tasks:
            for name in self._names:
                tasks.create_task(self._create(name))
        while not all(map(self._is_ready, self._names)):
            await _CLOCK.sleep(timedelta(milliseconds=100))

    async def disturb(self, span: timedelta) -> None:
        """Edit and delete at random for a while."""
        end = _CLOCK.monotonic() + span.total_seconds()
        pause = timedelta(seconds=1 / self._wish.edits_a_second)
        while _CLOCK.monotonic() < end:
            await _CLOCK.sleep(pause)
            await self._edit(self._random.choice(self._names))
            await self._replace(self._random.randrange(len(self._names)))

    async def empty(self) -> None:
        """Delete all Certificates and their Secrets, and wait until nothing happens any more."""
        for name in self._names:
            await self.app.store.delete(Certificate, Key("default", name))
        await self._until_gone(CertificateRequest)
        for secret in (await self.app.store.list(Secret)).items:
            if secret.key != _CA:
                await self.app.store.delete(Secret, secret.key)
        while not self.app.runtime.at_rest:
            await _CLOCK.sleep(timedelta(milliseconds=100))

    async def left_over(self) -> list[str]:
        """Return what should not be there any more after `empty`."""
        secrets = [one.key for one in (await self.app.store.list(Secret)).items if one.key != _CA]
        due = self.app.runtime.next_due
        old = _CLOCK.now() - _HOUR - timedelta(minutes=5)
        events = [
            one
            for one in (await self.app.store.list(Event)).items
            if one.last_timestamp is not None and one.last_timestamp < old
        ]
        return [
            *(f"Secret {key}" for key in secrets),
            *([f"a timer at {due}"] if due is not None else []),
            *([f"{len(events)} Events older than an hour"] if events else []),
        ]

    async def _until_gone(self, kind: type[CertificateRequest]) -> None:
        while (await self.app.store.list(kind)).items:
            await _CLOCK.sleep(timedelta(milliseconds=100))

    async def _create(self, name: str) -> None:
        certificate = a_certificate(
            name,
            dns_names=(f"{name}.example.com",),
            issuer_ref=IssuerReference(name="ca", kind="ClusterIssuer"),
            duration="1h",
            renew_before=f"{int((_HOUR - self._wish.rhythm).total_seconds())}s",
        )
        await self.app.store.create(certificate, manager="soak")

    async def _edit(self, name: str) -> None:
        self._made += 1
        names = [f"{name}.example.com", f"edit-{self._made}.example.com"]
        patch = {"spec": {"dnsNames": names}}
        await self.app.store.patch(Certificate, Key("default", name), patch, manager="soak")

    async def _replace(self, place: int) -> None:
        await self.app.store.delete(Certificate, Key("default", self._names[place]))
        try:
            secret = Key("default", f"{self._names[place]}-tls")
            await self.app.store.delete(Secret, secret)
        except NotFound:
            pass  # it was deleted before it was issued
        self._made += 1
        self._names[place] = f"site-{self._made}"
        await self._create(self._names[place])

    def _is_ready(self, name: str) -> bool:
        return is_ready(self.app.view.get(Certificate, Key("default", name)))


def is_ready(resource: Certificate | ClusterIssuer | None) -> bool:
    """Whether a resource that may be missing has the condition Ready."""
    found = find_condition(resource.status.conditions, "Ready") if resource is not None else None
    return found is not None and found.status is ConditionStatus.TRUE


class Held(Struct, frozen=True):
    """What this process holds now.

    Attributes:
        tasks: names of the tasks of the event loop, in order.
        descriptors: how many files are open.
        resident: bytes of memory.
    """

    tasks: tuple[str, ...]
    descriptors: int
    resident: int


def held() -> Held:
    """Look at this process, after its garbage is gone."""
    gc.collect()
    names = (task.get_coro().__qualname__ for task in asyncio.all_tasks())  # type: ignore[union-attr]  # a task runs a coroutine
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return Held(
        tasks=tuple(sorted(names)),
        descriptors=len(os.listdir("/proc/self/fd")),  # noqa: PTH208
        resident=pages * os.sysconf("SC_PAGESIZE"),
    )


@asynccontextmanager
async def soak(folder: Path, wish: Wish) -> AsyncIterator[Soak]:
    """Run the product with a CA until the end of the block."""
    pair = a_ca()
    data = {TLS_CERT: pair.certificate, TLS_KEY: encode_key(pair.key)}
    options = Options(cluster_resource_namespace=_CA.namespace)
    settings = Settings(state=folder / "state.db", options=options)
    async with started(settings, _CLOCK) as app:
        secret = a_secret(_CA.name, data=data)
        await app.store.create(secret, manager="soak")
        issuer = a_cluster_issuer("ca", secret=_CA.name)
        await app.store.create(issuer, manager="soak")
        while not is_ready(app.view.get(ClusterIssuer, issuer.key)):
            await _CLOCK.sleep(timedelta(milliseconds=100))
        yield Soak(app, wish)
