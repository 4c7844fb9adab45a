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


@pytest.fixture(scope="session")
def ruled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """One on which our policies are in force, for tests that use `install_policies`."""
    with api_server_for_a_session(tmp_path_factory.mktemp("ruled")) as running:
        yield running


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """One that certwright is installed on, now in this way, now in that."""
    with api_server_for_a_session(tmp_path_factory.mktemp("installed")) as running:
        yield running


@pytest.fixture(scope="session")
def prepared() -> list[bool]:
    """Whether the policies of `ruled` are in force already: once for all tests."""
    return []


@pytest.fixture
async def rest(server: ApiServer) -> AsyncIterator[Rest]:
    """A client that may do everything."""
    opened = server.rest()
    yield opened
    await opened.aclose()


@pytest.fixture
def namespace() -> str:
    return f"test-{uuid.uuid4()}"
