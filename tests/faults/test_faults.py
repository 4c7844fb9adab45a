"""Every fault by itself: `why` says what it is, and where it is mended all becomes well."""

import asyncio
from datetime import timedelta

import pytest

from certwright.base.clock import Clock, SystemClock
from tests.fakes.virtual import run_virtually
from tests.faults.row import Ends, Row
from tests.faults.stage import FaultyWorld, Looked, Stage
from tests.faults.table import ROWS
from tests.proof.world import fast_folder

AT_MOST = timedelta(seconds=10)
LONGEST_WAIT = timedelta(hours=13)
"""The longest back-off of all, with its jitter (`base.backoff`)."""


def names(rows: tuple[Row, ...]) -> list[str]:
    return [row.name for row in rows]


@pytest.mark.parametrize("row", ROWS, ids=names(ROWS))
def test_fault_is_explained_and_ends_when_it_is_mended(row: Row) -> None:
    looked = played(row)

    assert len(looked.lines) <= 24


def test_there_are_enough_faults() -> None:
    assert len(ROWS) >= 15
    assert len(set(names(ROWS))) == len(ROWS)


def played(row: Row) -> Looked:
    """Let a fault happen, look, mend it; returns what `why` said."""

    async def play(clock: Clock) -> Looked:
        with fast_folder() as folder:
            return await _play(row, Stage(FaultyWorld(folder, clock)))

    return asyncio.run(play(SystemClock())) if row.real else run_virtually(play, inline=True)


async def _play(row: Row, stage: Stage) -> Looked:
    row.prepare(stage)
    async with stage.running():
        await row.strike(stage)
        await stage.begin()
        looked = await _explained(row, stage)
        await row.mend(stage)
        if row.ends is not Ends.NEVER_ILL:
            await _well(row, stage)
        return looked


async def _explained(row: Row, stage: Stage) -> Looked:
    """Wait until the right thing is said, and see that it is still said a while later."""
    clock = stage.world.clock
    deadline = clock.now() + AT_MOST
    await row.during(stage)
    looked = await stage.look()
    while wrong := row.wrong_about(looked):
        assert clock.now() < deadline, "\n".join((*wrong, *looked.lines))
        await clock.sleep(timedelta(milliseconds=500))
        looked = await stage.look()
    if not row.real and row.ends is not Ends.NEVER_ILL:
        await clock.sleep(deadline - clock.now())
        later = await stage.look()
        assert not row.wrong_about(later), "\n".join((*row.wrong_about(later), *later.lines))
    return looked


async def _well(row: Row, stage: Stage) -> None:
    ready = await stage.until(stage.is_ready, AT_MOST)
    if not ready and row.ends is not Ends.AT_ONCE:
        if row.ends is Ends.RENEW:
            await stage.renew()
        ready = await stage.until(
            stage.is_ready, AT_MOST if row.ends is Ends.RENEW else LONGEST_WAIT
        )
    assert ready, "\n".join(("it is mended, but:", *(await stage.look()).lines))
