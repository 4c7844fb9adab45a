"""The tables as the rest of the store sees them; the only SQL besides `connection`.

One `Records` lives for one transaction, on the store's thread.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Final

import msgspec
from msgspec import Struct

from certwright.api.core import Secret
from certwright.api.kinds import KINDS, Document, Kind
from certwright.api.meta import Key, OwnerReference, Resource
from certwright.store.protocol import Change, Unavailable
from certwright.store.sqlite.place import UNAVAILABLE

_MAX_DOCUMENT: Final = 1536 * 1024  # etcd's limit, which everybody's tools expect


def table_name(kind: Kind) -> str:
    """Name a kind in the tables as Kubernetes names a resource: `orders.acme.cert-manager.io`."""
    return f"{kind.plural}.{kind.group}" if kind.group else kind.plural


_KINDS: Final[Mapping[str, Kind]] = {table_name(kind): kind for kind in KINDS}
_SLACK: Final = 1000  # the log is cut in steps of this many changes


class TooLarge(Exception):  # noqa: N818  # becomes Invalid in `store`
    """A document is over the limit of `_MAX_DOCUMENT` bytes."""


class Stored(Struct, frozen=True):
    """One row: where it is and what it holds."""

    row: int
    document: Document


class Changed(Struct, frozen=True):
    """One change as it is told to the watchers."""

    version: int
    change: Change
    kind: Kind
    resource: Resource
    owners_changed: bool = True


class _Ownership(Struct, rename="camel"):
    owner_references: tuple[OwnerReference, ...] = ()


class _Owned(Struct):
    metadata: _Ownership


_OWNED: Final = msgspec.json.Decoder(_Owned)


class Records:
    """What one transaction reads and writes."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        row = connection.execute("SELECT version, compacted FROM counter").fetchone()
        self.version: int = row[0]
        self.compacted: int = row[1]
        self.changes: list[Changed] = []

    def find(self, kind: Kind, key: Key) -> Stored | None:
        """Read one resource by its key."""
        row = self._connection.execute(
            "SELECT id, document FROM resource WHERE kind = ? AND namespace = ? AND name = ?",
            (table_name(kind), key.namespace, key.name),
        ).fetchone()
        return None if row is None else Stored(row[0], msgspec.json.decode(row[1]))

    def owners_of(self, kind: Kind, key: Key) -> tuple[OwnerReference, ...]:
        """Read whom a resource names as its owners; the rest of it is not looked at."""
        row = self._connection.execute(
            "SELECT document FROM resource WHERE kind = ? AND namespace = ? AND name = ?",
            (table_name(kind), key.namespace, key.name),
        ).fetchone()
        return () if row is None else _OWNED.decode(row[0]).metadata.owner_references

    def texts(self, kind: Kind, namespace: str | None) -> Iterator[str]:
        """Read all documents of a kind as JSON text, in the order of their keys."""
        query = "SELECT document FROM resource WHERE kind = ?"
        values = [table_name(kind)]
        if namespace is not None:
            query += " AND namespace = ?"
            values.append(namespace)
        rows = self._connection.execute(query + " ORDER BY namespace, name", values)
        return (row[0] for row in rows)

    def insert(self, kind: Kind, document: Document, now: datetime) -> Resource:
        """Add a resource under the next version."""
        text, resource = self._stamped(kind, document)
        metadata = resource.metadata
        cursor = self._connection.execute(
            "INSERT INTO resource (kind, namespace, name, uid, version, written, document)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                table_name(kind),
                metadata.namespace,
                metadata.name,
                metadata.uid,
                self.version,
                int(now.timestamp()),
                text,
            ),
        )
        row = cursor.lastrowid or 0
        self._own(row, resource)
        owned = bool(metadata.owner_references)
        self._log(
            kind, Change.ADDED, text, Changed(self.version, Change.ADDED, kind, resource, owned)
        )
        return resource

    def update(self, kind: Kind, stored: Stored, document: Document, now: datetime) -> Resource:
        """Replace a resource under the next version."""
        text, resource = self._stamped(kind, document)
        self._connection.execute(
            "UPDATE resource SET version = ?, written = ?, document = ? WHERE id = ?",
            (self.version, int(now.timestamp()), text, stored.row),
        )
        before = stored.document["metadata"].get("ownerReferences")
        owners_changed = before != document["metadata"].get("ownerReferences")
        if owners_changed:
            self._connection.execute("DELETE FROM owner WHERE child = ?", (stored.row,))
            self._own(stored.row, resource)
        changed = Changed(self.version, Change.MODIFIED, kind, resource, owners_changed)
        self._log(kind, Change.MODIFIED, text, changed)
        return resource

    def remove(self, kind: Kind, stored: Stored, document: Document) -> Resource:
        """Delete a resource; `document` is how it was last seen."""
        text, resource = self._stamped(kind, document)
        self._connection.execute("DELETE FROM resource WHERE id = ?", (stored.row,))
        changed = Changed(self.version, Change.DELETED, kind, resource)
        if kind.type is Secret:
            text, _ = self._stamped(kind, {**document, "data": {}}, step=0)
        self._log(kind, Change.DELETED, text, changed)
        return resource

    def changes_since(self, version: int, kind: Kind | None = None) -> Iterator[Changed]:
        """Read the log after `version`; of a Secret only its newest change, as it is now."""
        query = (
            "SELECT c.version, c.change, c.kind, coalesce(c.document, r.document),"
            " c.document IS NULL, r.version FROM change c LEFT JOIN resource r"
            " ON c.document IS NULL AND r.kind = c.kind AND r.namespace = c.namespace"
            " AND r.name = c.name WHERE c.version > ?"
        )
        values: list[int | str] = [version]
        if kind is not None:
            query += " AND c.kind = ?"
            values.append(table_name(kind))
        for row in self._connection.execute(query + " ORDER BY c.version", values):
            number, change, name, text, by_reference, current = row
            of_kind = _KINDS.get(name)
            if of_kind is None or (by_reference and current != number):
                continue  # a newer change of the same Secret follows
            resource = msgspec.json.decode(text, type=of_kind.type)
            yield Changed(number, Change(change), of_kind, resource)

    def children(self, uid: str) -> list[tuple[Kind, Key]]:
        """List the resources that name `uid` as an owner."""
        rows = self._connection.execute(
            "SELECT kind, namespace, name FROM resource"
            " WHERE id IN (SELECT child FROM owner WHERE uid = ?)",
            (uid,),
        )
        return _located(rows)

    def owned(self) -> list[tuple[Kind, Key]]:
        """List the resources that name any owner."""
        rows = self._connection.execute(
            "SELECT kind, namespace, name FROM resource WHERE id IN (SELECT child FROM owner)"
        )
        return _located(rows)

    def whereabouts(self, uid: str) -> tuple[Kind, Key] | None:
        """Find the resource with this uid."""
        rows = self._connection.execute(
            "SELECT kind, namespace, name FROM resource WHERE uid = ?", (uid,)
        )
        return next(iter(_located(rows)), None)

    def events_before(self, moment: datetime, limit: int) -> list[tuple[Kind, Key]]:
        """List Events last written before `moment`, the oldest first."""
        rows = self._connection.execute(
            # Left to itself, SQLite goes through all Events by their names instead.
            "SELECT kind, namespace, name FROM resource INDEXED BY resource_age"
            " WHERE kind = 'events' AND written <= ?"
            " ORDER BY written LIMIT ?",
            (int(moment.timestamp()), limit),
        )
        return _located(rows)

    def finish(self, history: int) -> None:
        """Write the counter, and cut the log down to `history` changes now and then."""
        if not self.changes:
            return
        if self.version - self.compacted > history + min(_SLACK, history):
            self.compacted = self.version - history
            self._connection.execute("DELETE FROM change WHERE version <= ?", (self.compacted,))
        self._connection.execute(
            "UPDATE counter SET version = ?, compacted = ? WHERE id = 1",
            (self.version, self.compacted),
        )

    def rewind(self, version: int) -> None:
        """Forget the changes after `version`; their savepoint was rolled back."""
        self.version = version
        while self.changes and self.changes[-1].version > version:
            self.changes.pop()

    def _stamped(self, kind: Kind, document: Document, step: int = 1) -> tuple[str, Resource]:
        """Give a document the next version and encode it."""
        self.version += step
        metadata = {**document["metadata"], "resourceVersion": str(self.version)}
        encoded = msgspec.json.encode({**document, "metadata": metadata})
        if len(encoded) > _MAX_DOCUMENT:
            raise TooLarge
        try:
            return encoded.decode(), msgspec.json.decode(encoded, type=kind.type)
        except msgspec.ValidationError as error:  # `edit` has checked it: the file is damaged
            raise Unavailable(UNAVAILABLE, f"{kind.name}: {error}") from error

    def _own(self, row: int, resource: Resource) -> None:
        owners = {owner.uid for owner in resource.metadata.owner_references}
        if owners:
            self._connection.executemany(
                "INSERT INTO owner (uid, child) VALUES (?, ?)", [(uid, row) for uid in owners]
            )

    def _log(self, kind: Kind, change: Change, text: str, changed: Changed) -> None:
        # A Secret's data must be gone when the Secret is: the log only points at it.
        keep = kind.type is not Secret or change is Change.DELETED
        metadata = changed.resource.metadata
        self._connection.execute(
            "INSERT INTO change (version, change, kind, namespace, name, document)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (
                self.version,
                change.value,
                table_name(kind),
                metadata.namespace,
                metadata.name,
                text if keep else None,
            ),
        )
        self.changes.append(changed)


def _located(rows: Iterable[tuple[str, str, str]]) -> list[tuple[Kind, Key]]:
    return [
        (_KINDS[kind], Key(namespace, name)) for kind, namespace, name in rows if kind in _KINDS
    ]
