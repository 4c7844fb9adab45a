"""DNS: the bytes of one answer, by UDP, TCP and HTTPS, for every question that is asked.

The first octet of an input says how much of the answer is true, so that the rest is looked at:
1 gives it the id of the question, 2 makes it an answer, 4 puts the question itself in.
"""

import asyncio
import base64
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from functools import partial

from certwright.base.secret import Redacted
from certwright.dns.answer import MAX_PATH, RdataType
from certwright.dns.exchange import Exchange
from certwright.dns.lookup import MAX_HOPS, MAX_NAMESERVERS, Resolver
from certwright.dns.network import Address
from certwright.dns.propagation import check
from certwright.dns.server import Server
from certwright.dns.update import Updater, parse_tsig_key
from certwright.net.http import Response
from tests.fakes.clock import FakeClock
from tests.fuzz.laws import check_text, only_problems

NAME = "_acme-challenge.www.example.test."
VALUE = "x" * 43
SERVER = "192.0.2.1:53"
HTTPS = "https://dns.example/dns-query"
SECRET = base64.b64encode(b"a secret of thirty-two octets ...")
_ID, _QR, _QUESTION = 1, 2, 4
_HEADER = 12
_LONGEST_NAME = 1100
"""255 octets, each written as `\\DDD`."""


def forged(data: bytes, asked: bytes) -> bytes:
    """Build the answer to the message `asked` out of an input."""
    mode, answer = data[0] if data else 0, bytearray(data[1:])
    if mode & _QUESTION and len(answer) >= _HEADER:
        at = asked.index(b"\0", _HEADER) + 5
        answer[4:6] = b"\0\1"
        answer[_HEADER:_HEADER] = asked[_HEADER:at]
    if mode & _ID:
        answer[:2] = asked[:2]
    if mode & _QR and len(answer) > 2:
        answer[2] |= 0x80
    return bytes(answer)


class _Forger:
    """A network in which every server gives the same answer."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    async def query(self, message: bytes, address: Address, *, tcp: bool) -> bytes:
        del address, tcp
        return forged(self._data, message)

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout: timedelta = timedelta(),  # noqa: ASYNC109  # as in Http
        limit_bytes: int = 0,
    ) -> Response:
        del method, headers, timeout, limit_bytes
        kind = (("Content-Type", "application/dns-message"),)
        return Response(200, kind, forged(self._data, body or b""), url)


def _resolver(data: bytes, server: str) -> Resolver:
    forger = _Forger(data)
    exchange = Exchange(forger, forger, timeout_seconds=5)
    return Resolver([server], exchange=exchange, clock=FakeClock(), system=[SERVER])


def _asked(question: Callable[[], Awaitable[None]]) -> None:
    async def asked() -> None:
        with only_problems():
            await question()

    asyncio.run(asked())


async def _zone(resolver: Resolver) -> None:
    found = await resolver.zone_of(NAME)
    check_text(found.apex, _LONGEST_NAME)
    assert len(found.nameservers) <= MAX_NAMESERVERS
    assert 0 <= found.serial < 2**32


async def _alias(resolver: Resolver) -> None:
    path = await resolver.follow_cname(NAME)
    assert len(path) <= MAX_HOPS + 2
    for name in path:
        check_text(name, _LONGEST_NAME)


async def _txt(resolver: Resolver) -> None:
    answer = await resolver.txt(NAME, Server(host="192.0.2.1"))
    assert len(answer.path(NAME)) <= MAX_PATH + 1
    for text in answer.values(NAME, RdataType.TXT):
        check_text(text)


async def _addresses(resolver: Resolver) -> None:
    for text, port in await resolver.addresses_of("ns1.example.test"):
        check_text(text, 100)
        assert port == 53


async def _propagation(resolver: Resolver) -> None:
    asked = [str(server) for server in resolver.servers]
    for view in (resolver, resolver.with_nameservers(asked)):
        report = await check(view, NAME, VALUE)
        check_text(report.message)
        for one in report.evidence:
            check_text(str(one))


def _look_up(data: bytes, server: str) -> None:
    resolver = _resolver(data, server)
    for question in (_zone, _alias, _txt, _addresses, _propagation):
        _asked(partial(question, resolver))


def answer(data: bytes) -> None:
    """Answers by UDP and TCP."""
    _look_up(data, SERVER)


def https(data: bytes) -> None:
    """Answers by HTTPS."""
    _look_up(data, HTTPS)


def update(data: bytes) -> None:
    """Answers to a signed update."""
    key = parse_tsig_key("key.", Redacted(SECRET), "HMACSHA256")
    updater = Updater(Server(host="192.0.2.1"), _resolver(data, SERVER), key)

    async def add() -> None:
        await updater.add_txt("example.test.", NAME, VALUE)

    async def delete() -> None:
        await updater.delete_txt("example.test.", NAME, VALUE)

    _asked(add)
    _asked(delete)


TARGETS: Mapping[str, Callable[[bytes], None]] = {
    "dns_answer": answer,
    "dns_https": https,
    "dns_update": update,
}
