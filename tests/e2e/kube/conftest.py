"""One API server for all tests here; each has a namespace of its own."""

import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from random import Random

import pytest

from certwright.store.kube import KubeStore
from tests.e2e.kube.place import Place, a_place
from tests.e2e.kube.world import World, a_world
from tests.fakes.collector import collecting
from tests.integration.servers.apiserver import ApiServer, api_server_for_a_session


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    with (
        api_server_for_a_session(tmp_path_factory.mktemp("api-server")) as running,
        collecting(lambda: KubeStore.open(running.rest(), random=Random(1))),
    ):
        yield running


@pytest.fixture
async def place(server: ApiServer, tmp_path: Path) -> AsyncIterator[Place]:
    """A namespace with a collector, and a program that may be started in it."""
    async with a_place(server, tmp_path, namespace=f"e2e-{uuid.uuid4().hex[:8]}") as place:
        yield place


@pytest.fixture
async def world(place: Place, tmp_path: Path) -> AsyncIterator[World]:
    """The same with a CA, a name server and an issuer."""
    async with a_world(place, tmp_path) as world:
        yield world
