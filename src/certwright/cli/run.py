"""`certwright run`: the product on a machine without a cluster."""

import asyncio
import os
import signal
from pathlib import Path
from typing import Annotated

import structlog
import typer

from certwright.app import forbid_core_dumps, started
from certwright.cli.logs import set_up_logging
from certwright.settings import (
    Options,
    Settings,
    credentials_from_environment,
    parse_rights,
    parse_span,
    system_resolvers,
)

log = structlog.get_logger(__name__)
app = typer.Typer()


@app.command()
def run(  # noqa: PLR0913  # a command's options are its parameters
    *,
    directory: Annotated[Path, typer.Option(help="Folder of manifests: YAML and JSON.")],
    state: Annotated[Path, typer.Option(help="SQLite file; made if missing.")],
    out: Annotated[Path, typer.Option(help="Folder that certificates are written to.")],
    hook: Annotated[str, typer.Option(help="Program to run after certificates changed.")] = "",
    hook_timeout: Annotated[str, typer.Option(help="Longest run of the hook.")] = "60s",
    out_mode: Annotated[str, typer.Option(help="Mode of private files.")] = "0600",
    out_group: Annotated[str, typer.Option(help="Group of private files.")] = "",
    credentials_directory: Annotated[
        Path | None,
        typer.Option(help="Folder of files <namespace>_<secret>_<key> that become Secrets."),
    ] = None,
    cluster_resource_namespace: Annotated[
        str, typer.Option(help="Where ClusterIssuers have their Secrets.")
    ] = "kube-system",
    dns01_recursive_nameservers: Annotated[
        str, typer.Option(help="Resolvers, host:port or https address, comma-separated.")
    ] = "",
    dns01_recursive_nameservers_only: Annotated[
        bool, typer.Option(help="Ask only them, not the zones' own servers.")
    ] = False,
    enable_certificate_owner_ref: Annotated[
        bool, typer.Option(help="Let Secrets go with their Certificate.")
    ] = False,
    default_issuer_name: Annotated[str, typer.Option(help="For kubernetes.io/tls-acme.")] = "",
    default_issuer_kind: Annotated[str, typer.Option(help="Its kind.")] = "Issuer",
    default_issuer_group: Annotated[str, typer.Option(help="Its group.")] = "cert-manager.io",
    log_format: Annotated[str, typer.Option(help="text, json or auto.")] = "auto",
    log_level: Annotated[str, typer.Option(help="debug, info, warning or error.")] = "info",
) -> None:
    """Issue and renew what the manifests ask for, until stopped."""
    os.umask(0o077)
    forbid_core_dumps()
    set_up_logging(log_format, log_level)
    options = Options(
        cluster_resource_namespace=cluster_resource_namespace,
        dns01_recursive_nameservers=tuple(filter(None, dns01_recursive_nameservers.split(","))),
        dns01_recursive_nameservers_only=dns01_recursive_nameservers_only,
        enable_certificate_owner_ref=enable_certificate_owner_ref,
        default_issuer_name=default_issuer_name,
        default_issuer_kind=default_issuer_kind,
        default_issuer_group=default_issuer_group,
    )
    settings = Settings(
        state=state,
        directory=directory,
        out=out,
        rights=parse_rights(out_mode, out_group),
        hook=hook,
        hook_limit=parse_span("--hook-timeout", hook_timeout),
        credentials_directory=credentials_directory or credentials_from_environment(),
        options=options,
        resolvers=system_resolvers(),
    )
    asyncio.run(_run(settings))


async def _run(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with started(settings):
        log.info("running", directory=str(settings.directory), state=str(settings.state))
        await stop.wait()
        log.info("stopping")
