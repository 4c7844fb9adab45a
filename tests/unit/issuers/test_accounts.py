"""The registry of ACME accounts: row 62 of compat-spec 10, which design §7 replaces."""

from msgspec.structs import replace

from certwright.acme.jws import AccountKey
from certwright.issuers.accounts import AcmeAccounts, Identity, trust_of
from certwright.net.http import Trust
from tests.acme_objects import an_acme
from tests.fakes.ca import DIRECTORY, ScriptedCa
from tests.fakes.clock import FakeClock

IDENTITY = Identity("uid-1", DIRECTORY, Trust(), "", "1/1")
KEY = AccountKey.generate()


class Connection(ScriptedCa):
    """A scripted CA that counts how often it was closed."""

    def __init__(self) -> None:
        super().__init__()
        self.closed = 0

    async def aclose(self) -> None:
        self.closed += 1


class Connections:
    """Opens connections and keeps them for the test."""

    def __init__(self) -> None:
        self.opened: list[Connection] = []

    def __call__(self, trust: Trust) -> Connection:
        del trust
        self.opened.append(Connection())
        return self.opened[-1]


def a_registry() -> tuple[AcmeAccounts, Connections]:
    connections = Connections()
    return AcmeAccounts(FakeClock(), connect=connections), connections


def test_a_client_is_kept_while_issuer_and_key_stay_the_same() -> None:
    accounts, _ = a_registry()

    client = accounts.open(IDENTITY, KEY)

    assert accounts.known(IDENTITY) is client
    assert accounts.known(replace(IDENTITY, key_version="1/2")) is None
    assert accounts.known(replace(IDENTITY, issuer_uid="uid-2")) is None


def test_a_forgotten_issuer_has_no_client() -> None:
    accounts, _ = a_registry()
    accounts.open(IDENTITY, KEY)

    accounts.forget("uid-1")
    accounts.forget("never there")

    assert accounts.known(IDENTITY) is None


async def test_accounts_at_one_ca_share_connections_and_directory() -> None:
    accounts, connections = a_registry()

    one = accounts.open(IDENTITY, KEY)
    other = accounts.open(replace(IDENTITY, issuer_uid="uid-2"), AccountKey.generate())
    await one.directory()
    await other.directory()

    (connection,) = connections.opened
    assert [seen.url for seen in connection.seen] == [DIRECTORY]


def test_another_trust_is_another_connection() -> None:
    accounts, connections = a_registry()

    accounts.open(IDENTITY, KEY)
    accounts.open(replace(IDENTITY, trust=Trust(skip_verify=True)), KEY)

    assert len(connections.opened) == 2


async def test_closing_closes_every_connection_once() -> None:
    accounts, connections = a_registry()
    accounts.open(IDENTITY, KEY)
    accounts.open(replace(IDENTITY, trust=Trust(skip_verify=True)), KEY)

    await accounts.aclose()
    await accounts.aclose()

    assert [one.closed for one in connections.opened] == [1, 1]
    assert accounts.known(IDENTITY) is None


def test_trust_is_the_issuers() -> None:
    assert trust_of(an_acme()) == Trust()
    assert trust_of(an_acme(ca_bundle=b"pem")) == Trust(ca_bundle=b"pem")
    assert trust_of(an_acme(skip_tls_verify=True)) == Trust(skip_verify=True)
