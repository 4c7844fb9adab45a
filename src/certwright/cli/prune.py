"""`certwright prune`: a person confirms what `run` does not dare to delete."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from certwright.api.certificate import Certificate
from certwright.api.meta import Key
from certwright.api.rules.admission import Rules
from certwright.app import MANIFESTS, build_export
from certwright.base.clock import SystemClock
from certwright.files.directory import Directory
from certwright.files.disk import Disk
from certwright.files.folder import Folder
from certwright.files.plan import Plan
from certwright.settings import Settings
from certwright.store.protocol import Store
from certwright.store.sqlite.store import SqliteStore

app = typer.Typer()


@app.command()
def prune(
    *,
    directory: Annotated[Path, typer.Option(help="The folder of manifests.")],
    state: Annotated[Path, typer.Option(help="The state file.")],
    out: Annotated[
        Path | None, typer.Option(help="Also remove exports that no Certificate names.")
    ] = None,
    confirm: Annotated[bool, typer.Option("--confirm", help="Delete; without it: show.")] = False,
) -> None:
    """Delete what vanished from the folder, also when that is much."""
    settings = Settings(state=state, directory=directory, out=out)
    asyncio.run(_prune(settings, directory, confirm=confirm))


async def _prune(settings: Settings, directory: Path, *, confirm: bool) -> None:
    clock, rules = SystemClock(), Rules()
    opened = SqliteStore.open(settings.state, clock=clock, admission=rules, lock=False)
    async with opened as store:
        source = Directory(Folder(directory, rules), store, clock, manager=MANIFESTS)
        plan = await (source.sync(confirmed=True) if confirm else source.look())
        _tell(plan, confirm=confirm)
        if settings.out is not None:
            await _prune_exports(settings, store, confirm=confirm)


def _tell(plan: Plan, *, confirm: bool) -> None:
    verb = "deleted" if confirm else "would be deleted"
    for kind, key in (*plan.delete, *plan.held):
        done = "kept" if confirm and (kind, key) in plan.held else verb
        typer.echo(f"{kind} {key} {done}")
    if plan.held_because:
        typer.echo(f"held: {plan.held_because}", err=True)
    if not (plan.delete or plan.held):
        typer.echo("nothing to delete", err=True)


async def _prune_exports(settings: Settings, store: Store, *, confirm: bool) -> None:
    named = {
        Key(one.metadata.namespace, one.spec.secret_name)
        for one in (await store.list(Certificate)).items
    }
    export = build_export(settings, Disk())
    for key in export.present():
        if key in named:
            continue
        if confirm:
            await asyncio.to_thread(export.remove, key)
        typer.echo(f"export {key} {'removed' if confirm else 'would be removed'}")
