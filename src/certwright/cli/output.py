"""How commands answer: data to stdout as text, JSON or YAML; talk to stderr."""

import json
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Annotated, Any

import msgspec
import typer

from certwright.api.text import to_yaml


class Form(StrEnum):
    """The forms of an answer."""

    TEXT = "text"
    JSON = "json"
    YAML = "yaml"


Output = Annotated[Form, typer.Option("--output", "-o", help="text, json or yaml.")]

NOT_FOUND = 1
BAD_INPUT = 2


def tell(form: Form, answer: Any, lines: Iterable[str]) -> None:
    """Print an answer: `answer` for programs, `lines` for people."""
    if form is Form.TEXT:
        for line in lines:
            typer.echo(line)
        return
    document = msgspec.to_builtins(answer)
    if form is Form.YAML:
        typer.echo(to_yaml(document), nl=False)
    else:
        typer.echo(json.dumps(document, indent=2, ensure_ascii=False))


def table(rows: Sequence[Sequence[str]], gap: str = "  ") -> list[str]:
    """Align columns; the first row is the heading."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        gap.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def fail(message: str, hint: str = "", code: int = NOT_FOUND) -> typer.Exit:
    """Say on stderr what is wrong; to be raised."""
    typer.echo(f"certwright: error: {message}", err=True)
    if hint:
        typer.echo(f"certwright: hint: {hint}", err=True)
    return typer.Exit(code)
