"""Secrets as facts: what is read instead of their bytes."""

from contextlib import aclosing

import pytest

from certwright.api.annotations import FAO_LABEL
from certwright.api.core import Secret
from certwright.api.meta import Key
from certwright.api.secret import SecretSummary, summarize
from certwright.store.protocol import NotFound, Store
from tests.contract.store.objects import ME, a_secret, changes

OURS = {"labels": {FAO_LABEL: "true"}}
DATA = {"password": "aHVudGVyMg=="}


async def test_one_secret_is_read_as_its_facts(store: Store, namespace: str) -> None:
    created = await store.create(a_secret(Key(namespace, "s"), data=DATA), manager=ME)

    found = await store.get(SecretSummary, created.key)

    assert found == summarize(created)


async def test_what_is_not_there_has_no_facts(store: Store, namespace: str) -> None:
    with pytest.raises(NotFound):
        await store.get(SecretSummary, Key(namespace, "s"))


async def test_a_secret_of_ours_is_listed_with_its_facts(store: Store, namespace: str) -> None:
    created = await store.create(
        a_secret(Key(namespace, "s"), data=DATA, metadata=OURS), manager=ME
    )

    listing = await store.list(SecretSummary)

    assert [one for one in listing.items if one.key == created.key] == [summarize(created)]


async def test_of_a_foreign_secret_at_least_the_name_is_listed(
    store: Store, namespace: str
) -> None:
    created = await store.create(a_secret(Key(namespace, "s"), data=DATA), manager=ME)

    (found,) = [one for one in (await store.list(SecretSummary)).items if one.key == created.key]

    assert found.partial or found == summarize(created)
    assert found.metadata.uid == created.metadata.uid
    assert found.metadata.resource_version == created.metadata.resource_version


async def test_every_change_of_ours_is_seen_with_its_facts(store: Store, namespace: str) -> None:
    since = (await store.list(SecretSummary)).version
    key = Key(namespace, "s")

    created = await store.create(a_secret(key, data=DATA, metadata=OURS), manager=ME)
    async with aclosing(store.watch(SecretSummary, since=since)) as watch:  # type: ignore[type-var]  # each is a generator
        first = await changes(watch, 1)
        changed = await store.patch(Secret, key, {"data": {"a": "MQ=="}}, manager=ME)
        second = await changes(watch, 1)
        await store.delete(Secret, key)
        third = await changes(watch, 1)

    assert [*first, *second] == [("ADDED", summarize(created)), ("MODIFIED", summarize(changed))]
    assert [(word, one.metadata.uid) for word, one in third] == [("DELETED", created.metadata.uid)]


async def test_a_secret_that_gains_and_loses_the_label_is_never_gone(
    store: Store, namespace: str
) -> None:
    since = (await store.list(SecretSummary)).version
    key = Key(namespace, "s")
    await store.create(a_secret(key, data=DATA), manager=ME)
    for value in ("true", None):
        await store.patch(Secret, key, {"metadata": {"labels": {FAO_LABEL: value}}}, manager=ME)
    last = await store.get(Secret, key)

    seen: list[tuple[str, SecretSummary]] = []
    async with aclosing(store.watch(SecretSummary, since=since)) as watch:  # type: ignore[type-var]  # each is a generator
        while not seen or seen[-1][1].metadata.resource_version != last.metadata.resource_version:
            seen += await changes(watch, 1)

    assert "DELETED" not in {word for word, _ in seen}
