"""`certwright lab`: the whole chain on loopback, from an Ingress to an HTTPS page, live."""

import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from certwright.base.problem import Problem
from certwright.lab.breaks import Part
from certwright.lab.edge import SHORTEST_LIFETIME
from certwright.lab.ports import BASE, Ports
from certwright.lab.session import Wishes
from certwright.lab.start import run
from certwright.settings import parse_span

app = typer.Typer()


@app.command()
def lab(  # noqa: PLR0913  # a command's options are its parameters
    *,
    once: Annotated[bool, typer.Option("--once", help="End after the first page.")] = False,
    lifetime: Annotated[
        str, typer.Option(help="Of the certificates; 5m or more. Short ones show renewals.")
    ] = "2160h",
    port_base: Annotated[
        int, typer.Option(help="First port; the name server has +53, the site +443.")
    ] = BASE,
    directory: Annotated[
        Path | None,
        typer.Option("--dir", help="Folder to keep; else a fresh one, removed at the end."),
    ] = None,
    broken: Annotated[
        str, typer.Option("--break", help="Break a part and heal it: tsig, zone or ca.")
    ] = "",
    patience: Annotated[str, typer.Option(help="How long a page may take.")] = "45s",
    show: Annotated[
        bool, typer.Option("--open", help="Open the page in a throw-away browser profile.")
    ] = False,
) -> None:
    """Run a CA, a name server, an HTTPS site and the controllers on this machine, and watch."""
    os.umask(0o077)
    try:
        wishes = Wishes(
            once=once,
            lifetime=_life(lifetime),
            ports=Ports(port_base),
            folder=directory,
            broken=_part(broken),
            open=show,
            patience=parse_span("--patience", patience),
        )
    except Problem as problem:
        raise typer.BadParameter(problem.message) from problem
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    sys.exit(run(wishes))


def _part(name: str) -> Part | None:
    if name and name not in set(Part):
        raise ValueError(f"--break {name}: one of {', '.join(Part)}")
    return Part(name) if name else None


def _life(text: str) -> timedelta:
    life = parse_span("--lifetime", text)
    if life < SHORTEST_LIFETIME:
        raise ValueError(f"--lifetime {text}: the lab's CA signs for 5m or more")
    return life
