"""The real sockets: what comes from somebody else, late, or not at all."""

import asyncio

import pytest

from certwright.dns.answer import RdataType, build_query
from certwright.dns.exchange import Exchange
from certwright.dns.network import Address, SystemNetwork
from certwright.dns.problem import NameServerSilent

QUESTION = b"\x12\x34" + bytes(10)
ANSWER = b"\x12\x34\x80" + bytes(9)


class Scripted(asyncio.DatagramProtocol):
    """Answers each datagram by the given ones, the last of them from another port."""

    def __init__(self, answers: list[bytes]) -> None:
        self.answers = answers

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Address) -> None:
        assert data == QUESTION
        for answer in self.answers:
            self.transport.sendto(answer, addr)  # type: ignore[attr-defined]  # a datagram's


async def test_datagrams_that_answer_something_else_are_waited_past() -> None:
    wrong_id, no_answer = b"\x99\x99\x80" + bytes(9), QUESTION
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: Scripted([b"", b"\x12", wrong_id, no_answer, ANSWER, ANSWER]),
        local_addr=("127.0.0.1", 0),
    )
    address = transport.get_extra_info("sockname")[:2]

    async with asyncio.timeout(5):
        assert await SystemNetwork().query(QUESTION, address, tcp=False) == ANSWER
    transport.close()


async def test_a_connection_that_ends_early_is_an_error() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)  # unread bytes would make it a reset
        writer.write(b"\x00\x40half")
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    address = server.sockets[0].getsockname()[:2]
    query = build_query("example.test.", RdataType.SOA, recursive=True)

    with pytest.raises(NameServerSilent, match="closed the connection before it answered"):
        await Exchange(SystemNetwork()).ask(query, address, tcp=True)
    server.close()
    await server.wait_closed()


async def test_messages_of_another_question_on_the_connection_are_skipped() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(2 + len(QUESTION))
        for message in (b"\x99\x99\x80" + bytes(9), ANSWER):
            writer.write(len(message).to_bytes(2, "big") + message)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    address = server.sockets[0].getsockname()[:2]

    assert await SystemNetwork().query(QUESTION, address, tcp=True) == ANSWER
    server.close()
    await server.wait_closed()


async def test_a_cancelled_question_leaves_nothing_behind() -> None:
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: Scripted([]), local_addr=("127.0.0.1", 0)
    )
    address = transport.get_extra_info("sockname")[:2]

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await SystemNetwork().query(QUESTION, address, tcp=False)
    transport.close()
