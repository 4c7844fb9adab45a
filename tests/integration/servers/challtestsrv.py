"""pebble-challtestsrv: a DNS server whose answers tests set; Pebble asks it when it validates."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from certwright.net.http import HttpClient
from certwright.net.tcp import free_port
from tests.integration.servers.ports import listening
from tests.integration.servers.process import serving
from tests.peers import require_peer


class ChallengeServer(msgspec.Struct, frozen=True):
    """The running server: its DNS (UDP and TCP) at `dns`, host:port."""

    dns: str
    management: str
    http: HttpClient

    async def set_txt(self, name: str, value: str) -> None:
        """Add a TXT record; `name` is made absolute."""
        await self._tell("set-txt", host=_absolute(name), value=value)

    async def clear_txt(self, name: str) -> None:
        """Remove all TXT records of a name."""
        await self._tell("clear-txt", host=_absolute(name))

    async def set_servfail(self, name: str) -> None:
        """Answer SERVFAIL for a name."""
        await self._tell("set-servfail", host=_absolute(name))

    async def _tell(self, verb: str, **fields: str) -> None:
        body = msgspec.json.encode(fields)
        answer = await self.http.request("POST", f"{self.management}/{verb}", body=body)
        assert answer.status == 200, answer.body


@asynccontextmanager
async def challenge_server(folder: Path) -> AsyncIterator[ChallengeServer]:
    """Run pebble-challtestsrv with only its DNS and its management on free ports.

    Its output goes to a folder below `folder`.
    """
    program = require_peer("pebble-challtestsrv")
    dns, management = free_port(), free_port()
    argv = [str(program), "-dnsserver", f"127.0.0.1:{dns}"]
    argv += ["-management", f"127.0.0.1:{management}"]
    argv += ["-http01", "", "-https01", "", "-tlsalpn01", "", "-doh", "", "-defaultIPv6", ""]
    http = HttpClient()
    home = folder / "challtestsrv"
    home.mkdir()
    async with serving(argv, home, listening(management, dns)):
        try:
            yield ChallengeServer(f"127.0.0.1:{dns}", f"http://127.0.0.1:{management}", http)
        finally:
            await http.aclose()


def _absolute(name: str) -> str:
    return name.rstrip(".") + "."
