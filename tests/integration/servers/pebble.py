"""Pebble, Let's Encrypt's test CA: strict, quick, and with as many faults as a test asks for."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from certwright.net.http import HttpClient, Trust
from certwright.net.tcp import free_port
from tests.integration.servers.ports import listening
from tests.integration.servers.process import serving
from tests.integration.servers.tls import loopback_tls
from tests.peers import require_peer

CONNECTIONS = 20
"""Pebble can lock up when it is asked on more connections at once."""
PROFILES = {"default": 7776000, "shortlived": 518400}
"""Seconds of validity by profile."""


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What a test wants of Pebble.

    Attributes:
        dns: host:port of the DNS server it asks.
        bad_nonces: percent of good nonces that it refuses.
        external_accounts: HMAC keys (base64url) by key id; if any, an account needs one.
        alternate_roots: how many chains it has besides the default.
        chain_length: certificates in a chain, leaf included.
        retry_after: seconds it asks to wait before an order or an authorization is read again.
        reuse: percent of valid authorizations that new orders get.
        blocked: domains it refuses.
        http_port: where it looks for HTTP-01 answers.
    """

    dns: str
    bad_nonces: int = 0
    external_accounts: Mapping[str, str] = {}
    alternate_roots: int = 0
    chain_length: int = 1
    retry_after: int = 0
    reuse: int = 0
    blocked: tuple[str, ...] = ()
    http_port: int = 5002


class Pebble(msgspec.Struct, frozen=True):
    """The running CA."""

    directory_url: str
    management: str
    trust: Trust
    log: Path

    def http(self) -> HttpClient:
        """Make a client that trusts this server; the caller closes it."""
        return HttpClient(self.trust, connections=CONNECTIONS)

    async def roots(self, count: int = 1) -> tuple[bytes, ...]:
        """PEM of the roots that it issues from, the default chain's first."""
        http = self.http()
        try:
            answers = [
                await http.request("GET", f"{self.management}/roots/{index}")
                for index in range(count)
            ]
        finally:
            await http.aclose()
        return tuple(answer.body for answer in answers)


@asynccontextmanager
async def pebble(folder: Path, options: Options) -> AsyncIterator[Pebble]:
    """Run Pebble on free ports with `-strict`; its files go below `folder`."""
    program = require_peer("pebble")
    port, management = free_port(), free_port()
    home = folder / "pebble"
    home.mkdir()
    tls = loopback_tls(home)
    config = {
        "listenAddress": f"127.0.0.1:{port}",
        "managementListenAddress": f"127.0.0.1:{management}",
        "certificate": str(tls.certificate),
        "privateKey": str(tls.key),
        "httpPort": options.http_port,
        "tlsPort": free_port(),
        "ocspResponderURL": "",
        "externalAccountBindingRequired": bool(options.external_accounts),
        "externalAccountMACKeys": dict(options.external_accounts),
        "domainBlocklist": list(options.blocked),
        "retryAfter": {"authz": options.retry_after, "order": options.retry_after},
        "profiles": {
            name: {"description": f"the {name} profile", "validityPeriod": seconds}
            for name, seconds in PROFILES.items()
        },
    }
    path = home / "pebble.json"
    path.write_bytes(msgspec.json.encode({"pebble": config}))
    environment = {
        "PEBBLE_VA_NOSLEEP": "1",
        "PEBBLE_WFE_NONCEREJECT": str(options.bad_nonces),
        "PEBBLE_AUTHZREUSE": str(options.reuse),
        "PEBBLE_ALTERNATE_ROOTS": str(options.alternate_roots),
        "PEBBLE_CHAIN_LENGTH": str(options.chain_length),
    }
    argv = ["/usr/bin/env", *(f"{name}={value}" for name, value in environment.items())]
    argv += [str(program), "-strict", "-config", str(path), "-dnsserver", options.dns]
    async with serving(argv, home, listening(port, management)):
        yield Pebble(
            f"https://127.0.0.1:{port}/dir",
            f"https://127.0.0.1:{management}",
            Trust(ca_bundle=tls.ca_bundle),
            home / "output.log",
        )
