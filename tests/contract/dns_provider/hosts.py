"""Each DNS provider with something real that hosts a zone for it."""

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

import dns.message
import dns.opcode
import dns.rcode
import dns.rdatatype
import msgspec

from certwright.api.meta import SecretKeySelector
from certwright.api.solver import DNS01, RFC2136, Cloudflare
from certwright.base.problem import Cause
from certwright.base.secret import Redacted
from certwright.dns.exchange import Exchange
from certwright.dns.lookup import Resolver
from certwright.dns.network import Address, Network, SystemNetwork
from certwright.dns.server import Server
from certwright.dns.update import TsigAlgorithm
from certwright.net.http import HttpClient
from certwright.solvers.provider import Provider, Surroundings
from certwright.solvers.providers import cloudflare, rfc2136
from tests.fakes.clock import FakeClock
from tests.fakes.cloudflare import FakeCloudflare
from tests.integration.servers.bind import running_bind
from tests.integration.servers.knot import running_knot
from tests.integration.servers.names import KEYS, ZONE, NameServerUnderTest, base64_text
from tests.integration.servers.ours import running_ours

APEX = "example.test."
FOREIGN = "somebody else's"
TOKEN, EMAIL, KEY = "tok_Zk3xVq9", "admin@example.test", "key_8dJw2mPa"
WRONG = "d3Jvbmctc2VjcmV0LXdyb25nLXNlY3JldA=="


class Hosted(Protocol):
    """A provider's zone `APEX`, with `FOREIGN` at `_acme-challenge.foreign`.

    `failures` are the ways in which it can be made to fail, and the cause that must come of each.
    """

    failures: Mapping[str, Cause]

    def provider(self, *, right: bool = True) -> Provider: ...

    def failing(self, how: str) -> Provider: ...

    async def values(self, fqdn: str) -> list[str]: ...


class HostedByNameServer(msgspec.Struct):
    """A real name server, updated with TSIG."""

    server: NameServerUnderTest
    http: HttpClient
    failures: Mapping[str, Cause] = MappingProxyType(
        {"broken": Cause.SERVER, "silent": Cause.TRANSPORT}
    )

    def provider(self, *, right: bool = True) -> Provider:
        key = KEYS[TsigAlgorithm.HMACSHA256]
        secret = base64_text(key) if right else WRONG
        return self._build(self.server.address, secret, SystemNetwork())

    def failing(self, how: str) -> Provider:
        key = base64_text(KEYS[TsigAlgorithm.HMACSHA256])
        if how == "silent":
            return self._build(("127.0.0.1", 1), key, SystemNetwork())
        return self._build(self.server.address, key, Broken())

    async def values(self, fqdn: str) -> list[str]:
        answer = await self._resolver(SystemNetwork()).txt(fqdn, self.server.address)
        return sorted(answer.values(fqdn, dns.rdatatype.TXT))

    def _build(self, at: Address, secret: str, network: Network) -> Provider:
        settings = RFC2136(
            nameserver=str(Server(*at)),
            tsig_key_name=KEYS[TsigAlgorithm.HMACSHA256].name,
            tsig_algorithm="hmacsha256",
            tsig_secret_secret_ref=SecretKeySelector(name="tsig", key="key"),
        )
        return rfc2136.build(
            DNS01(rfc2136=settings),
            {"tsigSecretSecretRef": Redacted(secret.encode())},
            Surroundings(self._resolver(network), self.http, FakeClock()),
        )

    def _resolver(self, network: Network) -> Resolver:
        return Resolver(
            [str(Server(*self.server.address))],
            exchange=Exchange(network, None, 2),
            clock=FakeClock(),
        )


class Broken:
    """A network whose servers answer look-ups, and fail at updates."""

    async def query(self, message: bytes, address: Address, *, tcp: bool) -> bytes:
        asked = dns.message.from_wire(message, keyring=False)
        if asked.opcode() == dns.opcode.QUERY:
            return await SystemNetwork().query(message, address, tcp=tcp)
        return message[:2] + bytes([0x80 | message[2], dns.rcode.SERVFAIL]) + bytes(8)


class HostedByCloudflare(msgspec.Struct):
    """The fake of the documented API; a token, or a key with its e-mail."""

    fake: FakeCloudflare
    url: str
    http: HttpClient
    by_key: bool = False
    failures: Mapping[str, Cause] = MappingProxyType(
        {"busy": Cause.RATE, "broken": Cause.SERVER, "silent": Cause.TRANSPORT}
    )

    def provider(self, *, right: bool = True) -> Provider:
        return self._build(self.url, right=right)

    def failing(self, how: str) -> Provider:
        if how == "silent":
            return self._build("http://127.0.0.1:1/client/v4", right=True)
        self.fake.failure = {"busy": 429, "broken": 503}[how]
        return self._build(self.url, right=True)

    async def values(self, fqdn: str) -> list[str]:
        records = self.fake.records["z1"].values()
        return sorted(
            str(record["content"]).strip('"')
            for record in records
            if record["name"] == fqdn.rstrip(".")
        )

    def _build(self, url: str, *, right: bool) -> Provider:
        selector = SecretKeySelector(name="cloudflare", key="secret")
        if self.by_key:
            settings = Cloudflare(email=EMAIL, api_key_secret_ref=selector)
            credentials = {"apiKeySecretRef": KEY if right else WRONG}
        else:
            settings = Cloudflare(api_token_secret_ref=selector)
            credentials = {"apiTokenSecretRef": TOKEN if right else WRONG}
        resolver = Resolver([], exchange=Exchange(SystemNetwork()), clock=FakeClock())
        return cloudflare.build(
            DNS01(cloudflare=settings),
            {name: Redacted(f"{value}\n".encode()) for name, value in credentials.items()},
            Surroundings(resolver, self.http, FakeClock()),
            base_url=url,
        )


Run = Callable[[Path, Mapping[str, str]], AbstractAsyncContextManager[NameServerUnderTest]]
Host = Callable[[Path, HttpClient], AbstractAsyncContextManager[Hosted]]


def by_name_server(run: Run) -> Host:
    @contextlib.asynccontextmanager
    async def host(folder: Path, http: HttpClient) -> AsyncIterator[Hosted]:
        async with run(folder, {APEX: ZONE}) as server:
            yield HostedByNameServer(server, http)

    return host


def by_cloudflare(*, by_key: bool) -> Host:
    @contextlib.asynccontextmanager
    async def host(folder: Path, http: HttpClient) -> AsyncIterator[Hosted]:
        del folder
        fake = FakeCloudflare({APEX.rstrip("."): "z1"}, token=TOKEN, email=EMAIL, key=KEY)
        fake.put("z1", f"_acme-challenge.foreign.{APEX}".rstrip("."), FOREIGN)
        try:
            yield HostedByCloudflare(fake, await fake.start(), http, by_key)
        finally:
            await fake.aclose()

    return host


HOSTS: Mapping[str, Host] = {
    "rfc2136 at BIND": by_name_server(running_bind),
    "rfc2136 at Knot": by_name_server(running_knot),
    "rfc2136 at ours": by_name_server(running_ours),
    "cloudflare by token": by_cloudflare(by_key=False),
    "cloudflare by key": by_cloudflare(by_key=True),
}
