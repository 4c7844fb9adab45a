from collections.abc import Mapping
from datetime import timedelta

import pytest

from certwright.base.problem import Cause, Problem, Retryable, Stalled
from certwright.base.secret import Redacted
from certwright.net.http import Response
from certwright.solvers.providers.cloudflare import CloudflareProvider, Login, _unquoted
from tests.fakes.clock import START, FakeClock

TOKEN = "tok_Zk3xVq9"
NAME = "_acme-challenge.example.test."
NO_ZONE = b'{"success":true,"errors":[],"result":[],"result_info":{"total_pages":0}}'


class Canned:
    """Answers every request in the same way, and remembers what was asked."""

    def __init__(self, status: int, body: bytes, **headers: str) -> None:
        self.answer = Response(
            status,
            tuple((key.replace("_", "-"), value) for key, value in headers.items()),
            body,
            "",
        )
        self.urls: list[str] = []
        self.timeout = timedelta()

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout: timedelta = timedelta(),  # noqa: ASYNC109  # the protocol's name
        limit_bytes: int = 0,
    ) -> Response:
        assert headers is not None
        assert headers["Authorization"] == f"Bearer {TOKEN}"
        assert limit_bytes > 0
        assert body is None
        self.urls.append(f"{method} {url}")
        self.timeout = timeout
        return self.answer


async def refused(http: Canned) -> Problem:
    provider = CloudflareProvider(Login(Redacted(TOKEN)), http=http, clock=FakeClock())
    with pytest.raises(Problem) as raised:
        await provider.add_txt(NAME, "value")
    return raised.value


def errors(code: int, message: str) -> bytes:
    return b'{"success":false,"errors":[{"code":%d,"message":"%s"}]}' % (code, message.encode())


async def test_each_parent_is_asked_for_until_one_is_a_zone() -> None:
    http = Canned(200, NO_ZONE)

    problem = await refused(http)

    assert isinstance(problem, Stalled)
    assert problem.reason == "ZoneNotFound"
    assert [url.rpartition("=")[2] for url in http.urls] == [
        "_acme-challenge.example.test",
        "example.test",
        "test",
    ]
    assert http.urls[0].startswith("GET https://api.cloudflare.com/client/v4/zones?")
    assert http.timeout == timedelta(seconds=30)


@pytest.mark.parametrize(
    ("http", "kind", "reason"),
    [
        (Canned(401, b""), Stalled, "CredentialsRefused"),
        (Canned(403, errors(10000, "Authentication error")), Stalled, "CredentialsRefused"),
        (Canned(400, errors(6003, "Invalid request headers")), Stalled, "CredentialsRefused"),
        (Canned(429, b"slow down"), Retryable, "RateLimited"),
        (Canned(500, errors(1, "oops")), Retryable, "ServerError"),
        (Canned(200, b"<html>"), Retryable, "ServerError"),
        (Canned(200, b'{"success":true,"result":"odd"}'), Retryable, "ServerError"),
        (Canned(400, errors(81045, "Record quota exceeded")), Retryable, "Refused"),
    ],
)
async def test_each_answer_says_who_acts_next(
    http: Canned, kind: type[Problem], reason: str
) -> None:
    problem = await refused(http)

    assert isinstance(problem, kind)
    assert problem.reason == reason


async def test_what_the_api_quotes_back_is_not_passed_on() -> None:
    problem = await refused(Canned(403, errors(9109, f"bad token {TOKEN} \\u001b[31m")))

    assert TOKEN not in problem.message
    assert "\x1b" not in problem.message


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120),
        ("Thu, 01 Jan 2026 00:05:00 GMT", 300),
        ("999999", 3600),
        ("Thu, 01 Jan 2015 00:05:00 GMT", 0),
        ("soon", None),
        ("-5", None),
    ],
)
async def test_retry_after_is_seconds_or_a_date_within_bounds(
    text: str, seconds: int | None
) -> None:
    problem = await refused(Canned(429, b"", retry_after=text))

    assert isinstance(problem, Retryable)
    assert problem.cause is Cause.RATE
    wanted = None if seconds is None else START + timedelta(seconds=seconds)
    assert problem.not_before == wanted


@pytest.mark.parametrize(
    ("content", "value"),
    [('"abc"', "abc"), ("abc", "abc"), ('"ab" "c"', "abc"), (' "abc" ', "abc"), ('""', "")],
)
def test_quoted_and_split_contents_are_the_same_value(content: str, value: str) -> None:
    assert _unquoted(content) == value
