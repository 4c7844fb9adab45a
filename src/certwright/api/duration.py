"""Durations as Go writes them, such as `2160h` or `1h30m` (compat-spec 1.0)."""

import re
from datetime import timedelta
from decimal import Decimal

from certwright.base.evidence import printable

_UNITS = {
    "ns": Decimal("0.001"),
    "us": Decimal(1),
    "µs": Decimal(1),
    "μs": Decimal(1),
    "ms": Decimal(1000),
    "s": Decimal(1_000_000),
    "m": Decimal(60_000_000),
    "h": Decimal(3_600_000_000),
}
_PART = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)")
_MILLI, _SECOND = 1000, 1_000_000
_LONGEST = 200
"""Characters of a text that is read; all units with all digits need half of it."""
_LIMIT = Decimal(2**63 - 1) / 1000
"""Go counts nanoseconds in 63 bits; in microseconds."""


class BadDurationError(ValueError):
    """A text that is no Go duration."""


def parse_duration(text: str) -> timedelta:
    """Parse a Go duration; days do not exist there.

    Raises:
        BadDurationError: the text is not a duration, or more than Go's 292 years.
    """
    shown = printable(text, 100)
    if len(text) > _LONGEST:
        raise BadDurationError(f"{shown!r} is longer than {_LONGEST} characters")
    sign = -1 if text.startswith("-") else 1
    body = text[1:] if text[:1] in {"-", "+"} else text
    if body == "0":
        return timedelta()
    position, total = 0, Decimal()
    while position < len(body):
        part = _PART.match(body, position)
        if part is None:
            break
        total += Decimal(part[1]) * _UNITS[part[2]]
        position = part.end()
    if not body or position < len(body):
        raise BadDurationError(f"{shown!r} is not a duration such as 2160h or 1h30m")
    if total > _LIMIT:
        raise BadDurationError(f"{shown!r} is longer than 292 years")
    return sign * timedelta(microseconds=int(total))


def format_duration(span: timedelta) -> str:
    """Write a span as Go does: `1h30m0s`, `1.5s`, `250ms`, `0s`."""
    micros = round(span / timedelta(microseconds=1))
    if micros == 0:
        return "0s"
    sign, micros = ("-", -micros) if micros < 0 else ("", micros)
    if micros < _MILLI:
        return f"{sign}{micros}µs"
    if micros < _SECOND:
        return f"{sign}{_decimal(micros, _MILLI)}ms"
    minutes, rest = divmod(micros, 60_000_000)
    hours, minutes = divmod(minutes, 60)
    seconds = f"{_decimal(rest, _SECOND)}s"
    if hours:
        return f"{sign}{hours}h{minutes}m{seconds}"
    return f"{sign}{minutes}m{seconds}" if minutes else f"{sign}{seconds}"


def _decimal(amount: int, unit: int) -> str:
    whole, rest = divmod(amount, unit)
    digits = f"{rest:0{len(str(unit)) - 1}d}".rstrip("0")
    return f"{whole}.{digits}" if digits else str(whole)
