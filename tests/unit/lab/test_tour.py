"""Observations become the lines of the tour."""

from typing import Any

import pytest
from msgspec.structs import replace

from certwright.api.certificate import Certificate, CertificateStatus
from certwright.api.core import TLS_CERT, TLS_KEY
from certwright.api.issuer import IssuerStatus
from certwright.api.meta import Condition, ConditionStatus, IssuerReference, Resource
from certwright.api.order import (
    Challenge,
    ChallengeSpec,
    ChallengeStatus,
    ChallengeType,
    Order,
    OrderSpec,
    OrderStatus,
    State,
)
from certwright.api.request import (
    CertificateRequest,
    CertificateRequestSpec,
    CertificateRequestStatus,
)
from certwright.api.secret import SecretSummary, summarize
from certwright.api.solver import ACMEChallengeSolver
from certwright.lab.nameserver import Observation
from certwright.lab.seen import MessageSeen, PageSeen, ResourceSeen, Seen, serial_text
from certwright.lab.tour import Line, Mood, Progress, Step, advance
from certwright.pki.certificate import KeyPair
from certwright.pki.keys import encode_key
from certwright.runtime.cache import Observed
from tests.builders import a_ca, a_certificate, a_cluster_issuer, a_secret, an_ingress, metadata
from tests.fakes.clock import START

HOSTS = ("foo.demo.localhost", "*.foo.demo.localhost")
TRUE, FALSE = ConditionStatus.TRUE, ConditionStatus.FALSE
MOMENT = f"{START:%Y-%m-%d %H:%M:%S} UTC"
URL = "https://foo.demo.localhost/"


def came(after: Resource, at: float = 0.0) -> Seen:
    return ResourceSeen(Observed(None, after), at)


def changed(before: Resource, after: Resource, at: float = 0.0) -> Seen:
    return ResourceSeen(Observed(before, after), at)


def told(*seen: Seen, start: Progress | None = None) -> list[Line]:
    progress = start or Progress()
    shown: list[Line] = []
    for one in seen:
        progress, lines = advance(progress, one)
        shown += lines
    return shown


def texts(*seen: Seen) -> list[str]:
    return [f"{line.step}: {line.text}" for line in told(*seen)]


def after(*seen: Seen) -> Progress:
    progress = Progress()
    for one in seen:
        progress, _ = advance(progress, one)
    return progress


def with_conditions(certificate: Certificate, **conditions: ConditionStatus) -> Certificate:
    found = tuple(
        Condition(type=type_, status=status, reason="Because", message="it is so")
        for type_, status in conditions.items()
    )
    status = CertificateStatus(conditions=found, not_after=START, renewal_time=START)
    return replace(certificate, status=status)


def a_challenge(**status: Any) -> Challenge:
    spec = ChallengeSpec(
        url="https://acme/1",
        authorization_url="https://acme/2",
        dns_name="foo.demo.localhost",
        type=ChallengeType.DNS01,
        token="t",
        key="k",
        solver=ACMEChallengeSolver(),
        issuer_ref=IssuerReference(name="letsencrypt-prod"),
        wildcard=True,
    )
    return Challenge(metadata=metadata("one"), spec=spec, status=ChallengeStatus(**status))


def an_order(**status: Any) -> Order:
    spec = OrderSpec(request=b"", issuer_ref=IssuerReference(name="letsencrypt-prod"))
    return Order(metadata=metadata("order"), spec=spec, status=OrderStatus(**status))


def a_request(**status: Any) -> CertificateRequest:
    spec = CertificateRequestSpec(request=b"", issuer_ref=IssuerReference(name="ca"))
    return CertificateRequest(
        metadata=metadata("web-1"), spec=spec, status=CertificateRequestStatus(**status)
    )


def a_summary(pair: KeyPair) -> SecretSummary:
    data = {TLS_CERT: pair.certificate, TLS_KEY: encode_key(pair.key)}
    return summarize(a_secret("foo-tls-certificate", data=data))


def message(**fields: Any) -> Observation:
    whole = {
        "is_update": False,
        "name": "_acme-challenge.foo.demo.localhost.",
        "rdtype": "TXT",
        "rcode": "NOERROR",
        "client": ("127.0.0.1", 5353),
    }
    return Observation(**{**whole, **fields})


def test_seconds_count_from_the_ingress() -> None:
    lines = told(came(an_ingress(hosts=HOSTS), 100.0), came(a_certificate("foo"), 100.25))

    assert [(line.step, line.seconds) for line in lines] == [
        (Step.INGRESS, 0.0),
        (Step.CERTIFICATE, 0.25),
    ]


def test_an_ingress_is_told_with_its_hosts_and_its_issuer() -> None:
    assert texts(came(an_ingress("foo", hosts=HOSTS))) == [
        "Ingress: default/foo applied: foo.demo.localhost, *.foo.demo.localhost by letsencrypt"
    ]


def test_a_changed_ingress_begins_a_round() -> None:
    before = an_ingress("foo", hosts=HOSTS)
    progress = after(came(before, 1.0), changed(before, an_ingress("foo", hosts=HOSTS[:1]), 9.0))

    assert (progress.number, progress.began, len(progress.lines)) == (2, 9.0, 1)


def test_an_ingress_that_only_got_a_new_version_is_no_news() -> None:
    before = an_ingress("foo", hosts=HOSTS)

    assert texts(changed(before, an_ingress("foo", hosts=HOSTS, resource_version="2"))) == []


def test_what_an_earlier_run_made_is_not_told_as_new() -> None:
    old = [
        ResourceSeen(Observed(None, one), 0.0, was_there=True) for one in (a_request(), an_order())
    ]
    ingress = ResourceSeen(Observed(None, an_ingress()), 0.0, was_there=True)

    assert [line.step for line in told(*old, ingress)] == [Step.INGRESS]


def test_an_ingress_that_goes_is_told() -> None:
    gone = ResourceSeen(Observed(an_ingress("foo"), None), 0.0)

    assert texts(gone) == ["Ingress: default/foo is gone"]


def test_a_certificate_is_told_from_creation_to_ready() -> None:
    first = a_certificate("foo", dns_names=HOSTS)
    issuing = with_conditions(first, Issuing=TRUE, Ready=FALSE)
    ready = with_conditions(first, Ready=TRUE)

    assert texts(came(first), changed(first, issuing), changed(issuing, ready)) == [
        "Certificate: default/foo created: foo.demo.localhost, *.foo.demo.localhost",
        "Certificate: to be issued, Because: it is so",
        f"Certificate: ready until {MOMENT}, renews at {MOMENT}",
    ]


def test_a_ready_certificate_that_is_to_be_issued_begins_a_round() -> None:
    ready = with_conditions(a_certificate("foo"), Ready=TRUE)
    renewing = with_conditions(a_certificate("foo"), Ready=TRUE, Issuing=TRUE)

    stored = came(a_summary(a_ca()), 1.5)
    progress = after(
        came(an_ingress(), 1.0), stored, came(ready, 2.0), changed(ready, renewing, 60.0)
    )

    assert (progress.number, progress.began, progress.ready) == (2, 60.0, False)


def test_an_issuance_that_the_round_is_about_begins_no_other() -> None:
    ready = with_conditions(a_certificate("foo"), Ready=TRUE)
    wished = with_conditions(a_certificate("foo", dns_names=HOSTS), Ready=TRUE)
    issuing = with_conditions(wished, Ready=TRUE, Issuing=TRUE)

    progress = after(came(an_ingress()), changed(ready, wished), changed(wished, issuing))

    assert progress.number == 1


def test_a_failed_issuance_is_trouble() -> None:
    before = with_conditions(a_certificate("foo"), Issuing=TRUE)
    failed = with_conditions(before, Issuing=FALSE)
    failed = replace(failed, status=replace(failed.status, last_failure_time=START))

    trouble = after(came(an_ingress()), changed(before, failed)).trouble

    assert trouble is not None
    assert trouble.text == "Because: it is so"


def test_the_way_through_request_order_and_challenge_is_told() -> None:
    seen = (
        came(a_request()),
        came(an_order()),
        came(a_challenge()),
        changed(a_challenge(), a_challenge(state=State.VALID)),
        changed(an_order(), an_order(state=State.VALID)),
        changed(a_request(), a_request(certificate=b"signed")),
    )

    assert texts(*seen) == [
        "CertificateRequest: default/web-1 created",
        "Order: default/order created",
        "Challenge: DNS-01 for *.foo.demo.localhost",
        "Challenge: *.foo.demo.localhost proven",
        "Order: default/order valid",
        "CertificateRequest: default/web-1 signed",
    ]


@pytest.mark.parametrize(
    ("seen", "text"),
    [
        (
            changed(a_challenge(), a_challenge(reason="NOTAUTH")),
            "Challenge: *.foo.demo.localhost: NOTAUTH",
        ),
        (
            changed(a_challenge(), a_challenge(state=State.INVALID, reason="no record")),
            "Challenge: *.foo.demo.localhost invalid: no record",
        ),
        (
            changed(an_order(), an_order(state=State.ERRORED, reason="refused")),
            "Order: errored: refused",
        ),
        (
            came(
                a_request(
                    conditions=(
                        Condition(type="Ready", status=FALSE, reason="Denied", message="no"),
                    )
                )
            ),
            "CertificateRequest: Denied: no",
        ),
        (
            MessageSeen(
                message(is_update=True, rdtype="SOA", rcode="NOTAUTH"), by_ca=False, at=0.0
            ),
            "TXT record: the name server refuses the update: NOTAUTH",
        ),
        (
            PageSeen(URL, 0.0, problem="its certificate is not trusted"),
            f"HTTPS page: {URL}: its certificate is not trusted",
        ),
        (
            PageSeen(URL, 0.0, served_serial=1, stored_serial=2),
            f"HTTPS page: {URL} serves certificate 01, the Secret holds 02",
        ),
    ],
)
def test_trouble_is_told_with_its_reason(seen: Seen, text: str) -> None:
    last = told(seen)[-1]

    assert (f"{last.step}: {last.text}", last.mood) == (text, Mood.BAD)


def test_an_issuer_is_told_when_its_readiness_changes() -> None:
    fresh = a_cluster_issuer("letsencrypt-prod")
    condition = Condition(type="Ready", status=FALSE, reason="ErrInitIssuer", message="CA is down")
    down = replace(fresh, status=IssuerStatus(conditions=(condition,)))

    lines = told(came(fresh), changed(fresh, down), changed(down, down))

    assert [(line.text, line.mood) for line in lines] == [
        ("letsencrypt-prod ErrInitIssuer: CA is down", Mood.BAD)
    ]


def test_changes_of_records_and_the_cas_questions_are_told_once_each() -> None:
    added = message(is_update=True, rdtype="SOA", changes=("added _acme-challenge.x. 60 TXT v",))
    asked = MessageSeen(message(), by_ca=True, at=0.2)

    assert texts(MessageSeen(added, by_ca=False, at=0.1), asked, asked) == [
        "TXT record: added _acme-challenge.x. 60 TXT v",
        "CA's look-up: the CA asks for _acme-challenge.foo.demo.localhost. TXT: NOERROR",
    ]


def test_our_own_questions_and_the_cas_other_ones_are_no_news() -> None:
    assert texts(MessageSeen(message(), by_ca=False, at=0.0)) == []
    assert texts(MessageSeen(message(rdtype="SOA"), by_ca=True, at=0.0)) == []


def test_a_round_ends_with_the_page_of_the_certificate_that_it_stored() -> None:
    summary = a_summary(a_ca())
    assert summary.certificate is not None
    serial = summary.certificate.serial
    page = PageSeen(URL, 2.0, serial, serial)

    progress = after(came(an_ingress()), came(summary), page)

    assert not progress.open
    assert progress.lines[-1].text == f"{URL} over verified TLS, with certificate " + serial_text(
        serial
    )


def test_a_visit_of_the_certificate_before_does_not_end_the_round() -> None:
    progress = after(came(an_ingress()), PageSeen(URL, 2.0, 7, 7))

    assert progress.open


def test_a_secret_is_told_when_its_certificate_is_another() -> None:
    one, other = a_summary(a_ca()), a_summary(a_ca())

    assert [line.step for line in told(came(one), changed(one, one), changed(one, other))] == [
        Step.SECRET,
        Step.SECRET,
    ]


def test_the_step_furthest_on_the_way_is_known() -> None:
    progress = after(came(an_ingress()), came(an_order()), came(a_certificate()))

    assert progress.last_step is Step.ORDER


def test_serials_are_whole_octets() -> None:
    assert [serial_text(number) for number in (0, 7, 0x123)] == ["00", "07", "0123"]
