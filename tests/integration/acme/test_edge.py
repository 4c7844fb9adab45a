"""The client and the HTTP client together, at CAs on loopback that misbehave on the wire."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import msgspec
import pytest

from certwright.acme.client import Client
from certwright.acme.identifier import Identifier
from certwright.acme.jws import AccountKey
from certwright.acme.problem import AcmeRetryable
from certwright.base.problem import Cause, Problem, Retryable
from certwright.net.guard import ForbiddenAddress
from certwright.net.http import BODY_LIMIT, HttpClient
from certwright.net.server import Handler, Reply, Request, Route, serve
from tests.fakes.clock import START, FakeClock

NONCE = ("Replay-Nonce", "abc")


@asynccontextmanager
async def client_at(new_order: Handler) -> AsyncIterator[Client]:
    """A client at a CA whose newOrder is `new_order`; everything else works."""

    async def directory(request: Request) -> Reply:
        base = f"http://{request.host}"
        urls = {name: f"{base}/{name}" for name in ("newNonce", "newAccount", "newOrder")}
        return Reply(body=msgspec.json.encode(urls), content_type="application/json")

    async def nonce(request: Request) -> Reply:
        del request
        return Reply(status=204, headers=(NONCE,))

    routes = [
        Route("GET", "/directory", directory),
        Route("GET", "/newNonce", nonce),
        Route("*", "/newOrder", new_order),
    ]
    server = await serve(routes)
    http = HttpClient()
    try:
        yield Client(
            f"{server.url}/directory",
            AccountKey.generate(),
            http,
            FakeClock(),
            account_url=f"{server.url}/account",
        )
    finally:
        await http.aclose()
        await server.aclose()


def always(**reply: object) -> Handler:
    answer = msgspec.convert(reply, Reply)

    async def handler(request: Request) -> Reply:
        del request
        return answer

    return handler


async def error_of(new_order: Handler) -> Problem:
    async with client_at(new_order) as client:
        with pytest.raises(Problem) as error:
            await client.new_order([Identifier.dns("a.example")])
    assert error.value.message.isprintable()
    return error.value


async def test_retry_after_may_be_a_date() -> None:
    error = await error_of(
        always(
            status=503,
            headers=[NONCE, ("Retry-After", "Thu, 01 Jan 2026 03:00:00 GMT")],
        )
    )

    assert isinstance(error, AcmeRetryable)
    assert error.not_before == START + timedelta(hours=3)


async def test_huge_answer_is_cut_off() -> None:
    error = await error_of(always(body=b'{"status":"' + b"x" * BODY_LIMIT + b'"}'))

    assert isinstance(error, Retryable)
    assert error.cause is Cause.SERVER


@pytest.mark.parametrize("status", [201, 400])
async def test_deep_json_is_no_answer(status: int) -> None:
    body = b"[" * 1_000_000
    error = await error_of(
        always(status=status, body=body, content_type="application/problem+json")
    )

    assert isinstance(error, Retryable)


async def test_terminal_escapes_are_shown_and_not_obeyed() -> None:
    body = msgspec.json.encode({"type": "x", "detail": "\x1b[2J\x1b]0;pwned\x07 no"})
    error = await error_of(always(status=400, body=body, content_type="application/problem+json"))

    assert "\\x1b[2J" in error.message


async def test_redirect_of_a_signed_request_is_not_followed() -> None:
    error = await error_of(always(status=307, headers=[("Location", "https://evil.example/")]))

    assert isinstance(error, AcmeRetryable)
    assert error.cause is Cause.SERVER


async def test_url_of_a_link_local_host_is_not_asked() -> None:
    order = {"status": "pending", "finalize": "https://169.254.169.254/x"}
    reply = always(
        status=201,
        body=msgspec.json.encode(order),
        headers=[NONCE, ("Location", "https://169.254.169.254/order")],
    )
    async with client_at(reply) as client:
        placed = await client.new_order([Identifier.dns("a.example")])
        with pytest.raises(ForbiddenAddress):
            await client.order(placed.url)


async def test_connection_that_breaks_after_a_bad_nonce_is_no_answer() -> None:
    asked: list[str] = []

    async def moody(request: Request) -> Reply:
        jws = msgspec.json.decode(request.body, type=dict[str, str])
        protected = base64.urlsafe_b64decode(jws["protected"] + "==")
        asked.append(msgspec.json.decode(protected)["nonce"])
        if len(asked) > 1:
            await asyncio.Event().wait()
        document = {"type": "urn:ietf:params:acme:error:badNonce"}
        return Reply(
            status=400,
            body=msgspec.json.encode(document),
            content_type="application/problem+json",
            headers=(("Replay-Nonce", "second"),),
        )

    async with client_at(moody) as client:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await client.new_order([Identifier.dns("a.example")])

    assert asked == ["abc", "second"]
