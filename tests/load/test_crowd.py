"""Certificates that fail for ever are nobody else's trouble; times are printed, never asserted."""

from pathlib import Path

from certwright.api.request import CertificateRequest
from tests.load.crowd import SILENT, certificates, crowd, refuse, tell

GOOD = 40
BAD = 20


async def test_those_that_fail_for_ever_hold_up_nobody(tmp_path: Path) -> None:
    good, late = certificates("good", range(GOOD)), certificates("late", range(1))
    refused = certificates("refused", range(BAD))
    unproven = certificates("unproven", range(BAD), SILENT)
    async with crowd(tmp_path) as running:
        refuse(running.ca, refused)

        began = await running.apply([*refused, *unproven, *good])
        last = await running.until_ready(good)
        asked = await running.apply(late)
        late_one = await running.until_ready(late)

        requests = (await running.app.store.list(CertificateRequest)).items
    tell(f"{GOOD} among {2 * BAD} failing: {last - began:.2f} s; then one: {late_one - asked:.2f}")
    bad = {one.key for one in (*refused, *unproven)}
    assert set(running.ready) == {one.key for one in (*good, *late)}
    assert len({one.key for one in requests}) <= GOOD + 1 + len(bad)


async def test_one_that_was_refused_is_not_asked_for_again_at_once(tmp_path: Path) -> None:
    refused = certificates("refused", range(BAD))
    good = certificates("good", range(GOOD))
    async with crowd(tmp_path) as running:
        refuse(running.ca, refused)

        await running.apply(refused)
        await running.until_failed(refused)
        await running.apply(good)
        await running.until_ready(good)

        attempts = {running.attempts(one.key) for one in refused}
        orders = len(running.ca.orders)
    assert attempts == {1}
    assert orders == GOOD
