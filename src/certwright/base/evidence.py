"""What was seen, and how a stranger's words are made safe to show.

A failure carries evidence: one observation per party asked (a name server, a CA, a file). Texts
from servers pass `printable` before anybody sees them.
"""

import msgspec

LIMIT = 2000
"""Characters of a stranger's text that are kept."""


class Evidence(msgspec.Struct, frozen=True, gc=False):
    """One observation: who was asked (`subject`) and what was `seen`, each one line of text."""

    subject: str
    seen: str

    def __str__(self) -> str:
        return f"{self.subject}: {self.seen}"


def printable(text: str, limit: int = LIMIT) -> str:
    r"""Make foreign text safe for a terminal, a log and a condition.

    Control characters (also those of terminals and text direction) become visible escapes such as
    `\x1b`; longer texts are cut at `limit` characters with a mark that says so.
    """
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    if cut.isprintable():  # as nearly all are
        return cut
    return "".join(
        character if character.isprintable() else _escape(character) for character in cut
    )


def _escape(character: str) -> str:
    if character in "\n\t":
        return " "
    return character.encode("unicode_escape").decode("ascii")
