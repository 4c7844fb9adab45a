"""The wall clock steps, the laptop sleeps, summer begins: renewals come when they are due."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from certwright.api.certificate import Certificate, Renewal, RenewalPolicy, RenewalWindow
from tests.proof.virtual.year import DAY, FLEET, Kind, Story, Watchman, certificate, told
from tests.proof.world import CA, World

HOUR = timedelta(hours=1)
NOTICED = timedelta(seconds=31)
"""A queue naps for 30 seconds at most."""
SIX_DAYS, ACME_SIX_DAYS = FLEET[0], FLEET[3]
DUE = 4 * DAY
BERLIN = ZoneInfo("Europe/Berlin")


def some(kind: Kind, count: int = 3) -> tuple[Certificate, ...]:
    return tuple(certificate(kind, number) for number in range(count))


def issued(watchman: Watchman) -> list[int]:
    return [len(moments) for moments in watchman.issued.values()]


def test_a_wall_clock_that_steps_neither_hurries_nor_forgets_a_renewal() -> None:
    async def steps(_world: World, watchman: Watchman) -> None:
        clock = watchman.clock
        await clock.sleep(HOUR)
        clock.step(-5 * HOUR)
        await clock.sleep(3 * DAY)
        clock.step(9 * HOUR)
        await clock.sleep(DAY)
        clock.step(20 * HOUR)
        await clock.sleep(HOUR)
        clock.step(-7 * HOUR)
        await clock.sleep(6 * DAY)
        clock.step(-12 * HOUR)

    watchman = told(Story(fleet=some(SIX_DAYS), span=21 * DAY, happening=steps))

    assert watchman.expired == []
    assert set(issued(watchman)) == {6}


def test_a_step_forward_over_a_renewal_brings_it_at_once() -> None:
    async def step(_world: World, watchman: Watchman) -> None:
        await watchman.clock.sleep(3 * DAY)
        watchman.clock.step(30 * HOUR)
        assert issued(watchman) == [1, 1, 1]
        await watchman.clock.sleep(NOTICED)
        assert issued(watchman) == [2, 2, 2]

    assert told(Story(fleet=some(SIX_DAYS), span=4 * DAY, happening=step)).expired == []


def test_a_step_back_does_not_renew_what_is_no_longer_due() -> None:
    async def step(_world: World, watchman: Watchman) -> None:
        await watchman.clock.sleep(DUE - HOUR)
        watchman.clock.step(-10 * HOUR)
        await watchman.clock.sleep(10 * HOUR)
        assert issued(watchman) == [1, 1, 1]
        await watchman.clock.sleep(2 * HOUR)
        assert issued(watchman) == [2, 2, 2]

    assert told(Story(fleet=some(SIX_DAYS), span=5 * DAY, happening=step)).expired == []


def test_a_laptop_renews_within_half_a_minute_of_waking() -> None:
    async def sleep(_world: World, watchman: Watchman) -> None:
        await watchman.clock.sleep(DUE - HOUR)
        watchman.clock.suspend(DAY)
        await watchman.clock.sleep(NOTICED)
        assert issued(watchman) == [2, 2, 2, 2]

    fleet = (*some(SIX_DAYS), certificate(replace(ACME_SIX_DAYS, renew_before=2), 0))
    assert told(Story(fleet=fleet, span=5 * DAY, happening=sleep)).expired == []


def test_a_laptop_that_slept_over_an_expiry_has_a_valid_certificate_half_a_minute_later() -> None:
    async def sleep(_world: World, watchman: Watchman) -> None:
        await watchman.clock.sleep(DAY)
        watchman.clock.suspend(30 * DAY)
        await watchman.clock.sleep(NOTICED)
        assert all(end > watchman.clock.now() for end in watchman.ends.values())

    watchman = told(Story(fleet=some(SIX_DAYS), span=2 * DAY, happening=sleep))

    assert len(watchman.expired) == 3
    assert issued(watchman) == [2, 2, 2]


def test_renewals_keep_to_their_window_when_summer_begins() -> None:
    # 2026-03-29: there is no 02:30 in Berlin, and two days after 02:30 it is 03:30
    moments = nightly_renewals(datetime(2026, 3, 20, 1, 31, tzinfo=UTC))

    assert all(local(one) in {"02:3", "03:0", "03:3"} for one in moments)
    assert sum(local(one) != "02:3" for one in moments) <= 2


def test_renewals_keep_to_their_window_when_summer_ends() -> None:
    # 2026-10-25: there is a 02:30 in Berlin twice, and two days after 02:30 it is 01:30
    moments = nightly_renewals(datetime(2026, 10, 16, 0, 31, tzinfo=UTC))

    assert all(local(one) == "02:3" for one in moments)


def local(moment: datetime) -> str:
    """Hour and ten minutes by the clock on the wall in Berlin."""
    return moment.astimezone(BERLIN).strftime("%H:%M")[:4]


def nightly_renewals(now: datetime) -> list[datetime]:
    """Renew for three weeks, at night alone, certificates that live for three days."""
    window = RenewalWindow(cron="30 2 * * *", window_duration="1h", timezone="Europe/Berlin")
    renewal = Renewal(policy=RenewalPolicy.RENEW_BEFORE, windows=(window,))
    nightly = tuple(
        replace(one, spec=replace(one.spec, duration="72h", renewal=renewal))
        for one in some(Kind(name="night", share=0, issuer=CA, days=3))
    )

    async def stagger(_world: World, _watchman: Watchman) -> None:
        """Nothing happens but the seasons."""

    watchman = told(Story(fleet=nightly, span=21 * DAY, happening=stagger), now=now)

    assert watchman.expired == []
    assert min(issued(watchman)) >= 8
    for moments in watchman.issued.values():
        assert all(later - earlier <= 3 * DAY for earlier, later in pairwise(moments))
    return [moment for moments in watchman.issued.values() for moment in moments[1:]]


def test_a_month_passes_with_real_threads() -> None:
    async def nothing(_world: World, _watchman: Watchman) -> None:
        """Time alone passes."""

    story = Story(fleet=some(SIX_DAYS), span=30 * DAY, happening=nothing, inline=False)

    watchman = told(story)

    assert watchman.expired == []
    assert set(issued(watchman)) == {8}
