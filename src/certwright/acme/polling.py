"""When to look again: Retry-After where the CA names it, a short schedule where it does not.

Pure, apart from nothing: the moment and the random number are handed in.
"""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

SCHEDULE = tuple(timedelta(seconds=seconds) for seconds in (0.2, 0.5, 1, 2, 4))
"""Waits before the first, second … look; the last one repeats (design §7)."""
MAX_POLL_WAIT = timedelta(minutes=5)
"""The longest wait between two looks, whatever the CA says."""
MAX_RETRY_AFTER = timedelta(days=14)
"""The longest Retry-After that is believed; weekly rate limits fit, a lifetime does not."""
_MIN_POLL_WAIT = timedelta(milliseconds=100)


def parse_retry_after(text: str, now: datetime) -> datetime | None:
    """Read a Retry-After header (RFC 9110 §10.2.3): the moment, or None if it says nothing.

    Args:
        text: whole seconds, or an HTTP date in one of its three forms.
        now: for counting seconds from, and for clamping: the result lies within 14 days from it.
    """
    text = text.strip()
    if text.isascii() and text.isdigit():
        # More digits than any believable span has: the number is not even read.
        seconds = int(text) if len(text) < 10 else MAX_RETRY_AFTER.total_seconds()  # noqa: PLR2004
        return now + min(timedelta(seconds=seconds), MAX_RETRY_AFTER)
    try:
        moment = parsedate_to_datetime(text)
        # An HTTP date is GMT by definition; Python leaves the zone away for "-0000".
        aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return min(max(aware, now), now + MAX_RETRY_AFTER)


def next_wait(
    look: int, *, now: datetime, retry_at: datetime | None = None, jitter: float = 0.0
) -> timedelta:
    """How long to wait before the next look at an order or an authorization.

    Args:
        look: looks so far at this object in this state, 0 before the first.
        now: this moment.
        retry_at: the moment that the CA named in its last answer, if it did.
        jitter: a number in [0, 1); lengthens a wait of the schedule by up to a quarter.
    """
    if retry_at is not None:
        return min(max(retry_at - now, _MIN_POLL_WAIT), MAX_POLL_WAIT)
    return SCHEDULE[min(max(look, 0), len(SCHEDULE) - 1)] * (1 + jitter / 4)
