"""When a certificate is renewed (compat-spec 4.1, 4.2); the one user of cron expressions.

Laws (tested): without windows, the renewal lies within the certificate's life; windows only delay.
"""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError
from msgspec import Struct

from certwright.api.certificate import CertificateSpec, RenewalPolicy, RenewalWindow
from certwright.api.duration import BadDurationError, parse_duration
from certwright.base.clock import whole_seconds

_DESCRIPTORS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_FIELDS = 5
_PERCENT = 100


class BadWindowError(ValueError):
    """A renewal window that cannot be understood; the text names what is wrong."""


class Renewal(Struct, frozen=True):
    """When to renew.

    Attributes:
        at: the moment; None where the policy says never.
        error: why the windows could not be kept; empty where they are.
    """

    at: datetime | None
    error: str = ""


def base_time(spec: CertificateSpec, not_before: datetime, not_after: datetime) -> datetime:
    """Return when the certificate's own life asks for renewal: at two thirds, or as specified."""
    life = not_after - not_before
    before = life / 3
    percentage = spec.renew_before_percentage
    if percentage is not None and 0 < percentage < _PERCENT:
        before = life * percentage / _PERCENT
    span = _span(spec.renew_before)
    if span is not None and timedelta() < span < life:
        before = span
    return whole_seconds(not_after - before)


def renewal_of(spec: CertificateSpec, not_before: datetime, not_after: datetime) -> Renewal:
    """Return when to renew, windows included."""
    if spec.renewal is not None and spec.renewal.policy is RenewalPolicy.DISABLED:
        return Renewal(None)
    base = base_time(spec, not_before, not_after)
    windows = spec.renewal.windows if spec.renewal is not None else ()
    if not windows:
        return Renewal(base)
    try:
        found = _first_in_windows(windows, base, not_after)
    except BadWindowError as error:
        return Renewal(base, str(error))
    if found is None:
        return Renewal(
            base,
            "cannot find a time with the given windows between "
            f"{base.isoformat()} and {not_after.isoformat()}",
        )
    return Renewal(found)


def _first_in_windows(
    windows: tuple[RenewalWindow, ...], base: datetime, not_after: datetime
) -> datetime | None:
    """Return `base` if a window is open then, else when the next one opens; None if none does."""
    starts = []
    for window in windows:
        length = _window_length(window)
        # whatever opens first after this moment is either still open at `base`, or opens later
        start = _first_start(window, since=base - length)
        if start is None or start > not_after + length:
            continue
        if start <= base:
            return base
        starts.append(start)
    return min(starts, default=None)


def _window_length(window: RenewalWindow) -> timedelta:
    span = _span(window.window_duration)
    if span is None:
        raise BadWindowError(f"{window.window_duration!r} is not the length of a window")
    return span


def _first_start(window: RenewalWindow, since: datetime) -> datetime | None:
    """Return when the window first opens at or after `since`; None if it never does."""
    zone = _zone(window.timezone)
    text = window.cron.strip()
    if text.startswith("@every "):
        return since + _every(text)
    expression = _DESCRIPTORS.get(text, text).replace("?", "*")
    if len(expression.split()) != _FIELDS:
        raise BadWindowError(f"{window.cron!r} is not a cron expression of five fields")
    # cronsim tells what comes after a moment; a start exactly at it counts here
    after = since.astimezone(zone) - timedelta(seconds=1)
    try:
        moments = (moment.astimezone(UTC) for moment in CronSim(expression, after))
        return next((moment for moment in moments if moment >= since), None)
    except CronSimError as error:
        raise BadWindowError(f"{window.cron!r} is not a cron expression: {error}") from error


def _every(text: str) -> timedelta:
    span = _span(text.removeprefix("@every ").strip())
    if span is None or span < timedelta(seconds=1):
        raise BadWindowError(f"{text!r} does not name a span of at least a second")
    return span


def _zone(name: str | None) -> ZoneInfo:
    try:
        return ZoneInfo(name or "UTC")
    except (KeyError, ValueError, OSError) as error:
        raise BadWindowError(f"{name!r} is not a time zone") from error


def _span(text: str | None) -> timedelta | None:
    if text is None:
        return None
    try:
        return parse_duration(text)
    except BadDurationError:
        return None
