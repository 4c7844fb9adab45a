"""`certwright renew`: issue certificates again now; words and rules are cmctl's (compat-spec 8)."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated

import typer
from msgspec import Struct
from msgspec.structs import replace

from certwright.api.certificate import ISSUING, Certificate
from certwright.api.conditions import with_condition
from certwright.api.kinds import Document, to_wire
from certwright.api.meta import Condition, ConditionStatus, Key
from certwright.base.clock import Clock, SystemClock, whole_seconds
from certwright.base.reason import Reason
from certwright.cli.output import BAD_INPUT, Form, Output, fail, tell
from certwright.cli.selector import Selector, parse_selector
from certwright.cli.snapshot import Namespace, running_on
from certwright.cli.where import AnyState, Context, Kubeconfig, Where, writing
from certwright.store.protocol import Conflict, NotFound, Store

app = typer.Typer()

MANAGER = "cmctl"
MESSAGE = "Certificate re-issuance manually triggered"
_TRIES = 5


class Asked(Struct, frozen=True, kw_only=True):
    """Which Certificates are meant; `namespace` None means all."""

    names: tuple[str, ...]
    selector: Selector
    namespace: str | None


class Triggered(Struct, frozen=True, kw_only=True):
    """The answer for programs."""

    triggered: tuple[str, ...]


@app.command()
def renew(  # noqa: PLR0913  # a command's options are its parameters
    names: Annotated[list[str] | None, typer.Argument(help="Names of Certificates.")] = None,
    *,
    state: AnyState = None,
    kubeconfig: Kubeconfig = None,
    context: Context = "",
    namespace: Namespace = "default",
    selector: Annotated[str, typer.Option("--selector", "-l", help="Labels: a=b,c!=d,e.")] = "",
    everything: Annotated[bool, typer.Option("--all", help="All of the namespace.")] = False,
    all_namespaces: Annotated[
        bool, typer.Option("--all-namespaces", "-A", help="Of all namespaces.")
    ] = False,
    output: Output = Form.TEXT,
) -> None:
    """Issue Certificates again now, whatever their age."""
    named = tuple(names or ())
    _check_usage(named, selector, everything=everything, all_namespaces=all_namespaces)
    asked = Asked(
        names=named,
        selector=parse_selector(selector),
        namespace=None if all_namespaces else namespace,
    )
    done = asyncio.run(_renew(Where(state, kubeconfig, context), asked))
    if not done:
        where = "" if asked.namespace is None else f" in {asked.namespace} namespace."
        typer.echo(f"No Certificates found{where}", err=True)
    lines = (f"Manually triggered issuance of Certificate {key}" for key in done)
    tell(output, Triggered(triggered=done), lines)
    if done and state is not None and not running_on(state):
        typer.echo("certwright: hint: nothing is issued until `certwright run` runs", err=True)


def _check_usage(
    names: tuple[str, ...], selector: str, *, everything: bool, all_namespaces: bool
) -> None:
    ways = sum((bool(names), bool(selector), everything))
    if ways == 0:
        raise fail("name Certificates, or use --selector or --all", code=BAD_INPUT)
    if ways > 1:
        raise fail("names, --selector and --all exclude each other", code=BAD_INPUT)
    if names and all_namespaces:
        raise fail("names need a namespace: leave --all-namespaces out", code=BAD_INPUT)


async def _renew(where: Where, asked: Asked) -> tuple[str, ...]:
    async with writing(where) as store:
        return tuple([str(key) async for key in _trigger(store, asked)])


async def _trigger(store: Store, asked: Asked) -> AsyncIterator[Key]:
    for key in await _wanted(store, asked):
        if await trigger(store, key, SystemClock()):
            yield key


async def _wanted(store: Store, asked: Asked) -> tuple[Key, ...]:
    if asked.names and asked.namespace is not None:
        keys = tuple(Key(asked.namespace, name) for name in asked.names)
        for key in keys:
            try:
                await store.get(Certificate, key)
            except NotFound as problem:
                raise fail(problem.message) from problem
        return keys
    found = (await store.list(Certificate, namespace=asked.namespace)).items
    return tuple(one.key for one in found if asked.selector.matches(one.metadata.labels))


async def trigger(store: Store, key: Key, clock: Clock) -> bool:
    """Set Issuing=True by hand; False where the Certificate is gone meanwhile.

    Raises:
        Conflict: it changes faster than it can be written.
    """
    for attempt in range(_TRIES):
        try:
            certificate = await store.get(Certificate, key)
            await store.patch_status(
                Certificate,
                key,
                _patch(certificate, whole_seconds(clock.now())),
                manager=MANAGER,
                version=certificate.metadata.resource_version,
            )
        except NotFound:
            return False
        except Conflict:
            if attempt == _TRIES - 1:
                raise
        else:
            return True
    return False


def _patch(certificate: Certificate, now: datetime) -> Document:
    condition = Condition(
        type=ISSUING,
        status=ConditionStatus.TRUE,
        reason=Reason.MANUALLY_TRIGGERED,
        message=MESSAGE,
        observed_generation=certificate.metadata.generation,
    )
    status = certificate.status
    # asked again while it is being issued: the new moment is what ends the waits on its way
    others = tuple(one for one in status.conditions if one.type != ISSUING)
    wanted = replace(status, conditions=with_condition(others, condition, now))
    return {"conditions": to_wire(wanted)["conditions"]}
