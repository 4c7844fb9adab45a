"""A store that only looks: what would be written is noted instead (`certwright run --observe`).

The controllers run as always, so what is noted is what they would do, not what somebody thinks
they would.
"""

from collections.abc import AsyncIterator, Mapping
from typing import NoReturn, TypeVar

from msgspec import Struct

from certwright.api.certificate import ISSUING
from certwright.api.kinds import Document, kind_of
from certwright.api.meta import Key, Resource
from certwright.store.protocol import Listing, Store, StoreProblem, WatchEvent

R = TypeVar("R", bound=Resource)


class OnlyLooking(StoreProblem):
    """Nothing is written here."""


class Intention(Struct, frozen=True, kw_only=True):
    """One write that did not happen."""

    verb: str
    kind: str
    key: Key
    manager: str = ""
    reason: str = ""

    def __str__(self) -> str:
        speaker = f" as {self.manager}" if self.manager else ""
        return f"would {self.verb} {self.kind} {self.key}{speaker}" + (
            f": {self.reason}" if self.reason else ""
        )


class LookingStore:
    """Reads another store; every write is noted once and refused."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._seen: dict[Intention, None] = {}

    @property
    def intentions(self) -> tuple[Intention, ...]:
        """What would have been written, in order; events are not told."""
        return tuple(self._seen)

    @property
    def secrets_as(self) -> type[Resource]:
        """As what Secrets are watched here."""
        return self._store.secrets_as

    async def get(self, kind: type[R], key: Key) -> R:
        """Read one resource."""
        return await self._store.get(kind, key)

    async def list(
        self,
        kind: type[R],
        *,
        namespace: str | None = None,
        labels: Mapping[str, str] | None = None,
        lean: bool = False,
    ) -> Listing[R]:
        """Read all of a kind."""
        return await self._store.list(kind, namespace=namespace, labels=labels, lean=lean)

    def watch(self, kind: type[R], *, since: str) -> AsyncIterator[WatchEvent[R]]:
        """Yield every change."""
        return self._store.watch(kind, since=since)

    async def create(self, resource: R, *, manager: str) -> R:
        """Note it."""
        self._refuse("create", type(resource), resource.key, manager=manager)

    async def patch(
        self,
        kind: type[R],
        key: Key,
        patch: Document,
        *,
        manager: str,
        version: str | None = None,
    ) -> R:
        """Note it."""
        del version
        self._refuse("change", kind, key, manager=manager, reason=", ".join(sorted(_fields(patch))))

    async def apply(
        self, kind: type[R], key: Key, fields: Document, *, manager: str, force: bool = False
    ) -> R:
        """Note it."""
        del force, fields
        self._refuse("apply", kind, key, manager=manager)

    async def patch_status(
        self,
        kind: type[R],
        key: Key,
        patch: Document,
        *,
        manager: str,
        version: str | None = None,
    ) -> R:
        """Note it, with the condition that it would set where that begins an issuance."""
        del version
        for condition in patch.get("conditions") or ():
            if condition["type"] == ISSUING and condition["status"] == "True":
                reason = f"{condition.get('reason', '')}: {condition.get('message', '')}"
                self._refuse("issue again", kind, key, manager=manager, reason=reason)
        fields = ", ".join(f"status.{name}" for name in sorted(patch))
        self._refuse("change", kind, key, manager=manager, reason=fields)

    async def delete(
        self, kind: type[R], key: Key, *, uid: str | None = None, version: str | None = None
    ) -> None:
        """Note it."""
        del uid, version
        self._refuse("delete", kind, key)

    def _refuse(
        self, verb: str, kind: type[Resource], key: Key, *, manager: str = "", reason: str = ""
    ) -> NoReturn:
        name = kind_of(kind).name
        if name != "Event":
            intention = Intention(verb=verb, kind=name, key=key, manager=manager, reason=reason)
            self._seen[intention] = None
        raise OnlyLooking("OnlyLooking", "nothing is written by --observe")


def _fields(patch: Document, above: str = "") -> set[str]:
    found = set()
    for name, value in patch.items():
        path = f"{above}{name}"
        found |= _fields(value, f"{path}.") if isinstance(value, dict) and value else {path}
    return found
