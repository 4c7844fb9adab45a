"""The way to one server that the user named: kept connections, our certificate, endless answers.

Called by `kube` for its API server. Unlike `net.http` it contacts the one address of a
configuration, wherever that is, and hands out an answer while it still arrives. What a server says
is bounded; what we say never appears in an error.
"""

import asyncio
import os
import ssl
import tempfile
import urllib.request
from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from typing import Protocol
from urllib.parse import unquote, urlsplit, urlunsplit

import aiohttp
import msgspec

from certwright.base.problem import Cause, Retryable, Stalled
from certwright.base.reason import Reason
from certwright.base.secret import Redacted
from certwright.net.guard import is_loopback, origin
from certwright.net.http import (
    BODY_LIMIT,
    CONNECT_TIMEOUT,
    TIMEOUT,
    Response,
    Trust,
    describe,
    ssl_context,
    unreachable,
)

Headers = tuple[tuple[str, str], ...]
_CHUNK = 256 * 1024


class Tls(msgspec.Struct, frozen=True):
    """Whom we believe, under which name, and how we show who we are (PEM; empty for neither)."""

    trust: Trust = Trust()
    server_name: str = ""
    certificate: bytes = b""
    key: Redacted[bytes] = Redacted(b"")


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked: `target` is path and query, appended to the server's URL."""

    method: str
    target: str
    headers: Headers = ()
    body: bytes | None = None
    timeout: timedelta = TIMEOUT
    limit_bytes: int = BODY_LIMIT


class Arriving(Protocol):
    """An answer whose body still arrives."""

    status: int
    headers: Headers

    def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body as it comes; ends with the answer.

        Raises:
            Retryable: it broke off, or was silent for too long.
        """

    async def read(self, limit_bytes: int) -> bytes:
        """Read the body to its end.

        Raises:
            Retryable: it broke off, or is larger than `limit_bytes`.
        """


class Link(Protocol):
    """A way to one server; a test or a proof hands in its own."""

    async def request(self, request: Request) -> Response:
        """Send one request and read its answer, whatever its status; no redirect is followed.

        Raises:
            Retryable: no answer (cause TRANSPORT), or one that is too large (cause SERVER).
        """

    def stream(
        self, request: Request, *, quiet: timedelta
    ) -> AbstractAsyncContextManager[Arriving]:
        """Send one request and yield its answer as soon as its headers are there.

        Args:
            request: its `timeout` holds until then.
            quiet: how long the body may be silent.

        Raises:
            Retryable: no answer in time.
        """

    async def aclose(self) -> None:
        """Close all connections; a later request opens new ones."""


class _Streamed:
    """An answer that aiohttp reads."""

    def __init__(self, answer: aiohttp.ClientResponse, url: str) -> None:
        self._answer = answer
        self._url = url
        self.status = answer.status
        self.headers: Headers = tuple((str(key), value) for key, value in answer.headers.items())

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body as it comes; see `Arriving.chunks`."""
        try:
            async for chunk in self._answer.content.iter_any():
                yield chunk
        except (aiohttp.ClientError, OSError) as error:
            raise _broken(self._url, error) from error

    async def read(self, limit_bytes: int) -> bytes:
        """Read the body to its end; see `Arriving.read`."""
        content = bytearray()
        async for chunk in self.chunks():
            content += chunk
            if len(content) > limit_bytes:
                text = f"{origin(self._url)} answered with more than {limit_bytes} bytes"
                raise Retryable(Reason.SERVER_ERROR, text, cause=Cause.SERVER)
        return bytes(content)


class Channel:
    """Connections to one server. `connections` bounds the requests under way, not the streams."""

    def __init__(
        self,
        server: str,
        tls: Tls,
        *,
        proxy: str = "",
        user_agent: str = "certwright",
        connections: int = 32,
    ) -> None:
        self._server = server.rstrip("/")
        self._tls = tls
        self._ssl = client_context(tls)
        self._proxy, self._proxy_auth = _proxy(proxy or _proxy_of_environment(server))
        self._user_agent = user_agent
        self._slots = asyncio.Semaphore(connections)
        self._session: aiohttp.ClientSession | None = None

    async def request(self, request: Request) -> Response:
        """Send one request and read its answer; see `Link.request`."""
        async with self._slots:
            try:
                async with (
                    asyncio.timeout(request.timeout.total_seconds()),
                    self._open(request, quiet=request.timeout) as answer,
                ):
                    body = await answer.read(request.limit_bytes)
                    return Response(answer.status, answer.headers, body, self._server)
            except TimeoutError as error:
                seconds = request.timeout.total_seconds()
                raise unreachable(
                    f"{origin(self._server)} did not answer within {seconds:g} s"
                ) from error

    @asynccontextmanager
    async def stream(self, request: Request, *, quiet: timedelta) -> AsyncIterator[Arriving]:
        """Send one request and yield its answer while it arrives; see `Link.stream`."""
        async with self._open(request, quiet=quiet) as answer:
            yield answer

    async def aclose(self) -> None:
        """Close all connections; a later request opens new ones."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    @asynccontextmanager
    async def _open(self, request: Request, *, quiet: timedelta) -> AsyncIterator[Arriving]:
        url = f"{self._server}{request.target}"
        try:
            async with asyncio.timeout(request.timeout.total_seconds()):
                answer = await self._session_now().request(
                    request.method,
                    url,
                    headers=request.headers,
                    data=request.body,
                    allow_redirects=False,
                    proxy=self._proxy,
                    proxy_auth=self._proxy_auth,
                    server_hostname=self._tls.server_name or None,
                    timeout=aiohttp.ClientTimeout(
                        total=None,
                        sock_connect=CONNECT_TIMEOUT.total_seconds(),
                        sock_read=quiet.total_seconds(),
                    ),
                )
        except (aiohttp.ClientError, OSError, UnicodeError) as error:
            raise _broken(url, error) from error
        try:
            yield _Streamed(answer, url)
        finally:
            await _leave(answer)

    def _session_now(self) -> aiohttp.ClientSession:
        if self._session is None:  # here, since it needs the running loop
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, ssl=self._ssl, keepalive_timeout=60),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": self._user_agent, "Accept-Encoding": "identity"},
                read_bufsize=_CHUNK,
            )
        return self._session


async def _leave(answer: aiohttp.ClientResponse) -> None:
    """Leave the connection to others if the body was read to its end, else cut it off.

    Nobody waits for the server to say goodbye: it may have been silent for minutes.
    """
    unfinished = answer.connection  # none any more at the body's end
    transport = unfinished.transport if unfinished is not None else None
    if transport is None:
        answer.release()
        return
    transport.abort()
    answer.close()
    loop = asyncio.get_running_loop()
    for _ in range(2):  # turns of the loop until the socket is closed, even if it ends now
        turn = loop.create_future()
        loop.call_soon(_wake, turn)
        await turn


def _wake(turn: asyncio.Future[None]) -> None:
    if not turn.done():  # whoever waited may have been cancelled
        turn.set_result(None)


def client_context(tls: Tls) -> ssl.SSLContext:
    """Build the TLS settings, with our own certificate if there is one.

    Raises:
        Stalled: the bundle, the certificate or the key cannot be read.
    """
    context = ssl_context(tls.trust)
    if not tls.certificate:
        return context
    try:
        with _briefly((tls.certificate, b"\n", tls.key.reveal())) as path:
            context.load_cert_chain(path)
    except (ssl.SSLError, OSError) as error:
        raise Stalled(
            Reason.INVALID_CONFIG,
            "the client certificate and its key cannot be used",
            remedy="Give a PEM certificate and the PEM key that belongs to it.",
        ) from error
    return context


class _briefly:  # noqa: N801  # reads as a word
    """A file that only we can read and that lives as long as the block: OpenSSL takes no bytes."""

    def __init__(self, parts: Iterable[bytes]) -> None:
        self._content = b"".join(parts)

    def __enter__(self) -> str:
        folder = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108  # in memory
        descriptor, self._path = tempfile.mkstemp(dir=folder)
        with os.fdopen(descriptor, "wb") as file:
            file.write(self._content)
        return self._path

    def __exit__(self, *_: object) -> None:
        os.unlink(self._path)  # noqa: PTH108  # it is a text


def _proxy_of_environment(server: str) -> str:
    parts = urlsplit(server)
    if is_loopback(parts.hostname or "") or urllib.request.proxy_bypass(parts.netloc):
        return ""
    return urllib.request.getproxies_environment().get(parts.scheme, "")


def _proxy(url: str) -> tuple[str | None, aiohttp.BasicAuth | None]:
    if not url:
        return None, None
    parts = urlsplit(url)
    if parts.username is None:
        return url, None
    auth = aiohttp.BasicAuth(unquote(parts.username), unquote(parts.password or ""))
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=place)), auth


def _broken(url: str, error: Exception) -> Retryable:
    if isinstance(error, TimeoutError):  # aiohttp's are ones too
        return unreachable(f"{origin(url)} was silent for too long")
    return unreachable(f"{origin(url)}: {describe(error)}")
