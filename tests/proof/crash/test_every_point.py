"""The process is cut at every outside effect of an issuance; the next one makes it whole."""

import itertools
import sys
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.proof.crash.cases import CutAt, Deletion, FirstStart, Issuance, Renewal, Retry, play
from tests.proof.effects import Moment, by_hand
from tests.proof.world import ACME, CA, SELF_SIGNED, Snapshot, fast_folder

STORIES = {
    "first start": FirstStart(CA),
    "acme": Issuance(ACME),
    "ca": Issuance(CA),
    "self-signed": Issuance(SELF_SIGNED),
    "renewal by acme": Renewal(ACME),
    "renewal by a ca": Renewal(CA),
    "failed order and its retry": Retry(ACME),
    "deletion in the middle": Deletion(ACME),
}
pytestmark = pytest.mark.timeout(900)
_HALVES = ("file: write folder", "file: swap link")


def moments(effect: str) -> Iterator[Moment]:
    """The moments around an effect that can be told apart."""
    yield Moment.BEFORE
    if effect in _HALVES:
        yield Moment.HALF
    yield Moment.AFTER


@pytest.mark.parametrize("name", STORIES)
def test_an_issuance_survives_the_end_of_the_process_at_every_effect(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    story, began = STORIES[name], time.process_time()
    kinds: Counter[str] = Counter()
    deaths = 0
    with fast_folder() as folder:
        snapshot = story.begin(folder)
        (effects,) = play(story, snapshot, ())

        for at in range(1, len(effects) + 1):
            effect = effects[at - 1]
            kinds[effect.split(" ")[0].rstrip(":")] += 1
            for moment in moments(effect):
                deaths += _dies(story, snapshot, (at, moment))

    with capsys.disabled():
        words = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
        say(f"{name}: {len(effects)} points ({words}), {deaths} deaths", began)
    assert deaths >= 2 * len(effects)


def test_an_issuance_by_acme_survives_two_ends_in_a_row(
    capsys: pytest.CaptureFixture[str],
) -> None:
    story, began = STORIES["acme"], time.process_time()
    deaths: Counter[int] = Counter()
    with fast_folder() as folder:
        snapshot = story.begin(folder)
        (effects,) = play(story, snapshot, ())

        for first, second in pairs(len(effects)):
            died = _dies(story, snapshot, first, second)
            deaths[died] += 1

    with capsys.disabled():
        say(f"acme, two cuts in a row: {deaths[2]} times both, {deaths[1]} times one", began)
    assert deaths[2] > len(effects) / 2


@pytest.mark.parametrize("issuer", [ACME, CA])
def test_a_deletion_after_every_effect_leaves_nothing_and_stops_nothing(
    issuer: str, capsys: pytest.CaptureFixture[str]
) -> None:
    began = time.process_time()
    with fast_folder() as folder:
        snapshot = Issuance(issuer).begin(folder)
        (effects,) = play(Issuance(issuer), snapshot, ())

        for at in range(1, len(effects) + 1):
            _dies(Deletion(issuer, at), snapshot, (0, Moment.BEFORE))

    with capsys.disabled():
        say(f"{issuer}, deleted after each of {len(effects)} effects", began)


def pairs(effects: int) -> Iterator[tuple[CutAt, CutAt]]:
    """Pairs of cuts: each first one once, spread over the second ones; by hand all of them."""
    both = (Moment.BEFORE, Moment.AFTER)
    points = range(1, effects + 1)
    if by_hand():
        for one, two, first, second in itertools.product(points, points, both, both):
            yield (one, first), (two, second)
        return
    for one in points:
        left = effects - one  # what is left to do is done by a process that also starts anew
        yield (one, both[one % 2]), (1 + one * 7 % (left + 8), both[one // 2 % 2])


def say(words: str, began: float) -> None:
    """Print a figure of the proof."""
    sys.stdout.write(f"\n  {words}, {time.process_time() - began:.0f} s of CPU\n")


def _dies(story: Issuance, snapshot: Snapshot, *cuts: CutAt) -> int:
    try:
        lives = play(story, snapshot, cuts)
    except Exception as error:
        error.add_note(
            f"{story}: " + ", ".join(f"died {moment} effect {at}" for at, moment in cuts)
        )
        raise
    return len(lives) - 1
