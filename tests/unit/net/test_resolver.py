"""From names to addresses that may be contacted."""

import socket

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from certwright.net.guard import ForbiddenAddress
from certwright.net.resolver import GuardedResolver


class Names(AbstractResolver):
    """A DNS whose names all have these addresses."""

    def __init__(self, *addresses: str) -> None:
        self._addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(hostname=host, host=host_, port=port, family=family, proto=0, flags=0)
            for host_ in self._addresses
        ]

    async def close(self) -> None:
        pass


async def resolve(*addresses: str) -> list[str]:
    resolver = GuardedResolver({}, system=Names(*addresses))
    found = await resolver.resolve("ca.example", 443)
    await resolver.close()
    return [result["host"] for result in found]


async def test_addresses_that_are_never_contacted_are_left_out() -> None:
    assert await resolve("169.254.169.254", "192.0.2.1", "fe80::1") == ["192.0.2.1"]


async def test_name_with_no_other_address_is_forbidden() -> None:
    with pytest.raises(ForbiddenAddress, match=r"ca\.example resolves to an address that is never"):
        await resolve("169.254.169.254")


async def test_system_resolver_answers_for_other_names() -> None:
    resolver = GuardedResolver({})

    found = await resolver.resolve("127.0.0.1", 1)
    await resolver.close()

    assert found[0]["host"] == "127.0.0.1"
