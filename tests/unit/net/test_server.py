"""The small server."""

import pytest

from certwright.base.problem import Stalled
from certwright.net.http import HttpClient, Response
from certwright.net.server import Reply, Request, Route, Server, serve
from certwright.net.tcp import is_listening


async def show(request: Request) -> Reply:
    seen = [request.match.get("name", ""), request.query.get("q", ""), request.header("x-test")]
    return Reply(
        status=201,
        body=",".join(seen).encode(),
        content_type="text/html; charset=utf-8",
        headers=(("Cache-Control", "no-store"),),
    )


async def fail(request: Request) -> Reply:
    raise RuntimeError(f"secret of {request.path}")


async def get(server: Server, path: str, *, method: str = "GET", body: bytes = b"") -> Response:
    client = HttpClient()
    try:
        return await client.request(
            method, server.url + path, body=body, headers={"X-Test": "hello"}
        )
    finally:
        await client.aclose()
        await server.aclose()


async def test_handler_gets_the_parts_of_a_request() -> None:
    server = await serve([Route("GET", "/c/{name}", show)])

    answer = await get(server, "/c/foo?q=bar")

    assert answer.status == 201
    assert answer.body == b"foo,bar,hello"
    assert answer.header("Content-Type") == "text/html; charset=utf-8"
    assert answer.header("Cache-Control") == "no-store"


async def test_missing_header_is_empty() -> None:
    async def missing(request: Request) -> Reply:
        return Reply(body=request.header("x-none").encode())

    assert (await get(await serve([Route("GET", "/", missing)]), "/")).body == b""


@pytest.mark.parametrize(("path", "method", "status"), [("/x", "GET", 404), ("/c/a", "POST", 405)])
async def test_request_without_a_route_is_refused(path: str, method: str, status: int) -> None:
    server = await serve([Route("GET", "/c/{name}", show)])

    assert (await get(server, path, method=method)).status == status


async def test_body_that_is_too_large_is_refused() -> None:
    server = await serve([Route("POST", "/", show)], body_limit=10)

    assert (await get(server, "/", method="POST", body=b"x" * 100)).status == 413


async def test_failing_handler_tells_nothing_to_strangers() -> None:
    answer = await get(await serve([Route("GET", "/", fail)]), "/")

    assert answer.status == 500
    assert b"secret" not in answer.body


async def test_taken_port_is_named() -> None:
    server = await serve([])

    with pytest.raises(Stalled, match=f"port {server.port} of 127.0.0.1"):
        await serve([], port=server.port)
    await server.aclose()


async def test_closed_server_listens_no_more() -> None:
    server = await serve([])
    assert await is_listening(server.port)

    await server.aclose()

    assert not await is_listening(server.port)


async def test_server_may_listen_on_ipv6() -> None:
    server = await serve([Route("GET", "/", show)], host="::1")

    assert server.url == f"http://[::1]:{server.port}"
    assert (await get(server, "/")).status == 201
