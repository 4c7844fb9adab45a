"""A fault as a row of data: how to break, how to mend, and what must be said in between."""

import re
from collections.abc import Awaitable, Callable
from enum import StrEnum

from msgspec import Struct

from tests.faults.stage import Looked, Stage

Act = Callable[[Stage], Awaitable[None]]
Prepare = Callable[[Stage], None]


class Ends(StrEnum):
    """How it becomes well after it was mended."""

    AT_ONCE = "within 10 s by itself"
    RENEW = "at the next attempt, or within 10 s of `certwright renew`"
    ASK = "within 10 s of `certwright renew`, or of an edit of the object"
    NEXT = "at the next attempt"
    NEVER_ILL = "there is nothing to mend: it becomes Ready"


async def nothing(_stage: Stage) -> None:
    """Do nothing."""


def as_is(_stage: Stage) -> None:
    """Leave the world as it is."""


class Row(Struct, frozen=True, kw_only=True):
    """One fault.

    Attributes:
        name: of the test, and of the row in the reference.
        fault: what is wrong, in words for the reference.
        prepare: changes what an operator writes, and the world, before the start.
        strike: breaks something while the product runs, before the Certificate is written.
        during: breaks something when it is under way.
        mend: removes the cause.
        culprit: the object that `why` must name.
        reason: the word for machines.
        says: what must stand in the lines (a regular expression).
        remedy: what must stand in the remedy; empty where nothing can be done.
        next: whether the time of the next attempt is known.
        ends: how it becomes well.
        real: runs on real time, for sockets and folder watches.
    """

    name: str
    fault: str
    culprit: str
    reason: str
    says: str
    remedy: str = ""
    prepare: Prepare = as_is
    strike: Act = nothing
    during: Act = nothing
    mend: Act = nothing
    next: bool = False
    ends: Ends = Ends.AT_ONCE
    real: bool = False

    def wrong_about(self, looked: Looked) -> list[str]:
        """Say what `why` did not say as it should."""
        found = looked.explanation
        if found is None:
            wrong = [text for text in (self.says, self.culprit) if not re.search(text, looked.text)]
            return wrong if self.remedy in looked.hint else [*wrong, looked.hint]
        wrong = []
        if not re.search(self.says, looked.text):
            wrong.append(f"does not say {self.says!r}")
        if str(found.culprit) != self.culprit and not re.fullmatch(
            self.culprit, str(found.culprit)
        ):
            wrong.append(f"names {found.culprit}, not {self.culprit}")
        if found.reason != self.reason:
            wrong.append(f"has the reason {found.reason}, not {self.reason}")
        if self.remedy not in found.remedy or (found.remedy and not self.remedy):
            wrong.append(f"its remedy is {found.remedy!r}, not {self.remedy!r}")
        if (found.next_attempt is not None) is not self.next:
            wrong.append(f"the next attempt is {found.next_attempt}")
        if len(looked.lines) > 24:  # what fits on a screen
            wrong.append(f"it takes {len(looked.lines)} lines")
        return wrong
