"""The way to one server: kept connections, endless answers, our certificate."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from certwright.base.problem import Retryable, Stalled
from certwright.base.secret import Redacted
from certwright.net.stream import Channel, Request, Tls, client_context

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
LONG = timedelta(seconds=10)
SHORT = timedelta(milliseconds=50)
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@asynccontextmanager
async def a_server(handler: Handler) -> AsyncIterator[str]:
    """Run a server that speaks bytes; yields its URL."""
    tasks: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            tasks.add(task)
        try:
            await handler(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def a_channel(url: str) -> AsyncIterator[Channel]:
    channel = Channel(url, Tls())
    try:
        yield channel
    finally:
        await channel.aclose()


async def _asked(reader: asyncio.StreamReader) -> bytes:
    return await reader.readuntil(b"\r\n\r\n")


async def _for_ever() -> None:
    await asyncio.get_running_loop().create_future()


async def test_one_connection_serves_many_requests() -> None:
    connections = 0

    async def counting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        while True:
            await _asked(reader)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    async with a_server(counting) as url, a_channel(url) as channel:
        answers = [await channel.request(Request(method="GET", target="/x")) for _ in range(3)]

    assert [answer.body for answer in answers] == [b"ok"] * 3
    assert connections == 1


async def test_a_body_is_handed_out_as_it_comes() -> None:
    go_on = asyncio.Event()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _asked(reader)
        writer.write(CHUNKED + b"2\r\na\n\r\n")
        await go_on.wait()
        writer.write(b"2\r\nb\n\r\n0\r\n\r\n")
        await writer.drain()

    found = []
    async with (
        a_server(slow) as url,
        a_channel(url) as channel,
        channel.stream(Request(method="GET", target="/x"), quiet=LONG) as answer,
    ):
        async for chunk in answer.chunks():
            found.append(chunk)
            go_on.set()

    assert found == [b"a\n", b"b\n"]


async def test_a_body_that_is_silent_for_too_long_is_lost() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _asked(reader)
        writer.write(CHUNKED)
        await _for_ever()

    async with (
        a_server(silent) as url,
        a_channel(url) as channel,
        channel.stream(Request(method="GET", target="/x"), quiet=SHORT) as answer,
    ):
        with pytest.raises(Retryable, match="silent"):
            await answer.read(100)


async def test_no_answer_at_all_is_not_waited_for() -> None:
    async def deaf(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await _asked(reader)
        await _for_ever()

    request = Request(method="GET", target="/x", timeout=SHORT)
    async with a_server(deaf) as url, a_channel(url) as channel:
        with pytest.raises(Retryable):
            await channel.request(request)
        with pytest.raises(Retryable):
            async with channel.stream(request, quiet=LONG):
                pass


async def test_a_body_that_breaks_off_is_lost() -> None:
    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _asked(reader)
        writer.write(CHUNKED + b"9\r\nhalf")

    async with (
        a_server(cut) as url,
        a_channel(url) as channel,
        channel.stream(Request(method="GET", target="/x"), quiet=LONG) as answer,
    ):
        with pytest.raises(Retryable):
            await answer.read(100)


async def test_a_body_that_is_too_large_is_not_read() -> None:
    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _asked(reader)
        writer.write(CHUNKED)
        while True:
            writer.write(b"400\r\n" + b"x" * 1024 + b"\r\n")
            await writer.drain()

    async with a_server(endless) as url, a_channel(url) as channel:
        with pytest.raises(Retryable, match="more than"):
            await channel.request(Request(method="GET", target="/x", limit_bytes=10_000))


async def test_a_stream_that_nobody_wants_any_more_is_closed() -> None:
    closed = asyncio.Event()

    async def streaming(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _asked(reader)
        writer.write(CHUNKED + b"1\r\na\r\n")
        assert await reader.read() == b""
        closed.set()

    async with a_server(streaming) as url, a_channel(url) as channel:
        async with channel.stream(Request(method="GET", target="/x"), quiet=LONG) as answer:
            assert await anext(aiter(answer.chunks())) == b"a"
        async with asyncio.timeout(5):
            await closed.wait()


async def test_nobody_there_is_said_without_what_was_asked() -> None:
    async with a_channel("http://127.0.0.1:1") as channel:
        with pytest.raises(Retryable) as problem:
            await channel.request(Request(method="GET", target="/secret"))

    assert "secret" not in problem.value.message


@pytest.mark.parametrize("certificate", [b"nonsense", b"-----BEGIN CERTIFICATE-----\n"])
def test_a_certificate_that_is_none_is_said(certificate: bytes) -> None:
    with pytest.raises(Stalled):
        client_context(Tls(certificate=certificate, key=Redacted(b"key")))
