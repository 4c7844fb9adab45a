"""Server-side apply: who owns which field."""

from typing import Any

import pytest

from certwright.api.certificate import Certificate
from certwright.api.core import Secret
from certwright.api.meta import Key, ManagedFields, Resource
from certwright.store.protocol import Conflict, Invalid, NotFound, Store
from tests.contract.store.objects import ME, OTHER, a_certificate, a_secret, an_owner

THIRD = "third"


def _owned(resource: Resource, manager: str, operation: str = "Apply") -> Any:
    entries = [
        entry
        for entry in resource.metadata.managed_fields
        if (entry.manager, entry.operation) == (manager, operation)
    ]
    assert len(entries) <= 1
    return entries[0].fields_v1 if entries else {}


def _data(**values: str) -> dict[str, Any]:
    return {"data": values}


async def test_applying_what_is_missing_creates_it(store: Store, namespace: str) -> None:
    key = Key(namespace, "s")

    created = await store.apply(Secret, key, _data(a="MQ=="), manager=ME)

    assert created.data == {"a": b"1"}
    assert _owned(created, ME)["f:data"]["f:a"] == {}
    assert await store.get(Secret, key) == created


async def test_an_apply_is_recorded_as_kubernetes_does(store: Store, namespace: str) -> None:
    created = await store.apply(Secret, Key(namespace, "s"), _data(a="MQ=="), manager=ME)

    entry = created.metadata.managed_fields[0]
    assert isinstance(entry, ManagedFields)
    assert (entry.manager, entry.operation, entry.api_version) == (ME, "Apply", "v1")
    assert entry.fields_type == "FieldsV1"
    assert entry.time is not None


async def test_a_repeated_apply_changes_nothing(store: Store, namespace: str) -> None:
    key = Key(namespace, "s")
    wanted = {"metadata": {"labels": {"l": "1"}}, **_data(a="MQ==")}
    await store.apply(Secret, key, wanted, manager=OTHER)
    await store.apply(Secret, key, wanted, manager=ME)
    before = await store.get(Secret, key)

    first = await store.apply(Secret, key, wanted, manager=OTHER)
    second = await store.apply(Secret, key, wanted, manager=ME)

    assert first == second == before


async def test_a_field_no_longer_applied_is_removed(store: Store, namespace: str) -> None:
    key = Key(namespace, "s")
    wanted = {"metadata": {"labels": {"a": "1", "b": "1"}}, **_data(a="MQ==", b="MQ==")}
    await store.apply(Secret, key, wanted, manager=ME)

    new = await store.apply(
        Secret, key, {"metadata": {"labels": {"b": "1"}}, **_data(a="MQ==")}, manager=ME
    )

    assert new.data == {"a": b"1"}
    assert new.metadata.labels == {"b": "1"}


async def test_fields_of_others_survive_an_apply(store: Store, namespace: str) -> None:
    key = Key(namespace, "s")
    await store.apply(Secret, key, _data(theirs="MQ=="), manager=OTHER)
    await store.patch(Secret, key, {"metadata": {"labels": {"l": "1"}}}, manager=THIRD)

    await store.apply(Secret, key, _data(mine="MQ=="), manager=ME)
    new = await store.apply(Secret, key, _data(), manager=ME)

    assert new.data == {"theirs": b"1"}
    assert new.metadata.labels == {"l": "1"}


async def test_another_value_for_a_foreign_field_is_a_conflict(
    store: Store, namespace: str
) -> None:
    key = Key(namespace, "s")
    before = await store.apply(Secret, key, _data(a="MQ=="), manager=OTHER)

    with pytest.raises(Conflict) as refused:
        await store.apply(Secret, key, _data(a="Mg==", b="Mg=="), manager=ME)

    assert OTHER in refused.value.message
    assert ".data.a" in refused.value.message
    assert await store.get(Secret, key) == before


async def test_force_takes_the_field_from_its_owner(store: Store, namespace: str) -> None:
    key = Key(namespace, "s")
    await store.apply(Secret, key, _data(a="MQ==", b="MQ=="), manager=OTHER)

    new = await store.apply(Secret, key, _data(a="Mg=="), manager=ME, force=True)

    assert new.data == {"a": b"2", "b": b"1"}
    assert "f:a" in _owned(new, ME)["f:data"]
    assert set(_owned(new, OTHER)["f:data"]) == {"f:b"}


async def test_a_field_applied_with_the_same_value_is_owned_together(
    store: Store, namespace: str
) -> None:
    key = Key(namespace, "s")
    await store.apply(Secret, key, _data(a="MQ=="), manager=OTHER)

    both = await store.apply(Secret, key, _data(a="MQ=="), manager=ME)
    one_left = await store.apply(Secret, key, _data(), manager=OTHER)
    nobody_left = await store.apply(Secret, key, _data(), manager=ME)

    assert "f:a" in _owned(both, ME)["f:data"]
    assert "f:a" in _owned(both, OTHER)["f:data"]
    assert one_left.data == {"a": b"1"}
    assert nobody_left.data == {}


async def test_an_edited_field_belongs_to_the_editor(store: Store, namespace: str) -> None:
    key = Key(namespace, "s")
    await store.apply(Secret, key, _data(a="MQ=="), manager=ME)
    edited = await store.patch(Secret, key, _data(a="Mg=="), manager=OTHER)

    with pytest.raises(Conflict):
        await store.apply(Secret, key, _data(a="MQ=="), manager=ME)

    assert _owned(edited, ME).get("f:data", {}) == {}
    assert "f:a" in _owned(edited, OTHER, "Update")["f:data"]


async def test_a_field_taken_away_by_hand_is_put_back(store: Store, namespace: str) -> None:
    key = Key(namespace, "s")
    await store.apply(Secret, key, _data(a="MQ=="), manager=ME)
    removed = await store.patch(Secret, key, {"data": {"a": None}}, manager=OTHER)

    new = await store.apply(Secret, key, _data(a="MQ=="), manager=ME)

    assert removed.data == {}
    assert new.data == {"a": b"1"}


async def test_what_was_created_belongs_to_its_creator(store: Store, namespace: str) -> None:
    key = Key(namespace, "s")
    await store.create(a_secret(key, data={"a": "MQ=="}), manager=OTHER)

    with pytest.raises(Conflict):
        await store.apply(Secret, key, _data(a="Mg=="), manager=ME)
    new = await store.apply(Secret, key, _data(a="Mg=="), manager=ME, force=True)

    assert new.data == {"a": b"2"}
    assert "f:a" not in _owned(new, OTHER, "Update").get("f:data", {})


async def test_owner_references_are_merged_by_uid(store: Store, namespace: str) -> None:
    first = await store.create(a_certificate(Key(namespace, "one")), manager=ME)
    second = await store.create(a_certificate(Key(namespace, "two")), manager=ME)
    key = Key(namespace, "s")
    one, two = an_owner(first), {**an_owner(second), "controller": False}

    await store.apply(Secret, key, {"metadata": {"ownerReferences": [one]}}, manager=ME)
    both = await store.apply(Secret, key, {"metadata": {"ownerReferences": [two]}}, manager=OTHER)
    left = await store.apply(Secret, key, {}, manager=ME)

    assert [owner.uid for owner in both.metadata.owner_references] == [one["uid"], two["uid"]]
    assert [owner.uid for owner in left.metadata.owner_references] == [two["uid"]]
    item = f'k:{{"uid":"{two["uid"]}"}}'
    assert item in _owned(left, OTHER)["f:metadata"]["f:ownerReferences"]


async def test_finalizers_are_a_set(store: Store, namespace: str) -> None:
    key = Key(namespace, "site")
    await store.create(a_certificate(key, finalizers=["a.example/other"]), manager=OTHER)

    both = await store.apply(
        Certificate, key, {"metadata": {"finalizers": ["a.example/mine"]}}, manager=ME
    )
    left = await store.apply(Certificate, key, {}, manager=ME)

    assert both.metadata.finalizers == ("a.example/other", "a.example/mine")
    assert 'v:"a.example/mine"' in _owned(both, ME)["f:metadata"]["f:finalizers"]
    assert left.metadata.finalizers == ("a.example/other",)


async def test_a_plain_list_is_owned_whole(store: Store, namespace: str) -> None:
    key = Key(namespace, "site")
    await store.create(a_certificate(key, dns_names=("a.example",)), manager=OTHER)

    new = await store.apply(
        Certificate, key, {"spec": {"dnsNames": ["b.example"]}}, manager=ME, force=True
    )

    assert new.spec.dns_names == ("b.example",)
    assert _owned(new, ME)["f:spec"]["f:dnsNames"] == {}


async def test_an_apply_of_the_spec_is_a_new_generation(store: Store, namespace: str) -> None:
    key = Key(namespace, "site")
    created = await store.create(a_certificate(key), manager=ME)

    labelled = await store.apply(
        Certificate, key, {"metadata": {"labels": {"a": "b"}}}, manager=OTHER
    )
    changed = await store.apply(
        Certificate, key, {"spec": {"secretName": "x"}}, manager=OTHER, force=True
    )

    assert created.metadata.generation == labelled.metadata.generation == 1
    assert changed.metadata.generation == 2
    assert changed.metadata.uid == created.metadata.uid


async def test_status_in_an_apply_is_ignored(store: Store, namespace: str) -> None:
    key = Key(namespace, "site")
    await store.create(a_certificate(key), manager=ME)
    await store.patch_status(Certificate, key, {"revision": 1}, manager=ME)

    new = await store.apply(
        Certificate,
        key,
        {"metadata": {"labels": {"a": "b"}}, "status": {"revision": 9}},
        manager=ME,
    )

    assert new.status.revision == 1


async def test_a_version_in_an_apply_must_be_the_current_one(store: Store, namespace: str) -> None:
    key = Key(namespace, "s")
    old = await store.apply(Secret, key, _data(a="MQ=="), manager=ME)
    await store.apply(Secret, key, _data(a="Mg=="), manager=ME)
    stale = {"metadata": {"resourceVersion": old.metadata.resource_version}, **_data(a="Mw==")}

    with pytest.raises(Conflict):
        await store.apply(Secret, key, stale, manager=ME)


async def test_managed_fields_cannot_be_applied(store: Store, namespace: str) -> None:
    wanted = {"metadata": {"managedFields": [{"manager": "x"}]}}

    with pytest.raises(Invalid):
        await store.apply(Secret, Key(namespace, "s"), wanted, manager=ME)

    with pytest.raises(NotFound):
        await store.get(Secret, Key(namespace, "s"))


async def test_a_refused_apply_creates_nothing(store: Store, namespace: str) -> None:
    key = Key(namespace, "site")

    with pytest.raises(Invalid):
        await store.apply(Certificate, key, {"spec": {"secretName": []}}, manager=ME)

    with pytest.raises(NotFound):
        await store.get(Certificate, key)
