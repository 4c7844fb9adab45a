"""What a command sees: the state file's resources at one moment, and the running process's words.

The state is only read, so it works beside `certwright run` and without it.
"""

import errno
import fcntl
import os
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from msgspec import Struct

from certwright.api.certificate import Certificate
from certwright.api.core import Ingress, Secret
from certwright.api.issuer import ClusterIssuer, Issuer
from certwright.api.meta import Resource
from certwright.api.order import Challenge, Order
from certwright.api.request import CertificateRequest
from certwright.api.secret import SecretSummary, summarize
from certwright.base.clock import SystemClock
from certwright.files.report import Report, read_report
from certwright.policy.explanation import Local
from certwright.policy.inventory import Choices, Inventory, target_key
from certwright.store.protocol import Store
from certwright.store.sqlite.store import SqliteStore

R = TypeVar("R", bound=Resource)

_KINDS: tuple[type[Resource], ...] = (
    Certificate,
    CertificateRequest,
    Order,
    Challenge,
    Ingress,
    Issuer,
    ClusterIssuer,
    Secret,
)
_CLUSTER_WIDE = frozenset({Issuer, ClusterIssuer})

State = Annotated[Path, typer.Option(help="The state file of `certwright run`.")]
Namespace = Annotated[str, typer.Option("--namespace", "-n", help="The namespace.")]
ClusterNamespace = Annotated[
    str, typer.Option(help="Where ClusterIssuers have their Secrets, as `run` was told.")
]


class Snapshot(Struct, frozen=True, kw_only=True):
    """What was there at `now`.

    Attributes:
        pid: of the process that runs on the state file; 0 where none does.
    """

    inventory: Inventory
    now: datetime
    report: Report
    pid: int


class Listed:
    """Listings by kind; Secrets reduced to their summaries."""

    def __init__(self, listings: Mapping[type[Resource], tuple[Any, ...]]) -> None:
        self._listings = listings

    def list(self, kind: type[R]) -> Iterable[R]:
        """Return all of a kind."""
        if kind is SecretSummary:
            summaries: list[Any] = [summarize(secret) for secret in self._listings[Secret]]
            return summaries
        return self._listings[kind]


@asynccontextmanager
async def reading(state: Path) -> AsyncIterator[Store]:
    """Open the state file to look at it."""
    async with SqliteStore.open(state, clock=SystemClock(), read_only=True) as store:
        yield store


async def take_snapshot(
    store: Store, state: Path, *, cluster_namespace: str, namespace: str | None = None
) -> Snapshot:
    """List the store; of one namespace (and the issuers' Secrets), or all of it."""
    listings = {kind: await _list(store, kind, namespace, cluster_namespace) for kind in _KINDS}
    report = read_report(state) or Report()
    return Snapshot(
        inventory=Inventory(
            Listed(listings),
            Choices(cluster_resource_namespace=cluster_namespace, approve=report.approves),
            local=lambda certificate: _local(report, state, certificate),
        ),
        now=SystemClock().now(),
        report=report,
        pid=running_on(state),
    )


async def _list(
    store: Store, kind: type[R], namespace: str | None, cluster_namespace: str
) -> tuple[R, ...]:
    if namespace is None or kind in _CLUSTER_WIDE:
        return (await store.list(kind)).items
    found = (await store.list(kind, namespace=namespace)).items
    if kind is Secret and cluster_namespace != namespace:
        found += (await store.list(kind, namespace=cluster_namespace)).items
    return found


def _local(report: Report, state: Path, certificate: Certificate) -> Local:
    held = f"Certificate {certificate.key}" in report.held
    return Local(
        out=report.out,
        held=report.held_because if held else "",
        export_error=report.exports.get(str(target_key(certificate)), ""),
        export_next=report.export_next,
        state=str(state),
        state_error=report.state_error or _full(state),
        state_next=report.state_next,
        hook_error=report.hook.message,
        hook_next=report.hook.next_attempt,
    )


def _full(state: Path) -> str:
    """Say that the disk is full: a process that cannot write cannot tell it either."""
    try:
        return "" if os.statvfs(state.parent).f_bavail else os.strerror(errno.ENOSPC)
    except OSError:
        return ""


def running_on(state: Path) -> int:
    """Return the process that runs on a state file; 0 where none does."""
    try:
        descriptor = os.open(state.with_name(f"{state.name}.lock"), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return 0
    try:
        holder = os.read(descriptor, 20).decode(errors="replace").strip()
        pid = int(holder) if holder.isdecimal() else 0
        return pid if pid and _is_alive(pid) and _is_held(descriptor) else 0
    finally:
        os.close(descriptor)


def _is_held(descriptor: int) -> bool:
    """Whether somebody has the lock; without, the number in it is another process's by now."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
