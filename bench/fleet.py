"""The whole product on a state file, a CA issuer, and Certificates by the thousand."""

import asyncio
import logging
import os
import tempfile
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog
from msgspec.structs import replace

from certwright.api.certificate import Certificate, KeyAlgorithm, PrivateKeySpec
from certwright.api.conditions import find_condition
from certwright.api.core import TLS_CERT, TLS_KEY
from certwright.api.meta import ConditionStatus, IssuerReference, Key, Resource
from certwright.app import App, Seams, started
from certwright.base.clock import SystemClock
from certwright.pki.keys import encode_key
from certwright.runtime.cache import Observed
from certwright.settings import Settings
from certwright.store.protocol import Store
from tests.builders import a_ca, a_certificate, a_cluster_issuer, a_secret

CLOCK = SystemClock()
ISSUER = IssuerReference(name="ca", kind="ClusterIssuer")
NAMESPACES = 10
_SOON = timedelta(milliseconds=5)


class Awaited:
    """Tells when all of the awaited Certificates are Ready; costs nothing while it waits."""

    def __init__(self, app: App) -> None:
        self.ready: dict[Key, float] = {}
        self._left: set[Key] = set()
        self._all = asyncio.Event()
        app.view.listen(self._look)

    def expect(self, keys: Iterable[Key]) -> None:
        """Await these too; to be called before they are created."""
        self._left |= set(keys)
        self._all.clear()

    async def wait(self) -> None:
        """Wait for those that are left."""
        if self._left:
            await self._all.wait()

    def _look(self, _kind: type[Resource], seen: Observed[Any]) -> None:
        after = seen.after
        if not isinstance(after, Certificate) or after.key not in self._left:
            return
        if is_ready(after):
            self._left.discard(after.key)
            self.ready[after.key] = CLOCK.monotonic()
            if not self._left:
                self._all.set()


def is_ready(resource: Any) -> bool:
    """Whether a resource that may be missing has the condition Ready."""
    if resource is None:
        return False
    found = find_condition(resource.status.conditions, "Ready")
    return found is not None and found.status is ConditionStatus.TRUE


@contextmanager
def quiet_log() -> Iterator[None]:
    """Log as `certwright run` does in the background, to nowhere: lines are made, not shown."""
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        structlog.configure(
            processors=[
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(sort_keys=False),
            ],
            wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
            logger_factory=structlog.PrintLoggerFactory(nowhere),
        )
        yield


@contextmanager
def own_folder() -> Iterator[Path]:
    """A folder on the disk of the working tree, not in memory: commits shall cost what they do."""
    with tempfile.TemporaryDirectory(dir=".", prefix=".bench-") as folder:
        yield Path(folder).absolute()


@asynccontextmanager
async def product(folder: Path, seams: Seams | None = None, **settings: Any) -> AsyncIterator[App]:
    """Run the product with its state in `folder`."""
    async with started(Settings(state=folder / "state.db", **settings), CLOCK, seams) as app:
        yield app


async def add_ca(store: Store, app: App | None = None) -> None:
    """Write a CA's key pair and its ClusterIssuer, and wait until it is Ready where one runs."""
    pair = a_ca()
    data = {TLS_CERT: pair.certificate, TLS_KEY: encode_key(pair.key)}
    secret = a_secret("ca-key-pair", data=data)
    await store.create(in_namespace(secret, "kube-system"), manager="bench")
    issuer = await store.create(a_cluster_issuer(ISSUER.name), manager="bench")
    while app is not None and not is_ready(app.view.get(type(issuer), issuer.key)):
        await CLOCK.sleep(_SOON)


def in_namespace(resource: Any, namespace: str) -> Any:
    """Return a resource as it would be in another namespace."""
    return replace(resource, metadata=replace(resource.metadata, namespace=namespace))


def certificates(
    count: int, algorithm: KeyAlgorithm, *, first: int = 0, **spec: Any
) -> list[Certificate]:
    """Return Certificates of the CA, each with a name of its own."""
    return [
        a_certificate(
            f"site-{number}",
            meta={"namespace": f"team-{number % NAMESPACES}"},
            issuer_ref=ISSUER,
            dns_names=(f"site-{number}.example.com",),
            private_key=PrivateKeySpec(algorithm=algorithm),
            **spec,
        )
        for number in range(first, first + count)
    ]


async def create_all(store: Store, resources: Iterable[Resource]) -> None:
    """Write everything as one `kubectl apply` would, as fast as the store takes it."""
    async with asyncio.TaskGroup() as tasks:
        for resource in resources:
            tasks.create_task(store.create(resource, manager="bench"))
