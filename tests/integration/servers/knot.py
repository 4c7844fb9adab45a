"""Knot DNS on loopback, with zones that any of the keys may update."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

from certwright.net.tcp import free_port
from tests.integration.servers.names import (
    KEYS,
    NameServerUnderTest,
    answers,
    base64_text,
)
from tests.integration.servers.process import serving
from tests.peers import require_peer

_ALGORITHM = {
    "HMACMD5": "hmac-md5",
    "HMACSHA1": "hmac-sha1",
    "HMACSHA256": "hmac-sha256",
    "HMACSHA512": "hmac-sha512",
}


@contextlib.asynccontextmanager
async def running_knot(
    folder: Path, zones: Mapping[str, str]
) -> AsyncIterator[NameServerUnderTest]:
    """Serve the zones (apex with the final dot → zone file) until the block ends."""
    program = require_peer("knotd")
    port = free_port()
    _write(folder, port, zones)
    apex = next(iter(zones))
    address = ("127.0.0.1", port)
    argv = [str(program), "-c", str(folder / "knot.conf")]
    async with serving(argv, folder, lambda: answers(address, apex)):
        yield NameServerUnderTest("knot", address, apex)


def _write(folder: Path, port: int, zones: Mapping[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "knot.conf").write_text(_configuration(folder, port, zones))
    for apex, text in zones.items():
        (folder / f"{apex}zone").write_text(text)


def _configuration(folder: Path, port: int, zones: Mapping[str, str]) -> str:
    keys = "\n".join(
        f"  - id: {key.name}\n    algorithm: {_ALGORITHM[algorithm]}\n"
        f"    secret: {base64_text(key)}"
        for algorithm, key in KEYS.items()
    )
    names = ", ".join(key.name for key in KEYS.values())
    served = "\n".join(
        f'  - domain: {apex}\n    file: "{apex}zone"\n    acl: update' for apex in zones
    )
    return f"""
server:
    rundir: "{folder}"
    listen: 127.0.0.1@{port}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
log:
  - target: stderr
    any: info
database:
    storage: "{folder}"
key:
{keys}
acl:
  - id: update
    key: [{names}]
    action: update
template:
  - id: default
    storage: "{folder}"
zone:
{served}
"""
