"""What is known of the store's resources, with an index for every question that is asked often.

Filled by watches and by our own writes. An old version never replaces a newer one, and a resource
that is known to be deleted does not come back by a late answer.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeAlias, TypeVar

from msgspec import Struct

from certwright.api.core import Secret
from certwright.api.kept import kept
from certwright.api.meta import Key, Resource
from certwright.api.secret import SecretSummary
from certwright.store.protocol import Change

R = TypeVar("R", bound=Resource)

_TOMBSTONES = 10_000

Found: TypeAlias = Key | dict[Key, None]
"""What an index finds for one value, in order: mostly one key, which needs no table."""


class Index(Struct, Generic[R], frozen=True):
    """A way to find resources of `kind`: those for which `values` yields the value asked for."""

    name: str
    kind: type[R]
    values: Callable[[R], Iterable[str]]

    def __hash__(self) -> int:
        return hash((self.name, self.kind))


class Observed(Struct, Generic[R], frozen=True):
    """A change of the cache: what was known, and what is known now (None: not there)."""

    before: R | None
    after: R | None

    @property
    def resource(self) -> R:
        """The newest that is known of it."""
        newest = self.after if self.after is not None else self.before
        if newest is None:
            raise ValueError("an observation of nothing")
        return newest


class Shelf(Generic[R]):
    """All known resources of one kind."""

    def __init__(self, indexes: Iterable[Index[R]]) -> None:
        self._items: dict[Key, R] = {}
        self._indexes: dict[Index[R], dict[str, Found]] = {i: {} for i in indexes}
        self._tombstones: OrderedDict[str, None] = OrderedDict()

    def get(self, key: Key) -> R | None:
        """Return the resource at `key`."""
        return self._items.get(key)

    def values(self) -> Iterable[R]:
        """Return all resources."""
        return self._items.values()

    def by(self, index: Index[R], value: str) -> tuple[R, ...]:
        """Return the resources that an index finds."""
        found = self._indexes[index].get(value, ())
        if isinstance(found, Key):
            return (self._items[found],)
        return tuple(self._items[key] for key in found)

    def knows(self, resource: Resource) -> bool:
        """Whether something as new is known already, such as its end."""
        before = self._items.get(resource.key)
        if resource.metadata.uid in self._tombstones:
            return True
        if before is None or _completes(resource, before):
            return False
        return _version(before) >= _version(resource)

    def put(self, resource: R) -> Observed[R] | None:
        """Take in a resource unless something as new is known already."""
        if self.knows(resource):
            return None
        key = resource.key
        before = self._items.get(key)
        if before is not None:
            self._unindex(before)
        self._items[key] = resource
        for index, found in self._indexes.items():
            for value in index.values(resource):
                _index(found, value, key)
        return Observed(before, resource)

    def drop(self, resource: Resource) -> Observed[R] | None:
        """Forget a deleted resource, and remember that it was deleted; its metadata is enough."""
        self._tombstones[resource.metadata.uid] = None
        if len(self._tombstones) > _TOMBSTONES:
            self._tombstones.popitem(last=False)
        before = self._items.get(resource.key)
        if before is None or before.metadata.uid != resource.metadata.uid:
            return None
        del self._items[resource.key]
        self._unindex(before)
        return Observed(before, None)

    def replace(self, resources: Iterable[R]) -> list[Observed[R]]:
        """Take in a complete listing: what it lacks is gone."""
        listed = {resource.key: resource for resource in resources}
        gone = [one for key, one in self._items.items() if key not in listed]
        changes = [self.drop(one) for one in gone]
        changes += [self.put(one) for one in listed.values()]
        return [change for change in changes if change is not None]

    def _unindex(self, resource: R) -> None:
        for index, found in self._indexes.items():
            for value in index.values(resource):
                _unindex(found, value, resource.key)


def _index(found: dict[str, Found], value: str, key: Key) -> None:
    known = found.setdefault(value, key)
    if isinstance(known, dict):
        known[key] = None
    elif known != key:
        found[value] = {known: None, key: None}


def _unindex(found: dict[str, Found], value: str, key: Key) -> None:
    known = found.get(value)
    if isinstance(known, dict):
        known.pop(key, None)
        if not known:
            del found[value]
    elif known == key:
        del found[value]


class Cache:
    """One shelf per kind. Secrets are kept as summaries: no key material stays in memory."""

    def __init__(self, kinds: Iterable[type[Resource]], indexes: Iterable[Index[Any]]) -> None:
        by_kind: dict[type[Resource], list[Index[Any]]] = {kind: [] for kind in kinds}
        for index in indexes:
            if index.kind in by_kind:  # nobody asks about kinds that no controller watches
                by_kind[index.kind].append(index)
        self._shelves: dict[type[Resource], Shelf[Any]] = {
            kind: Shelf(found) for kind, found in by_kind.items()
        }

    def shelf(self, kind: type[R]) -> Shelf[R]:
        """Return the shelf of a kind (SecretSummary for Secrets)."""
        return self._shelves[kind]

    def observe(self, change: Change, resource: Resource) -> Observed[Any] | None:
        """Take in one change; None when it tells nothing new."""
        shelf = self._shelves[kept_as(type(resource))]
        if change is Change.DELETED:
            return shelf.drop(resource)
        if shelf.knows(resource):  # our own writes come back by the watch: not worth a summary
            return None
        return shelf.put(kept(resource))


def _completes(resource: Resource, known: Resource) -> bool:
    """Whether a Secret is known in full now of which only that version's metadata was known."""
    return (
        isinstance(known, SecretSummary)
        and known.partial
        and not (isinstance(resource, SecretSummary) and resource.partial)
        and resource.metadata.resource_version == known.metadata.resource_version
    )


def kept_as(kind: type[Resource]) -> type[Resource]:
    """Return the type under which a kind is kept."""
    return SecretSummary if kind is Secret else kind


def _version(resource: Resource) -> int:
    # Kubernetes 1.35 and our own store: versions of one kind are comparable decimal numbers.
    version = resource.metadata.resource_version
    return int(version) if version.isdecimal() else 0
