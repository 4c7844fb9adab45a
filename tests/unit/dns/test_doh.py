from collections.abc import Mapping
from datetime import timedelta

import dns.message
import pytest

from certwright.dns.answer import RdataType
from certwright.dns.doh import MEDIA_TYPE
from certwright.dns.exchange import Exchange
from certwright.dns.lookup import Resolver
from certwright.dns.problem import NameServerSilent
from certwright.dns.server import Server
from certwright.net.http import Response
from tests.unit.dns.world import RESOLVER, World

URL = "https://dns.example/dns-query"


class OverHttps:
    """A resolver behind HTTPS that knows what the world's resolver knows."""

    def __init__(self, world: World, *, status: int = 200, kind: str = MEDIA_TYPE) -> None:
        self.world = world
        self.status = status
        self.kind = kind
        self.ids: list[int] = []

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout: timedelta = timedelta(seconds=1),  # noqa: ASYNC109  # the protocol's name
        limit_bytes: int = 0,
    ) -> Response:
        assert (method, url, body is not None) == ("POST", URL, True)
        assert headers is not None
        assert headers["Content-Type"] == headers["Accept"] == MEDIA_TYPE
        assert timeout.total_seconds() <= 10
        assert limit_bytes == 65535
        self.ids.append(dns.message.from_wire(body or b"").id)
        answer = await self.world.network.query(body or b"", RESOLVER, tcp=True)
        return Response(self.status, (("content-type", self.kind),), answer, url)


def resolver(http: OverHttps) -> Resolver:
    return Resolver([URL], exchange=Exchange(http.world.network, http), clock=http.world.clock)


async def test_a_zone_is_found_over_https() -> None:
    http = OverHttps(World())

    assert (await resolver(http).zone_of("www.example.test.")).apex == "example.test."
    assert set(http.ids) == {0}


async def test_a_resolver_over_https_can_be_asked_for_the_value() -> None:
    http = OverHttps(World('_acme-challenge TXT "right"'))

    answer = await resolver(http).txt("_acme-challenge.example.test.", Server(url=URL))

    assert answer.values("_acme-challenge.example.test.", RdataType.TXT) == ("right",)


@pytest.mark.parametrize(
    ("http", "said"),
    [
        (OverHttps(World(), status=502), "HTTP status 502"),
        (OverHttps(World(), kind="text/html; charset=utf-8"), "the answer is text/html"),
        (OverHttps(World(), kind=""), "the answer is of no type"),
    ],
)
async def test_what_is_no_dns_message_is_no_answer(http: OverHttps, said: str) -> None:
    with pytest.raises(NameServerSilent, match=said):
        await resolver(http).zone_of("example.test.")
