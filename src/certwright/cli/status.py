"""`certwright status`: all certificates in one table; `status certificate NAME`: one chain."""

import asyncio
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from msgspec import Struct

from certwright.api.meta import Key
from certwright.cli.output import BAD_INPUT, Form, Output, fail, table, tell
from certwright.cli.snapshot import (
    ClusterNamespace,
    Namespace,
    Snapshot,
    reading,
    take_snapshot,
)
from certwright.cli.status_certificate import certificate_lines, describe
from certwright.files.report import HookReport, Report
from certwright.policy.explain import explain
from certwright.policy.explain_text import relative, rough, when
from certwright.policy.explanation import Chain, Verdict
from certwright.policy.readiness import assess

app = typer.Typer(invoke_without_command=True)

MaybeState = Annotated[Path | None, typer.Option("--state", help="The state file.")]
MaybeOutput = Annotated[Form | None, typer.Option("--output", "-o", help="text, json or yaml.")]
_NAMES = 2


class Row(Struct, frozen=True, kw_only=True, rename="camel"):
    """One Certificate in the table."""

    namespace: str
    name: str
    ready: bool
    verdict: Verdict
    names: tuple[str, ...]
    issuer: str
    expires: datetime | None
    renews: datetime | None
    next_attempt: datetime | None
    sentence: str


class Running(Struct, frozen=True, kw_only=True, rename="camel"):
    """Whether `certwright run` works on the state."""

    up: bool
    pid: int = 0
    since: datetime | None = None


class Fleet(Struct, frozen=True, kw_only=True, rename="camel"):
    """All that `status` shows."""

    run: Running
    certificates: tuple[Row, ...]
    manifest_errors: tuple[str, ...]
    held_deletions: tuple[str, ...]
    held_because: str
    export_errors: dict[str, str]
    hook: HookReport


class Given(Struct, frozen=True):
    """Options that may stand before or after `certificate NAME`."""

    state: Path | None
    output: Form
    cluster_namespace: str


@app.callback()
def status(
    context: typer.Context,
    *,
    state: MaybeState = None,
    output: Output = Form.TEXT,
    cluster_resource_namespace: ClusterNamespace = "kube-system",
) -> None:
    """Show all certificates, what is wrong with manifests, exports and hook, and if `run` is up."""
    context.obj = Given(state, output, cluster_resource_namespace)
    if context.invoked_subcommand is not None:
        return
    snapshot = asyncio.run(_look(_required(state), cluster_resource_namespace))
    fleet = read_fleet(snapshot)
    tell(output, fleet, fleet_lines(fleet, snapshot.now))


@app.command("certificate")
def certificate(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Name of the Certificate.")],
    *,
    state: MaybeState = None,
    namespace: Namespace = "default",
    output: MaybeOutput = None,
) -> None:
    """Show one certificate: every object on its way, and the explanation."""
    before: Given = context.obj
    given = Given(
        _required(state or before.state), output or before.output, before.cluster_namespace
    )
    asyncio.run(_certificate(given, Key(namespace, name)))


def _required(state: Path | None) -> Path:
    if state is None:
        raise fail("--state FILE is missing: the state file of `certwright run`", code=BAD_INPUT)
    return state


async def _look(state: Path, cluster_namespace: str) -> Snapshot:
    async with reading(state) as store:
        return await take_snapshot(store, state, cluster_namespace=cluster_namespace)


async def _certificate(given: Given, key: Key) -> None:
    state = _required(given.state)
    async with reading(state) as store:
        snapshot = await take_snapshot(
            store, state, cluster_namespace=given.cluster_namespace, namespace=key.namespace
        )
        chain = snapshot.inventory.chain(key)
        if chain is None:
            raise fail(f"no Certificate {key.name} in namespace {key.namespace}")
        described = await describe(store, chain, snapshot.now)
    tell(given.output, described, certificate_lines(described, snapshot.now))


def read_fleet(snapshot: Snapshot) -> Fleet:
    """Shape what `status` shows."""
    report: Report = snapshot.report
    chains = (snapshot.inventory.chain(key) for key in sorted(snapshot.inventory.certificates))
    return Fleet(
        run=Running(
            up=bool(snapshot.pid),
            pid=snapshot.pid,
            since=report.started if snapshot.pid == report.pid else None,
        ),
        certificates=tuple(_row(one, snapshot.now) for one in chains if one is not None),
        manifest_errors=report.manifests,
        held_deletions=report.held,
        held_because=report.held_because,
        export_errors=report.exports,
        hook=report.hook,
    )


def _row(chain: Chain, now: datetime) -> Row:
    explanation = explain(chain, now)
    wanted = chain.seen.certificate
    found = chain.seen.secret.certificate if chain.seen.secret is not None else None
    reference = wanted.spec.issuer_ref
    return Row(
        namespace=wanted.metadata.namespace,
        name=wanted.metadata.name,
        ready=assess(chain.seen.facts(now)).finding is None,
        verdict=explanation.verdict,
        names=(*wanted.spec.dns_names, *wanted.spec.ip_addresses, *wanted.spec.uris),
        issuer=f"{reference.effective_kind}/{reference.name}",
        expires=found.not_after if found is not None else None,
        renews=chain.seen.facts(now).renewal.at if found is not None else None,
        next_attempt=None if explanation.verdict is Verdict.READY else explanation.next_attempt,
        sentence=explanation.sentence,
    )


def fleet_lines(fleet: Fleet, now: datetime) -> Iterator[str]:
    """Write the fleet for people."""
    yield _run_line(fleet.run, now)
    if fleet.certificates:
        yield ""
        yield from table([_HEADING, *(_cells(row, now) for row in fleet.certificates)])
    else:
        yield "there is no Certificate"
    troubled = [row for row in fleet.certificates if row.verdict in _TROUBLES]
    if troubled:
        yield ""
        yield "Not well (certwright why NAME says more):"
        yield from (f"  {row.namespace}/{row.name}: {row.sentence}" for row in troubled)
    yield from _section("Mistakes in manifests:", fleet.manifest_errors)
    why = f" ({fleet.held_because})" if fleet.held_because else ""
    yield from _section(
        f"Deletions held until `certwright prune --confirm`{why}:", fleet.held_deletions
    )
    exports = tuple(f"{secret}: {text}" for secret, text in sorted(fleet.export_errors.items()))
    yield from _section("Not written to the output folder:", exports)
    if fleet.hook.message:
        again = fleet.hook.next_attempt
        after = f"; next attempt {when(again, now)}" if again is not None else ""
        yield from _section(
            f"Hook failed {fleet.hook.failures} times{after}:", (fleet.hook.message,)
        )


_HEADING = ("NAMESPACE", "NAME", "READY", "NAMES", "ISSUER", "EXPIRES IN", "RENEWS IN", "NEXT TRY")
_TROUBLES = frozenset({Verdict.WAITING, Verdict.FAILED, Verdict.STALLED})


def _run_line(run: Running, now: datetime) -> str:
    if not run.up:
        return "certwright run: not running on this state file"
    since = f", started {relative(run.since, now)}" if run.since is not None else ""
    return f"certwright run: up (process {run.pid}{since})"


def _cells(row: Row, now: datetime) -> tuple[str, ...]:
    more = len(row.names) - _NAMES
    names = ",".join(row.names[:_NAMES]) + (f",+{more}" if more > 0 else "")
    return (
        row.namespace,
        row.name,
        "True" if row.ready else "False",
        names or "-",
        row.issuer,
        _left(row.expires, now, "expired"),
        _left(row.renews, now, "now"),
        _left(row.next_attempt, now, "now"),
    )


def _left(moment: datetime | None, now: datetime, over: str) -> str:
    if moment is None:
        return "-"
    return rough(moment - now) if moment > now else over


def _section(heading: str, lines: tuple[str, ...]) -> Iterator[str]:
    if lines:
        yield ""
        yield heading
        yield from (f"  {line}" for line in lines)
