"""Caddy as a second ACME server: its CA `local`, kept out of the system's trust store."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import msgspec

from certwright.base.clock import SystemClock
from certwright.base.problem import Retryable
from certwright.net.http import HttpClient, Trust
from certwright.net.tcp import free_port
from tests.integration.servers.ports import listening
from tests.integration.servers.process import serving
from tests.peers import require_peer

HOST = "acme.localhost"


class Caddy(msgspec.Struct, frozen=True):
    """The running CA."""

    directory_url: str
    trust: Trust

    def http(self) -> HttpClient:
        """Make a client that trusts this server; the caller closes it."""
        return HttpClient(self.trust)


@asynccontextmanager
async def caddy(folder: Path, dns: str) -> AsyncIterator[Caddy]:
    """Run Caddy's ACME server on a free port; it looks for dns-01 answers at `dns`, host:port."""
    program = require_peer("caddy")
    port = free_port()
    home = folder / "caddy"
    home.mkdir()
    state = home / "state"
    config = home / "caddy.json"
    config.write_bytes(msgspec.json.encode(_config(port, state, dns)))
    # HOME: its own, so that nothing of it stays on the machine
    argv = ["/usr/bin/env", f"HOME={home}", str(program), "run", "--config", str(config)]
    async with serving(argv, home, listening(port)):
        root = state / "pki" / "authorities" / "local" / "root.crt"
        url = f"https://{HOST}:{port}/acme/local/directory"
        await _wait_until_ready(url)
        yield Caddy(url, Trust(ca_bundle=root.read_bytes()))


async def _wait_until_ready(url: str) -> None:
    """Wait until it has a certificate for itself; it listens before that."""
    http = HttpClient(Trust(skip_verify=True))
    clock = SystemClock()
    try:
        async with asyncio.timeout(20):
            while True:
                with contextlib.suppress(Retryable):
                    if (await http.request("GET", url)).status == 200:
                        return
                await clock.sleep(timedelta(milliseconds=20))
    finally:
        await http.aclose()


def _config(port: int, state: Path, dns: str) -> dict[str, object]:
    server = {
        "listen": [f"127.0.0.1:{port}"],
        "automatic_https": {"disable_redirects": True},
        "routes": [
            {
                "match": [{"host": [HOST]}],
                "handle": [
                    {
                        "handler": "acme_server",
                        "ca": "local",
                        "resolvers": [dns],
                        "challenges": ["dns-01"],
                    }
                ],
            }
        ],
    }
    return {
        "admin": {"disabled": True},
        "storage": {"module": "file_system", "root": str(state)},
        "apps": {
            "pki": {"certificate_authorities": {"local": {"install_trust": False}}},
            "http": {"https_port": port, "http_port": 0, "servers": {"acme": server}},
            "tls": {
                "automation": {
                    "policies": [
                        {"subjects": [HOST], "issuers": [{"module": "internal", "ca": "local"}]}
                    ]
                }
            },
        },
    }
