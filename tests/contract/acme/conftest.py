"""Each test runs against Pebble and against the server in memory."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from certwright.acme.client import Client
from certwright.acme.jws import AccountKey, ExternalAccount
from certwright.base.clock import SystemClock
from tests.fakes.acme_server import DIRECTORY, AcmeServer, Moods, Offer
from tests.integration.acme.steps import Scene, scene

OpenScene = Callable[..., AbstractAsyncContextManager[Scene]]


class MemoryDns:
    """TXT records of a test."""

    def __init__(self) -> None:
        self.records: dict[str, tuple[str, ...]] = {}

    async def set_txt(self, name: str, value: str) -> None:
        at = name.rstrip(".") + "."
        self.records[at] = (*self.records.get(at, ()), value)

    async def look_up(self, name: str) -> tuple[str, ...]:
        return self.records.get(name, ())


class MemoryCa:
    """The server in memory, as a scene shows it."""

    directory_url = DIRECTORY

    def __init__(self, server: AcmeServer) -> None:
        self.server = server

    async def roots(self, count: int) -> tuple[bytes, ...]:
        return tuple(pair.certificate for pair in self.server.pairs[:count])


@asynccontextmanager
async def memory_scene(
    _folder: Path,
    *,
    external_account: ExternalAccount | None = None,
    bad_nonces: int = 0,
    external_accounts: Mapping[str, str] | None = None,
    blocked: tuple[str, ...] = (),
    alternate_roots: int = 0,
    **_options: Any,
) -> AsyncIterator[Scene]:
    dns, clock = MemoryDns(), SystemClock()
    server = AcmeServer(
        clock,
        dns.look_up,
        offer=Offer(external_accounts=dict(external_accounts or {}), alternates=alternate_roots),
        moods=Moods(bad_nonces=bad_nonces / 100, blocked=frozenset(blocked)),
    )
    client = Client(DIRECTORY, AccountKey.generate(), server, clock)
    await client.new_account(terms_agreed=True, external_account=external_account)
    yield Scene(MemoryCa(server), dns, server, client)


@pytest.fixture(params=["memory", "pebble"])
def open_scene(request: pytest.FixtureRequest) -> OpenScene:
    return memory_scene if request.param == "memory" else scene
