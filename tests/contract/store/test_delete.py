"""Deleting: finalizers, preconditions, and what is collected afterwards."""

from typing import Any

import pytest

from certwright.api.certificate import Certificate
from certwright.api.core import Secret
from certwright.api.kinds import decode
from certwright.api.meta import Key
from certwright.api.request import CertificateRequest
from certwright.store.protocol import AlreadyExists, Conflict, Invalid, NotFound, Store
from tests.contract.store.objects import (
    ME,
    a_certificate,
    a_secret,
    an_owner,
    eventually,
    keys_of,
)

HOLD = "certwright.io/hold"
_CSR = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0K"
"""As much of a CSR as the rules want to see."""


def _owned_secret(key: Key, *owners: dict[str, Any], **metadata: Any) -> Secret:
    return a_secret(key, metadata={"ownerReferences": list(owners), **metadata})


async def test_what_was_deleted_is_gone(store: Store, namespace: str) -> None:
    key = Key(namespace, "site")
    await store.create(a_certificate(key), manager=ME)

    await store.delete(Certificate, key)

    with pytest.raises(NotFound):
        await store.get(Certificate, key)
    with pytest.raises(NotFound):
        await store.delete(Certificate, key)
    assert await keys_of(store, Certificate, namespace) == set()


async def test_a_finalizer_holds_what_was_deleted(store: Store, namespace: str) -> None:
    key = Key(namespace, "site")
    await store.create(a_certificate(key, finalizers=[HOLD]), manager=ME)

    await store.delete(Certificate, key)

    held = await store.get(Certificate, key)
    assert held.metadata.deleting
    with pytest.raises(AlreadyExists):
        await store.create(a_certificate(key), manager=ME)


async def test_removing_the_last_finalizer_deletes(store: Store, namespace: str) -> None:
    key = Key(namespace, "site")
    await store.create(a_certificate(key, finalizers=[HOLD, "a.example/b"]), manager=ME)
    await store.delete(Certificate, key)

    one = {"metadata": {"finalizers": [HOLD]}}
    held = await store.patch(Certificate, key, one, manager=ME)
    await store.patch(Certificate, key, {"metadata": {"finalizers": None}}, manager=ME)

    assert held.metadata.deleting
    with pytest.raises(NotFound):
        await store.get(Certificate, key)


async def test_a_finalizer_removed_before_the_delete_deletes_nothing(
    store: Store, namespace: str
) -> None:
    key = Key(namespace, "site")
    await store.create(a_certificate(key, finalizers=[HOLD]), manager=ME)

    await store.patch(Certificate, key, {"metadata": {"finalizers": []}}, manager=ME)

    assert not (await store.get(Certificate, key)).metadata.deleting


async def test_a_second_delete_changes_nothing(store: Store, namespace: str) -> None:
    key = Key(namespace, "site")
    await store.create(a_certificate(key, finalizers=[HOLD]), manager=ME)
    await store.delete(Certificate, key)
    first = await store.get(Certificate, key)

    await store.delete(Certificate, key)

    assert await store.get(Certificate, key) == first


async def test_a_deletion_cannot_be_taken_back(store: Store, namespace: str) -> None:
    key = Key(namespace, "site")
    await store.create(a_certificate(key, finalizers=[HOLD]), manager=ME)
    await store.delete(Certificate, key)

    patch = {"metadata": {"deletionTimestamp": None, "labels": {"a": "b"}}}
    await store.patch(Certificate, key, patch, manager=ME)

    assert (await store.get(Certificate, key)).metadata.deleting


async def test_no_finalizer_can_be_added_after_the_delete(store: Store, namespace: str) -> None:
    key = Key(namespace, "site")
    await store.create(a_certificate(key, finalizers=[HOLD]), manager=ME)
    await store.delete(Certificate, key)

    with pytest.raises(Invalid):
        await store.patch(
            Certificate, key, {"metadata": {"finalizers": [HOLD, "a.example/late"]}}, manager=ME
        )


async def test_a_delete_of_another_incarnation_is_a_conflict(store: Store, namespace: str) -> None:
    key = Key(namespace, "site")
    old = await store.create(a_certificate(key), manager=ME)
    await store.delete(Certificate, key)
    new = await store.create(a_certificate(key), manager=ME)

    with pytest.raises(Conflict):
        await store.delete(Certificate, key, uid=old.metadata.uid)
    with pytest.raises(Conflict):
        await store.delete(Certificate, key, version=old.metadata.resource_version)
    await store.delete(
        Certificate, key, uid=new.metadata.uid, version=new.metadata.resource_version
    )

    assert await keys_of(store, Certificate, namespace) == set()


async def test_dependants_follow_their_owner(store: Store, namespace: str) -> None:
    owner = await store.create(a_certificate(Key(namespace, "site")), manager=ME)
    request = {
        "metadata": {
            "namespace": namespace,
            "name": "child",
            "ownerReferences": [an_owner(owner)],
        },
        "spec": {"request": _CSR, "issuerRef": {"name": "issuer"}},
    }
    child = await store.create(decode(request, CertificateRequest), manager=ME)
    grandchild = an_owner(child, "CertificateRequest")
    await store.create(_owned_secret(Key(namespace, "grandchild"), grandchild), manager=ME)
    await store.create(a_secret(Key(namespace, "free")), manager=ME)

    await store.delete(Certificate, owner.key)

    async def only_the_free_one_is_left() -> bool:
        requests = await keys_of(store, CertificateRequest, namespace)
        return not requests and await keys_of(store, Secret, namespace) == {"free"}

    await eventually(only_the_free_one_is_left)


async def test_a_dependant_stays_while_one_owner_is_left(store: Store, namespace: str) -> None:
    one = await store.create(a_certificate(Key(namespace, "one")), manager=ME)
    two = await store.create(a_certificate(Key(namespace, "two")), manager=ME)
    key = Key(namespace, "s")
    references = (an_owner(one), {**an_owner(two), "controller": False})
    await store.create(_owned_secret(key, *references), manager=ME)

    await store.delete(Certificate, one.key)

    async def the_dangling_reference_is_gone() -> bool:
        owners = (await store.get(Secret, key)).metadata.owner_references
        return [owner.uid for owner in owners] == [two.metadata.uid]

    await eventually(the_dangling_reference_is_gone)


async def test_a_dependant_whose_owner_never_was_is_collected(store: Store, namespace: str) -> None:
    ghost = {**an_owner(a_certificate(Key(namespace, "ghost"))), "uid": "0000-ghost"}
    await store.create(_owned_secret(Key(namespace, "s"), ghost), manager=ME)

    async def it_is_gone() -> bool:
        return await keys_of(store, Secret, namespace) == set()

    await eventually(it_is_gone)


async def test_an_owner_of_the_same_name_but_another_uid_does_not_count(
    store: Store, namespace: str
) -> None:
    owner = await store.create(a_certificate(Key(namespace, "site")), manager=ME)
    stale = {**an_owner(owner), "uid": "0000-old"}
    await store.create(_owned_secret(Key(namespace, "s"), stale), manager=ME)

    async def it_is_gone() -> bool:
        return await keys_of(store, Secret, namespace) == set()

    await eventually(it_is_gone)


async def test_an_owner_in_another_namespace_does_not_count(store: Store, namespace: str) -> None:
    owner = await store.create(a_certificate(Key(f"{namespace}b", "site")), manager=ME)
    await store.create(_owned_secret(Key(namespace, "s"), an_owner(owner)), manager=ME)

    async def it_is_gone() -> bool:
        return await keys_of(store, Secret, namespace) == set()

    await eventually(it_is_gone)


async def test_a_collected_resource_waits_for_its_finalizers(store: Store, namespace: str) -> None:
    owner = await store.create(a_certificate(Key(namespace, "site")), manager=ME)
    key = Key(namespace, "s")
    await store.create(_owned_secret(key, an_owner(owner), finalizers=[HOLD]), manager=ME)
    await store.delete(Certificate, owner.key)

    async def it_is_deleting() -> bool:
        return (await store.get(Secret, key)).metadata.deleting

    await eventually(it_is_deleting)
    await store.patch(Secret, key, {"metadata": {"finalizers": None}}, manager=ME)

    assert await keys_of(store, Secret, namespace) == set()
