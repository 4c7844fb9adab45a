"""Ports of this machine."""

import socket
from datetime import timedelta

from certwright.net.server import serve
from certwright.net.tcp import free_port, is_port_free, wait_until_listening
from tests.fakes.clock import FakeClock


def test_free_port_is_free() -> None:
    assert is_port_free(free_port())
    assert is_port_free(free_port("::1"), "::1")


def test_port_with_a_listener_is_not_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert not is_port_free(taken.getsockname()[1])


async def test_wait_ends_when_something_listens() -> None:
    server = await serve([])

    assert await wait_until_listening(
        server.port, clock=FakeClock(auto=True), timeout=timedelta(seconds=1)
    )
    await server.aclose()


async def test_wait_ends_when_nothing_ever_listens() -> None:
    clock = FakeClock(auto=True)

    assert not await wait_until_listening(free_port(), clock=clock, timeout=timedelta(seconds=1))
    assert clock.monotonic() >= 1
