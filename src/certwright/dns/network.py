"""The one place where DNS bytes leave the process.

`Network` is handed in, so a test can lose, delay or forge messages, and a proof can end the process
at each of them. `SystemNetwork` is the real one: asyncio sockets, no threads.
"""

import asyncio
import contextlib
from typing import Protocol

Address = tuple[str, int]
"""An IP address and a port."""

_ID_BYTES = 2
_QR = 0x80


class Network(Protocol):
    """Carries one DNS message to an address and brings the answer back."""

    async def query(self, message: bytes, address: Address, *, tcp: bool) -> bytes:
        """Send `message` and return the first answer with the same id from that address.

        It has no time limit of its own: the caller sets one.

        Raises:
            OSError: the address cannot be reached, or the connection ended early.
        """


class SystemNetwork:
    """UDP and TCP sockets of this machine."""

    async def query(self, message: bytes, address: Address, *, tcp: bool) -> bytes:
        """Ask over a fresh socket, so that the source port is a new random one (RFC 5452 §4.5)."""
        return await (_over_tcp if tcp else _over_udp)(message, address)


class _Listener(asyncio.DatagramProtocol):
    """Waits for the datagram that answers; others are dropped, not believed (RFC 5452 §9.1)."""

    def __init__(self, wanted_id: bytes, answer: asyncio.Future[bytes]) -> None:
        self._wanted_id = wanted_id
        self._answer = answer

    def datagram_received(self, data: bytes, addr: tuple[str | object, int]) -> None:
        del addr  # the socket is connected: the kernel only hands on what the peer sent
        answers = data[:_ID_BYTES] == self._wanted_id and len(data) > _ID_BYTES and data[2] & _QR
        if answers and not self._answer.done():
            self._answer.set_result(data)

    def error_received(self, exc: Exception) -> None:
        if not self._answer.done():
            self._answer.set_exception(exc)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._answer.done():
            self._answer.set_exception(exc or ConnectionError("the socket was closed"))
            self._answer.exception()  # whoever closed it no longer asks


async def _over_udp(message: bytes, address: Address) -> bytes:
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[bytes] = loop.create_future()
    transport, _ = await loop.create_datagram_endpoint(
        lambda: _Listener(message[:_ID_BYTES], answer), remote_addr=address
    )
    try:
        transport.sendto(message)
        return await answer
    finally:
        transport.close()


async def _over_tcp(message: bytes, address: Address) -> bytes:
    reader, writer = await asyncio.open_connection(*address)
    try:
        # RFC 1035 §4.2.2: two octets of length before each message
        writer.write(len(message).to_bytes(2, "big") + message)
        await writer.drain()
        while True:
            length = int.from_bytes(await reader.readexactly(2), "big")
            answer = await reader.readexactly(length)
            if answer[:_ID_BYTES] == message[:_ID_BYTES]:
                return answer
    except asyncio.IncompleteReadError as error:
        raise ConnectionError("the server closed the connection before it answered") from error
    finally:
        writer.transport.abort()  # all was read, or nothing more is wanted
        with contextlib.suppress(OSError):
            await writer.wait_closed()
