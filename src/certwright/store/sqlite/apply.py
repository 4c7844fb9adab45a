"""Server-side apply: from what is stored and what one manager wants to what shall be stored.

Called by `edit`. Pure. The rules are those of Kubernetes' structured-merge-diff:

* a field is in conflict when its value would change and another manager owns it;
* a field applied with the value it has is owned together;
* a field this manager owned and no longer names is removed, unless somebody else owns it too.
"""

from functools import reduce
from typing import cast

from msgspec import Struct

from certwright.api.kinds import Document
from certwright.store.protocol import Conflict
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
from certwright.store.sqlite.managers import Author, Entry, after_apply, entries_of, tracked


class Applied(Struct, frozen=True):
    """The document after an apply, without its managedFields, and those apart."""

    document: Document
    entries: list[Entry]


def applied(live: Document, wanted: Document, author: Author, *, force: bool) -> Applied:
    """Lay the fields of `wanted` over `live` for `author`.

    Raises:
        Conflict: other managers own fields that would change, and `force` is off.
    """
    entries = entries_of(live)
    before = tracked(live)
    asked = tracked(wanted)
    named = fields_of(asked) if asked else {}
    others = [entry for entry in entries if not author.wrote(entry)]
    gone = _no_longer_named(entries, author, named)
    result = cast("Document", without(merged(before, asked), gone))
    done = compare(before, result)
    if not force:
        _refuse_conflicts(others, done.written)
    return Applied(
        document=_with_identity(live, result), entries=after_apply(entries, author, named, done)
    )


def _no_longer_named(entries: list[Entry], author: Author, named: Fields) -> Fields:
    nobody: Fields = {}
    mine = next((entry["fieldsV1"] for entry in entries if author.wrote(entry)), nobody)
    theirs = (entry["fieldsV1"] for entry in entries if not author.wrote(entry))
    return difference(difference(mine, named), reduce(union, theirs, nobody))


def _refuse_conflicts(others: list[Entry], written: Fields) -> None:
    conflicts = [
        (entry["manager"], field)
        for entry in others
        for field in describe(intersection(entry["fieldsV1"], written))
    ]
    if conflicts:
        count = "1 conflict" if len(conflicts) == 1 else f"{len(conflicts)} conflicts"
        texts = "; ".join(f'conflict with "{manager}": {field}' for manager, field in conflicts)
        raise Conflict("Conflict", f"Apply failed with {count}: {texts}")


def _with_identity(live: Document, result: Document) -> Document:
    untracked = {
        name: value
        for name, value in live["metadata"].items()
        if name not in tracked(live).get("metadata", {})
    }
    return {
        "apiVersion": live["apiVersion"],
        "kind": live["kind"],
        **result,
        "metadata": {**untracked, **result.get("metadata", {})},
    }
