"""ACME: one answer of a CA, with its headers, to every question that the client asks.

An input is written as HTTP is: a line with the status, headers, an empty line, the body.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from functools import cache
from typing import Any

from certwright.acme.account import Account  # noqa: TC001  # imports tell what is fuzzed
from certwright.acme.authorization import Authorization
from certwright.acme.certificate import choose_chain
from certwright.acme.challenge import Challenge
from certwright.acme.client import Client
from certwright.acme.directory import Directory
from certwright.acme.identifier import Identifier
from certwright.acme.jws import AccountKey
from certwright.acme.order import Order
from certwright.acme.problem import ProblemDocument
from certwright.base.problem import Problem
from certwright.net.http import Response
from tests.fakes.ca import ACCOUNT, DIRECTORY, ORIGIN, reply
from tests.fakes.clock import START, FakeClock
from tests.fuzz.laws import check_problem, check_text, only_problems

_FRESH = reply(status=204, Replay_Nonce="abc")
_URLS = reply({name: f"{ORIGIN}/{name}" for name in ("newNonce", "newAccount", "newOrder")})
_SHORT = 1000


class _OneAnswer:
    """A CA of which one answer is the stranger's; all that leads to it is as it should be."""

    def __init__(self, answer: Response, *, to: str = "") -> None:
        self._answer = answer
        self._to = to

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
        del headers, body, timeout, limit_bytes
        known = {DIRECTORY: _URLS, f"{ORIGIN}/newNonce": _FRESH}
        if method == "GET" and url != self._to and url in known:
            return known[url]
        return Response(self._answer.status, self._answer.headers, self._answer.body, url)


@cache
def _key() -> AccountKey:
    return AccountKey.generate()


def read_answer(data: bytes) -> Response:
    """Read an input; the client never sees a header that HTTP forbids."""
    head, _, body = data.partition(b"\n\n")
    first, *lines = head.decode("latin-1").split("\n")
    status = int(first) if first.isascii() and first.isdigit() and len(first) == 3 else 200
    pairs = (line.partition(":") for line in lines if ":" in line)
    headers = tuple((name.strip(), value.strip("\r\0 ")) for name, _, value in pairs)
    return Response(status, headers, body, "")


Ask = Callable[[Client], Awaitable[Any]]


def _asked(ask: Ask, data: bytes, *, to: str = "") -> Any:
    """Return what the client makes of an answer; None where it is a failure."""
    client = Client(
        DIRECTORY,
        _key(),
        _OneAnswer(read_answer(data), to=to),
        FakeClock(auto=True),
        account_url=ACCOUNT,
    )
    try:
        return asyncio.run(_awaited(ask(client)))
    except Problem as found:
        check_problem(found)
        return None


async def _awaited(answer: Awaitable[Any]) -> Any:
    return await answer


def directory(data: bytes) -> None:
    """The directory, and an order for a profile that it does not offer."""
    found = _asked(lambda client: client.directory(), data, to=DIRECTORY)
    assert found is None or isinstance(found, Directory)
    _asked(lambda client: client.new_order((), profile="none"), data, to=DIRECTORY)


def nonce(data: bytes) -> None:
    """The answer that brings a nonce."""
    _asked(lambda client: client.order(f"{ORIGIN}/order/1"), data, to=f"{ORIGIN}/newNonce")


def account(data: bytes) -> None:
    """An account, new and old, and the list of its orders."""
    for ask in (lambda client: client.new_account(), lambda client: client.account()):
        found: Account | None = _asked(ask, data)
        if found is not None:
            _check_words(found.status, found.url, found.orders, *found.contact)
    orders = _asked(lambda client: client.orders(), data)
    assert orders is None or len(orders) <= _SHORT


def order(data: bytes) -> None:
    """An order: placed, read, polled, finalized."""
    identifiers = (Identifier.dns("a.example"),)
    for ask in (
        lambda client: client.new_order(identifiers),
        lambda client: client.order(f"{ORIGIN}/order/1"),
        lambda client: client.finalize(
            Order(status="ready", finalize=f"{ORIGIN}/f", url=f"{ORIGIN}/order/1"), b"csr"
        ),
        lambda client: client.poll_order(
            Order(status="processing", finalize=f"{ORIGIN}/f", url=f"{ORIGIN}/order/1")
        ),
    ):
        found: Order | None = _asked(ask, data)
        if found is not None:
            _check_words(found.status, found.url, found.finalize, found.certificate, found.profile)
            _check_words(*found.authorizations, *(one.value for one in found.identifiers))
            _check_document(found.error)
            assert len(found.authorizations) <= _SHORT


def authorization(data: bytes) -> None:
    """An authorization with its challenges: read and polled."""
    url = f"{ORIGIN}/authorization/1"
    pending = Authorization(identifier=Identifier.dns("a"), status="pending", url=url)
    for ask in (
        lambda client: client.authorization(url),
        lambda client: client.poll_authorization(pending),
    ):
        found: Authorization | None = _asked(ask, data)
        if found is not None:
            _check_words(found.status, found.identifier.type, found.identifier.value)
            assert len(found.challenges) <= _SHORT
            for one in found.challenges:
                _check_challenge(one)


def challenge(data: bytes) -> None:
    """A challenge, and the answer to its token."""
    found: Challenge | None = _asked(lambda client: client.accept(f"{ORIGIN}/challenge/1"), data)
    if found is not None:
        _check_challenge(found)


def certificate(data: bytes) -> None:
    """A bundle with its alternates."""
    bundles = _asked(lambda client: client.certificate(f"{ORIGIN}/certificate/1"), data)
    if bundles is not None:
        chosen = choose_chain(bundles, "Some Root")
        assert chosen in bundles
        assert set(chosen) <= set(b"\r\n\t\f\v ABCDEFGHIJKLMNOPQRSTUVWXYZ") | set(
            b"abcdefghijklmnopqrstuvwxyz0123456789+/=-"
        )


def problem(data: bytes) -> None:
    """A refusal, whatever its status says."""
    for status in (400, 403, 429, 500):
        answer = read_answer(data)
        found = _refusal(Response(status, answer.headers, answer.body, ""))
        check_problem(found)
        moment = getattr(found, "not_before", None)
        assert moment is None or START <= moment <= START + timedelta(days=14, minutes=2)


def _refusal(answer: Response) -> Problem:
    client = Client(
        DIRECTORY, _key(), _OneAnswer(answer), FakeClock(auto=True), account_url=ACCOUNT
    )
    try:
        asyncio.run(_awaited(client.challenge(f"{ORIGIN}/challenge/1")))
    except Problem as found:
        return found
    raise AssertionError(f"status {answer.status} is no refusal")


def _check_challenge(found: Challenge) -> None:
    _check_words(found.type, found.status, found.url)
    _check_document(found.error)
    with only_problems():
        _client().dns01_value(found.token)


@cache
def _client() -> Client:
    return Client(DIRECTORY, _key(), _OneAnswer(Response(200, (), b"", "")), FakeClock())


def _check_words(*words: str) -> None:
    for word in words:
        check_text(word, 5000)


def _check_document(document: ProblemDocument | None) -> None:
    if document is not None:
        check_text(str(document))
        for part in document.subproblems:
            check_text(str(part))


TARGETS: Mapping[str, Callable[[bytes], None]] = {
    f"acme_{target.__name__}": target
    for target in (directory, nonce, account, order, authorization, challenge, certificate, problem)
}
