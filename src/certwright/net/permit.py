"""Nothing leaves without leave: wraps a way out, so that each effect on the outside asks first.

Built by whoever wires the product. A permit raises where the process may not act any more, such
as when another one may have taken its place.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Protocol

from certwright.net.http import BODY_LIMIT, TIMEOUT, Http, Response
from certwright.net.stream import Arriving, Link, Request

Permit = Callable[[], None]


class ClosableHttp(Http, Protocol):
    """An HTTP client that holds connections."""

    async def aclose(self) -> None:
        """Close them."""


class PermittedLink:
    """A way to an API server on which only reading needs no permit."""

    def __init__(self, link: Link, permit: Permit) -> None:
        self._link = link
        self._permit = permit

    async def request(self, request: Request) -> Response:
        """Send one request; see `Link.request`."""
        if request.method != "GET":
            self._permit()
        return await self._link.request(request)

    def stream(
        self, request: Request, *, quiet: timedelta
    ) -> AbstractAsyncContextManager[Arriving]:
        """Send one request and yield its answer while it arrives; see `Link.stream`."""
        return self._link.stream(request, quiet=quiet)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._link.aclose()


class PermittedHttp:
    """An HTTP client that asks before every request: even a CA's nonce is something we use up."""

    def __init__(self, http: ClosableHttp, permit: Permit) -> None:
        self._http = http
        self._permit = permit

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
        """Send one request and read its answer; see `Http.request`."""
        self._permit()
        return await self._http.request(
            method, url, headers=headers, body=body, timeout=timeout, limit_bytes=limit_bytes
        )

    async def aclose(self) -> None:
        """Close all connections."""
        await self._http.aclose()
