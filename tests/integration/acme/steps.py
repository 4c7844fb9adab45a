"""The way to a certificate as tests walk it, with real servers."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

import msgspec

from certwright.acme.authorization import Authorization
from certwright.acme.client import Client
from certwright.acme.identifier import Identifier
from certwright.acme.jws import AccountKey, ExternalAccount
from certwright.acme.order import Order, OrderStatus
from certwright.base.clock import SystemClock
from certwright.net.http import Http
from certwright.pki.certificate import certificate_facts
from certwright.pki.csr import Names, Request, Subject, build_csr, parse_csr
from certwright.pki.keys import Algorithm, PrivateKey, generate_key
from tests.integration.servers.challtestsrv import challenge_server
from tests.integration.servers.pebble import Options, pebble


class Ca(Protocol):
    """A CA as tests see it."""

    @property
    def directory_url(self) -> str:
        """Where its directory is."""

    async def roots(self, count: int) -> tuple[bytes, ...]:
        """PEM of the roots that it issues from, the default chain's first."""


class TxtRecords(Protocol):
    """The DNS that the CA asks."""

    async def set_txt(self, name: str, value: str) -> None:
        """Add a TXT record."""


class Scene(msgspec.Struct, frozen=True):
    """A CA with its DNS, and a client with an account there."""

    ca: Ca
    dns: TxtRecords
    http: Http
    client: Client

    def other_client(self, key: AccountKey | None = None, *, account_url: str = "") -> Client:
        return Client(
            self.ca.directory_url,
            key or AccountKey.generate(),
            self.http,
            SystemClock(),
            account_url=account_url,
        )


@asynccontextmanager
async def scene(
    folder: Path, *, external_account: ExternalAccount | None = None, **options: object
) -> AsyncIterator[Scene]:
    async with challenge_server(folder) as dns:
        wanted = msgspec.convert({"dns": dns.dns, **options}, Options)
        async with pebble(folder, wanted) as ca:
            http = ca.http()
            client = Client(ca.directory_url, AccountKey.generate(), http, SystemClock())
            try:
                await client.new_account(terms_agreed=True, external_account=external_account)
                yield Scene(ca, dns, http, client)
            finally:
                await http.aclose()


def make_csr(names: Sequence[str], key: PrivateKey | None = None) -> bytes:
    """DER of a CSR."""
    dns = tuple(name for name in names if not name[0].isdigit())
    ips = tuple(name for name in names if name[0].isdigit())
    request = Request(subject=Subject(), names=Names(dns=dns, ips=ips))
    return parse_csr(build_csr(request, key or generate_key(Algorithm.ECDSA))).der


async def prove(
    client: Client, dns: TxtRecords, order: Order, *, value: str = ""
) -> tuple[Authorization, ...]:
    """Answer each pending authorization of an order by dns-01; all are presented together."""
    pending = [await client.authorization(url) for url in order.authorizations]
    for authorization in pending:
        challenge = authorization.challenge("dns-01")
        assert challenge is not None
        name = f"_acme-challenge.{authorization.identifier.value}"
        await dns.set_txt(name, value or client.dns01_value(challenge.token))
    settled = []
    for authorization in pending:
        challenge = authorization.challenge("dns-01")
        assert challenge is not None
        await client.accept(challenge.url)
        settled.append(await client.poll_authorization(authorization))
    return tuple(settled)


async def place(client: Client, *names: str, profile: str = "default") -> Order:
    return await client.new_order([Identifier.dns(name) for name in names], profile=profile)


async def obtain(
    client: Client, dns: TxtRecords, *names: str, key: PrivateKey | None = None
) -> Order:
    """Walk the whole way; the result is a valid order."""
    order = await place(client, *names)
    await prove(client, dns, order)
    order = await client.poll_order(
        await client.order(order.url), leaving=(OrderStatus.PENDING, OrderStatus.PROCESSING)
    )
    order = await client.finalize(order, make_csr(names, key))
    return await client.poll_order(order)


def der_of(bundle: bytes) -> bytes:
    """DER of the first certificate of a PEM chain."""
    facts = certificate_facts(bundle)
    assert facts.serial
    body = bundle.split(b"-----END")[0].split(b"-----\n", 1)[1]
    return msgspec.json.decode(b'"' + b"".join(body.split()) + b'"', type=bytes)
