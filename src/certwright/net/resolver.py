"""From host to addresses for the HTTP client: a map, loopback names, the system's DNS."""

import socket

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from certwright.net.guard import Addresses, ForbiddenAddress, is_forbidden, is_loopback


class GuardedResolver(AbstractResolver):
    """Never yields an address that must not be contacted.

    Names below `localhost` are this machine without asking anybody (RFC 6761 §6.3); names in
    `addresses` go to the IP address and port given there.
    """

    def __init__(self, addresses: Addresses, *, system: AbstractResolver | None = None) -> None:
        self._addresses = addresses
        self._system = system or ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the addresses of `host`.

        Raises:
            ForbiddenAddress: all of its addresses are ones that are never contacted.
            OSError: the name does not resolve.
        """
        if host in self._addresses:
            address, port = self._addresses[host]
            if is_forbidden(address):
                raise ForbiddenAddress(f"{host} is mapped to an address that is never contacted")
            return [_result(host, address, port)]
        if is_loopback(host):
            return [_result(host, "127.0.0.1", port), _result(host, "::1", port)]
        found = await self._system.resolve(host, port, family)
        allowed = [result for result in found if not is_forbidden(result["host"])]
        if found and not allowed:
            raise ForbiddenAddress(f"{host} resolves to an address that is never contacted")
        return allowed

    async def close(self) -> None:
        """Release what the system's resolver holds."""
        await self._system.close()


def _result(name: str, address: str, port: int) -> ResolveResult:
    return ResolveResult(
        hostname=name,
        host=address,
        port=port,
        family=socket.AF_INET6 if ":" in address else socket.AF_INET,
        proto=0,
        flags=socket.AI_NUMERICHOST,
    )
