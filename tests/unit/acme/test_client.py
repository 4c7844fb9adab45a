"""What the client sends, and what it makes of odd answers."""

import base64
import hashlib
from datetime import UTC, datetime, timedelta

import pytest

from certwright.acme.client import Client
from certwright.acme.identifier import Identifier
from certwright.acme.jws import AccountKey, ExternalAccount
from certwright.acme.order import Order
from certwright.acme.problem import AcmeProblem, AcmeRefused
from certwright.base.problem import Cause, Problem, Retryable, Stalled, Waiting
from certwright.base.secret import Redacted
from certwright.net.http import Response
from tests.fakes.ca import (
    ACCOUNT,
    DIRECTORY,
    ORIGIN,
    ScriptedCa,
    decode_base64url,
    refusal,
    reply,
)
from tests.fakes.clock import START, FakeClock

ORDER = f"{ORIGIN}/order/1"
FINALIZE = f"{ORDER}/finalize"
AUTHORIZATION = f"{ORIGIN}/authorization/1"
CHALLENGE = f"{ORIGIN}/challenge/1"
CERTIFICATE = f"{ORIGIN}/certificate/1"
NAMES = (Identifier.dns("a.example"), Identifier.ip("192.0.2.1"))
PEM = b"-----BEGIN CERTIFICATE-----\nMAo=\n-----END CERTIFICATE-----\n"


def order(status: str, retry_after: str = "") -> Response:
    content = {"status": status, "finalize": FINALIZE}
    return reply(content, location=ORDER, Retry_After=retry_after)


def placed(status: str = "ready") -> Order:
    return Order(status=status, finalize=FINALIZE, url=ORDER)


async def test_new_account_is_signed_by_its_key(ca: ScriptedCa, key: AccountKey) -> None:
    ca.on(f"{ORIGIN}/new-account", reply({"status": "valid"}, status=201, location="/account/7"))
    client = Client(DIRECTORY, key, ca, FakeClock())

    account = await client.new_account(("mailto:me@example.com",), terms_agreed=True)

    (seen,) = ca.posts()
    assert account.url == client.account_url == f"{ORIGIN}/account/7"
    assert account.created
    assert "kid" not in seen.protected
    assert seen.protected["jwk"] == key.public_jwk()
    assert seen.payload == {"contact": ["mailto:me@example.com"], "termsOfServiceAgreed": True}


async def test_new_account_carries_the_binding_of_an_external_one(
    client: Client, ca: ScriptedCa
) -> None:
    await client.new_account(external_account=ExternalAccount("kid-1", Redacted(b"0" * 32)))

    binding = ca.posts()[0].payload["externalAccountBinding"]
    assert set(binding) == {"protected", "payload", "signature"}
    assert b'"kid":"kid-1"' in decode_base64url(binding["protected"])


async def test_account_without_a_location_is_the_servers_failure(
    client: Client, ca: ScriptedCa
) -> None:
    ca.on(f"{ORIGIN}/new-account", reply({"status": "valid"}))

    with pytest.raises(Retryable, match="it has no Location"):
        await client.new_account()


async def test_unknown_account_is_found_before_the_first_request(
    ca: ScriptedCa, key: AccountKey
) -> None:
    ca.on(ORDER, order("pending"))
    client = Client(DIRECTORY, key, ca, FakeClock())

    await client.order(ORDER)

    assert client.key is key
    assert ca.posts()[0].payload == {"onlyReturnExisting": True}
    assert ca.posts()[1].protected["kid"] == ACCOUNT


async def test_empty_contact_is_sent_and_not_left_out(client: Client, ca: ScriptedCa) -> None:
    ca.on(ACCOUNT, reply({"status": "valid", "contact": []}))

    account = await client.update_account(())

    assert ca.posts()[0].payload == {"contact": []}
    assert account.url == ACCOUNT


async def test_account_is_ended(client: Client, ca: ScriptedCa) -> None:
    ca.on(ACCOUNT, reply({"status": "deactivated"}))

    account = await client.deactivate_account()

    assert ca.posts()[0].payload == {"status": "deactivated"}
    assert account.status == "deactivated"


async def test_new_key_signs_for_itself_inside_the_old_keys_request(
    client: Client, ca: ScriptedCa
) -> None:
    url = f"{ORIGIN}/key-change"
    ca.on(url, reply())
    ca.on(ACCOUNT, reply({"status": "valid"}))
    new = AccountKey.generate("RS256")

    await client.roll_key(new)
    await client.account()

    outer, later = ca.posts()
    assert outer.protected["kid"] == ACCOUNT
    assert outer.protected["alg"] == "ES256"
    assert b'"url":"' + url.encode() in decode_base64url(outer.payload["protected"])
    assert b"nonce" not in decode_base64url(outer.payload["protected"])
    assert later.protected["alg"] == "RS256"
    assert client.key is new


async def test_key_stays_when_the_ca_refuses_the_new_one(
    client: Client, ca: ScriptedCa, key: AccountKey
) -> None:
    other = f"{ORIGIN}/account/2"
    ca.on(f"{ORIGIN}/key-change", refusal("malformed", status=409, Location=other))

    with pytest.raises(AcmeProblem) as error:
        await client.roll_key(AccountKey.generate())

    assert error.value.location == other
    assert client.key is key


async def test_parts_that_a_ca_leaves_out_are_named(key: AccountKey) -> None:
    ca = ScriptedCa(keyChange="", revokeCert="")
    ca.on(ACCOUNT, reply({"status": "valid"}))
    client = Client(DIRECTORY, key, ca, FakeClock(), account_url=ACCOUNT)

    calls = (
        client.roll_key(key),
        client.revoke(b""),
        client.orders(),
        client.new_authorization(NAMES[0]),
    )
    for call in calls:
        with pytest.raises(Stalled, match="does not support"):
            await call


async def test_orders_come_page_by_page_and_a_circle_ends(client: Client, ca: ScriptedCa) -> None:
    pages = [f"{ORIGIN}/orders?page={number}" for number in (1, 2)]
    ca.on(ACCOUNT, reply({"status": "valid", "orders": pages[0]}))
    ca.on(pages[0], reply({"orders": ["a", "b"]}, Link=f'<{pages[1]}>;rel="next"'))
    ca.on(pages[1], reply({"orders": ["b", "c"]}, Link=f'<{pages[0]}>;rel="next"'))

    assert await client.orders() == ("a", "b", "c")
    assert await client.orders(limit=1) == ("a",)


async def test_orders_may_come_as_an_array_alone(client: Client, ca: ScriptedCa) -> None:
    ca.on(ACCOUNT, reply({"status": "valid", "orders": f"{ORIGIN}/orders"}))
    ca.on(f"{ORIGIN}/orders", reply(["a"]))

    assert await client.orders() == ("a",)


async def test_order_is_placed_with_all_that_is_known(key: AccountKey) -> None:
    ca = ScriptedCa(meta={"profiles": {"short": "brief"}}, renewalInfo=f"{ORIGIN}/renewal")
    ca.on(f"{ORIGIN}/new-order", order("pending"))
    client = Client(DIRECTORY, key, ca, FakeClock(), account_url=ACCOUNT)
    end = datetime(2026, 2, 1, tzinfo=UTC)

    placed_order = await client.new_order(NAMES, not_after=end, profile="short", replaces="aki.1")

    assert placed_order.url == ORDER
    assert ca.posts()[0].payload == {
        "identifiers": [
            {"type": "dns", "value": "a.example"},
            {"type": "ip", "value": "192.0.2.1"},
        ],
        "notAfter": "2026-02-01T00:00:00Z",
        "profile": "short",
        "replaces": "aki.1",
    }


async def test_profile_that_is_not_on_offer_is_not_asked_for(
    client: Client, ca: ScriptedCa
) -> None:
    with pytest.raises(Stalled, match="does not offer the profile 'short'") as error:
        await client.new_order(NAMES, profile="short")

    assert not ca.posts()
    assert str(error.value.evidence[0]) == "profiles on offer: none"


async def test_replaces_is_left_out_where_the_ca_has_no_renewal_information(
    client: Client, ca: ScriptedCa
) -> None:
    ca.on(f"{ORIGIN}/new-order", order("pending"))

    await client.new_order(NAMES, replaces="aki.1")

    assert "replaces" not in ca.posts()[0].payload


@pytest.mark.parametrize(
    "answer",
    [
        refusal("alreadyReplaced", status=409),
        refusal("malformed", detail="cannot parse Replaces field"),
    ],
)
async def test_refused_replaces_is_dropped_once(key: AccountKey, answer: Response) -> None:
    ca = ScriptedCa(renewalInfo=f"{ORIGIN}/renewal")
    ca.on(f"{ORIGIN}/new-order", answer, order("pending"))
    client = Client(DIRECTORY, key, ca, FakeClock(), account_url=ACCOUNT)

    await client.new_order(NAMES, replaces="aki.1")

    assert ["replaces" in seen.payload for seen in ca.posts()] == [True, False]


async def test_other_refusals_of_an_order_are_not_tried_again(key: AccountKey) -> None:
    ca = ScriptedCa(renewalInfo=f"{ORIGIN}/renewal")
    ca.on(f"{ORIGIN}/new-order", refusal("malformed", detail="bad name"))
    client = Client(DIRECTORY, key, ca, FakeClock(), account_url=ACCOUNT)

    with pytest.raises(AcmeProblem, match="bad name"):
        await client.new_order(NAMES, replaces="aki.1")

    assert len(ca.posts()) == 1


async def test_unknown_words_of_a_ca_are_kept_as_they_are(client: Client, ca: ScriptedCa) -> None:
    ca.on(ORDER, reply({"status": "pondering", "finalize": FINALIZE, "mood": "good"}))
    ca.on(
        AUTHORIZATION,
        reply(
            {
                "status": "pondering",
                "identifier": {"type": "email", "value": "a@b.example"},
                "challenges": [{"type": "dns-persist-01", "issuer-domain-names": ["x"]}],
            }
        ),
    )

    seen = await client.order(ORDER)
    authorization = await client.authorization(AUTHORIZATION)

    assert seen.status == authorization.status == "pondering"
    assert authorization.identifier == Identifier("email", "a@b.example")
    assert authorization.challenges[0].type == "dns-persist-01"
    assert authorization.challenge("dns-01") is None


async def test_null_is_as_good_as_nothing(client: Client, ca: ScriptedCa) -> None:
    names = ("authorizations", "error", "expires", "certificate", "profile")
    identifiers = [{"type": "dns", "value": "a.example", "x": None}]
    nothing = dict.fromkeys(names)
    ca.on(
        ORDER,
        reply(
            {
                "status": "valid",
                "finalize": FINALIZE,
                "identifiers": identifiers,
                "notAfter": "2026-02-01T00:00:00Z",
                **nothing,
            }
        ),
    )

    seen = await client.order(ORDER)

    assert seen.authorizations == ()
    assert seen.identifiers == (NAMES[0],)
    assert seen.not_after == datetime(2026, 2, 1, tzinfo=UTC)


async def test_order_tells_why_it_failed_in_safe_letters(client: Client, ca: ScriptedCa) -> None:
    error = {"type": "urn:ietf:params:acme:error:dns", "detail": "\x1b[31m"}
    ca.on(ORDER, reply({"status": "invalid", "finalize": FINALIZE, "error": error}))

    seen = await client.order(ORDER)

    assert seen.error is not None
    assert seen.error.word == "dns"
    assert seen.error.detail == "\\x1b[31m"


async def test_poll_waits_as_the_ca_says_and_by_schedule_else(
    client: Client, ca: ScriptedCa, clock: FakeClock
) -> None:
    ca.on(ORDER, order("processing", "60"), order("processing"), order("valid"))

    done = await client.poll_order(placed("processing"))

    assert done.status == "valid"
    assert 60 + 0.2 < clock.monotonic() < 60 + 0.2 * 1.25 + 1 * 1.25 + 0.5


async def test_poll_ends_with_its_patience(client: Client, ca: ScriptedCa) -> None:
    ca.on(ORDER, order("processing", "50"))

    with pytest.raises(Waiting) as waiting:
        await client.poll_order(placed("processing"), patience=timedelta(minutes=1))

    assert waiting.value.again_after == timedelta(seconds=50)


async def test_authorization_is_polled_until_it_is_settled(client: Client, ca: ScriptedCa) -> None:
    base = {"identifier": {"type": "dns", "value": "a.example"}, "wildcard": True}
    ca.on(
        AUTHORIZATION,
        reply({**base, "status": "pending"}),
        reply({**base, "status": "pending"}),
        reply({**base, "status": "valid"}),
    )

    settled = await client.poll_authorization(await client.authorization(AUTHORIZATION))

    assert settled.status == "valid"
    assert settled.wildcard
    assert settled.url == AUTHORIZATION


@pytest.mark.parametrize(("status", "ends"), [("pending", True), ("processing", False)])
async def test_poll_ends_when_an_attempt_failed_and_the_ca_does_no_more(
    client: Client, ca: ScriptedCa, status: str, *, ends: bool
) -> None:
    error = {"type": "urn:ietf:params:acme:error:incorrectResponse"}
    challenges = [{"type": "http-01", "status": "pending"}, {"type": "dns-01", "status": status}]
    tried = [challenges[0], {**challenges[1], "error": error}]
    base = {"identifier": {"type": "dns", "value": "a.example"}}
    ca.on(
        AUTHORIZATION,
        reply({**base, "status": "pending", "challenges": challenges}),
        reply({**base, "status": "pending", "challenges": tried}),
        reply({**base, "status": "invalid", "challenges": tried}),
    )

    seen = await client.poll_authorization(await client.authorization(AUTHORIZATION))

    assert seen.status == ("pending" if ends else "invalid")
    assert bool(seen.failed_attempt) is ends


async def test_authorization_may_come_before_the_order(key: AccountKey) -> None:
    ca = ScriptedCa(newAuthz=f"{ORIGIN}/new-authorization")
    identifier = {"type": "dns", "value": "a.example"}
    made = reply({"status": "pending", "identifier": identifier}, location=AUTHORIZATION)
    ca.on(f"{ORIGIN}/new-authorization", made)
    client = Client(DIRECTORY, key, ca, FakeClock(), account_url=ACCOUNT)

    authorization = await client.new_authorization(NAMES[0])

    assert authorization.url == AUTHORIZATION
    assert ca.posts()[0].payload == {"identifier": identifier}


async def test_authorization_is_given_up(client: Client, ca: ScriptedCa) -> None:
    identifier = {"type": "dns", "value": "a.example"}
    ca.on(AUTHORIZATION, reply({"status": "deactivated", "identifier": identifier}))

    await client.deactivate_authorization(AUTHORIZATION)

    assert ca.posts()[0].payload == {"status": "deactivated"}


async def test_challenge_is_accepted_with_an_empty_object(client: Client, ca: ScriptedCa) -> None:
    ca.on(CHALLENGE, reply({"type": "dns-01", "status": "processing"}, Retry_After="5"))

    accepted = await client.accept(CHALLENGE)
    read = await client.challenge(CHALLENGE)

    assert [seen.payload for seen in ca.posts()] == [{}, ""]
    assert accepted.url == read.url == CHALLENGE
    assert accepted.retry_at == START + timedelta(seconds=5)


def test_answer_to_a_challenge_is_made_from_the_accounts_key(
    client: Client, key: AccountKey
) -> None:
    joined = client.key_authorization("token")

    assert joined == f"token.{key.thumbprint()}"
    digest = hashlib.sha256(joined.encode()).digest()
    assert client.dns01_value("token") == base64.urlsafe_b64encode(digest).decode().rstrip("=")


async def test_finalize_sends_the_csr(client: Client, ca: ScriptedCa) -> None:
    ca.on(FINALIZE, order("processing", "5"))

    seen = await client.finalize(placed(), b"\xff\xfe")

    assert ca.posts()[0].payload == {"csr": "__4"}
    assert seen.status == "processing"
    assert seen.url == ORDER
    assert seen.retry_at == START + timedelta(seconds=5)


@pytest.mark.parametrize(
    "answer",
    [None, refusal("serverInternal", status=500), refusal("orderNotReady", status=403)],
)
@pytest.mark.parametrize("status", ["processing", "valid", "invalid"])
async def test_finalize_that_may_have_arrived_is_followed_by_reading_the_order(
    client: Client, ca: ScriptedCa, answer: Response | None, status: str
) -> None:
    ca.on(FINALIZE, answer)
    ca.on(ORDER, order(status))

    seen = await client.finalize(placed(), b"csr")

    assert seen.status == status
    assert [request.url for request in ca.posts()] == [FINALIZE, ORDER]


@pytest.mark.parametrize(
    "answer", [None, refusal("serverInternal", status=500), refusal("orderNotReady", status=403)]
)
@pytest.mark.parametrize("status", ["pending", "ready"])
async def test_finalize_that_did_not_arrive_is_told_and_not_repeated(
    client: Client, ca: ScriptedCa, answer: Response | None, status: str
) -> None:
    ca.on(FINALIZE, answer)
    ca.on(ORDER, order(status))

    with pytest.raises(Problem):
        await client.finalize(placed(), b"csr")

    assert len(ca.posts(FINALIZE)) == 1


@pytest.mark.parametrize(
    "answer", [refusal("badCSR"), refusal("rateLimited", status=429, Retry_After="5")]
)
async def test_refused_finalize_is_told_at_once(
    client: Client, ca: ScriptedCa, answer: Response
) -> None:
    ca.on(FINALIZE, answer)

    with pytest.raises(AcmeProblem):
        await client.finalize(placed(), b"csr")

    assert len(ca.posts()) == 1


async def test_certificate_comes_with_its_alternates(client: Client, ca: ScriptedCa) -> None:
    other = f"{ORIGIN}/certificate/1/1"
    ca.on(CERTIFICATE, reply(PEM, Link=(f'<{other}>;rel="alternate"', f"<{DIRECTORY}>;rel=index")))
    ca.on(other, reply(PEM + PEM))

    bundles = await client.certificate(CERTIFICATE)
    default = await client.certificate(CERTIFICATE, alternates=False)

    assert bundles == (PEM, PEM + PEM)
    assert default == (PEM,)
    assert ca.posts()[0].headers["Accept"] == "application/pem-certificate-chain"


async def test_alternate_that_is_missing_does_not_cost_the_default(
    client: Client, ca: ScriptedCa
) -> None:
    gone, limited = f"{ORIGIN}/gone", f"{ORIGIN}/limited"
    ca.on(limited, refusal("rateLimited", status=429))
    ca.on(CERTIFICATE, reply(PEM, Link=f"<{gone}>;rel=alternate"))
    assert await client.certificate(CERTIFICATE) == (PEM,)

    ca.on(CERTIFICATE, reply(PEM, Link=f"<{limited}>;rel=alternate"))
    with pytest.raises(Retryable) as error:
        await client.certificate(CERTIFICATE)
    assert error.value.cause is Cause.RATE


@pytest.mark.parametrize("reason", [None, 0, 1])
async def test_certificate_is_revoked_by_the_account(
    client: Client, ca: ScriptedCa, reason: int | None
) -> None:
    ca.on(f"{ORIGIN}/revoke", reply())

    await client.revoke(b"\xff\xfe", reason)

    (seen,) = ca.posts()
    expected = {"certificate": "__4"} | ({} if reason is None else {"reason": reason})
    assert seen.payload == expected
    assert seen.protected["kid"] == ACCOUNT


async def test_certificate_is_revoked_by_its_own_key(client: Client, ca: ScriptedCa) -> None:
    ca.on(f"{ORIGIN}/revoke", refusal("alreadyRevoked"))
    own = AccountKey.generate()

    await client.revoke(b"x", certificate_key=own)  # revoked already: done

    (seen,) = ca.posts()
    assert seen.protected["jwk"] == own.public_jwk()
    assert "kid" not in seen.protected


async def test_refused_revocation_is_told(client: Client, ca: ScriptedCa) -> None:
    ca.on(f"{ORIGIN}/revoke", refusal("unauthorized", status=403))

    with pytest.raises(AcmeRefused):
        await client.revoke(b"x")
