"""Nonces, signatures, errors: what every request has in common."""

import asyncio
from datetime import timedelta

import pytest

from certwright.acme.client import Client
from certwright.acme.jws import AccountKey
from certwright.acme.problem import AcmeProblem, AcmeRefused, AcmeRetryable
from certwright.acme.transport import MAX_BAD_NONCES, Transport
from certwright.base.problem import Cause, Retryable
from certwright.net.http import Response
from tests.fakes.ca import ACCOUNT, DIRECTORY, ORIGIN, ScriptedCa, refusal, reply
from tests.fakes.clock import START, FakeClock

ORDER = f"{ORIGIN}/order/1"
GOOD = reply({"status": "pending", "finalize": f"{ORDER}/finalize"})


async def test_request_is_signed_for_its_url_by_the_account(client: Client, ca: ScriptedCa) -> None:
    ca.on(ORDER, GOOD)

    await client.order(ORDER)

    (seen,) = ca.posts()
    assert seen.protected == {
        "alg": "ES256",
        "kid": ACCOUNT,
        "nonce": seen.protected["nonce"],
        "url": ORDER,
    }
    assert seen.payload == ""
    assert seen.headers["Content-Type"] == "application/jose+json"


async def test_each_answer_brings_the_next_nonce(client: Client, ca: ScriptedCa) -> None:
    ca.on(ORDER, GOOD, refusal("unauthorized", status=403), GOOD)

    await client.order(ORDER)
    with pytest.raises(AcmeProblem):
        await client.order(ORDER)
    await client.order(ORDER)

    fresh = [seen for seen in ca.seen if seen.url == f"{ORIGIN}/nonce"]
    nonces = [seen.protected["nonce"] for seen in ca.posts()]
    assert [seen.method for seen in fresh] == ["GET"]
    assert len(set(nonces)) == 3


async def test_requests_at_once_need_no_more_nonces_than_slots(
    ca: ScriptedCa, key: AccountKey
) -> None:
    ca.on(ORDER, GOOD)
    transport = Transport(DIRECTORY, ca, FakeClock(), slots=3)
    client = Client(DIRECTORY, key, ca, FakeClock(), account_url=ACCOUNT, transport=transport)

    await asyncio.gather(*(client.order(ORDER) for _ in range(50)))

    assert len([seen for seen in ca.seen if seen.url == f"{ORIGIN}/nonce"]) <= 3
    assert len([seen for seen in ca.seen if seen.url == DIRECTORY]) == 1


async def test_bad_nonce_is_signed_again_with_the_nonce_of_that_answer(
    client: Client, ca: ScriptedCa
) -> None:
    ca.on(ORDER, refusal("badNonce", Replay_Nonce="take-this"), GOOD)

    await client.order(ORDER)

    assert ca.posts()[-1].protected["nonce"] == "take-this"


async def test_bad_nonce_without_a_new_one_fetches_one(client: Client, ca: ScriptedCa) -> None:
    ca.on(ORDER, refusal("badNonce", x_no_nonce="1"), GOOD)

    await client.order(ORDER)

    assert len([seen for seen in ca.seen if seen.url == f"{ORIGIN}/nonce"]) == 2


async def test_answer_without_a_nonce_costs_a_new_one(client: Client, ca: ScriptedCa) -> None:
    ca.on(ORDER, reply({"status": "pending", "finalize": "x"}, x_no_nonce="1"))

    await client.order(ORDER)
    await client.order(ORDER)

    assert len([seen for seen in ca.seen if seen.url == f"{ORIGIN}/nonce"]) == 2


async def test_bad_nonces_without_end_are_the_servers_failure(
    client: Client, ca: ScriptedCa
) -> None:
    ca.on(ORDER, refusal("badNonce"))

    with pytest.raises(AcmeRetryable) as error:
        await client.order(ORDER)

    assert error.value.is_bad_nonce()
    assert error.value.cause is Cause.SERVER
    assert len(ca.posts()) == 1 + MAX_BAD_NONCES


@pytest.mark.parametrize("nonce", ["", "no nonce!", "a" * 2000])
async def test_newnonce_without_a_usable_nonce_is_the_servers_failure(
    client: Client, ca: ScriptedCa, nonce: str
) -> None:
    ca.on(f"{ORIGIN}/nonce", reply(Replay_Nonce=nonce, x_no_nonce="1"))

    with pytest.raises(Retryable, match="newNonce cannot be used: it bears no nonce") as error:
        await client.order(ORDER)

    assert error.value.cause is Cause.SERVER


async def test_request_without_an_answer_is_not_sent_again(client: Client, ca: ScriptedCa) -> None:
    ca.on(f"{ORIGIN}/new-order", None)

    with pytest.raises(Retryable) as error:
        await client.new_order(())

    assert error.value.cause is Cause.TRANSPORT
    assert len(ca.posts()) == 1


@pytest.mark.parametrize("retry_after", ["7200", "Thu, 01 Jan 2026 02:00:00 GMT"])
async def test_rate_limit_names_the_moment_and_does_not_sleep(
    client: Client, ca: ScriptedCa, clock: FakeClock, retry_after: str
) -> None:
    ca.on(ORDER, refusal("rateLimited", status=429, Retry_After=retry_after))

    with pytest.raises(AcmeRetryable) as error:
        await client.order(ORDER)

    assert error.value.is_rate_limited()
    assert error.value.cause is Cause.RATE
    assert error.value.not_before == START + timedelta(hours=2)
    assert clock.now() == START


async def test_too_many_requests_is_never_terminal_whatever_its_body(
    client: Client, ca: ScriptedCa
) -> None:
    ca.on(ORDER, reply(b"<html>slow down</html>", status=429, Content_Type="text/html"))

    with pytest.raises(AcmeRetryable) as error:
        await client.order(ORDER)

    assert error.value.cause is Cause.RATE
    assert error.value.not_before is None
    assert not error.value.is_refusal()
    assert "slow down" in error.value.message


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (refusal("serverInternal", status=500), Cause.SERVER),
        (reply(b"bad gateway", status=502), Cause.SERVER),
        (reply(b"", status=302, location="https://x.example/"), Cause.SERVER),
        (refusal("rejectedIdentifier"), Cause.POLICY),
        (refusal("caa", status=403), Cause.VALIDATION),
        (refusal("ofTheFuture"), Cause.POLICY),
        (refusal("accountDoesNotExist"), None),
        (refusal("userActionRequired", status=403), None),
    ],
)
async def test_type_of_the_problem_decides_who_acts_next(
    client: Client, ca: ScriptedCa, answer: Response, cause: Cause | None
) -> None:
    ca.on(ORDER, answer)

    with pytest.raises(AcmeProblem) as error:
        await client.order(ORDER)

    assert getattr(error.value, "cause", None) is cause
    assert isinstance(error.value, AcmeRetryable if cause else AcmeRefused)
    assert error.value.operation == "order"
    assert error.value.url == ORDER


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"\xff\xfe",
        b'{"status": 5}',
        b'{"status": "valid"}',
        b'{"status":"valid","finalize":"x","deep":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
)
async def test_answer_that_makes_no_sense_is_the_servers_failure(
    client: Client, ca: ScriptedCa, body: bytes
) -> None:
    ca.on(ORDER, reply(body))

    with pytest.raises(Retryable, match="the CA's answer to order cannot be used") as error:
        await client.order(ORDER)

    assert error.value.cause is Cause.SERVER


async def test_directory_is_fetched_again_when_asked_and_when_it_is_old(
    client: Client, ca: ScriptedCa, clock: FakeClock
) -> None:
    await client.directory()
    await client.directory()
    await client.directory(fresh=True)
    clock.advance(timedelta(hours=1))
    await client.directory()

    assert len([seen for seen in ca.seen if seen.url == DIRECTORY]) == 3


async def test_directory_tells_all_about_the_ca(key: AccountKey) -> None:
    meta = {
        "termsOfService": "https://ca.example/terms",
        "website": "https://ca.example",
        "caaIdentities": ["ca.example"],
        "externalAccountRequired": True,
        "profiles": {"classic": "as ever"},
        "unknown": {"is": "ignored"},
    }
    client = Client(DIRECTORY, key, ScriptedCa(meta=meta, renewalInfo="https://r"), FakeClock())

    directory = await client.directory()

    assert directory.meta.terms_of_service == "https://ca.example/terms"
    assert directory.meta.caa_identities == ("ca.example",)
    assert directory.meta.external_account_required
    assert directory.meta.profiles == {"classic": "as ever"}
    assert directory.renewal_info == "https://r"


async def test_page_that_is_no_directory_says_so(client: Client, ca: ScriptedCa) -> None:
    ca.on(DIRECTORY, reply(b"<html>hello</html>"))

    with pytest.raises(Retryable, match="directory cannot be used") as error:
        await client.directory()

    assert "ACME directory" in error.value.remedy


async def test_missing_directory_is_a_refusal(client: Client, ca: ScriptedCa) -> None:
    ca.on(DIRECTORY, reply(b"not here", status=404, Content_Type="text/plain"))

    with pytest.raises(AcmeProblem, match="directory: not here") as error:
        await client.directory()

    assert error.value.is_refusal()
