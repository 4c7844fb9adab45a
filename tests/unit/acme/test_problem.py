"""Problem documents: what a CA says, made safe to show."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from certwright.acme.identifier import Identifier
from certwright.acme.problem import (
    AcmeRefused,
    AcmeRetryable,
    ProblemDocument,
    Refusal,
    build_error,
    parse_problem,
)
from certwright.base.problem import Cause

NAMESPACE = "urn:ietf:params:acme:error:"
JSON = "application/problem+json; charset=utf-8"


def test_subproblems_become_evidence_by_identifier() -> None:
    body = msgspec.json.encode(
        {
            "type": NAMESPACE + "rejectedIdentifier",
            "detail": "some names",
            "subproblems": [
                {
                    "type": NAMESPACE + "caa",
                    "detail": "CAA forbids",
                    "identifier": {"type": "dns", "value": "a.example"},
                },
                {"type": NAMESPACE + "malformed", "detail": "odd"},
            ],
        }
    )

    document = parse_problem(body, 403, JSON)
    error = build_error(Refusal(document=document, operation="newOrder", url="https://ca.example"))

    assert document.status == 403
    assert document.subproblems[0].identifier == Identifier.dns("a.example")
    assert [str(seen) for seen in error.evidence] == [
        "a.example: a.example: CAA forbids (caa)",
        "newOrder: odd (malformed)",
    ]
    assert error.message == "the CA refused newOrder: some names (rejectedIdentifier)"


def test_terminal_escapes_of_a_ca_are_shown_and_not_obeyed() -> None:
    body = msgspec.json.encode(
        {
            "type": "x\x1b[2J",
            "title": "\x1b]0;pwned\x07",
            "detail": "\x1b[31mred\u202e",
            "instance": "\x00",
            "identifier": {"type": "dns", "value": "\x1b"},
            "algorithms": ["\x1b"],
            "subproblems": [{"detail": "\x1b", "identifier": {"type": "\x1b", "value": "\x1b"}}],
        }
    )

    document = parse_problem(body, 400, JSON)

    assert "\x1b" not in repr(document).replace("\\x1b", "")
    assert str(document).isprintable()
    assert document.detail == "\\x1b[31mred\\u202e"


def test_status_of_the_answer_counts_and_not_that_of_the_document() -> None:
    assert parse_problem(b'{"status": "200"}', 500, JSON).status == 500


def test_body_that_is_no_document_is_its_detail() -> None:
    assert parse_problem(b"<h1>\n no </h1>", 502, "text/html").detail == "<h1> no </h1>"
    assert parse_problem(b'{"detail": []}', 400, JSON).detail == '{"detail": []}'
    assert parse_problem(b"[" * 100_000, 400, JSON).status == 400


def test_document_without_a_text_shows_its_title_or_type() -> None:
    assert str(ProblemDocument(type=NAMESPACE + "dns")) == "dns"
    assert str(ProblemDocument(type="about:blank", title="Gone")) == "Gone (about:blank)"


def test_person_is_told_what_to_do_where_the_ca_says_so() -> None:
    required = ProblemDocument(type=NAMESPACE + "externalAccountRequired", status=401)
    action = ProblemDocument(
        type=NAMESPACE + "userActionRequired", instance="https://ca.example/terms", status=403
    )
    silent = ProblemDocument(type=NAMESPACE + "invalidContact", status=400)

    remedies = [
        build_error(Refusal(document=document, operation="newAccount", url="")).remedy
        for document in (required, action, silent)
    ]

    assert "external account" in remedies[0]
    assert "https://ca.example/terms" in remedies[1]
    assert not remedies[2]


def test_unauthorized_finalize_is_about_the_csr_and_not_the_account() -> None:
    document = ProblemDocument(type=NAMESPACE + "unauthorized", status=403)

    finalize = build_error(Refusal(document=document, operation="finalize", url=""))
    order = build_error(Refusal(document=document, operation="newOrder", url=""))

    assert isinstance(finalize, AcmeRetryable)
    assert finalize.cause is Cause.POLICY
    assert isinstance(order, AcmeRefused)


@given(st.binary(max_size=300), st.integers(100, 599), st.sampled_from([JSON, "text/plain", ""]))
def test_any_bytes_are_a_printable_problem(body: bytes, status: int, content_type: str) -> None:
    document = parse_problem(body, status, content_type)

    assert str(document).isprintable()
    assert build_error(Refusal(document=document, operation="order", url="")).document == document
