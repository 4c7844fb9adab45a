"""A small HTTP server: for the lab's pages and answers, and for the dashboard.

It hands a handler plain values and sends back what the handler returns, so no other room needs the
HTTP library. Paths are not logged, since one may be a secret.
"""

import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence

import msgspec
from aiohttp import web

from certwright.base.problem import Stalled
from certwright.base.reason import Reason
from certwright.net.tcp import LOOPBACK

BODY_LIMIT = 1024 * 1024
"""Octets of a request's body."""
_SHUTDOWN_SECONDS = 0.5


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A request, read to its end; `match` holds the variable parts of the route's path."""

    method: str
    host: str
    path: str
    match: Mapping[str, str]
    query: Mapping[str, str]
    headers: tuple[tuple[str, str], ...]
    body: bytes = b""

    def header(self, name: str) -> str:
        """Return the first value of a header, by name in any case; empty if there is none."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What goes back."""

    status: int = 200
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()


Handler = Callable[[Request], Awaitable[Reply]]


class Route(msgspec.Struct, frozen=True):
    """Requests of `method` (`*` for all) for `path`, e.g. `/certificates/{name}`, go to `handler`.

    `{rest:.*}` takes the rest of a path, slashes too.
    """

    method: str
    path: str
    handler: Handler


class Server:
    """A running server; `aclose` ends it within a second."""

    def __init__(self, runner: web.AppRunner, *, is_tls: bool) -> None:
        self._runner = runner
        self._scheme = "https" if is_tls else "http"
        self.host, self.port = str(runner.addresses[0][0]), int(runner.addresses[0][1])

    @property
    def url(self) -> str:
        """Scheme, host and port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self._scheme}://{host}:{self.port}"

    async def aclose(self) -> None:
        """Stop listening, give running requests half a second, close the connections."""
        await self._runner.cleanup()


async def serve(
    routes: Sequence[Route],
    *,
    host: str = LOOPBACK,
    port: int = 0,
    tls: ssl.SSLContext | None = None,
    body_limit: int = BODY_LIMIT,
) -> Server:
    """Start a server; it listens when this returns.

    Args:
        routes: the first one that fits answers; none is 404.
        host: address to listen on.
        port: 0 for any free one.
        tls: makes it an HTTPS server.
        body_limit: larger requests are refused with 413.

    Raises:
        Stalled: the port is taken or not ours to take.
    """
    application = web.Application(client_max_size=body_limit)
    for route in routes:
        application.router.add_route(route.method, route.path, _adapt(route.handler))
    runner = web.AppRunner(
        application, handle_signals=False, access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, ssl_context=tls).start()
    except OSError as error:
        await runner.cleanup()
        raise Stalled(
            Reason.INVALID_CONFIG,
            f"cannot listen on port {port} of {host}: {error.strerror}",
            remedy="End the program that uses the port, or choose another one.",
        ) from error
    return Server(runner, is_tls=tls is not None)


def _adapt(handler: Handler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def answer(request: web.Request) -> web.StreamResponse:
        reply = await handler(
            Request(
                method=request.method,
                host=request.host,
                path=request.path,
                match=dict(request.match_info),
                query=dict(request.query),
                headers=tuple((str(key), value) for key, value in request.headers.items()),
                body=await request.read(),
            )
        )
        response = web.Response(status=reply.status, body=reply.body)
        response.headers["Content-Type"] = reply.content_type
        for key, value in reply.headers:
            response.headers.add(key, value)
        return response

    return answer
