"""Label selectors as kubectl writes them: `a=b`, `a==b`, `a!=b`, `a`, `!a`, joined by commas."""

import re
from collections.abc import Mapping

from msgspec import Struct

from certwright.cli.output import BAD_INPUT, fail

_TERM = re.compile(r"(!)?\s*([\w./-]+)\s*(?:(==|=|!=)\s*([\w.-]*))?")


class Term(Struct, frozen=True):
    """One condition on one label; `value` None asks whether the label is there."""

    label: str
    value: str | None
    wanted: bool

    def holds(self, labels: Mapping[str, str]) -> bool:
        """Whether the labels fulfil it; a missing label is not equal to anything."""
        found = self.label in labels if self.value is None else labels.get(self.label) == self.value
        return found is self.wanted


class Selector(Struct, frozen=True):
    """All terms must hold."""

    terms: tuple[Term, ...]

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether an object with these labels is selected."""
        return all(term.holds(labels) for term in self.terms)


def parse_selector(text: str) -> Selector:
    """Read a selector; an empty one selects everything.

    Raises:
        typer.Exit: it cannot be read (bad usage).
    """
    parts = [part.strip() for part in text.split(",")] if text.strip() else []
    return Selector(tuple(map(_term, parts)))


def _term(part: str) -> Term:
    found = _TERM.fullmatch(part)
    if found is None or (found[1] and found[3]):
        raise fail(f"--selector: {part!r} is no condition on a label", code=BAD_INPUT)
    return Term(found[2], found[4], not found[1] and found[3] != "!=")
