"""The algebra of owned fields."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from certwright.store.sqlite.fields import (
    Fields,
    compare,
    describe,
    difference,
    fields_of,
    intersection,
    merged,
    union,
    without,
)

scalars = st.one_of(st.integers(0, 3), st.sampled_from(["x", "y"]), st.booleans())
field_names = st.sampled_from(["a", "b", "c", "d.e/f"])
values = st.recursive(
    st.one_of(scalars, st.lists(scalars, max_size=2)),
    lambda inner: st.dictionaries(field_names, inner, max_size=3),
    max_leaves=6,
)
conditions = st.lists(
    st.fixed_dictionaries(
        {"type": st.sampled_from(["Ready", "Issuing", "Denied"]), "status": st.sampled_from("TF")},
        optional={"reason": st.sampled_from(["R", "S"])},
    ),
    unique_by=lambda condition: condition["type"],
    max_size=3,
)
finalizers = st.lists(st.sampled_from(["p", "q", "r"]), unique=True, max_size=3)
documents = st.fixed_dictionaries(
    {},
    optional={
        "spec": st.dictionaries(field_names, values, max_size=3),
        "status": st.fixed_dictionaries({"conditions": conditions}),
        "metadata": st.fixed_dictionaries({"finalizers": finalizers}),
    },
)
trees = documents.map(fields_of).filter(lambda tree: tree != {".": {}})


def _leaves(tree: Fields, at: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    """The owned values, without the mere being there of maps."""
    found: set[tuple[str, ...]] = set()
    for name, below in tree.items():
        if name != ".":
            found |= _leaves(below, (*at, name)) if below else {(*at, name)}
    return found


def test_fields_are_named_as_kubernetes_names_them() -> None:
    document = {
        "metadata": {"labels": {"a": "1"}, "finalizers": ["f"]},
        "spec": {"list": [1], "empty": {}},
        "status": {"conditions": [{"type": "Ready", "status": "True"}]},
    }

    assert fields_of(document) == {
        "f:metadata": {"f:labels": {"f:a": {}}, "f:finalizers": {'v:"f"': {}}},
        "f:spec": {"f:list": {}, "f:empty": {".": {}}},
        "f:status": {
            "f:conditions": {'k:{"type":"Ready"}': {".": {}, "f:type": {}, "f:status": {}}}
        },
    }


def test_fields_are_described_for_people() -> None:
    tree: Fields = {
        "f:data": {"f:tls.crt": {}},
        "f:conditions": {'k:{"type":"Ready"}': {".": {}, "f:status": {}}},
        "f:finalizers": {'v:"x"': {}},
    }

    assert describe(tree) == (
        ".data.tls.crt",
        '.conditions[type="Ready"]',
        '.conditions[type="Ready"].status',
        '.finalizers[="x"]',
    )


@given(trees, trees)
def test_union_is_commutative_and_idempotent(left: Fields, right: Fields) -> None:
    assert union(left, right) == union(right, left)
    assert union(left, left) == left
    assert union(union(left, right), right) == union(left, right)


@given(trees, trees)
def test_nothing_is_left_without_itself(left: Fields, right: Fields) -> None:
    assert difference(left, left) == {}
    assert difference(left, union(left, right)) == {}
    assert difference(left, {}) == left


@given(trees, trees)
def test_difference_and_intersection_make_the_whole(left: Fields, right: Fields) -> None:
    assert union(difference(left, right), intersection(left, right)) == left
    assert intersection(difference(left, right), right) == {}


@given(documents)
def test_a_document_does_not_differ_from_itself(document: dict[str, Any]) -> None:
    assert compare(document, document) == ({}, {})


@given(documents, documents)
def test_what_was_written_and_removed_explains_the_difference(
    old: dict[str, Any], new: dict[str, Any]
) -> None:
    done = compare(old, new)

    assert (old == new) == (not done.written and not done.removed)
    assert _leaves(done.written) <= _leaves(fields_of(new))
    assert difference(done.removed, fields_of(old)) == {}


@given(documents, documents)
def test_a_merge_holds_all_that_was_applied(live: dict[str, Any], wanted: dict[str, Any]) -> None:
    result = merged(live, wanted)

    assert merged(result, wanted) == result
    assert intersection(compare(result, merged(live, wanted)).written, fields_of(wanted)) == {}
    assert _leaves(fields_of(wanted)) - _leaves(fields_of(result)) == set()


@given(documents)
def test_a_document_without_its_fields_is_empty(document: dict[str, Any]) -> None:
    assert without(document, fields_of(document)) in ({}, document if not document else {})


@given(documents, documents)
def test_taking_fields_away_leaves_the_others(
    document: dict[str, Any], other: dict[str, Any]
) -> None:
    gone = fields_of(other)

    rest = without(document, gone)

    assert _leaves(fields_of(rest)) <= _leaves(fields_of(document))
    assert without(rest, gone) == rest
