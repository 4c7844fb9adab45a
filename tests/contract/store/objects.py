"""Valid resources by default, and patience, for the tests of what a store promises."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any, TypeVar

from certwright.api.certificate import Certificate
from certwright.api.core import Secret
from certwright.api.kinds import decode
from certwright.api.meta import Key, Resource
from certwright.base.clock import SystemClock
from certwright.store.protocol import Change, Store, WatchEvent

R = TypeVar("R", bound=Resource)
ME = "contract-test"
OTHER = "somebody-else"
_PATIENCE_SECONDS = 10.0


def a_certificate(
    key: Key, *, dns_names: tuple[str, ...] = ("a.example",), **metadata: Any
) -> Certificate:
    """A valid Certificate; `metadata` takes wire names."""
    return decode(
        {
            "metadata": {"namespace": key.namespace, "name": key.name, **metadata},
            "spec": {
                "secretName": "target",
                "dnsNames": dns_names,
                "issuerRef": {"name": "issuer"},
            },
        },
        Certificate,
    )


def a_secret(key: Key, **fields: Any) -> Secret:
    """A valid Secret; `fields` takes wire names."""
    metadata = {"namespace": key.namespace, "name": key.name, **fields.pop("metadata", {})}
    return decode({"metadata": metadata, **fields}, Secret)


def an_owner(resource: Resource, kind: str = "Certificate") -> dict[str, Any]:
    """A reference to `resource` as on the wire."""
    return {
        "apiVersion": "cert-manager.io/v1",
        "kind": kind,
        "name": resource.metadata.name,
        "uid": resource.metadata.uid,
        "controller": True,
    }


async def eventually(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait until something true happens in the background; fail after some seconds."""
    clock = SystemClock()
    deadline = clock.monotonic() + _PATIENCE_SECONDS
    while not await holds():
        assert clock.monotonic() < deadline, "it did not happen"
        await clock.sleep(timedelta(milliseconds=10))


async def keys_of(store: Store, kind: type[R], namespace: str) -> set[str]:
    """The names that are there."""
    listing = await store.list(kind, namespace=namespace)
    return {item.metadata.name for item in listing.items}


async def changes(watch: AsyncIterator[WatchEvent[R]], count: int) -> list[tuple[str, R]]:
    """The next changes of a watch, bookmarks left out."""
    found: list[tuple[str, R]] = []
    while len(found) < count:
        event = await anext(watch)
        if event.change is not Change.BOOKMARK:
            assert event.resource is not None
            found.append((event.change.value, event.resource))
    return found
