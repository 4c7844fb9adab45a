"""What holds for whatever a stranger sends; every target checks its results by these."""

from collections.abc import Iterator
from contextlib import contextmanager

from certwright.base.problem import Problem

LONGEST = 30_000
"""Characters of one text: 2,000 of a stranger's (`base.evidence.LIMIT`) may be escapes of ten."""
MOST_EVIDENCE = 200


def check_text(text: str, longest: int = LONGEST) -> None:
    """A text that people see: no control character, no half of a character, not without end."""
    assert text.isprintable(), f"not fit to be shown: {text[:200]!r}"
    assert len(text) <= longest, f"{len(text)} characters: {text[:200]!r}"


def check_problem(problem: Problem) -> None:
    """All texts of a failure."""
    check_text(problem.message)
    check_text(problem.remedy)
    check_text(problem.reason, 100)
    assert len(problem.evidence) <= MOST_EVIDENCE
    for one in problem.evidence:
        check_text(one.subject)
        check_text(one.seen)


@contextmanager
def only_problems() -> Iterator[None]:
    """Let the documented failures pass, after a look at their texts; anything else is a bug."""
    try:
        yield
    except Problem as problem:
        check_problem(problem)


@contextmanager
def only(*kinds: type[Exception]) -> Iterator[None]:
    """Let failures of these kinds pass, after a look at their texts."""
    try:
        yield
    except kinds as error:
        check_text(str(error))
