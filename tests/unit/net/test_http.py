"""The client against servers that behave, and against some that do not; all on loopback."""

import asyncio
import gzip
import ssl
from datetime import timedelta
from pathlib import Path

import pytest

from certwright.base.problem import Cause, Problem, Retryable, Stalled
from certwright.net.guard import ForbiddenAddress, check_url
from certwright.net.http import MAX_REDIRECTS, HttpClient, Trust, ssl_context
from certwright.net.server import Reply, Request, Route, serve
from certwright.net.tcp import free_port
from tests.fakes.hostile import NEVER, hostile_server, http
from tests.integration.servers.tls import loopback_tls


async def echo(request: Request) -> Reply:
    lines = [request.method, request.host, request.path, request.body.decode()]
    return Reply(body="\n".join(lines).encode(), headers=(("X-A", "1"), ("X-A", "2")))


async def ask(url: str, *, seconds: float = 5, limit_bytes: int = 1000) -> Retryable:
    """Return the error of a request that must fail."""
    client = HttpClient()
    try:
        with pytest.raises(Retryable) as error:
            await client.request(
                "GET",
                f"{url}/secret-path?token=secret",
                headers={"Authorization": "secret"},
                timeout=timedelta(seconds=seconds),
                limit_bytes=limit_bytes,
            )
    finally:
        await client.aclose()
    assert "secret" not in error.value.message
    assert error.value.message.isprintable()
    return error.value


async def test_request_is_sent_and_its_answer_read() -> None:
    server = await serve([Route("*", "/{path:.*}", echo)])
    client = HttpClient(user_agent="test/1")

    answer = await client.request("POST", f"{server.url}/a/b?c", body=b"hello")
    await client.aclose()
    await server.aclose()

    host = server.url.removeprefix("http://")
    assert answer.status == 200
    assert answer.body.decode().split("\n") == ["POST", host, "/a/b", "hello"]
    assert answer.all("x-a") == ("1", "2")
    assert answer.header("X-A") == "1"
    assert answer.header("x-b") == ""


async def test_closed_client_opens_again() -> None:
    server = await serve([Route("GET", "/", echo)])
    client = HttpClient()
    await client.aclose()

    answers = []
    for _ in range(2):
        answers.append(await client.request("GET", server.url))
        await client.aclose()
    await server.aclose()

    assert [answer.status for answer in answers] == [200, 200]


async def test_map_sends_a_name_elsewhere_and_keeps_it_in_the_request() -> None:
    server = await serve([Route("GET", "/", echo)])
    client = HttpClient(addresses={"acme.test": ("127.0.0.1", server.port)})

    answer = await client.request("GET", "http://acme.test/")
    await client.aclose()
    await server.aclose()

    assert answer.body.split(b"\n")[1] == b"acme.test"


async def test_localhost_names_are_this_machine_without_dns() -> None:
    server = await serve([Route("GET", "/", echo)])
    client = HttpClient()

    answer = await client.request("GET", f"http://any.name.localhost:{server.port}/")
    await client.aclose()
    await server.aclose()

    assert answer.status == 200


async def test_bundle_decides_whom_to_trust(tmp_path: Path) -> None:
    tls = loopback_tls(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tls.certificate, tls.key)
    server = await serve([Route("GET", "/", echo)], tls=context)
    believers = [HttpClient(Trust(ca_bundle=tls.ca_bundle)), HttpClient(Trust(skip_verify=True))]

    answers = [await client.request("GET", server.url) for client in believers]
    for client in believers:
        await client.aclose()
    error = await ask(server.url)
    await server.aclose()

    assert [answer.status for answer in answers] == [200, 200]
    assert error.cause is Cause.TRANSPORT
    assert "its certificate is not trusted" in error.message


@pytest.mark.parametrize(
    "bundle",
    [
        b"hello",
        b"\xff",
        b"-----BEGIN CERTIFICATE-----\nMAo=\n-----END CERTIFICATE-----\n",
    ],
)
def test_bundle_without_a_certificate_is_refused(bundle: bytes) -> None:
    with pytest.raises(Stalled, match="no readable PEM certificate"):
        ssl_context(Trust(ca_bundle=bundle))


async def test_redirect_on_the_same_host_is_followed() -> None:
    async def move(request: Request) -> Reply:
        return Reply(status=302, headers=(("Location", f"/end?{len(request.path)}"),))

    server = await serve([Route("GET", "/start", move), Route("*", "/end", echo)])
    client = HttpClient()

    answer = await client.request("GET", f"{server.url}/start")
    await client.aclose()
    await server.aclose()

    assert answer.status == 200
    assert answer.url == f"{server.url}/end?6"


async def test_redirect_of_a_post_is_an_answer_like_any_other() -> None:
    async with hostile_server(http("302 Found", Location="https://x.example/")) as url:
        client = HttpClient()
        answer = await client.request("POST", url, body=b"x")
        await client.aclose()

    assert answer.status == 302


@pytest.mark.parametrize(
    "target",
    [
        "https://other.example/",
        "https://127.0.0.1/",
        "http://169.254.169.254/",
        "http://127.0.0.1:1/",
        "file:///etc/passwd",
        "//other.example/",
    ],
)
async def test_redirect_to_another_host_is_not_followed(target: str) -> None:
    async with hostile_server(http("302 Found", Location=target)) as url:
        client = HttpClient()
        with pytest.raises(ForbiddenAddress):
            await client.request("GET", url)
        await client.aclose()


async def test_redirects_in_a_circle_end() -> None:
    async with hostile_server(http("302 Found", Location="/again")) as url:
        error = await ask(url)

    assert f"redirects more than {MAX_REDIRECTS} times" in error.message


async def test_redirect_without_a_target_is_an_answer() -> None:
    async with hostile_server(http("302 Found")) as url:
        client = HttpClient()
        answer = await client.request("GET", url)
        await client.aclose()

    assert answer.status == 302


@pytest.mark.parametrize(
    "reply",
    [
        http("200 OK", b"x" * 100_000),
        http("200 OK", gzip.compress(b"x" * 10_000_000), Content_Encoding="gzip"),
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 100_000,
    ],
    ids=["announced", "compressed", "endless"],
)
async def test_answer_that_is_too_large_is_cut_off(reply: bytes) -> None:
    async with hostile_server(reply) as url:
        error = await ask(url)

    assert error.cause is Cause.SERVER
    assert "more than 1000 bytes" in error.message


async def test_server_that_never_answers_is_given_up() -> None:
    async with hostile_server(NEVER) as url:
        error = await ask(url, seconds=0.05)

    assert error.cause is Cause.TRANSPORT
    assert "did not answer within 0.05 s" in error.message


@pytest.mark.parametrize(
    ("reply", "text"),
    [
        (b"", "closed before an answer came"),
        (b"SSH-2.0-\x1b[31m\r\n", "the answer is no HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", "the answer broke off"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n", "the answer is no HTTP"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nevil",
            "the answer",
        ),
    ],
)
async def test_answer_that_is_none_is_told_in_plain_words(reply: bytes, text: str) -> None:
    async with hostile_server(reply) as url:
        error = await ask(url)

    assert error.cause is Cause.TRANSPORT
    assert text in error.message


async def test_refused_connection_is_told() -> None:
    error = await ask(f"http://127.0.0.1:{free_port()}")

    assert error.cause is Cause.TRANSPORT
    assert "Connect" in error.message or "refused" in error.message.lower()


async def test_tls_to_a_plain_server_is_told() -> None:
    server = await serve([])
    error = await ask(server.url.replace("http:", "https:"))
    await server.aclose()

    assert "TLS" in error.message


async def test_name_that_does_not_resolve_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    error = await ask("https://no-such-name.invalid", seconds=20)

    assert error.cause is Cause.TRANSPORT


@pytest.mark.parametrize("host", ["a..b.example", "x" * 70 + ".example"])
async def test_name_that_cannot_be_one_is_told(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    error = await ask(f"https://{host}", seconds=20)

    assert error.cause is Cause.TRANSPORT


async def test_address_of_the_map_is_checked_too() -> None:
    client = HttpClient(addresses={"ca.test": ("169.254.169.254", 80)})

    with pytest.raises(ForbiddenAddress):
        await client.request("GET", "https://ca.test/")
    await client.aclose()


async def test_waiting_for_a_connection_costs_a_request_none_of_its_time() -> None:
    async def slow(request: Request) -> Reply:
        del request
        await asyncio.Event().wait()
        return Reply()

    server = await serve([Route("GET", "/slow", slow), Route("GET", "/", echo)])
    client = HttpClient(connections=1)
    span = timedelta(seconds=0.2)

    async def get(path: str) -> int:
        try:
            return (await client.request("GET", server.url + path, timeout=span)).status
        except Problem:
            return 0

    statuses = await asyncio.gather(get("/slow"), get("/slow"), get("/"))
    await client.aclose()
    await server.aclose()

    assert list(statuses) == [0, 0, 200]


async def test_proxy_of_the_environment_is_asked_and_its_password_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with hostile_server(http("407 Proxy Authentication Required")) as url:
        monkeypatch.setenv("HTTPS_PROXY", url.replace("//", "//user:secret@"))
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        error = await ask("https://ca.example")

    assert "the proxy answered 407" in error.message


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "x.localhost", "mapped.test"])
async def test_proxy_is_never_asked_for_this_machine(
    monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    server = await serve([Route("GET", "/", echo)])
    client = HttpClient(addresses={"mapped.test": ("127.0.0.1", server.port)})

    answer = await client.request("GET", f"http://{host}:{server.port}/")
    await client.aclose()
    await server.aclose()

    assert answer.status == 200


async def test_no_proxy_of_the_environment_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "ca.example")

    client = HttpClient()

    assert client._proxy_for(check_url("https://ca.example/")) is None
    assert client._proxy_for(check_url("https://other.example/")) == "http://127.0.0.1:1"


async def test_redirect_to_what_is_no_url_is_told() -> None:
    async with hostile_server(http("302 Found", Location="http://[")) as url:
        error = await ask(url)

    assert "redirects to what is no URL" in error.message
