"""`certwright deny`: deny a CertificateRequest, as cmctl does (compat-spec 8)."""

import asyncio
from typing import Annotated

import typer

from certwright.api.meta import Key
from certwright.cli.snapshot import Namespace
from certwright.cli.verdict import REASON, Verdict, judge
from certwright.cli.where import AnyState, Context, Kubeconfig, Where

app = typer.Typer()


@app.command()
def deny(  # noqa: PLR0913  # a command's options are its parameters
    name: Annotated[str, typer.Argument(help="Name of a CertificateRequest.")],
    *,
    state: AnyState = None,
    kubeconfig: Kubeconfig = None,
    context: Context = "",
    namespace: Namespace = "default",
    reason: Annotated[str, typer.Option(help="One word for programs.")] = REASON,
    message: Annotated[str, typer.Option(help="A sentence.")] = 'manually denied by "cmctl"',
) -> None:
    """Deny a CertificateRequest."""
    where = Where(state, kubeconfig, context)
    asyncio.run(judge(where, Key(namespace, name), Verdict("Denied", reason, message)))
