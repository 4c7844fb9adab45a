"""The HTTP client: the only place from which a request leaves this program.

Callers are `acme`, the DNS providers, Vault, DNS over HTTPS and the lab. What a server says is
bounded and made printable; what we say never appears in an error: no path, query, header or body,
since each of them may hold a secret.
"""

import asyncio
import ssl
import urllib.request
from collections.abc import Mapping
from datetime import timedelta
from typing import Protocol
from urllib.parse import SplitResult, urljoin

import aiohttp
import msgspec

from certwright.base.evidence import printable
from certwright.base.problem import Cause, Retryable, Stalled
from certwright.base.reason import Reason
from certwright.net.guard import Addresses, ForbiddenAddress, check_url, is_loopback, origin
from certwright.net.resolver import GuardedResolver

TIMEOUT = timedelta(seconds=90)
"""For one request with its answer (compat-spec 6.1)."""
CONNECT_TIMEOUT = timedelta(seconds=30)
BODY_LIMIT = 16 * 1024 * 1024
"""Octets of an answer's body, after decompression (compat-spec 6.1)."""
MAX_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class Trust(msgspec.Struct, frozen=True):
    """Which servers are believed: those of `ca_bundle` (PEM), of the system if it is empty.

    `skip_verify` believes everybody; only for a user who says so (`skipTLSVerify`).
    """

    ca_bundle: bytes | None = None
    skip_verify: bool = False


class Response(msgspec.Struct, frozen=True):
    """An answer of a server, read to its end."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    url: str

    def header(self, name: str) -> str:
        """Return the first value of a header, by name in any case; empty if there is none."""
        return next(iter(self.all(name)), "")

    def all(self, name: str) -> tuple[str, ...]:
        """All values of a header, in order."""
        return tuple(value for key, value in self.headers if key.lower() == name.lower())


class Http(Protocol):
    """What rooms need of an HTTP client; a test or a proof hands in its own."""

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout: timedelta = TIMEOUT,  # noqa: ASYNC109  # kept inside by asyncio.timeout
        limit_bytes: int = BODY_LIMIT,
    ) -> Response:
        """Send one request and read its answer, whatever its status.

        Raises:
            Retryable: no answer (cause TRANSPORT), or one that is too large (cause SERVER).
            ForbiddenAddress: the URL, a redirect or its address must not be contacted.
        """


class HttpClient:
    """Requests with bounded answers, no redirect to another host, and a limit of connections.

    A request waits for a free connection without a time limit; `timeout` counts from then on.
    Proxies are those of the environment (`HTTPS_PROXY`, `NO_PROXY` …), never for this machine; a
    proxy resolves names itself, so only addresses in URLs are checked then.
    Cookies are not kept.
    """

    def __init__(
        self,
        trust: Trust | None = None,
        *,
        user_agent: str = "certwright",
        connections: int = 100,
        addresses: Addresses | None = None,
    ) -> None:
        self._ssl = ssl_context(trust or Trust())
        self._user_agent = user_agent
        self._slots = asyncio.Semaphore(connections)
        self._addresses = addresses or {}
        self._proxies = urllib.request.getproxies_environment()
        self._session: aiohttp.ClientSession | None = None

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout: timedelta = TIMEOUT,  # noqa: ASYNC109  # kept inside by asyncio.timeout
        limit_bytes: int = BODY_LIMIT,
    ) -> Response:
        """Send one request and read its answer; see `Http.request`.

        Redirects of GET and HEAD are followed within the same scheme, host and port; the answer to
        any other method is returned as it is.
        """
        async with self._slots:
            try:
                async with asyncio.timeout(timeout.total_seconds()):
                    return await self._follow(
                        _Request(method, url, headers or {}, body, limit_bytes)
                    )
            except aiohttp.ServerTimeoutError as error:
                raise unreachable(f"{origin(url)}: no connection in time") from error
            except TimeoutError as error:
                text = f"{origin(url)} did not answer within {timeout.total_seconds():g} s"
                raise unreachable(text) from error
            except (aiohttp.ClientError, OSError, UnicodeError) as error:
                raise unreachable(f"{origin(url)}: {describe(error)}") from error

    async def aclose(self) -> None:
        """Close all connections; a later request opens new ones."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _follow(self, request: "_Request") -> Response:
        for _ in range(MAX_REDIRECTS + 1):
            parts = check_url(request.url, self._addresses)
            answer = await self._once(request, self._proxy_for(parts))
            target = answer.header("Location")
            if (
                request.method not in {"GET", "HEAD"}
                or answer.status not in _REDIRECTS
                or not target
            ):
                return answer
            try:
                url = urljoin(request.url, target)
            except ValueError as error:
                text = f"{origin(request.url)} redirects to what is no URL"
                raise unreachable(text) from error
            if not _same_origin(parts, check_url(url, self._addresses)):
                raise ForbiddenAddress(
                    f"{parts.hostname} redirects to {origin(url)}; a redirect to another host is"
                    " not followed"
                )
            request = msgspec.structs.replace(request, url=url)
        raise unreachable(f"{origin(request.url)} redirects more than {MAX_REDIRECTS} times")

    async def _once(self, request: "_Request", proxy: str | None) -> Response:
        async with self._open_session().request(
            request.method,
            request.url,
            headers=request.headers,
            data=request.body,
            allow_redirects=False,
            proxy=proxy,
        ) as answer:
            content = bytearray()
            async for chunk in answer.content.iter_chunked(64 * 1024):
                content += chunk
                if len(content) > request.limit_bytes:
                    raise Retryable(
                        Reason.SERVER_ERROR,
                        f"{origin(request.url)} answered with more than"
                        f" {request.limit_bytes} bytes",
                        cause=Cause.SERVER,
                    )
            pairs = tuple((str(key), value) for key, value in answer.headers.items())
            return Response(answer.status, pairs, bytes(content), request.url)

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:  # here, since it needs the running loop
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=0,  # the semaphore limits: waiting for it costs no request its time
                    resolver=GuardedResolver(self._addresses),
                    ssl=self._ssl,
                    use_dns_cache=False,
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": self._user_agent},
                timeout=aiohttp.ClientTimeout(
                    total=None, sock_connect=CONNECT_TIMEOUT.total_seconds()
                ),
            )
        return self._session

    def _proxy_for(self, parts: SplitResult) -> str | None:
        host = parts.hostname or ""
        if host in self._addresses or is_loopback(host):
            return None
        if urllib.request.proxy_bypass(parts.netloc):
            return None
        return self._proxies.get(parts.scheme)


class _Request(msgspec.Struct, frozen=True):
    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None
    limit_bytes: int


def ssl_context(trust: Trust) -> ssl.SSLContext:
    """Build the TLS settings of a client.

    Raises:
        Stalled: the bundle holds no readable certificate.
    """
    if trust.skip_verify:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    if not trust.ca_bundle:
        return ssl.create_default_context()
    try:
        return ssl.create_default_context(cadata=trust.ca_bundle.decode("ascii"))
    except (ssl.SSLError, ValueError) as error:
        raise Stalled(
            Reason.INVALID_CONFIG,
            "the CA bundle holds no readable PEM certificate",
            remedy="Put the PEM certificates of the server's CA into the bundle.",
        ) from error


def _same_origin(one: SplitResult, other: SplitResult) -> bool:
    return (one.scheme, one.hostname, one.port) == (other.scheme, other.hostname, other.port)


def unreachable(text: str) -> Retryable:
    """Build the problem of a request that got no answer."""
    return Retryable(Reason.CONNECTION_FAILED, text, cause=Cause.TRANSPORT)


def describe(error: Exception) -> str:
    """Say what went wrong without the URL, header or proxy password a library's text may hold."""
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return f"the proxy answered {error.status}"
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {printable(cause.verify_message, 200)}"
    for kind, text in _TEXTS:
        if isinstance(error, kind):
            return text
    if isinstance(cause, OSError) and cause.strerror:
        return printable(cause.strerror, 200)
    return f"the answer is no HTTP ({type(error).__name__})"


_TEXTS: tuple[tuple[type[Exception], str], ...] = (
    (aiohttp.ClientConnectorDNSError, "the host name does not resolve"),
    (UnicodeError, "the host name is none that DNS could know"),
    (aiohttp.InvalidURL, "the URL is unreadable"),
    (aiohttp.ClientSSLError, "the TLS handshake failed"),
    (aiohttp.ServerDisconnectedError, "the connection was closed before an answer came"),
    (aiohttp.ClientPayloadError, "the answer broke off"),
)
