"""Nothing leaves without leave."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from certwright.net.http import Response
from certwright.net.permit import PermittedHttp, PermittedLink
from certwright.net.stream import Arriving, Request

ANSWER = Response(200, (), b"", "https://ca.test/")


class Refused(Exception):  # noqa: N818  # what a permit raises
    """No leave."""


def refuse() -> None:
    raise Refused


class Way:
    """Notes what was sent; the client below is the same for HTTP to others."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.closed = False

    async def request(self, request: Request) -> Response:
        self.sent.append(request.method)
        return ANSWER

    @asynccontextmanager
    async def stream(self, request: Request, *, quiet: timedelta) -> AsyncIterator[Arriving]:
        del quiet
        self.sent.append(f"stream {request.method}")
        yield None  # type: ignore[misc]  # nobody reads it

    async def aclose(self) -> None:
        self.closed = True


class Client:
    """Notes what was sent."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.closed = False

    async def request(self, method: str, url: str, **_: Any) -> Response:
        del url
        self.sent.append(method)
        return ANSWER

    async def aclose(self) -> None:
        self.closed = True


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE", "PUT"])
async def test_a_write_to_the_api_server_needs_a_permit(method: str) -> None:
    way = Way()

    with pytest.raises(Refused):
        await PermittedLink(way, refuse).request(Request(method=method, target="/"))

    assert way.sent == []


async def test_reading_from_the_api_server_needs_none() -> None:
    way = Way()
    link = PermittedLink(way, refuse)

    await link.request(Request(method="GET", target="/"))
    async with link.stream(Request(method="GET", target="/"), quiet=timedelta(seconds=1)):
        pass
    await link.aclose()

    assert way.sent == ["GET", "stream GET"]
    assert way.closed


async def test_every_request_to_others_needs_a_permit() -> None:
    way = Client()

    with pytest.raises(Refused):
        await PermittedHttp(way, refuse).request("GET", "https://ca.test/")
    await PermittedHttp(way, lambda: None).request("POST", "https://ca.test/")
    await PermittedHttp(way, refuse).aclose()

    assert way.sent == ["POST"]
    assert way.closed
