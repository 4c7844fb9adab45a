"""Two minutes of renewals, edits and deletions leave nothing behind but the CA."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.load.soaking import Wish, held, soak

COUNT = 100
SPAN = timedelta(minutes=2)


@pytest.mark.timeout(400)
async def test_renewals_edits_and_deletions_leave_nothing_over(tmp_path: Path) -> None:
    wish = Wish(count=COUNT, rhythm=timedelta(seconds=20), edits_a_second=2)
    async with soak(tmp_path, wish) as running:
        before = held()
        await running.fill()

        await running.disturb(SPAN)
        await running.empty()

        after = held()
        left_over = await running.left_over()
    assert left_over == []
    assert after.tasks == before.tasks
    assert after.descriptors <= before.descriptors + 1  # SQLite opens its files when it needs them
