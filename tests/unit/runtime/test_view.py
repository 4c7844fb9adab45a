"""What controllers read: a Secret of which only metadata is known is completed on demand."""

from collections.abc import AsyncIterator

import pytest

from certwright.api.core import Secret
from certwright.api.meta import Key
from certwright.api.secret import SecretSummary, partial_summary, summarize
from certwright.runtime.cache import Cache
from certwright.runtime.view import View
from certwright.store.protocol import Change, Store
from certwright.store.sqlite.store import SqliteStore
from tests.builders import a_secret
from tests.fakes.clock import FakeClock

ME = "test"


@pytest.fixture
async def store() -> AsyncIterator[Store]:
    async with SqliteStore.open(":memory:", clock=FakeClock()) as opened:
        yield opened


def a_view(store: Store) -> View:
    return View(store, Cache([SecretSummary], []))


async def a_half_known(store: Store, view: View) -> Secret:
    created = await store.create(a_secret("s", data={"a": b"1"}), manager=ME)
    view.observe(Change.ADDED, partial_summary(created.metadata))
    return created


async def test_a_secret_is_completed_once(store: Store) -> None:
    view = a_view(store)
    created = await a_half_known(store, view)
    await view.complete(created.key)
    await store.delete(Secret, created.key)

    await view.complete(created.key)

    assert view.get(SecretSummary, created.key) == summarize(created)


async def test_its_metadata_alone_does_not_make_it_unknown_again(store: Store) -> None:
    view = a_view(store)
    created = await a_half_known(store, view)
    await view.complete(created.key)

    view.observe(Change.MODIFIED, partial_summary(created.metadata))

    assert view.get(SecretSummary, created.key) == summarize(created)


async def test_a_new_version_is_half_known_again(store: Store) -> None:
    view = a_view(store)
    created = await a_half_known(store, view)
    await view.complete(created.key)
    changed = await store.patch(Secret, created.key, {"data": {"a": "Mg=="}}, manager=ME)

    view.observe(Change.MODIFIED, partial_summary(changed.metadata))
    half_known = view.get(SecretSummary, created.key)
    await view.complete(created.key)

    assert half_known is not None
    assert half_known.partial
    assert view.get(SecretSummary, created.key) == summarize(changed)


async def test_what_is_gone_meanwhile_is_forgotten(store: Store) -> None:
    view = a_view(store)
    created = await a_half_known(store, view)
    await store.delete(Secret, created.key)

    await view.complete(created.key)

    assert view.get(SecretSummary, created.key) is None


async def test_what_is_not_known_at_all_is_not_asked_for(store: Store) -> None:
    view = a_view(store)

    await view.complete(Key("default", "nothing"))

    assert view.get(SecretSummary, Key("default", "nothing")) is None
