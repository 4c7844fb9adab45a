"""Makes a command of the table: one option per flag, switches written as Go's programs take them.

`--leader-elect`, `--leader-elect=false`: a switch never takes the word that follows it.
"""

from collections.abc import Callable, Mapping
from inspect import Parameter, Signature
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from certwright.cli.flags.accepted import ACCEPTED
from certwright.cli.flags.flag import Flag, Form
from certwright.cli.flags.own import OWN
from certwright.cli.flags.table import FLAGS

_SWITCHES = frozenset(f"--{flag.name}" for flag in FLAGS if flag.form is Form.SWITCH)
Given = Mapping[str, Any]


class FlagCommand(TyperCommand):
    """A command whose switches need no value."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Write each bare switch out, then parse as always."""
        return super().parse_args(
            ctx, [f"{word}=true" if word in _SWITCHES else word for word in args]
        )


def with_flags(act: Callable[[Given], None]) -> Callable[..., None]:
    """Return a function with a parameter per flag, that hands what was given to `act`, by name."""

    def command(**values: Any) -> None:
        act({flag.name: values.get(flag.parameter) for flag in FLAGS})

    command.__doc__ = act.__doc__
    command.__signature__ = Signature([_parameter(flag) for flag in FLAGS])  # type: ignore[attr-defined]  # what inspect looks for
    return command


def _parameter(flag: Flag) -> Parameter:
    names = [f"--{flag.name}", *([f"-{flag.short}"] if flag.short else [])]
    option = typer.Option(
        *names,
        help=f"{flag.help} {flag.instead}".strip(),
        metavar=flag.form.value.upper() if flag.form is Form.TEXT else flag.form.value,
        show_default=flag.default or False,
        hidden=flag in ACCEPTED,
        rich_help_panel="certwright's own" if flag in OWN else "As cert-manager's controller",
    )
    many = flag.form in {Form.LIST, Form.MAP}
    kind: Any = list[str] | None if many else str | None
    return Parameter(
        flag.parameter, Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind, option]
    )
