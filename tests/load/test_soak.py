"""Two minutes of renewals, edits and deletions leave nothing behind but the CA."""

from datetime import timedelta
from pathlib import Path

import pytest

from certwright.base.clock import SystemClock
from certwright.runtime.queue import LONGEST_NAP
from tests.load.soaking import Held, Wish, held, soak

COUNT = 100
SPAN = timedelta(minutes=2)


async def until_naps_are_over(before: Held) -> Held:
    """Look again until the naps of timers that were cancelled have ended by themselves."""
    clock = SystemClock()
    end = clock.monotonic() + 2 * LONGEST_NAP.total_seconds()
    while (now := held()).tasks != before.tasks and clock.monotonic() < end:
        await clock.sleep(timedelta(seconds=1))
    return now


@pytest.mark.timeout(400)
async def test_renewals_edits_and_deletions_leave_nothing_over(tmp_path: Path) -> None:
    wish = Wish(count=COUNT, rhythm=timedelta(seconds=20), edits_a_second=2)
    async with soak(tmp_path, wish) as running:
        before = held()
        await running.fill()

        await running.disturb(SPAN)
        await running.empty()

        left_over = await running.left_over()
        after = await until_naps_are_over(before)
    assert left_over == []
    assert after.tasks == before.tasks
    assert after.descriptors <= before.descriptors + 1  # SQLite opens its files when it needs them
