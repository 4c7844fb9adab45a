"""Every input that was ever found or made for a target, again."""

from pathlib import Path

import pytest

from certwright.base.clock import SystemClock
from tests.fuzz.targets import CORPUS, TARGETS, corpus

SECONDS = 20.0
"""For one input; the largest take a twentieth of it on two slow cores."""
LARGEST = 65 * 1024
INPUTS = [(name, path) for name in TARGETS for path in corpus(name)]


@pytest.mark.parametrize(("name", "path"), INPUTS, ids=[f"{n}/{p.name}" for n, p in INPUTS])
def test_a_kept_input_breaks_no_promise(name: str, path: Path) -> None:
    clock = SystemClock()
    begin = clock.monotonic()

    TARGETS[name](path.read_bytes())

    assert clock.monotonic() - begin < SECONDS


def test_each_target_has_inputs_and_each_folder_a_target() -> None:
    assert {path.name for path in CORPUS.iterdir()} == set(TARGETS)
    assert all(corpus(name) for name in TARGETS)


def test_the_inputs_are_small_enough_to_be_kept() -> None:
    assert all(path.stat().st_size <= LARGEST for _, path in INPUTS)
