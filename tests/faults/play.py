"""Plays one fault from its beginning to its end."""

import asyncio
from datetime import timedelta

from certwright.base.clock import Clock, SystemClock
from tests.fakes.virtual import run_virtually
from tests.faults.row import Ends, Row
from tests.faults.stage import FaultyWorld, Looked, Stage
from tests.proof.world import fast_folder

AT_MOST = timedelta(seconds=10)
LONGEST_WAIT = timedelta(hours=13)
"""The longest back-off of all, with its jitter (`base.backoff`)."""


def played(row: Row, *, lasting: timedelta = timedelta()) -> Looked:
    """Let a fault happen, look, mend it; returns what `why` said.

    One that was lasting is mended with the help of `certwright renew`.
    """

    async def play(clock: Clock) -> Looked:
        with fast_folder() as folder:
            return await _play(row, Stage(FaultyWorld(folder, clock)), lasting)

    return asyncio.run(play(SystemClock())) if row.real else run_virtually(play, inline=True)


async def _play(row: Row, stage: Stage, lasting: timedelta) -> Looked:
    row.prepare(stage)
    async with stage.running():
        await row.strike(stage)
        await stage.begin()
        looked = await _explained(row, stage)
        if lasting:
            await stage.world.clock.sleep(lasting)
        await row.mend(stage)
        if lasting:
            await stage.renew()
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
    if not ready and row.ends in (Ends.RENEW, Ends.ASK):
        await stage.renew()
        ready = await stage.until(stage.is_ready, AT_MOST)
    elif not ready and row.ends is Ends.NEXT:
        ready = await stage.until(stage.is_ready, LONGEST_WAIT, step=timedelta(minutes=1))
    assert ready, "\n".join(("it is mended, but:", *(await stage.look()).lines))
