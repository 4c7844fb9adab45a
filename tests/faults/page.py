"""The reference of faults, out of what `why` really said: docs/reference/faults.md.

The suite holds the page to what is said; `python -m tests.faults.page` writes it anew.
"""

import re
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.faults.row import Row
from tests.faults.stage import Looked
from tests.faults.table import CHAPTERS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "faults.md"
_HEAD = """\
# Faults

Every row was made to happen, through the whole product: `certwright why` was asked within ten
seconds, the cause was removed, and the certificate was there within ten seconds more, where the
last column says nothing else. The words are the ones that were shown.

What lies outside (a server, a zone, a disk) is tried again by the clock, after seconds at first,
then ever more rarely; `why` shows when. `certwright renew` tries at once, however long it lasted.
An edit of what is named as the object always ends the wait.
"""
_COLUMNS = "| what is wrong | words shown | object | remedy shown | after it is mended |"
_MOST_SEEN = 2
_TELLING = ("clock right", "certwright prune")
_VARYING = (
    (re.compile(r"/\S*/(out|state/certwright\.db)\b"), r"…/\1"),
    (re.compile(r"(web-1)(-\d+)+"), r"\1-…"),
    (re.compile(r"\('127\.0\.0\.1', \d+\)"), "('127.0.0.1', …)"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\dZ| UTC)"), "…"),
)


def line_of(row: Row, looked: Looked) -> str:
    """Return the row of the page for a fault and what was said of it."""
    found = looked.explanation
    if found is None:
        words = " ".join(looked.lines)
        return _line(row.fault, words, row.culprit, looked.hint, ends=row.ends)
    seen = "; ".join(map(str, found.evidence[:_MOST_SEEN]))
    words = f"{found.sentence}. Seen: {seen}" if seen else found.sentence
    notes = [note for note in found.notes if any(word in note for word in _TELLING)]
    words = ". ".join((words, *notes))
    return _line(row.fault, words, str(found.culprit), found.remedy, ends=row.ends)


def _line(*cells: str, ends: str) -> str:
    return f"| {' | '.join((*map(_plain, cells), ends))} |"


def _plain(text: str) -> str:
    for pattern, instead in _VARYING:
        text = pattern.sub(instead, text)
    for sign in "\\`*_<>[]|":
        text = text.replace(sign, f"\\{sign}")
    return " ".join(text.split())


def page(lines: Mapping[str, str]) -> str:
    """Return the page; `lines` by the names of their rows."""
    parts = [_HEAD]
    for title, rows in CHAPTERS:
        parts += [f"\n## {title}\n", _COLUMNS, "|---|---|---|---|---|"]
        parts += [lines[row.name] for row in rows]
    return "\n".join(parts) + "\n"


def main() -> None:
    """Let all faults happen and write down what was said."""
    from tests.faults.play import played  # noqa: PLC0415  # it needs this module's neighbours only

    lines = {}
    for _, rows in CHAPTERS:
        for row in rows:
            sys.stderr.write(f"{row.name}\n")
            lines[row.name] = line_of(row, played(row))
    PAGE.write_text(page(lines))


if __name__ == "__main__":
    main()
