"""etcd, where the API server of the tests keeps its objects."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from certwright.net.tcp import free_port
from tests.integration.servers.ports import listening
from tests.integration.servers.process import serving
from tests.peers import require_peer


@asynccontextmanager
async def etcd(folder: Path) -> AsyncIterator[str]:
    """Run etcd on free ports, its files below `folder`; yields the URL for clients."""
    program = require_peer("etcd")
    port, peer_port = free_port(), free_port()
    home = folder / "etcd"
    home.mkdir()
    url, peer = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{peer_port}"
    argv = [
        str(program),
        f"--data-dir={home / 'data'}",
        f"--listen-client-urls={url}",
        f"--advertise-client-urls={url}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        "--unsafe-no-fsync",  # what a power cut does to etcd is not what we test
        "--log-level=warn",
    ]
    async with serving(argv, home, listening(port)):
        yield url
