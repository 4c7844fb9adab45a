"""Every implementation of the store, opened fresh for each test."""

import uuid
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from certwright.api.rules.admission import Rules
from certwright.base.clock import SystemClock
from certwright.store.protocol import Store
from certwright.store.sqlite.store import SqliteStore

BACKENDS = ("memory", "file", "file with rules")


def open_backend(name: str, folder: Path) -> AbstractAsyncContextManager[Store]:
    """Open one implementation by name."""
    path = ":memory:" if name == "memory" else folder / "state.db"
    rules = Rules() if name == "file with rules" else None
    return SqliteStore.open(path, clock=SystemClock(), admission=rules)


@pytest.fixture(params=BACKENDS)
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    """An open store."""
    async with open_backend(request.param, tmp_path) as opened:
        yield opened


@pytest.fixture
def namespace() -> str:
    """A namespace of the test's own."""
    return f"test-{uuid.uuid4()}"
