"""One lab per test, on ports that no other test uses."""

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.lab.laboratory import Laboratory
from tests.peers import require_peer


@pytest.fixture(scope="session")
def bases() -> Iterator[int]:
    # far from the lab's own and from the ports that the system hands out, apart for each run
    start = 16000 + (os.getpid() % 28) * 500
    return itertools.chain.from_iterable(
        itertools.repeat(range(start, start + 50)),
    )


@pytest.fixture
def lab(tmp_path: Path, bases: Iterator[int]) -> Laboratory:
    require_peer("caddy")
    return Laboratory(tmp_path, next(bases))
