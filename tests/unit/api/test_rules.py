"""The corpus, and the laws of the rules."""

import copy

import pytest

from certwright.api.rules.admission import Rules
from tests.unit.api.corpus import Case, cases

RULES = Rules()


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_the_object_is_refused_exactly_where_it_is_wrong(case: Case) -> None:
    document, old = copy.deepcopy(case.document), copy.deepcopy(case.old)

    violations = RULES.violations(case.document, case.old, subresource=case.subresource)

    assert sorted({field for field, _ in violations}) == sorted(set(case.refused)), violations
    assert (case.document, case.old) == (document, old)


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_defaulting_is_idempotent_and_breaks_nothing(case: Case) -> None:
    once = RULES.defaulted(case.document)
    fields = {field for field, _ in RULES.violations(once, None)}

    assert RULES.defaulted(once) == once
    if not case.refused and case.old is None:
        assert fields == set()
