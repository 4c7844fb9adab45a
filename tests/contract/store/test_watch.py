"""Watching: every change since a version, in order."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from certwright.api.certificate import Certificate
from certwright.api.core import Secret
from certwright.api.meta import Key
from certwright.store.protocol import Change, Gone, Store
from tests.contract.store.objects import ME, OTHER, a_certificate, a_secret, an_owner, changes

HOLD = "certwright.io/hold"


async def _version(store: Store) -> str:
    return (await store.list(Certificate)).version


async def test_a_watch_sees_every_change_in_order(store: Store, namespace: str) -> None:
    key = Key(namespace, "site")
    since = await _version(store)

    created = await store.create(a_certificate(key), manager=ME)
    changed = await store.patch(Certificate, key, {"spec": {"secretName": "x"}}, manager=ME)
    reported = await store.patch_status(Certificate, key, {"revision": 1}, manager=ME)
    await store.delete(Certificate, key)

    async with aclosing(store.watch(Certificate, since=since)) as watch:  # type: ignore[type-var]  # each is a generator
        seen = await changes(watch, 4)
    assert seen[:3] == [("ADDED", created), ("MODIFIED", changed), ("MODIFIED", reported)]
    assert seen[3][0] == "DELETED"
    assert seen[3][1].metadata.uid == created.metadata.uid


async def test_a_watch_goes_on_with_what_happens_meanwhile(store: Store, namespace: str) -> None:
    since = await _version(store)
    watch = store.watch(Certificate, since=since)
    first = await store.create(a_certificate(Key(namespace, "one")), manager=ME)
    seen = await changes(watch, 1)

    waiting = asyncio.create_task(changes(watch, 2))
    second = await store.create(a_certificate(Key(namespace, "two")), manager=ME)
    third = await store.create(a_certificate(Key(namespace, "three")), manager=ME)

    assert [*seen, *await waiting] == [("ADDED", first), ("ADDED", second), ("ADDED", third)]


async def test_nothing_falls_between_a_list_and_a_watch(store: Store, namespace: str) -> None:
    async def write(number: int) -> None:
        await store.create(a_certificate(Key(namespace, f"site-{number}")), manager=ME)

    async with asyncio.TaskGroup() as tasks:
        for number in range(50):
            tasks.create_task(write(number))
        listing = await store.list(Certificate, namespace=namespace)
    listed = {item.metadata.name for item in listing.items}
    watch = store.watch(Certificate, since=listing.version)
    watched = [resource.metadata.name for _, resource in await changes(watch, 50 - len(listed))]

    assert len(watched) == len(set(watched))
    assert listed | set(watched) == {f"site-{number}" for number in range(50)}
    assert listed.isdisjoint(watched)


async def test_a_watch_can_go_on_from_any_version_it_saw(store: Store, namespace: str) -> None:
    since = await _version(store)
    for name in ("one", "two", "three"):
        await store.create(a_certificate(Key(namespace, name)), manager=ME)
    versions = [version async for version in _some(store, since, 2)]

    again = store.watch(Certificate, since=versions[-1])
    seen = await changes(again, 1)

    assert [resource.metadata.name for _, resource in seen] == ["three"]


async def _some(store: Store, since: str, count: int) -> AsyncIterator[str]:
    watch = store.watch(Certificate, since=since)
    while count:
        event = await anext(watch)
        if event.change is not Change.BOOKMARK:
            count -= 1
            yield event.version


async def test_other_kinds_are_not_seen(store: Store, namespace: str) -> None:
    since = await _version(store)
    await store.create(a_secret(Key(namespace, "s")), manager=ME)
    created = await store.create(a_certificate(Key(namespace, "site")), manager=ME)

    seen = await changes(store.watch(Certificate, since=since), 1)

    assert seen == [("ADDED", created)]


async def test_what_changes_nothing_is_not_seen(store: Store, namespace: str) -> None:
    key = Key(namespace, "site")
    await store.create(a_certificate(key), manager=ME)
    since = await _version(store)

    await store.patch(Certificate, key, {"spec": {"secretName": "target"}}, manager=OTHER)
    await store.patch_status(Certificate, key, {}, manager=OTHER)
    changed = await store.patch(Certificate, key, {"spec": {"secretName": "x"}}, manager=ME)

    assert await changes(store.watch(Certificate, since=since), 1) == [("MODIFIED", changed)]


async def test_a_held_delete_is_a_modification_first(store: Store, namespace: str) -> None:
    key = Key(namespace, "site")
    await store.create(a_certificate(key, finalizers=[HOLD]), manager=ME)
    since = await _version(store)

    await store.delete(Certificate, key)
    await store.patch(Certificate, key, {"metadata": {"finalizers": None}}, manager=ME)

    seen = await changes(store.watch(Certificate, since=since), 2)
    assert [change for change, _ in seen] == ["MODIFIED", "DELETED"]
    assert seen[0][1].metadata.deleting


async def test_what_is_collected_is_seen(store: Store, namespace: str) -> None:
    owner = await store.create(a_certificate(Key(namespace, "site")), manager=ME)
    metadata = {"ownerReferences": [an_owner(owner)]}
    child = await store.create(a_secret(Key(namespace, "s"), metadata=metadata), manager=ME)
    since = await _version(store)

    await store.delete(Certificate, owner.key)

    seen = await changes(store.watch(Secret, since=since), 1)
    assert [(change, resource.metadata.uid) for change, resource in seen] == [
        ("DELETED", child.metadata.uid)
    ]


async def test_two_watches_see_the_same(store: Store, namespace: str) -> None:
    since = await _version(store)
    one, two = store.watch(Certificate, since=since), store.watch(Certificate, since=since)
    async with asyncio.TaskGroup() as tasks:
        first, second = tasks.create_task(changes(one, 3)), tasks.create_task(changes(two, 3))
        for name in ("one", "two", "three"):
            await store.create(a_certificate(Key(namespace, name)), manager=ME)

    assert first.result() == second.result()


async def test_a_version_never_given_out_is_gone(store: Store) -> None:
    with pytest.raises(Gone):
        await anext(store.watch(Certificate, since="99999999"))
