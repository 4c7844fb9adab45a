"""`certwright why NAME`: one explanation, with what happens next and what to do."""

import asyncio
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated

import typer
from msgspec.structs import replace

from certwright.api.meta import Key
from certwright.cli.output import Form, Output, fail, tell
from certwright.cli.snapshot import (
    ClusterNamespace,
    Namespace,
    Snapshot,
    State,
    reading,
    take_snapshot,
)
from certwright.files.report import Report
from certwright.policy.explain import explain
from certwright.policy.explain_ingress import explain_ingress
from certwright.policy.explain_text import MOST_LINES, render
from certwright.policy.explanation import Explanation, Verdict

app = typer.Typer()

_NOT_RUNNING = "`certwright run` is not running on this state file: nothing is tried meanwhile"
_SLASH = "/"


@app.command()
def why(
    name: Annotated[
        str, typer.Argument(help="A Certificate, ingress/NAME, or one of the DNS names.")
    ],
    *,
    state: State,
    namespace: Namespace = "default",
    output: Output = Form.TEXT,
    cluster_resource_namespace: ClusterNamespace = "kube-system",
) -> None:
    """Say why a certificate is as it is: the cause, what was seen, what is next, what to do."""
    snapshot = asyncio.run(_look(state, namespace, cluster_resource_namespace))
    explanation = find(snapshot, name, namespace)
    if explanation is None:
        raise _not_found(snapshot, name, namespace)
    if not snapshot.pid and explanation.verdict is not Verdict.READY:
        explanation = replace(explanation, notes=(_NOT_RUNNING, *explanation.notes))
    tell(output, explanation, render(explanation, snapshot.now)[:MOST_LINES])


async def _look(state: Path, namespace: str, cluster_namespace: str) -> Snapshot:
    async with reading(state) as store:
        return await take_snapshot(
            store, state, cluster_namespace=cluster_namespace, namespace=namespace
        )


def find(snapshot: Snapshot, name: str, namespace: str) -> Explanation | None:
    """Explain what `name` means: a Certificate, an Ingress, a DNS name; None where nothing."""
    inventory, now = snapshot.inventory, snapshot.now
    kind, slash, rest = name.partition(_SLASH)
    if slash and kind.lower() in {"ingress", "ingresses", "ing"}:
        ingress = inventory.ingress_chain(Key(namespace, rest))
        return None if ingress is None else explain_ingress(ingress, now)
    plain = rest if slash and kind.lower() in {"certificate", "certificates", "cert"} else name
    chain = inventory.chain(Key(namespace, plain))
    if chain is not None:
        return explain(chain, now)
    chains = [inventory.chain(key) for key in with_name(snapshot, plain, namespace)]
    found = [explain(chain, now) for chain in chains if chain is not None]
    if found:
        return min(found, key=lambda one: _ORDER.index(one.verdict))
    ingress = inventory.ingress_chain(Key(namespace, plain))
    return None if ingress is None else explain_ingress(ingress, now)


_ORDER = (Verdict.STALLED, Verdict.FAILED, Verdict.WAITING, Verdict.ISSUING, Verdict.READY)


def with_name(snapshot: Snapshot, name: str, namespace: str) -> Iterable[Key]:
    """Return the Certificates of a namespace that have a name."""
    wanted = name.lower().rstrip(".")
    for key, certificate in snapshot.inventory.certificates.items():
        spec = certificate.spec
        names = {*spec.dns_names, *spec.ip_addresses, spec.common_name}
        if key.namespace == namespace and wanted in {one.lower() for one in names}:
            yield key


def _not_found(snapshot: Snapshot, name: str, namespace: str) -> typer.Exit:
    lines, hint = missing(snapshot, name, namespace)
    for line in lines:
        typer.echo(line, err=True)
    return fail(f"no Certificate, Ingress or DNS name {name} in namespace {namespace}", hint)


def missing(snapshot: Snapshot, name: str, namespace: str) -> tuple[list[str], str]:
    """Say what is known of a name that nothing has: lines about its manifest, and a hint."""
    inventory = snapshot.inventory
    wrong = _mistakes(snapshot.report, name)
    here = [key.name for key in inventory.certificates if key.namespace == namespace]
    here += [f"ingress/{key.name}" for key in inventory.ingresses if key.namespace == namespace]
    hint = ""
    if wrong:
        hint = "its manifest has mistakes; correct them (certwright check)"
    elif close := get_close_matches(name, here, n=1):
        hint = f"did you mean {close[0]}?"
    elif not here:
        hint = f"there is no Certificate in {namespace}; -n names another namespace"
    return [f"manifest: {line}" for line in wrong], hint


def _mistakes(report: Report, name: str) -> list[str]:
    plain = name.rpartition(_SLASH)[2]
    return [line for line in report.manifests if plain in line][:8]
