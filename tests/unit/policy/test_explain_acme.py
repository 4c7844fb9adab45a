"""Orders and proofs that are under way or failed, and what is said of them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from certwright.api.issuer import Issuer, IssuerSpec
from certwright.api.meta import Key
from certwright.api.order import ACMEAuthorization, Challenge, Order, State
from certwright.api.request import CertificateRequestStatus
from certwright.policy.certificate import next_step
from certwright.policy.explain_challenge import explain_challenges, read_servers
from certwright.policy.explain_text import MOST_LINES, render
from certwright.policy.explanation import Case, Fault, Verdict
from certwright.policy.inventory import Inventory
from certwright.policy.readiness import assess
from tests.builders import a_certificate, a_secret
from tests.fakes.clock import START
from tests.unit.policy.scene import (
    NOW,
    Scene,
    a_solver,
    an_acme_issuer,
    an_authorization,
    condition,
    http_solver,
)

READY = condition("Ready", "True", "ACMEAccountRegistered")
APPROVED = condition("Approved", "True", "cert-manager.io")
FAILED = "The certificate request has failed to complete and will be retried: "
NAME = "www.example.com"
URL = "https://acme.example.com/order/1"
DOCUMENT = '{"type":"urn:ietf:params:acme:error:caa","status":403,"detail":"CAA forbids issuance"}'
SERVERS = (
    'Waiting for DNS-01 challenge propagation: DNS record for "www.example.com" not yet propagated'
    "; ns1.example.com (192.0.2.1:53): has it (serial 7)"
    "; ns2.example.com (192.0.2.2:53): does not have it (serial 6)"
)


class Acme(Scene):
    """A Certificate at an ACME issuer, its Order placed."""

    def __init__(self, *solvers: Any, wildcard: bool = False, **order: Any) -> None:
        name = f"*.{NAME}" if wildcard else NAME
        super().__init__(a_certificate(dns_names=(name,)))
        self.issuing()
        self.issuer(an_acme_issuer(*solvers), READY)
        self.add(a_secret("account", data={"tls.key": b"x"}))
        self.add(a_secret("tsig", data={"secret": b"x"}))
        self.the_request = self.request(APPROVED)
        placed = {
            "url": URL,
            "finalize_url": URL,
            "state": State.PENDING,
            "authorizations": (an_authorization(NAME, wildcard=wildcard),),
            **order,
        }
        self.the_order: Order = self.order(self.the_request, **placed)

    def proof(self, **status: Any) -> Challenge:
        return self.challenge(self.the_order, a_solver(), **status)


def not_placed() -> Acme:
    return Acme(url="")


def ca_away() -> Acme:
    scene = Acme(url="")
    scene.tell(
        scene.the_order,
        failure_class="transport",
        failure_reason="ConnectionFailed",
        failure="https://acme.example.com: connection refused",
    )
    return scene


def rate_limited() -> Acme:
    scene = Acme(url="")
    scene.tell(
        scene.the_order,
        failure_class="rate",
        failure_reason="RateLimited",
        failure="the CA refused newOrder: too many certificates (rateLimited)",
        next_attempt="2026-01-12T00:00:00Z",
        acme_problem='{"type":"urn:ietf:params:acme:error:rateLimited","detail":"too many"}',
    )
    return scene


def account_refused() -> Acme:
    scene = Acme(url="")
    scene.tell(
        scene.the_order,
        failure_class="policy",
        failure_reason="Refused",
        failure="the CA refused newOrder: account is deactivated (unauthorized)",
    )
    return scene


def account_key_gone() -> Acme:
    scene = Acme()
    scene.the_order = scene.tell(scene.the_order)
    return scene.only_secrets("web-next")


def no_solver() -> Acme:
    return Acme(a_solver(selector={"dnsZones": ["example.org"]}))


def wildcard_over_http() -> Acme:
    return Acme(http_solver(), wildcard=True)


def being_presented() -> Acme:
    scene = Acme()
    scene.proof()
    return scene


def wrong_tsig() -> Acme:
    scene = Acme()
    scene.tell(
        scene.proof(reason="name server ns1 refused to update zone example.com: NOTAUTH"),
        failure_class="policy",
        failure_reason="CredentialsRefused",
        failure="name server ns1 refused to update zone example.com: NOTAUTH (BADKEY)",
        next_attempt="2026-01-11T00:05:00Z",
    )
    return scene


def zone_missing() -> Acme:
    scene = Acme()
    scene.tell(
        scene.proof(reason="no zone"),
        failure_class="policy",
        failure_reason="ZoneNotFound",
        failure="no zone holds _acme-challenge.www.example.com",
    )
    return scene


def stale_secondary() -> Acme:
    scene = Acme()
    presented = NOW - timedelta(seconds=30)
    scene.proof(reason=SERVERS, presented=True, presented_at=presented, state=State.PENDING)
    return scene


def asked_anyway() -> Acme:
    scene = Acme()
    reason = SERVERS.replace(
        "Waiting for DNS-01 challenge propagation: ", "asked the CA without full evidence: "
    )
    scene.proof(reason=reason, presented=True, presented_at=START, state=State.PENDING)
    return scene


def accepted() -> Acme:
    scene = Acme()
    scene.proof(presented=True, presented_at=NOW, state=State.PENDING)
    return scene


def all_proven() -> Acme:
    scene = Acme()
    scene.proof(state=State.VALID)
    return scene


def forged() -> Acme:
    return Acme(authorizations=(an_authorization("victim.example.org"),))


def refused_by_caa() -> Acme:
    scene = Acme(state=State.INVALID, reason="www.example.com: no")
    proof = scene.proof(
        state=State.INVALID, reason="Error accepting authorization: CAA forbids issuance (caa)"
    )
    scene.tell(
        proof,
        failure_class="validation",
        acme_problem=DOCUMENT,
        evidence='[["ns1.example.com (192.0.2.1:53)","has it (serial 7)"]]',
    )
    scene.status(
        conditions=(condition("Issuing", "False", "Failed", f"{FAILED}order is invalid"),),
        last_failure_time=NOW,
        failed_issuance_attempts=1,
    )
    scene.annotate(failure_class="validation", next_attempt="2026-01-11T00:01:10Z")
    return scene


def order_errored() -> Acme:
    scene = Acme(state=State.ERRORED, reason="Failed to create Order: rejected")
    scene.tell(
        scene.the_order,
        failure_class="policy",
        failure_reason="Refused",
        acme_problem='{"type":"urn:ietf:params:acme:error:rejectedIdentifier"}',
    )
    return scene


def order_not_made() -> Acme:
    scene = Acme()
    scene.without(Order)
    return scene


def order_just_failed() -> Acme:
    return Acme(state=State.INVALID, reason="no")


def proof_just_failed() -> Acme:
    scene = Acme()
    scene.proof(state=State.INVALID, reason="Error accepting authorization: no TXT record (dns)")
    return scene


def unread_authorizations() -> Acme:
    return Acme(authorizations=(ACMEAuthorization(url="https://acme.example.com/1"),))


def no_challenges_yet() -> Acme:
    return Acme()


def done_at_last() -> Acme:
    return Acme(state=State.VALID, certificate=b"chain")


def strange_csr() -> Acme:
    scene = Acme()
    order = scene.the_order
    scene.exchange(order, replace(order, spec=replace(order.spec, request=b"other")))
    return scene


def no_solvers_at_all() -> Acme:
    scene = Acme()
    issuer = next(iter(scene.list(Issuer)))
    acme = issuer.spec.acme
    assert acme is not None
    scene.exchange(issuer, replace(issuer, spec=IssuerSpec(acme=replace(acme, solvers=()))))
    return scene


def waits_instead() -> Acme:
    solver = a_solver(waitInsteadOfSelfCheck="60s")
    scene = Acme(solver)
    scene.challenge(scene.the_order, solver, presented=True, presented_at=NOW, state=State.PENDING)
    return scene


def dns_provider_away() -> Acme:
    scene = Acme()
    scene.tell(
        scene.proof(reason="no answer"), failure_class="transport", failure="no answer from ns1"
    )
    return scene


def refused_back_off_after_denial() -> Acme:
    scene = Acme()
    scene.exchange(
        scene.the_request,
        replace(
            scene.the_request,
            status=CertificateRequestStatus(conditions=(condition("Denied", "True", "No", "no"),)),
        ),
    )
    scene.status(
        conditions=(condition("Issuing", "False", "Denied", f"{FAILED}no"),),
        last_failure_time=NOW,
        failed_issuance_attempts=1,
    )
    return scene


def order_failed_and_waits() -> Acme:
    scene = order_errored()
    scene.status(
        conditions=(condition("Issuing", "False", "Failed", f"{FAILED}no"),),
        last_failure_time=NOW,
    )
    return scene


Expected = tuple[Verdict, str, str, str]

STATES: dict[Callable[[], Acme], Expected] = {
    not_placed: (Verdict.ISSUING, "Order default/web-1-1", "about to be placed", ""),
    ca_away: (
        Verdict.FAILED, "Order default/web-1-1", "connection refused", "https://acme.example.com/d",
    ),
    rate_limited: (Verdict.WAITING, "Order default/web-1-1", "too many", "Wait"),
    account_refused: (Verdict.STALLED, "Order default/web-1-1", "is deactivated", "Change what"),
    account_key_gone: (Verdict.WAITING, "Secret default/account", "is missing", "default/account"),
    no_solver: (Verdict.STALLED, "Issuer default/ca", f"can prove {NAME}", "selector fits"),
    wildcard_over_http: (Verdict.STALLED, "Issuer default/ca", f"prove *.{NAME}", "DNS-01 solver"),
    being_presented: (Verdict.ISSUING, "Challenge", "is being published", ""),
    wrong_tsig: (Verdict.STALLED, "Secret default/tsig", "BADKEY", "Secret default/tsig"),
    zone_missing: (Verdict.STALLED, "Challenge", "no zone holds", "delegate it"),
    stale_secondary: (Verdict.WAITING, "Challenge", "not all name servers have", "every name se"),
    asked_anyway: (Verdict.WAITING, "Challenge", "the CA was asked about", "every name server"),
    accepted: (Verdict.ISSUING, "Challenge", "name servers and the CA are looking", ""),
    all_proven: (Verdict.ISSUING, "Order default/web-1-1", "worked on by the CA", ""),
    forged: (Verdict.STALLED, "Order default/web-1-1", "names not ordered", "Delete it"),
    refused_by_caa: (Verdict.FAILED, "Challenge", "CAA forbids issuance", f"CAA records of {NAME}"),
    order_not_made: (
        Verdict.ISSUING, "CertificateRequest default/web-1", "about to be made", "",
    ),
    order_just_failed: (Verdict.FAILED, "Order default/web-1-1", "ended as invalid: no", ""),
    proof_just_failed: (Verdict.FAILED, "Challenge", "no TXT record", ""),
    unread_authorizations: (Verdict.ISSUING, "Order default/web-1-1", "being read", ""),
    no_challenges_yet: (Verdict.ISSUING, "Order default/web-1-1", "gets Challenges for 1", ""),
    done_at_last: (Verdict.ISSUING, "Order default/web-1-1", "being handed on", ""),
    strange_csr: (Verdict.STALLED, "Order default/web-1-1", "something else", "Delete it"),
    no_solvers_at_all: (Verdict.STALLED, "Issuer default/ca", "can prove", "Give Issuer default"),
    waits_instead: (Verdict.WAITING, "Challenge", "as its solver asks", ""),
    dns_provider_away: (Verdict.FAILED, "Challenge", "no answer from ns1", "network"),
    refused_back_off_after_denial: (
        Verdict.FAILED, "CertificateRequest default/web-1", "was denied: no", "who denied it",
    ),
    order_failed_and_waits: (
        Verdict.FAILED, "Order default/web-1-1", "rejected", f"{NAME} is not one",
    ),
    order_errored: (Verdict.FAILED, "Order default/web-1-1", "rejected", f"{NAME} is not one"),
}  # fmt: skip


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
def test_each_state_has_its_sentence_its_object_and_its_remedy(state: Callable[[], Acme]) -> None:
    verdict, culprit, sentence, remedy = STATES[state]

    found = state().why()

    assert found.verdict is verdict
    assert str(found.culprit).startswith(culprit)
    assert sentence in found.sentence
    assert remedy in found.remedy if remedy else found.remedy == ""
    assert len(render(found, NOW)) <= MOST_LINES


@pytest.mark.parametrize(
    ("state", "at"),
    [
        (rate_limited, "2026-01-12T00:00:00+00:00"),
        (wrong_tsig, "2026-01-11T00:05:00+00:00"),
        (stale_secondary, "2026-01-11T00:01:30+00:00"),
        (refused_by_caa, "2026-01-11T00:01:10+00:00"),
    ],
)
def test_the_next_attempt_is_the_one_that_is_decided(state: Callable[[], Acme], at: str) -> None:
    found = state().why().next_attempt

    assert found is not None
    assert found.isoformat() == at


def test_other_proofs_that_are_not_done_are_counted() -> None:
    chain = Inventory(stale_secondary()).chain(Key("default", "web"))
    assert chain is not None
    assert chain.link is not None
    proof = chain.link.challenges[0]
    link = replace(chain.link, challenges=(proof, proof))
    seen = chain.seen
    case = Case(chain=chain, now=NOW, step=next_step(seen, NOW), readiness=assess(seen.facts(NOW)))

    found = explain_challenges(case, link)

    assert found.notes[-1] == "1 more proof of this Order is not done either"


def test_a_semicolon_of_a_server_does_not_break_its_line() -> None:
    message, evidence = read_servers("Waiting for x propagation: no; ns1: a; b; ns2: c")

    assert message == "no"
    assert [str(one) for one in evidence] == ["ns1: a; b", "ns2: c"]


def test_every_name_server_has_its_line() -> None:
    found = stale_secondary().why()

    assert [str(one) for one in found.evidence] == [
        "ns1.example.com (192.0.2.1:53): has it (serial 7)",
        "ns2.example.com (192.0.2.2:53): does not have it (serial 6)",
    ]


def test_the_problem_document_of_the_ca_is_shown_verbatim() -> None:
    found = refused_by_caa().why()

    assert found.document == DOCUMENT
    assert found.fault is Fault.VALIDATION
    assert any(DOCUMENT in line for line in render(found, NOW))


def test_each_solver_tells_why_it_does_not_match() -> None:
    evidence = [str(one) for one in no_solver().why().evidence]

    assert evidence == [f"{NAME}: solver 0: {NAME} is not in one of its dnsZones"]


def test_an_explanation_is_plain_data_for_programs() -> None:
    wire = msgspec.to_builtins(wrong_tsig().why())

    assert wire["verdict"] == "stalled"
    assert wire["object"] == {"kind": "Secret", "name": "tsig", "namespace": "default"}
    assert wire["nextAttempt"] == "2026-01-11T00:05:00Z"
