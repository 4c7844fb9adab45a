"""What can be asked over HTTP: /metrics, and /livez and /readyz beside it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from ipaddress import ip_address
from typing import Final

from msgspec import Struct

from certwright.base.problem import Stalled
from certwright.base.reason import Reason
from certwright.net.server import Handler, Reply, Request, Route, serve
from certwright.runtime.health import Health
from certwright.runtime.metrics import CONTENT_TYPE, Metrics

_OFF: Final = frozenset({"", "0"})
_LARGEST_PORT: Final = 65535


class Places(Struct, frozen=True, kw_only=True):
    """Where to listen, as host:port; empty or `0` for nowhere."""

    metrics: str = ""
    health: str = ""


def metrics_routes(metrics: Metrics) -> tuple[Route, ...]:
    """Route to the metrics."""

    async def show(_request: Request) -> Reply:
        return Reply(body=await metrics.render(), content_type=CONTENT_TYPE)

    return (Route("GET", "/metrics", show),)


def health_routes(health: Health) -> tuple[Route, ...]:
    """Route to the probes."""
    return (
        Route("GET", "/livez", _probe(health.why_not_alive)),
        Route("GET", "/readyz", _probe(health.why_not_ready)),
    )


def _probe(why_not: Callable[[], str]) -> Handler:
    async def answer(_request: Request) -> Reply:
        text = why_not()
        return Reply(status=500 if text else 200, body=(text or "ok").encode())

    return answer


@asynccontextmanager
async def serving(places: Places, metrics: Metrics, health: Health) -> AsyncIterator[None]:
    """Serve until the end of the block.

    Raises:
        Stalled: an address is none, or taken.
    """
    wanted = (
        ("--metrics-listen-address", places.metrics, metrics_routes(metrics)),
        ("--internal-healthz-listen-address", places.health, health_routes(health)),
    )
    async with AsyncExitStack() as stack:
        for flag, place, routes in wanted:
            if place not in _OFF:
                stack.push_async_callback(await _listen(flag, place, routes))
        yield


async def _listen(flag: str, place: str, routes: Sequence[Route]) -> Callable[[], Awaitable[None]]:
    host, port = parse_place(flag, place)
    server = await serve(routes, host=host, port=port)
    return server.aclose


def parse_place(flag: str, place: str) -> tuple[str, int]:
    """Read `host:port`, `[v6]:port` or `:port` (every address).

    Raises:
        Stalled: it is none.
    """
    host, colon, port = place.rpartition(":")
    host = host.removeprefix("[").removesuffix("]") or "0.0.0.0"  # noqa: S104  # as in Go
    try:
        if host != "localhost":
            ip_address(host)
        number = int(port)
    except ValueError:
        number = -1
    if not colon or not 0 <= number <= _LARGEST_PORT:
        raise Stalled(Reason.INVALID_CONFIG, f"{flag}: {place!r} is no address such as :9402")
    return host, number
