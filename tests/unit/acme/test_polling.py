"""When to look again."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certwright.acme.pace import Pace
from certwright.acme.polling import (
    MAX_POLL_WAIT,
    MAX_RETRY_AFTER,
    next_wait,
    parse_retry_after,
)
from certwright.base.problem import Waiting
from tests.fakes.clock import FakeClock

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("0", timedelta()),
        (" 120 ", timedelta(minutes=2)),
        ("Thu, 01 Jan 2026 12:00:30 GMT", timedelta(seconds=30)),
        ("Thursday, 01-Jan-26 12:00:30 GMT", timedelta(seconds=30)),
        ("Thu Jan  1 12:00:30 2026", timedelta(seconds=30)),
        ("Thu, 01 Jan 2026 12:00:30 -0000", timedelta(seconds=30)),
        ("Thu, 01 Jan 2026 14:00:30 +0200", timedelta(seconds=30)),
        ("Thu, 01 Jan 1970 00:00:00 GMT", timedelta()),
        ("Fri, 31 Dec 9999 23:59:59 GMT", MAX_RETRY_AFTER),
        ("999999999", MAX_RETRY_AFTER),
        ("9" * 5000, MAX_RETRY_AFTER),
    ],
)
def test_retry_after_is_seconds_or_a_date_within_bounds(text: str, span: timedelta) -> None:
    assert parse_retry_after(text, NOW) == NOW + span


@pytest.mark.parametrize("text", ["", "soon", "-5", "1.5", "٣", "Thu, 99 Jan 2026 12:00:30 GMT"])
def test_retry_after_that_says_nothing_is_none(text: str) -> None:
    assert parse_retry_after(text, NOW) is None


@given(st.text(max_size=60))
def test_retry_after_of_any_text_lies_within_bounds(text: str) -> None:
    moment = parse_retry_after(text, NOW)

    assert moment is None or NOW <= moment <= NOW + MAX_RETRY_AFTER


def test_waits_grow_and_the_last_one_repeats() -> None:
    waits = [next_wait(look, now=NOW).total_seconds() for look in range(7)]

    assert waits == [0.2, 0.5, 1, 2, 4, 4, 4]


@given(st.integers(-5, 100), st.floats(0, 1, exclude_max=True))
def test_jitter_only_lengthens(look: int, jitter: float) -> None:
    plain = next_wait(look, now=NOW)

    assert plain <= next_wait(look, now=NOW, jitter=jitter) <= plain * 1.25


@given(st.datetimes(timezones=st.just(UTC)))
def test_moment_of_the_ca_is_kept_within_bounds(moment: datetime) -> None:
    wait = next_wait(0, now=NOW, retry_at=moment)

    assert timedelta() < wait <= MAX_POLL_WAIT


async def test_pace_follows_the_ca_and_ends_with_the_callers_patience() -> None:
    clock = FakeClock(auto=True)
    pace = Pace(clock, timedelta(seconds=10), "the order is processing")

    await pace.pause(clock.now() + timedelta(seconds=7))
    with pytest.raises(Waiting, match="the order is processing still") as waiting:
        await pace.pause(clock.now() + timedelta(seconds=7))

    assert clock.monotonic() == 7
    assert waiting.value.again_after == timedelta(seconds=7)
