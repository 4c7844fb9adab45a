"""The lab's own name server, as the others are started."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

from certwright.lab.nameserver import NameServer
from certwright.lab.zone import Zone
from tests.integration.servers.names import KEYS, NameServerUnderTest


@contextlib.asynccontextmanager
async def running_ours(
    folder: Path, zones: Mapping[str, str]
) -> AsyncIterator[NameServerUnderTest]:
    """Serve the zones (apex with the final dot → zone file) until the block ends."""
    del folder  # it writes nothing
    server = NameServer(
        [Zone.parse(apex, text) for apex, text in zones.items()], tuple(KEYS.values())
    )
    address = await server.start()
    try:
        yield NameServerUnderTest("ours", address, next(iter(zones)))
    finally:
        await server.aclose()
