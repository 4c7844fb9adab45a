"""A whole issuance at a CA that lies: it ends with a reason, and costs little."""

import logging
from datetime import timedelta

import pytest

from certwright.api.order import State
from certwright.pki.certificate import Template, sign_certificate
from certwright.pki.csr import Names, Request, build_csr
from certwright.pki.keys import Algorithm, generate_key
from certwright.pki.pem import LIMITS
from tests.builders import a_ca
from tests.fakes.acme_server import ORIGIN
from tests.fakes.clock import START
from tests.integration.hostile.twisted import Twist, attacked, handing_out, refusing, saying

ESCAPES = "\x1b]0;owned\x07\x1b[2J\u202e\x9b31m"
HOUR = 3600


def a_chain(*names: str, days: float = 90) -> bytes:
    """A chain for a key that is not ours."""
    csr = build_csr(Request(names=Names(dns=names)), generate_key(Algorithm.ECDSA))
    template = Template(csr=csr, not_before=START, duration=timedelta(days=days))
    ca = a_ca()
    return sign_certificate(template, issuer=ca) + ca.certificate


async def test_a_chain_for_another_key_is_an_invalid_certificate() -> None:
    async with attacked({"/certificate": handing_out(a_chain("www.example.com"))}) as attack:
        issuing = await attack.condition("Issuing")
        before = attack.ca.asked.count("/new-order")
        await attack.wait(HOUR)
        after = attack.ca.asked.count("/new-order")

    # compat-spec 3.6 B5
    assert issuing is not None
    assert issuing.reason == "InvalidCertificate"
    assert (
        "Issuer returned a certificate with a public key that does not match the CSR. This usually"
        " indicates a misconfigured issuer."
    ) in issuing.message
    assert before == 1
    assert after <= 8  # a back-off, not a loop


@pytest.mark.parametrize("chain", [b"", b"nothing", a_chain("a.example") * 100])
async def test_a_chain_that_is_none_or_has_no_end_is_not_kept(chain: bytes) -> None:
    async with attacked({"/certificate": handing_out(chain)}) as attack:
        await attack.wait(HOUR)
        order = await attack.order()
        asked = len(attack.ca.asked)

    assert order.status.certificate == b""
    assert order.status.state is not State.VALID
    assert asked < 150


async def test_a_chain_of_ten_megabytes_is_not_kept() -> None:
    chain = a_chain("www.example.com")
    whole = chain * (10_000_000 // len(chain))
    async with attacked({"/certificate": handing_out(whole)}) as attack:
        stored = await attack.everything()

    assert len(stored) < 10 * LIMITS.chain


async def test_a_thousand_authorizations_for_one_name_are_refused_in_plain_words() -> None:
    urls = [f"{ORIGIN}/authorization/{number}" for number in range(1000)]
    async with attacked({"/new-order": saying(authorizations=urls)}) as attack:
        order = await attack.order()
        challenges = await attack.challenges()
        asked = len(attack.ca.asked)

    assert order.status.state is State.ERRORED
    assert "the CA wants 1000 authorizations for 1 names" in order.status.reason
    assert challenges == ()
    assert asked < 20


async def test_a_hundred_thousand_authorizations_cost_little_too() -> None:
    urls = [f"{ORIGIN}/authorization/{number}" for number in range(100_000)]
    async with attacked({"/new-order": saying(authorizations=urls)}) as attack:
        stored = await attack.everything()
        asked = len(attack.ca.asked)

    assert len(stored) < 100_000
    assert asked < 50


@pytest.mark.parametrize(
    "twist",
    [
        {"/new-account": refusing(ESCAPES)},
        {"/new-order": refusing(ESCAPES)},
        {"/authorization": refusing(ESCAPES)},
        {"/challenge": refusing(ESCAPES)},
        {"/finalize": refusing(ESCAPES)},
        {"/certificate": refusing(ESCAPES)},
        {"/order": saying(status="invalid", error={"type": ESCAPES, "detail": ESCAPES})},
        {"/order": saying(status=ESCAPES)},
        {"/new-order": saying(status=ESCAPES, finalize=f"{ORIGIN}/{ESCAPES}")},
        {"/authorization": saying(status=ESCAPES)},
        {"/authorization": saying(identifier={"type": "dns", "value": ESCAPES})},
        {"/authorization": saying(challenges=[{"type": ESCAPES, "url": ESCAPES, "token": "x"}])},
        {"/new-account": saying(status=ESCAPES, contact=[ESCAPES], orders=ESCAPES)},
    ],
    ids=lambda twist: next(iter(twist)),
)
async def test_a_cas_escapes_are_shown_and_never_obeyed(
    twist: dict[str, Twist], caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    async with attacked(twist) as attack:
        await attack.wait(HOUR)
        stored = await attack.everything()

    said = "".join((stored, caplog.text, *capfd.readouterr()))
    for control in "\x1b\x07\u202e\x9b":
        assert control not in said
    for escaped in ("\\u001b", "\\u0007"):  # as JSON writes them
        assert escaped not in stored
    assert len(stored) < 200_000
