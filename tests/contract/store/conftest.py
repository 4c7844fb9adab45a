"""Every implementation of the store, opened fresh for each test."""

import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from random import Random

import pytest

from certwright.api.rules.admission import Rules
from certwright.base.clock import SystemClock
from certwright.store.kube import KubeStore
from certwright.store.protocol import Store
from certwright.store.sqlite.store import SqliteStore
from tests.fakes.collector import collecting
from tests.integration.servers.apiserver import ApiServer, api_server_for_a_session

KUBE = "API server"
BACKENDS = ("memory", "file", "file with rules", KUBE)

Opener = Callable[[Path], AbstractAsyncContextManager[Store]]
"""Opens one implementation; its files, if any, go into the folder."""


@pytest.fixture(params=BACKENDS)
def opener(request: pytest.FixtureRequest) -> Opener:
    """Each implementation in turn."""
    if request.param == KUBE:
        server: ApiServer = request.getfixturevalue("server")
        return lambda _: _open_kube(server)

    def open_sqlite(folder: Path) -> AbstractAsyncContextManager[Store]:
        path = ":memory:" if request.param == "memory" else folder / "state.db"
        rules = Rules() if request.param == "file with rules" else None
        return SqliteStore.open(path, clock=SystemClock(), admission=rules)

    return open_sqlite


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """One API server for all tests; each has a namespace of its own."""
    folder = tmp_path_factory.mktemp("api-server")
    with api_server_for_a_session(folder) as running, collecting(lambda: _open_kube(running)):
        yield running


def _open_kube(server: ApiServer) -> AbstractAsyncContextManager[Store]:
    return KubeStore.open(server.rest(), random=Random(1))


@pytest.fixture
async def store(opener: Opener, tmp_path: Path) -> AsyncIterator[Store]:
    """An open store."""
    async with opener(tmp_path) as opened:
        yield opened


@pytest.fixture
def namespace() -> str:
    """A namespace of the test's own."""
    return f"test-{uuid.uuid4()}"
