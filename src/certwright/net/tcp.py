"""Ports and sockets of this machine: for what listens on loopback (the lab, the tests)."""

import asyncio
import contextlib
import errno
import secrets
import socket
from datetime import timedelta

from certwright.base.clock import Clock

LOOPBACK = "127.0.0.1"
_STEP = timedelta(milliseconds=20)
_LOWEST, _HIGHEST = 10_000, 32_768
"""Linux gives outgoing sockets ports from 32768 on, other systems from 49152 on."""
_TRIES = 100


def free_port(host: str = LOOPBACK) -> int:
    """Name a port of `host` that is free for TCP and UDP at this moment.

    From below the range that outgoing sockets are given, so none of them takes it meanwhile; a
    server of ours should bind port 0 instead.

    Raises:
        OSError: none was found in a hundred tries.
    """
    for _ in range(_TRIES):
        port = _LOWEST + secrets.randbelow(_HIGHEST - _LOWEST)
        if is_port_free(port, host) and _is_free_for_datagrams(port, host):
            return port
    raise OSError(errno.EADDRINUSE, "no free port was found")


def is_port_free(port: int, host: str = LOOPBACK) -> bool:
    """Whether a server could bind `port` of `host` now (one that just ended does not count)."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def _is_free_for_datagrams(port: int, host: str) -> bool:
    with socket.socket(
        socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM
    ) as probe:
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


async def is_listening(port: int, host: str = LOOPBACK) -> bool:
    """Whether something accepts TCP connections on `port` of `host`."""
    try:
        async with asyncio.timeout(1):
            _, writer = await asyncio.open_connection(host, port)
    except OSError:  # a time-out is one too
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True


async def wait_until_listening(
    port: int,
    *,
    clock: Clock,
    timeout: timedelta,  # noqa: ASYNC109  # spans are counted by the clock handed in
    host: str = LOOPBACK,
) -> bool:
    """Wait until something listens on `port` of `host`; false when `timeout` passes first."""
    end = clock.monotonic() + timeout.total_seconds()
    while not await is_listening(port, host):
        if clock.monotonic() >= end:
            return False
        await clock.sleep(_STEP)
    return True
