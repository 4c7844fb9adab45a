"""The lab's authoritative name server: UDP and TCP on loopback, with signed updates.

It lets the whole DNS-01 path be walked on a machine without a domain: the controllers send it
RFC 2136 updates, the lab's CA asks it. It tells an observer of each, which is how the tour shows
them. It answers as BIND does (tests/integration/dns).
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from typing import Protocol, cast

import dns.exception
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rrset
import dns.tsig
import dns.update
import msgspec

from certwright.base.evidence import printable
from certwright.dns.network import Address
from certwright.dns.update import TsigKey
from certwright.lab.respond import Reply, respond
from certwright.lab.zone import Zone

_TCP_IDLE_SECONDS = 30
_BIND_ATTEMPTS = 20


class Observation(msgspec.Struct, frozen=True, gc=False):
    """One message that was answered, for the tour and for tests.

    `name` is what was asked for, or the zone that an update is for; `changes` has one line per
    record that an update added or removed.
    """

    is_update: bool
    name: str
    rdtype: str
    rcode: str
    client: Address
    changes: tuple[str, ...] = ()
    tcp: bool = False


Observer = Callable[[Observation], None]


class NameServer:
    """Serves zones on one address; updates need one of the keys.

    Args:
        zones: what it is authoritative for; anything else is refused.
        keys: who may update, any zone of it.
        observer: told of each message, after the answer is made. It must not block.
        host: the IP address to listen on.
        port: the port for both UDP and TCP; 0 takes a free one.
    """

    def __init__(
        self,
        zones: Iterable[Zone],
        keys: Iterable[TsigKey] = (),
        *,
        observer: Observer | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self._zones = {zone.apex: zone for zone in zones}
        self._keys: dict[dns.name.Name, dns.tsig.Key] = {}
        self.set_keys(keys)
        self._observer = observer
        self._host = host
        self._port = port
        self._tcp: asyncio.Server | None = None
        self._udp: asyncio.DatagramTransport | None = None
        self._open: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def start(self) -> Address:
        """Listen; returns the address, the same for UDP and TCP.

        Raises:
            OSError: the port is taken; the error names it.
        """
        for attempt in range(_BIND_ATTEMPTS):
            try:
                return await self._listen()
            except OSError as error:
                await self.aclose()
                if self._port or attempt == _BIND_ATTEMPTS - 1:
                    text = f"cannot listen on {self._host}:{self._port}: {error.strerror}"
                    raise OSError(error.errno, text) from error
        raise AssertionError

    async def aclose(self) -> None:
        """Stop listening and end open connections; may be called twice."""
        if self._udp is not None:
            self._udp.close()
        if self._tcp is not None:
            self._tcp.close()
            for writer in self._open.values():
                writer.close()
            if self._open:
                await asyncio.wait(tuple(self._open))
            await self._tcp.wait_closed()
        self._udp = self._tcp = None

    def set_keys(self, keys: Iterable[TsigKey]) -> None:
        """Replace the keys that may update (the tour breaks and heals them)."""
        self._keys = {(library := key.for_library()).name: library for key in keys}

    def set_zones(self, zones: Iterable[Zone]) -> None:
        """Replace the zones that are served (the tour breaks and heals them)."""
        self._zones = {zone.apex: zone for zone in zones}

    async def _listen(self) -> Address:
        self._tcp = await asyncio.start_server(self._serve_stream, self._host, self._port)
        address: Address = self._tcp.sockets[0].getsockname()[:2]
        self._udp, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _Datagrams(self._answer), local_addr=address
        )
        return address

    async def _serve_stream(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Answer questions of one TCP connection until it ends or is idle (RFC 7766)."""
        task = asyncio.current_task()
        if task is not None:
            self._open[task] = writer
        client: Address = writer.get_extra_info("peername")[:2]
        try:
            while True:
                async with asyncio.timeout(_TCP_IDLE_SECONDS):
                    length = int.from_bytes(await reader.readexactly(2), "big")
                    wire = await reader.readexactly(length)
                answer = self._answer(wire, client, tcp=True)
                if answer is None:
                    return
                writer.write(len(answer).to_bytes(2, "big") + answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, OSError):
            return
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
            if task is not None:
                del self._open[task]

    def _answer(self, wire: bytes, client: Address, *, tcp: bool) -> bytes | None:
        reply = respond(wire, self._zones, self._keys, tcp=tcp)
        if reply is None:
            return None
        if self._observer is not None:
            self._observer(_observed(reply, client, tcp=tcp))
        return reply.wire


class _Answer(Protocol):
    def __call__(self, wire: bytes, client: Address, *, tcp: bool) -> bytes | None: ...


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, answer: _Answer) -> None:
        self._answer = answer
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Python 3.11 forgot to derive the class it passes from the class it promises
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        answer = self._answer(data, addr[:2], tcp=False)
        if answer is not None and self._transport is not None:
            self._transport.sendto(answer, addr)


def _observed(reply: Reply, client: Address, *, tcp: bool) -> Observation:
    return Observation(
        is_update=reply.is_update,
        name=printable(reply.name),
        rdtype=reply.rdtype,
        rcode=dns.rcode.to_text(reply.rcode),
        client=client,
        changes=tuple(printable(change) for change in reply.changes),
        tcp=tcp,
    )
