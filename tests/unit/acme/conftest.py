"""A client at a scripted CA."""

import pytest

from certwright.acme.client import Client
from certwright.acme.jws import AccountKey
from tests.fakes.ca import ACCOUNT, DIRECTORY, ScriptedCa
from tests.fakes.clock import FakeClock


@pytest.fixture(scope="session")
def key() -> AccountKey:
    return AccountKey.generate()


@pytest.fixture
def ca() -> ScriptedCa:
    return ScriptedCa()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(auto=True)


@pytest.fixture
def client(ca: ScriptedCa, clock: FakeClock, key: AccountKey) -> Client:
    return Client(DIRECTORY, key, ca, clock, account_url=ACCOUNT)
