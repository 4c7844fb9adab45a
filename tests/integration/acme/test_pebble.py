"""The client against Pebble in strict mode: the way a certificate goes, and how it can fail."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from certwright.acme.challenge import ChallengeType
from certwright.acme.client import Client
from certwright.acme.identifier import Identifier
from certwright.acme.order import OrderStatus
from certwright.base.clock import SystemClock
from certwright.base.problem import Cause, Retryable
from certwright.net.http import Http, Response
from certwright.net.server import Reply, Request, Route, serve
from certwright.pki.certificate import certificate_facts
from tests.integration.acme.steps import make_csr, place, prove, scene


async def test_retry_after_is_understood_as_seconds_and_as_date(tmp_path: Path) -> None:
    # Pebble tosses a coin between the two forms
    async with scene(tmp_path, retry_after=3) as stage:
        asked: list[timedelta | None] = []
        for number in range(6):
            order = await place(stage.client, f"r{number}.example")
            await prove(stage.client, stage.dns, order)
            ready = await stage.client.poll_order(order, leaving=(OrderStatus.PENDING,))
            seen = await stage.client.finalize(ready, make_csr([f"r{number}.example"]))
            asked.append(seen.retry_at - SystemClock().now() if seen.retry_at else None)

    assert all(span is not None and timedelta(seconds=1) < span for span in asked)


class Lossy:
    """An HTTP client that loses the answers of requests for a path, after they were sent."""

    def __init__(self, http: Http, path: str) -> None:
        self._http = http
        self._path = path
        self.lost = 0

    async def request(self, method: str, url: str, **options: Any) -> Response:
        answer = await self._http.request(method, url, **options)
        if self._path in url:
            self.lost += 1
            raise Retryable("ConnectionFailed", "lost", cause=Cause.TRANSPORT)
        return answer


async def test_lost_answer_of_finalize_is_made_up_by_reading_the_order(tmp_path: Path) -> None:
    async with scene(tmp_path) as stage:
        order = await place(stage.client, "a.example")
        await prove(stage.client, stage.dns, order)
        ready = await stage.client.poll_order(order, leaving=(OrderStatus.PENDING,))
        lossy = Lossy(stage.http, "/finalize-order/")
        client = Client(
            stage.ca.directory_url,
            stage.client.key,
            lossy,
            SystemClock(),
            account_url=stage.client.account_url,
        )
        done = await client.poll_order(await client.finalize(ready, make_csr(["a.example"])))

    assert done.status == OrderStatus.VALID
    assert lossy.lost == 1


async def test_address_is_proven_over_http(tmp_path: Path) -> None:
    answers: dict[str, str] = {}

    async def answer(request: Request) -> Reply:
        return Reply(body=answers[request.match["token"]].encode())

    web = await serve([Route("GET", "/.well-known/acme-challenge/{token}", answer)])
    async with scene(tmp_path, http_port=web.port) as stage:
        order = await stage.client.new_order([Identifier.ip("127.0.0.1")], profile="default")
        authorization = await stage.client.authorization(order.authorizations[0])
        challenge = authorization.challenge(ChallengeType.HTTP_01)
        assert challenge is not None
        answers[challenge.token] = stage.client.key_authorization(challenge.token)
        await stage.client.accept(challenge.url)
        proven = await stage.client.poll_authorization(authorization)
        ready = await stage.client.poll_order(order, leaving=(OrderStatus.PENDING,))
        done = await stage.client.poll_order(
            await stage.client.finalize(ready, make_csr(["127.0.0.1"]))
        )
        bundle = (await stage.client.certificate(done.certificate))[0]
    await web.aclose()

    assert proven.status == "valid"
    assert certificate_facts(bundle).ips == ("127.0.0.1",)
