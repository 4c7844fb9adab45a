"""Servers on loopback that mean harm by how they answer: too much, too slowly, in pieces."""

import asyncio
import contextlib
import gzip
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from certwright.base.clock import SystemClock
from certwright.base.problem import Cause, Problem
from certwright.dns.answer import Answer, RdataType, build_query
from certwright.dns.exchange import Exchange
from certwright.dns.network import Address, SystemNetwork
from certwright.dns.problem import NameServerSilent
from certwright.net.http import HttpClient

CLOCK = SystemClock()
MEBIBYTE = 1024 * 1024
NAME = "_acme-challenge.www.example.test."

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def talking(talk: Talk) -> AsyncIterator[Address]:
    """A TCP server that does this to whoever connects."""
    running: dict[asyncio.Task[None] | None, asyncio.StreamWriter] = {}

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        running[asyncio.current_task()] = writer
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await talk(reader, writer)
        writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[:2]
    finally:
        server.close()
        for writer in running.values():  # a cancelled one is an error to Python 3.11
            writer.transport.abort()
        await asyncio.gather(*(task for task in running if task), return_exceptions=True)


async def fetch(talk: Talk, *, seconds: float = 20) -> Problem:
    """Return the error of a GET from such a server."""
    client = HttpClient()
    async with talking(talk) as (host, port):
        try:
            with pytest.raises(Problem) as error:
                await client.request(
                    "GET", f"http://{host}:{port}/", timeout=timedelta(seconds=seconds)
                )
        finally:
            await client.aclose()
    assert error.value.message.isprintable()
    assert len(error.value.message) < 500
    return error.value


def endless(head: bytes, chunk: bytes) -> Talk:
    """Write a head, and then a chunk again and again until nobody listens."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head)
        while chunk:
            writer.write(chunk)
            await writer.drain()
        await reader.read()

    return talk


@pytest.mark.parametrize(
    ("head", "chunk"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n", b"x" * 65536),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"8000\r\n" + b"x" * 32768 + b"\r\n",
        ),
        (b"HTTP/1.1 200 OK\r\n", b"X-Header: " + b"x" * 4000 + b"\r\n"),
        (b"HTTP/1.1 200 OK\r\n", b"X-Header: x\r\n" * 1000),
        (b"HTTP/1.1 200 OK\r\nX-Header: ", b"x" * 4000),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", b"x" * 4000),
        (
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1018090\r\n\r\n"
            + gzip.compress(b"\0" * 1000 * MEBIBYTE, 9),
            b"",
        ),
    ],
    ids=["1-gb", "chunks", "headers", "small-headers", "header", "chunk-extension", "zip-bomb"],
)
async def test_what_has_no_end_is_cut_off_before_it_fills_the_memory(
    head: bytes, chunk: bytes
) -> None:
    tracemalloc.start()
    try:
        await fetch(endless(head, chunk), seconds=6)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 80 * MEBIBYTE


async def test_an_answer_that_drips_is_given_up_in_time() -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await CLOCK.sleep(timedelta(milliseconds=10))

    begin = CLOCK.monotonic()
    error = await fetch(drip, seconds=0.3)

    assert "did not answer within 0.3 s" in error.message
    assert CLOCK.monotonic() - begin < 5


async def ask(address: Address, *, tcp: bool) -> NameServerSilent:
    """Return the error of a question to such a name server."""
    query = build_query(NAME, RdataType.TXT, recursive=False)
    with pytest.raises(NameServerSilent) as error:
        await Exchange(SystemNetwork(), timeout_seconds=0.3).ask(query, address, tcp=tcp)
    assert error.value.message.isprintable()
    assert error.value.cause is Cause.TRANSPORT
    return error.value


class Flood(asyncio.DatagramProtocol):
    """Answers each question with a thousand messages of other ids."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        number = int.from_bytes(data[:2], "big")
        for offset in range(1, 1001):
            wrong = ((number + offset) % 65536).to_bytes(2, "big") + b"\x80" + data[3:]
            self.transport.sendto(wrong, addr)  # type: ignore[attr-defined]  # a datagram transport


async def test_a_flood_of_wrong_ids_is_waited_out_and_no_longer() -> None:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Flood, local_addr=("127.0.0.1", 0))
    try:
        begin = CLOCK.monotonic()
        await ask(transport.get_extra_info("sockname")[:2], tcp=False)
    finally:
        transport.close()

    assert CLOCK.monotonic() - begin < 5


@pytest.mark.parametrize(
    "answer",
    [b"", b"\xff", b"\xff\xff", b"\xff\xff" + b"x" * 100, b"\0\0" * 10_000, b"\0\2ab" * 10_000],
    ids=["nothing", "half-a-length", "a-length", "too-little", "empty-ones", "other-ones"],
)
async def test_a_connection_that_ends_early_is_told(answer: bytes) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(2)
        writer.write(answer)
        await writer.drain()

    async with talking(talk) as address:
        await ask(address, tcp=True)


async def test_messages_for_others_without_end_are_given_up_in_time() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = (await reader.readexactly(4))[2:]
        other = ((int.from_bytes(number, "big") + 1) % 65536).to_bytes(2, "big")
        while True:
            writer.write((b"\0\2" + other) * 1000)
            await writer.drain()

    begin = CLOCK.monotonic()
    async with talking(talk) as address:
        error = await ask(address, tcp=True)

    assert "no answer within 0.3 s" in error.message
    assert CLOCK.monotonic() - begin < 5


async def test_64_kb_of_text_records_are_read_as_far_as_anybody_looks() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        length = int.from_bytes(await reader.readexactly(2), "big")
        query = await reader.readexactly(length)
        question = query[12 : query.index(b"\0", 12) + 5]
        record = b"\xc0\x0c\0\x10\0\x01\0\0\0\x3c\0\x2c\x2b"
        count = 1000
        body = query[:2] + b"\x84\0\0\1" + count.to_bytes(2, "big") + b"\0\0\0\0" + question
        body += b"".join(record + b"%043d" % number for number in range(count))
        writer.write(len(body).to_bytes(2, "big") + body)
        await writer.drain()
        await reader.read()

    async with talking(talk) as address:
        query = build_query(NAME, RdataType.TXT, recursive=False)
        answer = await Exchange(SystemNetwork(), timeout_seconds=10).ask(query, address, tcp=True)

    assert len(Answer("ns", answer).values(NAME, RdataType.TXT)) == 100
