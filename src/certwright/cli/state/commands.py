"""`certwright state …`: what is done to the state file itself."""

import typer

from certwright.cli.state.backup import backup

app = typer.Typer(help="The state file.", no_args_is_help=True)
app.command()(backup)


@app.callback()
def state() -> None:
    """The state file."""
