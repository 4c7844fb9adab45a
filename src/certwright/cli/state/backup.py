"""`certwright state backup`: a copy of the state file, also while `run` works on it."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from certwright.base.clock import SystemClock
from certwright.store.sqlite.store import SqliteStore


def backup(
    target: Annotated[Path, typer.Argument(help="The copy; must not exist yet.")],
    *,
    state: Annotated[Path, typer.Option(help="The state file.")],
) -> None:
    """Copy the state file, also while it is in use. The copy holds private keys: keep it safe."""
    asyncio.run(_backup(state, target))
    typer.echo(f"{target}: written", err=True)


async def _backup(state: Path, target: Path) -> None:
    async with SqliteStore.open(state, clock=SystemClock(), lock=False) as store:
        await store.backup(target)
