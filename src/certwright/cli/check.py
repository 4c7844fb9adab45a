"""`certwright check`: what is wrong with manifests, before anybody acts on them."""

from pathlib import Path
from typing import Annotated

import typer

from certwright.api.manifest import Parsed, parse_manifest
from certwright.api.rules.admission import Rules
from certwright.files.folder import SUFFIXES

app = typer.Typer()

BAD_INPUT = 2


@app.command()
def check(
    files: Annotated[list[Path], typer.Argument(help="Files, or folders of files.")],
) -> None:
    """Check manifests: every mistake with file, line, object, field and rule. Exits 2 on any."""
    rules = Rules()
    parsed = [one for path in files for one in _check(path, rules)]
    errors = [error for one in parsed for error in (*one.errors, *one.contents)]
    for note in (note for one in parsed for note in one.notes):
        typer.echo(f"note: {note}", err=True)
    for error in errors:
        typer.echo(str(error))
    good = sum(len(one.resources) for one in parsed)
    typer.echo(f"{good} good, {len(errors)} mistakes", err=True)
    if errors:
        raise typer.Exit(BAD_INPUT)


def _check(path: Path, rules: Rules) -> list[Parsed]:
    if path.is_dir():
        found = sorted(one for one in path.rglob("*") if one.suffix in SUFFIXES)
        return [parsed for one in found for parsed in _check(one, rules)]
    try:
        content = path.read_bytes()
    except OSError as error:
        typer.echo(f"certwright: error: cannot read {path}: {error.strerror}", err=True)
        raise typer.Exit(BAD_INPUT) from error
    return [parse_manifest(content, str(path), rules=rules)]
