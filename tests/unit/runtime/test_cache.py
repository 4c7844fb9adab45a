"""The laws of the cache: never older, never back from the dead, indexes as if made anew."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from certwright.api.certificate import Certificate
from certwright.api.core import Secret
from certwright.api.meta import Key, ManagedFields
from certwright.api.secret import SecretSummary
from certwright.controllers.indexes import CERTIFICATES_BY_SECRET, INDEXES
from certwright.runtime.cache import Cache, Index, Shelf
from certwright.store.protocol import Change
from tests.builders import a_certificate, a_secret


def a_version(name: str, version: int, secret: str = "tls", uid: str = "u") -> Certificate:
    one = a_certificate(name, secret_name=secret)
    return replace(
        one, metadata=replace(one.metadata, resource_version=str(version), uid=f"{uid}-{name}")
    )


def a_shelf() -> Shelf[Certificate]:
    return Shelf([CERTIFICATES_BY_SECRET])


def test_an_older_version_never_replaces_a_newer_one() -> None:
    shelf = a_shelf()
    shelf.put(a_version("a", 9))

    assert shelf.put(a_version("a", 8, "other")) is None
    assert shelf.put(a_version("a", 9, "other")) is None
    assert shelf.get(Key("default", "a")) == a_version("a", 9)


def test_a_deleted_resource_does_not_come_back_by_a_late_answer() -> None:
    shelf = a_shelf()
    shelf.put(a_version("a", 1))
    shelf.drop(a_version("a", 2))

    assert shelf.put(a_version("a", 1)) is None
    assert shelf.get(Key("default", "a")) is None


def test_a_new_resource_of_a_deleted_ones_name_is_taken_in() -> None:
    shelf = a_shelf()
    shelf.put(a_version("a", 1))
    shelf.drop(a_version("a", 2))

    assert shelf.put(a_version("a", 3, uid="v")) is not None


def test_a_late_delete_does_not_touch_the_successor() -> None:
    shelf = a_shelf()
    shelf.put(a_version("a", 3, uid="v"))

    assert shelf.drop(a_version("a", 2)) is None
    assert shelf.get(Key("default", "a")) is not None


def test_a_successor_replaces_a_predecessor_whose_delete_was_not_seen() -> None:
    shelf = a_shelf()
    shelf.put(a_version("a", 1, "old"))

    shelf.put(a_version("a", 3, "new", uid="v"))

    assert shelf.by(CERTIFICATES_BY_SECRET, "default/old") == ()
    assert len(shelf.by(CERTIFICATES_BY_SECRET, "default/new")) == 1


def test_a_listing_removes_what_it_lacks_and_tells_each_change_once() -> None:
    shelf = a_shelf()
    shelf.put(a_version("a", 1))
    shelf.put(a_version("b", 2))

    changes = shelf.replace([a_version("b", 2), a_version("c", 3)])

    assert [(one.before is None, one.after is None) for one in changes] == [
        (False, True),
        (True, False),
    ]
    assert {one.metadata.name for one in shelf.values()} == {"b", "c"}


steps = st.lists(
    st.tuples(
        st.sampled_from(["put", "drop", "replace"]),
        st.sampled_from("abc"),
        st.sampled_from(["x", "y"]),
        st.sampled_from(["u", "v"]),
    ),
    max_size=30,
)


@given(steps)
def test_an_index_always_finds_what_a_search_would(taken: list[tuple[str, str, str, str]]) -> None:
    shelf = a_shelf()
    for version, (verb, name, secret, uid) in enumerate(taken, start=1):
        one = a_version(name, version, secret, uid)
        if verb == "put":
            shelf.put(one)
        elif verb == "drop":
            shelf.drop(one)
        else:
            shelf.replace([one])

    for secret in ("x", "y"):
        found = shelf.by(CERTIFICATES_BY_SECRET, f"default/{secret}")
        searched = [one for one in shelf.values() if one.spec.secret_name == secret]
        assert sorted(found, key=lambda one: one.key) == sorted(searched, key=lambda one: one.key)


def test_a_secret_is_kept_without_its_bytes() -> None:
    cache = Cache([SecretSummary], [])
    secret = a_secret(data={"tls.key": b"top secret"})

    seen = cache.observe(Change.ADDED, secret)

    assert seen is not None
    kept = cache.shelf(SecretSummary).get(secret.key)
    assert kept is not None
    assert kept.has("tls.key")
    assert b"top secret" not in repr(kept).encode()


def test_indexes_of_kinds_that_nobody_watches_are_left_out() -> None:
    cache = Cache([Certificate], INDEXES)

    assert cache.shelf(Certificate).by(CERTIFICATES_BY_SECRET, "default/x") == ()


def test_two_indexes_with_one_name_on_different_kinds_are_different() -> None:
    one: Index[Any] = Index("owner", Certificate, lambda _: ())
    other: Index[Any] = Index("owner", Secret, lambda _: ())

    assert one != other


def test_who_owns_which_field_is_not_kept() -> None:
    cache = Cache([Certificate], [])
    one = a_version("a", 1)
    owned = replace(one, metadata=replace(one.metadata, managed_fields=(ManagedFields(),)))

    cache.observe(Change.ADDED, owned)

    assert cache.shelf(Certificate).get(one.key) == one
