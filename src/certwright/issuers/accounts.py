"""ACME accounts in memory: one client per issuer, one connection pool per CA (compat-spec 6.1).

Derived from the Issuer and its account Secret by whichever controller needs it first, so nothing
waits for an issuer's own sync after a restart. A change of either gives a new client.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from certwright.acme.account import Account
from certwright.acme.authorization import Authorization
from certwright.acme.challenge import Challenge
from certwright.acme.client import Client
from certwright.acme.directory import Directory
from certwright.acme.identifier import Identifier
from certwright.acme.jws import AccountKey, ExternalAccount
from certwright.acme.order import Order
from certwright.acme.transport import Exchange, Transport
from certwright.api.issuer import ACMEIssuer
from certwright.base.clock import Clock
from certwright.net.http import Http, Trust


class AcmeClient(Protocol):
    """What controllers ask of an account; `acme.client.Client` is the real one."""

    async def directory(self, *, fresh: bool = False) -> Directory:
        """Return the CA's directory."""

    async def new_account(
        self,
        contact: Sequence[str] = (),
        *,
        terms_agreed: bool = False,
        external_account: ExternalAccount | None = None,
        only_existing: bool = False,
    ) -> Account:
        """Make or find the account."""

    async def account(self) -> Account:
        """Read the account."""

    async def update_account(self, contact: Sequence[str]) -> Account:
        """Replace its contact."""

    async def new_order(
        self,
        identifiers: Sequence[Identifier],
        *,
        not_after: datetime | None = None,
        profile: str = "",
        replaces: str = "",
    ) -> Order:
        """Place an order."""

    async def order(self, url: str) -> Order:
        """Read an order."""

    async def finalize(self, order: Order, csr_der: bytes) -> Order:
        """Send the CSR, once."""

    async def certificate(self, url: str, *, alternates: bool = True) -> tuple[bytes, ...]:
        """Download the chains."""

    async def authorization(self, url: str) -> Authorization:
        """Read an authorization."""

    async def accept(self, challenge_url: str) -> Challenge:
        """Tell the CA to look."""

    def key_authorization(self, token: str) -> str:
        """Join token and account key."""

    def dns01_value(self, token: str) -> str:
        """Content of the TXT record."""


class ClosableHttp(Http, Protocol):
    """An HTTP client that holds connections."""

    async def aclose(self) -> None:
        """Close them."""


class Identity(Struct, frozen=True):
    """What a client was made from: while it stays the same, so does the client.

    Attributes:
        issuer_uid: whose account it is.
        server: the directory.
        trust: how the server is verified.
        account_url: as the issuer's status has it.
        key_version: uid and version of the Secret that holds the account key.
    """

    issuer_uid: str
    server: str
    trust: Trust
    account_url: str
    key_version: str


class Accounts(Protocol):
    """The accounts of all issuers, as controllers see them."""

    def known(self, identity: Identity) -> AcmeClient | None:
        """Return the client of an issuer if it was made from the same."""

    def open(self, identity: Identity, key: AccountKey, account_url: str = "") -> AcmeClient:
        """Make the client of an issuer, in place of an older one."""

    def forget(self, issuer_uid: str) -> None:
        """Drop the client of an issuer that is gone."""


class AcmeAccounts:
    """The clients of all issuers.

    Args:
        clock: for Retry-After.
        connect: opens an HTTP client for one way of trusting; the one way out to the CAs.
        told: is called after each request to a CA.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        connect: Callable[[Trust], ClosableHttp],
        told: Callable[[Exchange], None] = lambda _exchange: None,
    ) -> None:
        self._clock = clock
        self._told = told
        self._connect = connect
        self._https: dict[Trust, ClosableHttp] = {}
        self._transports: dict[tuple[str, Trust], Transport] = {}
        self._clients: dict[str, tuple[Identity, AcmeClient]] = {}

    def known(self, identity: Identity) -> AcmeClient | None:
        """Return the client of an issuer if it was made from the same."""
        identity_and_client = self._clients.get(identity.issuer_uid)
        if identity_and_client is None or identity_and_client[0] != identity:
            return None
        return identity_and_client[1]

    def open(self, identity: Identity, key: AccountKey, account_url: str = "") -> AcmeClient:
        """Make the client of an issuer, in place of an older one.

        Args:
            identity: what it is made from.
            key: the account's.
            account_url: empty where it must be asked for.

        Raises:
            Stalled: the CA bundle holds no certificate.
        """
        client = Client(
            identity.server,
            key,
            self._http(identity.trust),
            self._clock,
            account_url=account_url,
            transport=self._transport(identity.server, identity.trust),
        )
        self._clients[identity.issuer_uid] = (identity, client)
        return client

    def forget(self, issuer_uid: str) -> None:
        """Drop the client of an issuer that is gone."""
        self._clients.pop(issuer_uid, None)

    async def aclose(self) -> None:
        """Close every connection."""
        https, self._https = self._https, {}
        self._transports.clear()
        self._clients.clear()
        for http in https.values():
            await http.aclose()

    def _transport(self, server: str, trust: Trust) -> Transport:
        # shared by the accounts at one CA: so are its directory, its nonces and its slots
        found = self._transports.get((server, trust))
        if found is None:
            found = Transport(server, self._http(trust), self._clock, told=self._told)
            self._transports[server, trust] = found
        return found

    def _http(self, trust: Trust) -> ClosableHttp:
        found = self._https.get(trust)
        if found is None:
            found = self._https[trust] = self._connect(trust)
        return found


def trust_of(acme: ACMEIssuer) -> Trust:
    """Return how an issuer's server is verified."""
    return Trust(ca_bundle=acme.ca_bundle or None, skip_verify=acme.skip_tls_verify)
