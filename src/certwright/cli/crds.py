"""`certwright crds`: the six CustomResourceDefinitions, generated from the types."""

import typer

from certwright.api.crd.definitions import render_crds

app = typer.Typer()


@app.command()
def crds() -> None:
    """Print the CustomResourceDefinitions, for `kubectl apply --server-side -f -`."""
    typer.echo(render_crds(), nl=False)
