"""BIND on loopback, with zones that any of the keys may update."""

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
async def running_bind(
    folder: Path, zones: Mapping[str, str]
) -> AsyncIterator[NameServerUnderTest]:
    """Serve the zones (apex with the final dot → zone file) until the block ends."""
    program = require_peer("named")
    port = free_port()
    _write(folder, port, zones)
    apex = next(iter(zones))
    address = ("127.0.0.1", port)
    argv = [str(program), "-g", "-n", "1", "-c", str(folder / "named.conf")]
    async with serving(argv, folder, lambda: answers(address, apex)):
        yield NameServerUnderTest("bind", address, apex)


def _write(folder: Path, port: int, zones: Mapping[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "named.conf").write_text(_configuration(folder, port, zones))
    for apex, text in zones.items():
        (folder / f"{apex}zone").write_text(text)


def _configuration(folder: Path, port: int, zones: Mapping[str, str]) -> str:
    keys = "\n".join(
        f'key "{key.name}" {{ algorithm {_ALGORITHM[algorithm]}; secret "{base64_text(key)}"; }};'
        for algorithm, key in KEYS.items()
    )
    allowed = " ".join(f'key "{key.name}";' for key in KEYS.values())
    served = "\n".join(
        f'zone "{apex}" {{ type primary; file "{apex}zone"; check-names ignore;'
        f" allow-update {{ {allowed} }}; }};"
        for apex in zones
    )
    return f"""
options {{
  directory "{folder}";
  listen-on port {port} {{ 127.0.0.1; }};
  listen-on-v6 {{ none; }};
  pid-file none;
  session-keyfile none;
  lock-file none;
  recursion no;
  notify no;
  zero-no-soa-ttl no;
  allow-transfer {{ none; }};
  dnssec-validation no;
}};
controls {{ }};
{keys}
{served}
"""
