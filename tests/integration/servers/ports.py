"""Readiness of a server by its TCP ports."""

from collections.abc import Awaitable, Callable

from certwright.net.tcp import is_listening


def listening(*ports: int) -> Callable[[], Awaitable[bool]]:
    """Make a check whether something listens on all `ports` of loopback."""

    async def are_listening() -> bool:
        for port in ports:
            if not await is_listening(port):
                return False
        return True

    return are_listening
