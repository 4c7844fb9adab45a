"""What a failure leaves on a resource, within its bounds."""

import json
from datetime import timedelta

import pytest
from msgspec.structs import replace

from certwright.acme.identifier import Identifier
from certwright.acme.problem import ProblemDocument, Subproblem
from certwright.api.annotations import (
    EVIDENCE,
    FAILURE_CLASS,
    FAILURE_MESSAGE,
    FAILURE_REASON,
    NEXT_ATTEMPT,
    PROBLEM,
    REMEDY,
)
from certwright.base.evidence import Evidence
from certwright.base.problem import Cause, Retryable, Stalled
from certwright.controllers.failure import (
    carried,
    described,
    encode_document,
    encode_evidence,
    next_attempt,
    rate_limited_until,
)
from tests.acme_objects import an_order
from tests.fakes.acme import refusal
from tests.fakes.clock import START


def test_a_problem_is_described_by_class_evidence_and_remedy() -> None:
    problem = Stalled("X", "no", evidence=(Evidence("ns1", "refused"),), remedy="Fix it.")

    told = described(problem)

    assert told == {
        FAILURE_CLASS: "policy",
        FAILURE_REASON: "X",
        FAILURE_MESSAGE: "no",
        EVIDENCE: '[["ns1","refused"]]',
        REMEDY: "Fix it.",
        PROBLEM: None,
        NEXT_ATTEMPT: None,
    }


def test_the_cas_document_is_kept_as_it_came() -> None:
    told = described(refusal("rejectedIdentifier", 403, detail="not this"), next_attempt=START)

    assert json.loads(told[PROBLEM] or "") == {
        "type": "urn:ietf:params:acme:error:rejectedIdentifier",
        "detail": "not this",
        "status": 403,
    }
    assert told[NEXT_ATTEMPT] == "2026-01-01T00:00:00Z"


def test_long_evidence_is_cut_to_its_bound_and_stays_json() -> None:
    text = encode_evidence(tuple(Evidence(f"ns{n}", "x" * 500) for n in range(50)))

    assert len(text) <= 2000
    assert json.loads(text)[0][0] == "ns0"


def test_no_evidence_is_no_text() -> None:
    assert encode_evidence(()) == ""


@pytest.mark.parametrize(
    "document",
    [
        ProblemDocument(
            type="t",
            subproblems=tuple(
                Subproblem(detail="x" * 300, identifier=Identifier.dns("a")) for _ in range(90)
            ),
        ),
        ProblemDocument(type="t", detail="x" * 9000, title="y" * 9000, status=400),
    ],
)
def test_a_long_document_is_cut_to_its_bound_and_stays_json(document: ProblemDocument) -> None:
    text = encode_document(document)

    assert len(text) <= 2000
    assert json.loads(text)["type"] == "t"


def test_what_is_carried_is_what_stands_there_and_nothing_else() -> None:
    order = an_order()
    told = {FAILURE_CLASS: "rate", "other": "x"}
    order = replace(order, metadata=replace(order.metadata, annotations=told))

    assert carried(order) == {
        FAILURE_CLASS: "rate",
        FAILURE_REASON: None,
        FAILURE_MESSAGE: None,
        NEXT_ATTEMPT: None,
        EVIDENCE: None,
        PROBLEM: None,
        REMEDY: None,
    }


@pytest.mark.parametrize(
    ("age", "pause"), [(0, 10), (5, 10), (60, 60), (600, 360)], ids=lambda minutes: f"{minutes} min"
)
def test_a_rate_limit_without_a_time_waits_as_long_as_the_order_is_old(
    age: int, pause: int
) -> None:
    created = START - timedelta(minutes=age)

    moment = next_attempt(Retryable("X", "no", cause=Cause.RATE), created, START)

    assert moment == START + timedelta(minutes=pause)


def test_other_failures_are_left_to_the_back_off() -> None:
    assert next_attempt(Stalled("X", "no"), START, START) is None
    assert next_attempt(Retryable("X", "no"), START, START) is None
    assert next_attempt(Retryable("X", "no", not_before=START), None, START) == START


@pytest.mark.parametrize(
    ("annotations", "is_held"),
    [
        ({}, False),
        ({FAILURE_CLASS: "rate"}, False),
        ({FAILURE_CLASS: "rate", NEXT_ATTEMPT: "soon"}, False),
        ({FAILURE_CLASS: "policy", NEXT_ATTEMPT: "2026-01-01T01:00:00Z"}, False),
        ({FAILURE_CLASS: "rate", NEXT_ATTEMPT: "2025-12-31T23:59:59Z"}, False),
        ({FAILURE_CLASS: "rate", NEXT_ATTEMPT: "2026-01-01T01:00:00Z"}, True),
    ],
)
def test_only_a_rate_limit_holds_whatever_wakes_us(
    annotations: dict[str, str],
    is_held: bool,  # noqa: FBT001  # a parameter of the test
) -> None:
    order = an_order()
    order = replace(order, metadata=replace(order.metadata, annotations=annotations))

    assert (rate_limited_until(order, START) is not None) is is_held
