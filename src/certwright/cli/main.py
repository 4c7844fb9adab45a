"""The program: finds the command's module only when it is asked for, and words what went wrong.

Exit codes (design §12): 0 done, 1 failed, 2 bad usage or bad input, 3 not ready.
"""

import importlib
import sys
from collections.abc import Mapping
from typing import Any

import typer
from typer.core import TyperGroup

from certwright.base.problem import Problem

COMMANDS: Mapping[str, str] = {
    "lab": "certwright.cli.lab",
    "run": "certwright.cli.run",
    "status": "certwright.cli.status",
    "why": "certwright.cli.why",
    "renew": "certwright.cli.renew",
    "approve": "certwright.cli.approve",
    "deny": "certwright.cli.deny",
    "check": "certwright.cli.check",
    "prune": "certwright.cli.prune",
    "state": "certwright.cli.state.commands",
    "crds": "certwright.cli.crds",
    "manifests": "certwright.cli.manifests",
}
"""The module of each command; it has a typer application called `app`."""


class Commands(TyperGroup):
    """Imports a command's module when the command is needed: `status` needs no HTTP client."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names, in the order in which a newcomer meets them."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Import one command."""
        del ctx
        module = COMMANDS.get(cmd_name)
        if module is None:
            return None
        command = typer.main.get_command(importlib.import_module(module).app)
        command.name = cmd_name
        return command


program = typer.Typer(
    cls=Commands,
    name="certwright",
    help="Certificates from declarations, kept fresh; and why one is not issued.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@program.callback()
def certwright() -> None:
    """Certificates from declarations, kept fresh; and why one is not issued."""


def main() -> None:
    """Run the program and exit with its code."""
    try:
        program()
    except Problem as problem:
        sys.stderr.write(f"certwright: error: {problem.message}\n")
        if problem.remedy:
            sys.stderr.write(f"certwright: hint: {problem.remedy}\n")
        sys.exit(1)
    except BrokenPipeError:
        # whoever read our output has seen enough; nothing more can be said to them
        sys.stderr.close()
        sys.exit(1)
