"""Merge patches of the spec and of the status."""

from typing import Any

import pytest

from certwright.api.certificate import Certificate
from certwright.api.core import Secret
from certwright.api.meta import ConditionStatus, Key
from certwright.store.protocol import Conflict, Invalid, NotFound, Store
from tests.contract.store.objects import ME, OTHER, a_certificate, a_secret

READY = {
    "type": "Ready",
    "status": "True",
    "reason": "Ready",
    "message": "fine",
    "lastTransitionTime": "2026-01-01T00:00:00Z",
}
ISSUING = {
    "type": "Issuing",
    "status": "True",
    "reason": "Renewing",
    "message": "due",
    "lastTransitionTime": "2026-01-01T00:00:00Z",
}


async def _a_stored(store: Store, namespace: str, **metadata: Any) -> Certificate:
    return await store.create(a_certificate(Key(namespace, "site"), **metadata), manager=ME)


async def test_a_patch_merges_and_null_removes(store: Store, namespace: str) -> None:
    old = await _a_stored(store, namespace, labels={"a": "1", "b": "2"})

    patch = {"metadata": {"labels": {"a": None, "c": "3"}}, "spec": {"dnsNames": ["b.example"]}}
    new = await store.patch(Certificate, old.key, patch, manager=ME)

    assert new.metadata.labels == {"b": "2", "c": "3"}
    assert new.spec.dns_names == ("b.example",)
    assert new.spec.secret_name == "target"


async def test_every_change_is_a_new_version(store: Store, namespace: str) -> None:
    old = await _a_stored(store, namespace)

    new = await store.patch(Certificate, old.key, {"spec": {"secretName": "x"}}, manager=ME)

    assert new.metadata.resource_version != old.metadata.resource_version
    assert await store.get(Certificate, old.key) == new


async def test_a_patch_that_changes_nothing_leaves_the_version_alone(
    store: Store, namespace: str
) -> None:
    old = await _a_stored(store, namespace, labels={"a": "1"})
    before = (await store.list(Certificate, namespace=namespace)).items

    same = {"metadata": {"labels": {"a": "1", "gone": None}}, "spec": {"secretName": "target"}}
    new = await store.patch(Certificate, old.key, same, manager=OTHER)

    assert new == old
    assert (await store.list(Certificate, namespace=namespace)).items == before


async def test_only_a_change_of_the_spec_is_a_new_generation(store: Store, namespace: str) -> None:
    old = await _a_stored(store, namespace)

    labelled = await store.patch(
        Certificate, old.key, {"metadata": {"labels": {"a": "b"}}}, manager=ME
    )
    reported = await store.patch_status(Certificate, old.key, {"revision": 1}, manager=ME)
    changed = await store.patch(Certificate, old.key, {"spec": {"secretName": "x"}}, manager=ME)

    assert old.metadata.generation == 1
    assert labelled.metadata.generation == 1
    assert reported.metadata.generation == 1
    assert changed.metadata.generation == 2


async def test_a_secret_has_no_generation(store: Store, namespace: str) -> None:
    key = Key(namespace, "s")
    created = await store.create(a_secret(key), manager=ME)

    changed = await store.patch(Secret, key, {"data": {"a": "MQ=="}}, manager=ME)

    assert created.metadata.generation == changed.metadata.generation == 0


async def test_a_patch_never_touches_the_status(store: Store, namespace: str) -> None:
    old = await _a_stored(store, namespace)
    await store.patch_status(Certificate, old.key, {"revision": 1}, manager=ME)

    patch = {"status": {"revision": 9}, "spec": {"secretName": "x"}}
    new = await store.patch(Certificate, old.key, patch, manager=ME)

    assert new.status.revision == 1
    assert new.spec.secret_name == "x"


async def test_a_patch_of_the_status_touches_nothing_else(store: Store, namespace: str) -> None:
    old = await _a_stored(store, namespace)

    new = await store.patch_status(
        Certificate, old.key, {"revision": 1, "conditions": [READY]}, manager=ME
    )

    assert new.status.revision == 1
    assert [one.status for one in new.status.conditions] == [ConditionStatus.TRUE]
    assert new.spec == old.spec
    assert new.metadata.generation == old.metadata.generation


async def test_conditions_are_replaced_as_a_list(store: Store, namespace: str) -> None:
    old = await _a_stored(store, namespace)
    await store.patch_status(Certificate, old.key, {"conditions": [READY, ISSUING]}, manager=ME)

    new = await store.patch_status(Certificate, old.key, {"conditions": [READY]}, manager=OTHER)

    assert [one.type for one in new.status.conditions] == ["Ready"]


async def test_a_status_field_is_removed_by_null(store: Store, namespace: str) -> None:
    old = await _a_stored(store, namespace)
    await store.patch_status(
        Certificate, old.key, {"revision": 1, "nextPrivateKeySecretName": "tmp"}, manager=ME
    )

    patch = {"nextPrivateKeySecretName": None}
    new = await store.patch_status(Certificate, old.key, patch, manager=ME)

    assert new.status.next_private_key_secret_name == ""
    assert new.status.revision == 1


async def test_a_stale_version_is_a_conflict_and_changes_nothing(
    store: Store, namespace: str
) -> None:
    old = await _a_stored(store, namespace)
    stale = old.metadata.resource_version
    new = await store.patch(Certificate, old.key, {"spec": {"secretName": "x"}}, manager=ME)

    with pytest.raises(Conflict):
        await store.patch(
            Certificate, old.key, {"spec": {"secretName": "y"}}, manager=ME, version=stale
        )
    with pytest.raises(Conflict):
        await store.patch_status(Certificate, old.key, {"revision": 1}, manager=ME, version=stale)

    assert await store.get(Certificate, old.key) == new


async def test_the_current_version_is_no_conflict(store: Store, namespace: str) -> None:
    old = await _a_stored(store, namespace)

    new = await store.patch_status(
        Certificate,
        old.key,
        {"revision": 1},
        manager=ME,
        version=old.metadata.resource_version,
    )

    assert new.status.revision == 1


async def test_a_patch_meant_for_another_incarnation_is_a_conflict(
    store: Store, namespace: str
) -> None:
    old = await _a_stored(store, namespace)
    patch = {"metadata": {"uid": "00000000-0000-0000-0000-000000000000"}}

    with pytest.raises(Conflict):
        await store.patch(Certificate, old.key, patch, manager=ME)


async def test_identity_cannot_be_patched(store: Store, namespace: str) -> None:
    old = await _a_stored(store, namespace)
    patch = {
        "metadata": {
            "creationTimestamp": "2001-01-01T00:00:00Z",
            "generation": 99,
            "labels": {"a": "b"},
        }
    }

    new = await store.patch(Certificate, old.key, patch, manager=ME)

    assert new.metadata.creation_timestamp == old.metadata.creation_timestamp
    assert new.metadata.generation == old.metadata.generation
    assert new.metadata.uid == old.metadata.uid


async def test_a_value_of_the_wrong_type_is_invalid_and_named(store: Store, namespace: str) -> None:
    old = await _a_stored(store, namespace)

    with pytest.raises(Invalid) as refused:
        await store.patch(Certificate, old.key, {"spec": {"secretName": 1}}, manager=ME)

    assert [path for path, _ in refused.value.violations] == ["spec.secretName"]
    assert await store.get(Certificate, old.key) == old


async def test_what_is_not_there_cannot_be_patched(store: Store, namespace: str) -> None:
    nowhere = Key(namespace, "nothing")

    with pytest.raises(NotFound):
        await store.patch(Certificate, nowhere, {"spec": {"secretName": "x"}}, manager=ME)
    with pytest.raises(NotFound):
        await store.patch_status(Certificate, nowhere, {"revision": 1}, manager=ME)


async def test_a_kind_without_status_refuses_one(store: Store, namespace: str) -> None:
    key = Key(namespace, "s")
    await store.create(a_secret(key), manager=ME)

    with pytest.raises(NotFound):
        await store.patch_status(Secret, key, {"a": "b"}, manager=ME)


async def test_the_caller_may_reuse_its_patch(store: Store, namespace: str) -> None:
    old = await _a_stored(store, namespace)
    patch = {"metadata": {"labels": {"a": "1"}}}

    await store.patch(Certificate, old.key, patch, manager=ME)
    patch["metadata"]["labels"]["a"] = "2"

    assert (await store.get(Certificate, old.key)).metadata.labels == {"a": "1"}
