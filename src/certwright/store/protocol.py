"""What a store of resources promises; Kubernetes' API semantics, whatever stands behind.

Called by `runtime` (which caches and writes for the controllers), `files` and `cli`. Both backends
pass one contract suite (tests/contract/store). Rules that hold for every method:

* A `resource_version` is opaque; it grows with every change in the whole store.
* Every write names its `manager` (Kubernetes' field manager).
* A write that changes nothing leaves the version alone and makes no event.
* `metadata.generation` grows only when the spec changes, or when a delete begins to wait for
  finalizers; status is written by `patch_status` alone.
* A delete with finalizers present only sets `deletionTimestamp`; removing the last one deletes.
* `SecretSummary` is read (get, list, watch) like a kind of its own: a Secret without its bytes.
  Lists and watches may know only the metadata of Secrets without cert-manager's label (`partial`).
* A resource whose owner's uid is gone is collected in the background, finalizers honoured.
"""

from collections.abc import AsyncIterator, Mapping
from enum import StrEnum
from typing import Generic, Protocol, TypeVar

from msgspec import Struct

from certwright.api.kinds import Document
from certwright.api.meta import Key, Resource
from certwright.base.problem import Problem

R = TypeVar("R", bound=Resource)


class StoreProblem(Problem):
    """A store refused; the subclass says why. `reason` is Kubernetes' StatusReason."""


class NotFound(StoreProblem):  # the API's own word
    """There is no such resource."""


class AlreadyExists(StoreProblem):  # the API's own word
    """A resource of that name is there."""


class Conflict(StoreProblem):  # the API's own word
    """The resource changed since it was read (or, on apply, another manager owns a field)."""


class Gone(StoreProblem):  # the API's own word
    """The version is too old to watch from: list again."""


class Invalid(StoreProblem):  # the API's own word
    """The object breaks a rule of its kind.

    Attributes:
        violations: one (field path, rule) pair per broken rule, all of them at once.
    """

    def __init__(
        self, reason: str, message: str, *, violations: tuple[tuple[str, str], ...] = ()
    ) -> None:
        super().__init__(reason, message)
        self.violations = violations


class Unavailable(StoreProblem):
    """The store itself failed (disk full, corrupt, server away); nothing was written."""


class Listing(Struct, Generic[R], frozen=True):
    """What was there at `version`; a watch from that version misses nothing."""

    items: tuple[R, ...]
    version: str


class Change(StrEnum):
    """What happened to a resource."""

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"
    BOOKMARK = "BOOKMARK"


class WatchEvent(Struct, Generic[R], frozen=True):
    """One change. A bookmark carries no resource, only how far the watch has come."""

    change: Change
    version: str
    resource: R | None = None


class Store(Protocol):
    """Resources, typed; every method raises a `StoreProblem` and nothing else when refused."""

    @property
    def secrets_as(self) -> type[Resource]:
        """As what Secrets are watched here: SecretSummary, or whole where they are at hand."""

    async def get(self, kind: type[R], key: Key) -> R:
        """Read one resource.

        Raises:
            NotFound: it is not there.
        """

    async def list(
        self,
        kind: type[R],
        *,
        namespace: str | None = None,
        labels: Mapping[str, str] | None = None,
        lean: bool = False,
    ) -> Listing[R]:
        """Read all of a kind, or those of a namespace and with (at least) these labels.

        Where it is `lean`, `managedFields` may be left out of all but Secrets.
        """

    def watch(self, kind: type[R], *, since: str) -> AsyncIterator[WatchEvent[R]]:
        """Yield every change after version `since`, in order, and bookmarks now and then.

        Never ends by itself; close the iterator to stop.

        Raises:
            Gone: changes since that version are no longer known.
        """

    async def create(self, resource: R, *, manager: str) -> R:
        """Write a new resource; `generate_name` completes a missing name.

        uid, version, generation and creation time are the store's; status is dropped.

        Raises:
            AlreadyExists: the name is taken.
            Invalid: a rule of the kind is broken.
        """

    async def patch(
        self,
        kind: type[R],
        key: Key,
        patch: Document,
        *,
        manager: str,
        version: str | None = None,
    ) -> R:
        """Merge `patch` (RFC 7396, wire names) into everything but the status.

        Raises:
            NotFound: it is not there.
            Conflict: `version` is given and is not the stored one.
            Invalid: the result breaks a rule of the kind.
        """

    async def apply(
        self, kind: type[R], key: Key, fields: Document, *, manager: str, force: bool = False
    ) -> R:
        """Server-side apply: own exactly `fields`, create the resource if it is missing.

        Fields that `manager` owned before and no longer names are removed, unless somebody else
        owns them too. Recorded in `metadata.managedFields`.

        Raises:
            Conflict: another manager owns a field with another value, and `force` is off.
            Invalid: the result breaks a rule of the kind.
        """

    async def patch_status(
        self,
        kind: type[R],
        key: Key,
        patch: Document,
        *,
        manager: str,
        version: str | None = None,
    ) -> R:
        """Merge `patch` into the status; conditions are given as the complete list.

        Raises:
            NotFound: it is not there.
            Conflict: `version` is given and is not the stored one.
            Invalid: the result breaks a rule of the kind.
        """

    async def delete(
        self, kind: type[R], key: Key, *, uid: str | None = None, version: str | None = None
    ) -> None:
        """Delete one resource; its dependants are collected in the background.

        Raises:
            NotFound: it is not there.
            Conflict: `uid` or `version` is given and is not the stored one.
        """


class Admission(Protocol):
    """The rules of the kinds, run by a store that has no API server to run them."""

    def defaulted(self, document: Document) -> Document:
        """Return the document with its kind's schema defaults (compat-spec 1.0)."""

    def violations(
        self, document: Document, old: Document | None, *, subresource: str = ""
    ) -> tuple[tuple[str, str], ...]:
        """Return every broken rule of `document` (which replaces `old`) as (field path, rule)."""
