"""One API server for all tests here; each has a namespace of its own."""

import uuid
from collections.abc import AsyncIterator, Iterator

import pytest

from certwright.kube.rest import Rest
from tests.integration.servers.apiserver import ApiServer, api_server_for_a_session


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    with api_server_for_a_session(tmp_path_factory.mktemp("api-server")) as running:
        yield running


@pytest.fixture
async def rest(server: ApiServer) -> AsyncIterator[Rest]:
    """A client that may do everything."""
    opened = server.rest()
    yield opened
    await opened.aclose()


@pytest.fixture
def namespace() -> str:
    return f"test-{uuid.uuid4()}"
