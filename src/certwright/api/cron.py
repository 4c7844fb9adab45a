"""Cron expressions as `spec.renewal.windows` has them (compat-spec 1.1.3, 4.2)."""

from datetime import UTC, datetime, timedelta

from certwright.api.duration import BadDurationError, parse_duration

_DESCRIPTORS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_EVERY = "@every "
_FIELDS = 5
_ANY_MOMENT = datetime(2000, 1, 1, tzinfo=UTC)


class BadCronError(ValueError):
    """A text that is no cron expression; the text says why."""


def parse_cron(text: str) -> str | timedelta:
    """Return five cron fields, or the span of `@every`.

    Raises:
        BadCronError: neither five fields nor a descriptor such as `@daily` or `@every 1h`.
    """
    from cronsim import CronSim, CronSimError  # noqa: PLC0415  # few certificates have windows

    stripped = text.strip()
    if stripped.startswith(_EVERY):
        return _every(stripped)
    fields = _DESCRIPTORS.get(stripped, stripped).replace("?", "*")
    if len(fields.split()) != _FIELDS:
        raise BadCronError("must be five cron fields, or such as @daily or @every 1h")
    try:
        CronSim(fields, _ANY_MOMENT)
    except CronSimError as error:
        raise BadCronError(f"must be a cron expression: {error}") from error
    return fields


def _every(text: str) -> timedelta:
    try:
        span = parse_duration(text.removeprefix(_EVERY).strip())
    except BadDurationError as error:
        raise BadCronError(f"must be @every and a duration: {error}") from error
    if span < timedelta(seconds=1):
        raise BadCronError("must be @every and at least 1s")
    return span
