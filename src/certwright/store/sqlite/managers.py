"""The entries of `metadata.managedFields`: who wrote which field, by which kind of request.

Called by `edit` and `apply`. Pure. An entry belongs to one (manager, operation, subresource): an
Update entry grows with every field its manager changes, an Apply entry is exactly what was applied.
"""

from datetime import datetime
from typing import Any, Final

from msgspec import Struct

from certwright.api.kinds import Document
from certwright.store.sqlite.fields import Difference, Fields, difference, union

Entry = dict[str, Any]

APPLY: Final = "Apply"
UPDATE: Final = "Update"

# Identity is nobody's to own; the rest of metadata is.
UNTRACKED: Final = frozenset(
    {
        "name",
        "namespace",
        "uid",
        "resourceVersion",
        "generation",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "selfLink",
        "managedFields",
    }
)


class Author(Struct, frozen=True):
    """Who writes, how, and when."""

    manager: str
    operation: str
    api_version: str
    now: datetime
    subresource: str = ""

    def wrote(self, entry: Entry) -> bool:
        """Whether the entry is this author's own."""
        return (entry.get("manager"), entry.get("operation"), entry.get("subresource", "")) == (
            self.manager,
            self.operation,
            self.subresource,
        )

    def entry(self, fields: Fields) -> Entry:
        """Write down that this author owns `fields`."""
        entry: Entry = {
            "manager": self.manager,
            "operation": self.operation,
            "apiVersion": self.api_version,
            "time": timestamp(self.now),
            "fieldsType": "FieldsV1",
            "fieldsV1": fields,
        }
        if self.subresource:
            entry["subresource"] = self.subresource
        return entry


def timestamp(moment: datetime) -> str:
    """Write a moment as Kubernetes does: RFC 3339, whole seconds, UTC."""
    return moment.replace(microsecond=0, tzinfo=None).isoformat() + "Z"  # 10 times strftime


def entries_of(document: Document) -> list[Entry]:
    """Return the managedFields of a stored document."""
    entries: list[Entry] = document["metadata"].get("managedFields", [])
    return entries


def tracked(document: Document) -> Document:
    """Return the part of a document whose fields have owners."""
    part = {name: value for name, value in document.items() if name not in ("apiVersion", "kind")}
    part["metadata"] = {
        name: value for name, value in document.get("metadata", {}).items() if name not in UNTRACKED
    }
    if not part["metadata"]:
        del part["metadata"]
    return part


def after_update(entries: list[Entry], author: Author, done: Difference) -> list[Entry]:
    """Return the entries after `author` changed fields: they are now its own and nobody else's."""
    lost = union(done.written, done.removed)
    mine = author.entry(done.written)
    result: list[Entry] = []
    for entry in entries:
        if author.wrote(entry):
            mine = author.entry(union(difference(entry["fieldsV1"], done.removed), done.written))
            result.append(mine)
        else:
            result.append(_keeping(entry, lost))
    return _in_order(result if mine in result else [*result, mine])


def after_apply(
    entries: list[Entry], author: Author, applied: Fields, done: Difference
) -> list[Entry]:
    """Return the entries after an apply: `author` owns `applied`; changed fields leave the others.

    A field applied with the value it had stays its other owners' too.
    """
    lost = union(done.written, done.removed)
    own = next((entry for entry in entries if author.wrote(entry)), None)
    if own is None:
        return _in_order([*(_keeping(entry, lost) for entry in entries), author.entry(applied)])
    # Where nothing is new the time stays, so that a repeated apply is no change.
    new = own if own["fieldsV1"] == applied else author.entry(applied)
    return _in_order([new if entry is own else _keeping(entry, lost) for entry in entries])


def _keeping(entry: Entry, lost: Fields) -> Entry:
    rest = difference(entry["fieldsV1"], lost)
    return entry if rest == entry["fieldsV1"] else {**entry, "fieldsV1": rest}


def _in_order(entries: list[Entry]) -> list[Entry]:
    """Apply entries first, as Kubernetes lists them; who owns nothing is not listed."""
    owning = (entry for entry in entries if entry["fieldsV1"])
    return sorted(owning, key=lambda entry: str(entry["operation"]) != APPLY)
