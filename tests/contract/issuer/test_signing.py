"""What every issuer promises the CertificateRequest controller (issuers/protocol.py)."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec import Struct
from msgspec.structs import replace

from certwright.api.annotations import PRIVATE_KEY_SECRET
from certwright.api.core import Secret
from certwright.api.issuer import CAIssuer, SelfSignedIssuer
from certwright.api.meta import Key, ObjectMeta
from certwright.api.order import Order, OrderStatus, State
from certwright.api.request import CertificateRequest
from certwright.base.problem import Stalled, Waiting
from certwright.issuers.acme import AcmeSigner
from certwright.issuers.ca import CaSigner
from certwright.issuers.protocol import SigningIssuer
from certwright.issuers.selfsigned import SelfSigner
from certwright.pki.certificate import Template, certificate_facts, key_matches, sign_certificate
from certwright.pki.keys import encode_key
from tests.acme_objects import KEY, a_csr, a_request, an_acme
from tests.builders import a_ca
from tests.fakes.clock import START, FakeClock

PAIR = a_ca()
CLOCK = FakeClock()


class Candidate(Struct, frozen=True):
    """An issuer with all it needs, and the same without it."""

    ready: SigningIssuer
    lacking: SigningIssuer


class Orders:
    """Orders that are valid as soon as they are looked at a second time; or never."""

    def __init__(self, *, valid: bool) -> None:
        self._valid = valid
        self._orders: dict[str, Order] = {}

    def of(self, request: CertificateRequest) -> Order | None:
        return self._orders.get(request.metadata.uid)

    async def create(self, order: Order) -> bool:
        owner = order.metadata.controller
        assert owner is not None
        status = OrderStatus(url="https://ca.example/1", state=State.PENDING)
        if self._valid:
            template = Template(csr=order.spec.request, not_before=START)
            chain = sign_certificate(template, issuer=PAIR)
            status = replace(status, state=State.VALID, certificate=chain)
        self._orders[owner.uid] = replace(order, status=status)
        return True

    async def delete(self, order: Order) -> None:
        raise AssertionError(f"{order.key} is fine")


def secrets(**by_name: dict[str, bytes]) -> Callable[[Key], Any]:
    async def read(key: Key) -> Secret | None:
        data = by_name.get(key.name)
        return None if data is None else Secret(metadata=ObjectMeta(name=key.name), data=data)

    return read


def candidates() -> dict[str, Candidate]:
    """Fresh ones for each test."""
    pair = {"tls.crt": PAIR.certificate, "tls.key": encode_key(PAIR.key)}
    with_all = secrets(pair=pair, own={"tls.key": encode_key(KEY)})
    nothing = secrets()
    ca = CAIssuer(secret_name="pair")
    own = SelfSignedIssuer()
    return {
        "ca": Candidate(
            CaSigner(ca, "default", read_secret=with_all, clock=CLOCK),
            CaSigner(ca, "default", read_secret=nothing, clock=CLOCK),
        ),
        "selfSigned": Candidate(
            SelfSigner(own, read_secret=with_all, clock=CLOCK),
            SelfSigner(own, read_secret=nothing, clock=CLOCK),
        ),
        "acme": Candidate(
            AcmeSigner(an_acme(), Orders(valid=True)),
            AcmeSigner(an_acme(), Orders(valid=False)),
        ),
    }


@pytest.fixture(params=["ca", "selfSigned", "acme"])
def candidate(request: pytest.FixtureRequest) -> Candidate:
    return candidates()[request.param]


def a_signable(name: str = "web-1", **fields: Any) -> CertificateRequest:
    return a_request(name, meta={"annotations": {PRIVATE_KEY_SECRET: "own"}}, **fields)


async def signed(issuer: SigningIssuer, request: CertificateRequest) -> bytes:
    """Ask until there is a chain; an issuer may say "not yet" once."""
    try:
        return (await issuer.sign(request)).chain
    except Waiting:
        return (await issuer.sign(request)).chain


async def test_the_chain_begins_with_a_certificate_for_the_csr(candidate: Candidate) -> None:
    request = a_signable(csr=a_csr("a.example.com", "b.example.com"))

    facts = certificate_facts(await signed(candidate.ready, request))

    assert key_matches(KEY, facts)
    assert facts.dns == ("a.example.com", "b.example.com")


async def test_asking_again_for_one_request_is_answered_again(candidate: Candidate) -> None:
    request = a_signable()

    first = await signed(candidate.ready, request)
    second = await signed(candidate.ready, request)

    assert certificate_facts(first).spki_sha256 == certificate_facts(second).spki_sha256


async def test_what_is_missing_is_waited_for(candidate: Candidate) -> None:
    for _ in range(2):
        with pytest.raises(Waiting):
            await candidate.lacking.sign(a_signable())


async def test_a_csr_that_cannot_be_read_fails_for_good(candidate: Candidate) -> None:
    with pytest.raises(Stalled):
        await candidate.ready.sign(a_signable("broken", csr=b"no CSR"))
