"""No update of a zone without leave: wraps the way to the name servers."""

from collections.abc import Callable

from certwright.dns.network import Address, Network

_UPDATE = 5
"""The opcode of RFC 2136 §1.3."""


class PermittedNetwork:
    """Carries questions as they are; an update asks `permit` first, which may raise."""

    def __init__(self, network: Network, permit: Callable[[], None]) -> None:
        self._network = network
        self._permit = permit

    async def query(self, message: bytes, address: Address, *, tcp: bool) -> bytes:
        """Send `message`; see `Network.query`."""
        # RFC 1035 §4.1.1: the opcode is bits 1 to 4 of the third octet
        if len(message) > 2 and message[2] >> 3 & 0xF == _UPDATE:  # noqa: PLR2004  # the id before
            self._permit()
        return await self._network.query(message, address, tcp=tcp)
