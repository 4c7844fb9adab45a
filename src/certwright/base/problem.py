"""Failures as values: who acts next is the class, what for is the reason.

Each edge translates once: `runtime` to condition, event and next look; `cli` to an exit code and
two lines; anything that is not a `Problem` is a bug.
"""

from datetime import datetime, timedelta
from enum import StrEnum

from certwright.base.evidence import Evidence


class Cause(StrEnum):
    """Why a retryable failure happened; chooses the back-off (`base.backoff`)."""

    TRANSPORT = "transport"  # nothing answered: connection, TLS, time-out
    SERVER = "server"  # the other side failed: 5xx, SERVFAIL
    RATE = "rate"  # the other side asked for fewer requests
    VALIDATION = "validation"  # ownership of a name could not be proven
    POLICY = "policy"  # the CA or a provider refuses what was asked for


class Problem(Exception):  # noqa: N818  # a value with a reason first, an exception second
    """A failure with a word for machines and a sentence for people.

    Attributes:
        reason: CamelCase word, public API (`base.reason.Reason` or a cert-manager word).
        message: one sentence without secrets.
        evidence: what was observed, party by party.
        remedy: what a person can do about it, one sentence; empty where there is nothing to do.
    """

    def __init__(
        self, reason: str, message: str, *, evidence: tuple[Evidence, ...] = (), remedy: str = ""
    ) -> None:
        super().__init__(message)
        self.reason = str(reason)
        self.message = message
        self.evidence = evidence
        self.remedy = remedy


class Stalled(Problem):
    """A person must change something; no retry until a named object changes."""


class Waiting(Problem):
    """Resolves by itself; look again after `again_after` (or at the next event if None)."""

    def __init__(
        self,
        reason: str,
        message: str,
        *,
        again_after: timedelta | None = None,
        evidence: tuple[Evidence, ...] = (),
        remedy: str = "",
    ) -> None:
        super().__init__(reason, message, evidence=evidence, remedy=remedy)
        self.again_after = again_after


class Retryable(Problem):
    """Worth another try after a back-off chosen by `cause`, not before `not_before` if given.

    Attributes:
        planned: when it is tried again, once whoever plans that (`runtime`) has.
    """

    planned: datetime | None = None

    def __init__(
        self,
        reason: str,
        message: str,
        *,
        cause: Cause = Cause.SERVER,
        not_before: datetime | None = None,
        evidence: tuple[Evidence, ...] = (),
        remedy: str = "",
    ) -> None:
        super().__init__(reason, message, evidence=evidence, remedy=remedy)
        self.cause = cause
        self.not_before = not_before
