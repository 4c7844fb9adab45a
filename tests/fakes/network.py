"""DNS without sockets: name servers by address, each with zones of its own."""

import asyncio
from collections.abc import Callable, Iterable, Mapping

import dns.message

from certwright.dns.network import Address
from certwright.dns.update import TsigKey
from certwright.lab.respond import respond
from certwright.lab.zone import Zone

Forge = Callable[[bytes], bytes]


class FakeNetwork:
    """Carries messages to the servers it knows; others are unreachable.

    Addresses in `down` refuse, those in `silent` never answer; `forge` rewrites an answer.
    """

    def __init__(
        self, servers: Mapping[Address, Iterable[Zone]], keys: Iterable[TsigKey] = ()
    ) -> None:
        self.servers = {
            address: {zone.apex: zone for zone in zones} for address, zones in servers.items()
        }
        self.keys = {(key := each.for_library()).name: key for each in keys}
        self.down: set[Address] = set()
        self.silent: set[tuple[Address, bool]] = set()
        self.forge: dict[Address, Forge] = {}
        self.log: list[tuple[Address, str, bool]] = []

    async def query(self, message: bytes, address: Address, *, tcp: bool) -> bytes:
        question = dns.message.from_wire(message, keyring=False).question[0]
        self.log.append((address, f"{question.name} {question.rdtype.name}", tcp))
        if (address, tcp) in self.silent:
            await asyncio.get_running_loop().create_future()
        if address in self.down or address not in self.servers:
            raise ConnectionRefusedError(111, "Connection refused")
        reply = respond(message, self.servers[address], self.keys, tcp=tcp)
        if reply is None:
            raise ConnectionError("the message deserves no answer")
        forge = self.forge.get(address)
        return forge(reply.wire) if forge else reply.wire

    def asked(self, address: Address) -> list[str]:
        return [question for at, question, _ in self.log if at == address]
