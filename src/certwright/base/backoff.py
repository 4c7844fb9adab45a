"""How long to wait before the next try, by class of failure.

Pure: the caller hands in the attempt and a random number. Laws (tested): monotone in the attempt
before jitter, never above the cap, jitter only lengthens by at most a fifth.
"""

from collections.abc import Mapping
from datetime import timedelta

import msgspec

from certwright.base.problem import Cause


class Schedule(msgspec.Struct, frozen=True, gc=False):
    """`first`, doubled with each further failure, never above `cap`."""

    first: timedelta
    cap: timedelta

    def delay(self, attempt: int, jitter: float = 0.0) -> timedelta:
        """Span before the next try.

        Args:
            attempt: failures so far, 1 after the first one.
            jitter: a number in [0, 1); lengthens the span by up to 20 %.
        """
        doublings = min(max(attempt, 1) - 1, 20)
        doubled = min(self.first * (1 << doublings), self.cap)
        return doubled * (1 + jitter / 5)


ISSUANCE: Mapping[Cause, Schedule] = {
    Cause.TRANSPORT: Schedule(timedelta(seconds=5), timedelta(minutes=10)),
    Cause.SERVER: Schedule(timedelta(seconds=15), timedelta(minutes=30)),
    Cause.RATE: Schedule(timedelta(minutes=10), timedelta(hours=6)),
    Cause.VALIDATION: Schedule(timedelta(minutes=1), timedelta(hours=6)),
    Cause.POLICY: Schedule(timedelta(minutes=5), timedelta(hours=12)),
}
"""A failed issuance by class; cert-manager waits 1 h doubling to 32 h (docs/divergences.md)."""

RECONCILE = Schedule(timedelta(seconds=1), timedelta(minutes=5))
"""A reconcile that raised something unforeseen."""
