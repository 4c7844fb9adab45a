"""The corpus, and the laws of the rules."""

import copy

import pytest

from certwright.api.kinds import decode, find_kind
from certwright.api.rules.admission import Rules
from tests.unit.api.corpus import Case, cases

RULES = Rules()


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_the_object_is_refused_exactly_where_it_is_wrong(case: Case) -> None:
    document, old = copy.deepcopy(case.document), copy.deepcopy(case.old)

    violations = RULES.violations(case.document, case.old, subresource=case.subresource)

    assert sorted({field for field, _ in violations}) == sorted(set(case.refused)), violations
    assert (case.document, case.old) == (document, old)


def test_what_is_admitted_can_be_read() -> None:
    for case in (case for case in cases() if not case.refused):
        kind = find_kind(case.document["apiVersion"], case.document["kind"])
        assert kind is not None, case.name

        resource = decode(RULES.defaulted(case.document), kind.type)

        assert resource.metadata.name == case.document["metadata"].get("name", ""), case.name


def test_defaulting_is_idempotent_and_breaks_nothing() -> None:
    for case in cases():
        once = RULES.defaulted(case.document)

        assert RULES.defaulted(once) == once, case.name
        if not case.refused and case.old is None:
            assert RULES.violations(once, None) == (), case.name
