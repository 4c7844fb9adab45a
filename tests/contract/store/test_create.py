"""Creating and reading resources."""

import msgspec
import pytest

from certwright.api.certificate import Certificate
from certwright.api.core import Secret
from certwright.api.issuer import ClusterIssuer
from certwright.api.kinds import decode, to_wire
from certwright.api.meta import Key
from certwright.store.protocol import AlreadyExists, Conflict, Invalid, NotFound, Store
from tests.contract.store.objects import ME, a_certificate, a_secret


async def test_what_was_created_is_read_back(store: Store, namespace: str) -> None:
    key = Key(namespace, "site")

    created = await store.create(a_certificate(key), manager=ME)

    assert created.spec.dns_names == ("a.example",)
    assert await store.get(Certificate, key) == created


async def test_the_store_gives_uid_version_generation_and_time(
    store: Store, namespace: str
) -> None:
    asked = a_certificate(Key(namespace, "site"), uid="mine", generation=7)

    created = await store.create(asked, manager=ME)

    assert created.metadata.uid not in ("", "mine")
    assert created.metadata.resource_version
    assert created.metadata.generation == 1
    assert created.metadata.creation_timestamp is not None


async def test_two_resources_never_share_a_uid(store: Store, namespace: str) -> None:
    key = Key(namespace, "site")

    first = await store.create(a_certificate(key), manager=ME)
    await store.delete(Certificate, key)
    second = await store.create(a_certificate(key), manager=ME)

    assert first.metadata.uid != second.metadata.uid
    assert second.metadata.resource_version != first.metadata.resource_version


async def test_a_taken_name_is_refused(store: Store, namespace: str) -> None:
    key = Key(namespace, "site")
    await store.create(a_certificate(key), manager=ME)

    with pytest.raises(AlreadyExists):
        await store.create(a_certificate(key), manager=ME)


async def test_a_refused_create_leaves_the_first_alone(store: Store, namespace: str) -> None:
    key = Key(namespace, "site")
    first = await store.create(a_certificate(key), manager=ME)

    with pytest.raises(AlreadyExists):
        await store.create(a_certificate(key, dns_names=("b.example",)), manager=ME)

    assert await store.get(Certificate, key) == first


async def test_status_is_dropped_on_create(store: Store, namespace: str) -> None:
    wire = to_wire(a_certificate(Key(namespace, "site")))
    asked = decode({**wire, "status": {"revision": 3}}, Certificate)

    created = await store.create(asked, manager=ME)

    assert created.status.revision is None


async def test_a_missing_resource_is_not_found(store: Store, namespace: str) -> None:
    with pytest.raises(NotFound):
        await store.get(Certificate, Key(namespace, "nothing"))


async def test_a_name_is_generated_from_its_prefix(store: Store, namespace: str) -> None:
    asked = a_certificate(Key(namespace, ""), generateName="site-")

    first = await store.create(asked, manager=ME)
    second = await store.create(asked, manager=ME)

    assert first.metadata.name != second.metadata.name
    assert first.metadata.name.startswith("site-")
    assert len(first.metadata.name) == len("site-") + 5
    assert set(first.metadata.name[5:]) <= set("bcdfghjklmnpqrstvwxz2456789")


async def test_a_generated_name_has_at_most_63_characters(store: Store, namespace: str) -> None:
    asked = a_certificate(Key(namespace, ""), generateName="s" * 70)

    created = await store.create(asked, manager=ME)

    assert len(created.metadata.name) == 63


@pytest.mark.parametrize("name", ["", "Upper", "../etc", "a/b", "-a", "a" * 254, "nul\x00"])
async def test_an_impossible_name_is_refused(store: Store, namespace: str, name: str) -> None:
    with pytest.raises(Invalid) as refused:
        await store.create(a_certificate(Key(namespace, name)), manager=ME)

    assert [path for path, _ in refused.value.violations] == ["metadata.name"]


async def test_all_broken_rules_of_metadata_are_named_at_once(store: Store, namespace: str) -> None:
    asked = a_certificate(
        Key(namespace, "site"), labels={"-": "x"}, annotations={"a b": "x"}, finalizers=["a b"]
    )

    with pytest.raises(Invalid) as refused:
        await store.create(asked, manager=ME)

    # ours says which entry of the three is meant
    assert {path.partition("[")[0] for path, _ in refused.value.violations} == {
        "metadata.labels",
        "metadata.annotations",
        "metadata.finalizers",
    }


async def test_a_cluster_wide_kind_has_no_namespace(store: Store, namespace: str) -> None:
    asked = decode({"metadata": {"name": namespace}, "spec": {"selfSigned": {}}}, ClusterIssuer)

    created = await store.create(asked, manager=ME)

    assert created.key == Key("", namespace)
    assert await store.get(ClusterIssuer, Key("", namespace)) == created


async def test_a_list_holds_the_namespace_asked_for(store: Store, namespace: str) -> None:
    here = await store.create(a_certificate(Key(namespace, "site")), manager=ME)
    there = await store.create(a_certificate(Key(f"{namespace}b", "site")), manager=ME)

    listing = await store.list(Certificate, namespace=namespace)
    everywhere = await store.list(Certificate)

    assert listing.items == (here,)
    assert {here.metadata.uid, there.metadata.uid} <= {
        item.metadata.uid for item in everywhere.items
    }


async def test_a_list_selects_by_all_labels_given(store: Store, namespace: str) -> None:
    for name, labels in {
        "both": {"a.example/x": "1", "y": "2"},
        "one": {"a.example/x": "1"},
        "none": {},
        "other": {"a.example/x": "2", "y": "2"},
    }.items():
        await store.create(a_certificate(Key(namespace, name), labels=labels), manager=ME)

    one = await store.list(Certificate, namespace=namespace, labels={"a.example/x": "1"})
    both = await store.list(Certificate, namespace=namespace, labels={"a.example/x": "1", "y": "2"})

    assert {item.metadata.name for item in one.items} == {"both", "one"}
    assert {item.metadata.name for item in both.items} == {"both"}


async def test_string_data_of_a_secret_becomes_data(store: Store, namespace: str) -> None:
    asked = a_secret(Key(namespace, "s"), data={"a": "MQ==", "b": "MQ=="}, stringData={"b": "2"})

    created = await store.create(asked, manager=ME)

    assert created.data == {"a": b"1", "b": b"2"}
    assert created.string_data == {}
    assert created.type == "Opaque"


async def test_a_tls_secret_needs_both_keys(store: Store, namespace: str) -> None:
    asked = a_secret(Key(namespace, "s"), type="kubernetes.io/tls", data={"tls.crt": ""})

    with pytest.raises(Invalid) as refused:
        await store.create(asked, manager=ME)

    assert "tls.key" in str(refused.value)


async def test_an_immutable_secret_keeps_its_data_but_not_its_labels(
    store: Store, namespace: str
) -> None:
    key = Key(namespace, "s")
    await store.create(a_secret(key, data={"a": "MQ=="}, immutable=True), manager=ME)

    for patch in ({"data": {"a": "Mg=="}}, {"stringData": {"b": "2"}}, {"immutable": False}):
        with pytest.raises(Invalid):
            await store.patch(Secret, key, patch, manager=ME)
    labelled = await store.patch(Secret, key, {"metadata": {"labels": {"a": "b"}}}, manager=ME)

    assert labelled.data == {"a": b"1"}
    assert labelled.metadata.labels == {"a": "b"}


async def test_the_type_of_a_secret_cannot_change(store: Store, namespace: str) -> None:
    key = Key(namespace, "s")
    await store.create(a_secret(key, type="Opaque"), manager=ME)

    with pytest.raises(Invalid):
        await store.patch(Secret, key, {"type": "example.com/other"}, manager=ME)


async def test_an_error_about_a_secret_shows_no_value(store: Store, namespace: str) -> None:
    key = Key(namespace, "s")
    await store.create(a_secret(key), manager=ME)

    with pytest.raises(Invalid) as refused:
        await store.patch(Secret, key, {"data": {"a": "hunter2!"}}, manager=ME)

    assert "hunter2" not in str(refused.value)


async def test_a_version_of_one_resource_is_no_other_ones(store: Store, namespace: str) -> None:
    first = await store.create(a_certificate(Key(namespace, "a")), manager=ME)
    second = await store.create(a_certificate(Key(namespace, "b")), manager=ME)

    with pytest.raises(Conflict):
        await store.patch(
            Certificate,
            second.key,
            {"spec": {"secretName": "x"}},
            manager=ME,
            version=first.metadata.resource_version,
        )


async def test_times_are_whole_seconds(store: Store, namespace: str) -> None:
    created = await store.create(a_certificate(Key(namespace, "site")), manager=ME)

    stamp = created.metadata.creation_timestamp
    assert stamp is not None
    assert stamp.microsecond == 0
    assert msgspec.json.encode(stamp).endswith(b'Z"')
