"""When a certificate is renewed (compat-spec 4.1 and 4.2)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certwright.api.certificate import CertificateSpec, Renewal, RenewalPolicy, RenewalWindow
from certwright.policy.renewal import base_time, renewal_of
from tests.builders import a_certificate
from tests.fakes.clock import START

DAYS_90 = START + timedelta(days=90)


def spec(**fields: Any) -> CertificateSpec:
    return a_certificate(**fields).spec


def windows(*rows: tuple[str, str, str | None]) -> CertificateSpec:
    found = tuple(
        RenewalWindow(cron=cron, window_duration=length, timezone=zone)
        for cron, length, zone in rows
    )
    return spec(renewal=Renewal(policy=RenewalPolicy.RENEW_BEFORE, windows=found))


@pytest.mark.parametrize(
    ("fields", "after"),
    [
        ({}, timedelta(days=60)),
        ({"renew_before": "240h"}, timedelta(days=80)),
        ({"renew_before_percentage": 25}, timedelta(days=67, hours=12)),
        ({"renew_before": "240h", "renew_before_percentage": 25}, timedelta(days=80)),
        ({"renew_before": "2160h", "renew_before_percentage": 25}, timedelta(days=67, hours=12)),
        ({"renew_before": "2160h"}, timedelta(days=60)),
        ({"renew_before": "0s"}, timedelta(days=60)),
        ({"renew_before": "-5m"}, timedelta(days=60)),
        ({"renew_before": "soon"}, timedelta(days=60)),
        ({"renew_before_percentage": 100}, timedelta(days=60)),
        ({"renew_before_percentage": 0}, timedelta(days=60)),
        ({"duration": "24h"}, timedelta(days=60)),
    ],
)
def test_the_certificates_own_life_decides(fields: dict[str, Any], after: timedelta) -> None:
    assert base_time(spec(**fields), START, DAYS_90) == START + after


def test_the_time_is_cut_to_whole_seconds() -> None:
    end = START + timedelta(seconds=100)

    assert base_time(spec(), START, end) == START + timedelta(seconds=66)


@given(
    life=st.timedeltas(min_value=timedelta(seconds=10), max_value=timedelta(days=3650)),
    before=st.none() | st.integers(-10, 10**8).map(lambda n: f"{n}s"),
    percentage=st.none() | st.integers(-10, 200),
)
def test_renewal_lies_within_validity(
    life: timedelta, before: str | None, percentage: int | None
) -> None:
    wanted = spec(renew_before=before, renew_before_percentage=percentage)

    found = base_time(wanted, START, START + life)

    assert START - timedelta(seconds=1) < found < START + life


def test_a_policy_of_disabled_never_renews() -> None:
    wanted = spec(renewal=Renewal(policy=RenewalPolicy.DISABLED))

    assert renewal_of(wanted, START, DAYS_90).at is None


def test_a_policy_without_windows_is_the_base_time() -> None:
    wanted = spec(renewal=Renewal(policy=RenewalPolicy.RENEW_BEFORE))

    assert renewal_of(wanted, START, DAYS_90).at == START + timedelta(days=60)


BASE = datetime(2026, 3, 2, tzinfo=UTC)  # a Monday, midnight


@pytest.mark.parametrize(
    ("cron", "length", "zone", "expected"),
    [
        ("0 3 * * *", "1h", None, BASE + timedelta(hours=3)),  # next opening
        ("0 22 * * *", "4h", None, BASE),  # open at the base time
        ("0 23 * * *", "1h", None, BASE),  # ends exactly then
        ("0 0 * * *", "1m", None, BASE),  # opens exactly then
        ("0 23 * * *", "59m", None, BASE + timedelta(hours=23)),  # had just closed
        ("0 3 * * sat", "1h", None, BASE + timedelta(days=5, hours=3)),
        ("0 3 * MAR SAT,SUN", "1h", None, BASE + timedelta(days=5, hours=3)),
        ("0 3 ? * 6", "1h", None, BASE + timedelta(days=5, hours=3)),
        ("0 3 5 * 6", "1h", None, BASE + timedelta(days=3, hours=3)),  # either day
        ("30 */6 * * *", "1h", None, BASE + timedelta(minutes=30)),
        ("@daily", "1s", None, BASE),
        ("@weekly", "1h", None, BASE + timedelta(days=6)),
        ("@monthly", "1h", None, datetime(2026, 4, 1, tzinfo=UTC)),
        ("@every 1h", "10m", None, BASE + timedelta(minutes=50)),
        ("0 3 * * *", "1h", "Europe/Berlin", BASE + timedelta(hours=2)),
        ("0 20 * * *", "1h", "America/New_York", BASE + timedelta(hours=1)),
        ("0 3 * * *", "1.5h", None, BASE + timedelta(hours=3)),
    ],
)
def test_a_window_delays_the_renewal(
    cron: str, length: str, zone: str | None, expected: datetime
) -> None:
    found = renewal_of(windows((cron, length, zone)), START, DAYS_90)

    assert (found.at, found.error) == (expected, "")


def test_the_first_of_several_windows_counts() -> None:
    found = renewal_of(
        windows(("0 3 * * sat", "1h", None), ("0 3 * * tue", "1h", None)), START, DAYS_90
    )

    assert found.at == BASE + timedelta(days=1, hours=3)


@pytest.mark.parametrize(
    ("cron", "local", "expected"),
    [
        # 29 March 2026, 02:00-03:00 does not exist in Berlin: the window opens when it would end
        ("30 2 * * *", "Europe/Berlin", datetime(2026, 3, 29, 1, 0, tzinfo=UTC)),
        ("30 4 * * *", "Europe/Berlin", datetime(2026, 3, 29, 2, 30, tzinfo=UTC)),
    ],
)
def test_a_window_follows_its_zone_into_summer_time(
    cron: str, local: str, expected: datetime
) -> None:
    end = datetime(2026, 3, 29, 0, 45, tzinfo=UTC) + timedelta(days=30)
    wanted = windows((cron, "1m", local))

    found = renewal_of(wanted, end - timedelta(days=90), end)

    assert found.at is not None
    assert found.at.replace(minute=0) == expected.replace(minute=0)


def test_a_window_follows_its_zone_into_winter_time() -> None:
    # 25 October 2026, 02:30 happens twice in Berlin: the first one counts
    end = datetime(2026, 10, 24, 22, 0, tzinfo=UTC) + timedelta(days=30)

    found = renewal_of(
        windows(("30 2 * * *", "1m", "Europe/Berlin")), end - timedelta(days=90), end
    )

    assert found.at == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("cron", "length", "zone"),
    [
        ("never", "1h", None),
        ("0 3 * *", "1h", None),
        ("0 0 3 * * *", "1h", None),
        ("61 3 * * *", "1h", None),
        ("0 3 30 2 *", "1h", None),
        ("0 3 1 1 *", "1h", None),  # not before the certificate ends
        ("0 3 * * *", "long", None),
        ("0 3 * * *", "1h", "Mars/Olympus"),
        ("0 3 * * *", "1h", "../etc/passwd"),
        ("@every soon", "1h", None),
        ("@every 1ms", "1h", None),
    ],
)
def test_a_window_that_never_opens_is_an_error_beside_the_base_time(
    cron: str, length: str, zone: str | None
) -> None:
    found = renewal_of(windows((cron, length, zone)), START, DAYS_90)

    assert found.at == BASE
    assert found.error


@given(
    hour=st.integers(0, 23),
    day=st.sampled_from(["*", "mon", "sat", "1-5"]),
    length=st.integers(1, 10_000),
)
def test_windows_only_delay(hour: int, day: str, length: int) -> None:
    found = renewal_of(windows((f"0 {hour} * * {day}", f"{length}m", None)), START, DAYS_90)

    assert found.at is not None
    assert found.at >= BASE
