"""Where a command acts: on the state file that is named, or else in the cluster."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

import typer
from msgspec import Struct

from certwright.api.rules.admission import Rules
from certwright.base.clock import SystemClock
from certwright.cluster import reaching
from certwright.settings import find_cluster
from certwright.store.protocol import Store
from certwright.store.sqlite.store import SqliteStore

AnyState = Annotated[
    Path | None,
    typer.Option("--state", help="The state file of `certwright run`; without it, the cluster."),
]
Kubeconfig = Annotated[Path | None, typer.Option(help="Kubeconfig, where no --state is named.")]
Context = Annotated[str, typer.Option(help="Context of the kubeconfig.")]


class Where(Struct, frozen=True):
    """A state file, or a cluster by its kubeconfig and context."""

    state: Path | None = None
    kubeconfig: Path | None = None
    context: str = ""


@asynccontextmanager
async def writing(where: Where) -> AsyncIterator[Store]:
    """Open the place to act there.

    Raises:
        Stalled: there is no usable kubeconfig.
        StoreProblem: the state file cannot be opened.
    """
    if where.state is not None:
        opened = SqliteStore.open(where.state, clock=SystemClock(), admission=Rules(), lock=False)
        async with opened as store:
            yield store
        return
    async with reaching(find_cluster(where.kubeconfig, where.context, "")) as cluster:
        yield cluster
