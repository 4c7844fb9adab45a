"""A server on loopback that does what servers should not do."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

NEVER = None
"""A reply that does not come."""


@contextlib.asynccontextmanager
async def hostile_server(reply: bytes | None) -> AsyncIterator[str]:
    """Send these raw bytes (or `NEVER` any) to whoever asks, then close; yields its URL."""
    running: set[asyncio.Task[None] | None] = set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        running.add(asyncio.current_task())
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            if reply is None:
                await reader.read()
            else:
                writer.write(reply)
                await writer.drain()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await asyncio.gather(*(task for task in running if task), return_exceptions=True)


def http(status: str, body: bytes = b"", **headers: str) -> bytes:
    """Build an HTTP answer by hand; `Retry_After` names a header."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body
