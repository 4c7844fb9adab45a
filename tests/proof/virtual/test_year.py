"""A year in about a minute: renewals, a CA that stumbles, is away, and says no; nothing expires."""

import sys
import time
from collections import Counter
from datetime import timedelta

import pytest

from tests.proof.effects import by_hand
from tests.proof.virtual.year import DAY, LIMITED, YEAR, Story, Watchman, fleet, told
from tests.proof.world import World

FAILING = 0.05
AWAY = 2 * DAY
WEEK = 7 * DAY


async def trouble(world: World, watchman: Watchman) -> None:
    """Let the ACME server fail now and then, go away twice, and limit a domain for a week."""
    clock, moods = watchman.clock, world.ca.moods
    moods.failing = FAILING
    for _ in range(2):
        await clock.sleep(100 * DAY)
        moods.away = True
        await clock.sleep(AWAY)
        moods.away = False
    await clock.sleep(80 * DAY)
    moods.limited_below, moods.limited_until = LIMITED, clock.now() + WEEK


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("count", [100, 1000])
def test_no_certificate_expires_in_a_year(count: int, capsys: pytest.CaptureFixture[str]) -> None:
    if count > 100 and not by_hand():
        pytest.skip("a thousand for a year take a quarter of an hour: CERTWRIGHT_PROOF=1")
    began = time.process_time()
    certificates = tuple(fleet(count))

    watchman = told(
        Story(fleet=certificates, span=YEAR, happening=trouble, longest_nap=timedelta(hours=1))
    )

    per_kind: Counter[str] = Counter()
    for key, moments in watchman.issued.items():
        per_kind[key.name.rsplit("-", 2)[0]] += len(moments)
    with capsys.disabled():
        words = ", ".join(f"{kind} {issued}" for kind, issued in sorted(per_kind.items()))
        seconds = time.process_time() - began
        sys.stdout.write(
            f"\n  a year of {len(certificates)}: {per_kind.total()} issued ({words}),"
            f" {seconds:.0f} s of CPU, {1000 * seconds / per_kind.total():.0f} ms each\n"
        )
    assert watchman.expired == []
    assert len(watchman.issued) == len(certificates)
    for name, most in {"ca-6": 92, "ca-45": 14, "ca-90": 8, "acme-45": 14, "acme-90": 8}.items():
        mine = [len(moments) for key, moments in watchman.issued.items() if name in key.name]
        assert most / 2 < min(mine) <= max(mine) <= most, name
