"""`certwright run`: the product, on a machine with --directory, in a cluster without."""

import asyncio
import os
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import structlog
import typer
from msgspec.structs import replace

from certwright.app import forbid_core_dumps, started
from certwright.base.problem import Problem, Stalled
from certwright.base.reason import Reason
from certwright.cli.flags.chosen import Chosen, choose
from certwright.cli.flags.command import FlagCommand, Given, with_flags
from certwright.cli.logs import set_up_logging
from certwright.cluster import observe, started_on_cluster
from certwright.settings import (
    ClusterSettings,
    Election,
    Options,
    Settings,
    choose_controllers,
    credentials_from_environment,
    find_cluster,
    leader_identity,
    parse_rights,
    system_resolvers,
)

_CLUSTER_ONLY = ("kubeconfig", "context", "master", "namespace", "observe", "allow-unserved")
_MACHINE_ONLY = ("state", "out", "hook", "credentials-directory")

log = structlog.get_logger(__name__)
app = typer.Typer()


def run(given: Given) -> None:
    """Issue and renew what is asked for, in a folder or a cluster, until stopped."""
    os.umask(0o077)
    forbid_core_dumps()
    chosen = choose(given)
    form = chosen.text("logging-format") or chosen.text("log-format")
    set_up_logging(form, "error" if chosen.on("observe") else chosen.text("log-level"))
    for note in chosen.notes():
        log.warning("flag", note=note)
    directory = chosen.path("directory")
    _check_home(chosen, given)
    if directory is not None:
        asyncio.run(_until_stopped(_on_machine(_machine(chosen, directory))))
    elif chosen.on("observe"):
        asyncio.run(_observe(_cluster(chosen)))
    else:
        asyncio.run(_until_stopped(_in_cluster(_cluster(chosen))))


app.command(cls=FlagCommand)(with_flags(run))


def _check_home(chosen: Chosen, given: Given) -> None:
    """Refuse flags of the other home; a file that both share may have them."""
    directory = chosen.path("directory") is not None
    others = _CLUSTER_ONLY if directory else _MACHINE_ONLY
    for name in others:
        if given.get(name):
            word = "excludes" if directory else "needs"
            raise typer.BadParameter(f"--{name} {word} --directory")


def _options(chosen: Chosen) -> Options:
    controllers = choose_controllers(chosen.list("controllers"))
    shortest = chosen.span("certificate-request-minimum-backoff-duration") or None
    longest = chosen.span("certificate-request-maximum-backoff-duration")
    if shortest is not None and shortest > longest:
        raise Stalled(
            Reason.INVALID_CONFIG,
            "--certificate-request-minimum-backoff-duration is longer than the maximum",
        )
    return Options(
        cluster_resource_namespace=chosen.text("cluster-resource-namespace"),
        auto_certificate_annotations=chosen.list("auto-certificate-annotations"),
        extra_certificate_annotations=chosen.list("extra-certificate-annotations"),
        default_issuer_name=chosen.text("default-issuer-name"),
        default_issuer_kind=chosen.text("default-issuer-kind"),
        default_issuer_group=chosen.text("default-issuer-group"),
        copied_annotation_prefixes=chosen.list("copied-annotation-prefixes"),
        enable_certificate_owner_ref=chosen.on("enable-certificate-owner-ref"),
        dns01_recursive_nameservers=chosen.list("dns01-recursive-nameservers"),
        dns01_recursive_nameservers_only=chosen.on("dns01-recursive-nameservers-only"),
        controllers=controllers,
        approve="certificaterequests-approver" in controllers,
        request_minimum_backoff=shortest,
        request_maximum_backoff=longest,
    )


def _machine(chosen: Chosen, directory: Path) -> Settings:
    state, out = chosen.path("state"), chosen.path("out")
    if state is None or out is None:
        raise typer.BadParameter("--directory needs --state and --out beside it")
    limit = chosen.span("hook-timeout")
    if not limit:
        raise Stalled(Reason.INVALID_CONFIG, "--hook-timeout must be longer than nothing")
    return Settings(
        state=state,
        directory=directory,
        out=out,
        rights=parse_rights(chosen.text("out-mode"), chosen.text("out-group")),
        hook=chosen.text("hook"),
        hook_limit=limit,
        credentials_directory=chosen.path("credentials-directory")
        or credentials_from_environment(),
        options=_options(chosen),
        resolvers=system_resolvers(),
        # on a machine of its own nothing listens unless it is asked to
        metrics_address=chosen.given.get("metrics-listen-address", ""),
        health_address=chosen.given.get("internal-healthz-listen-address", ""),
    )


def _cluster(chosen: Chosen) -> ClusterSettings:
    rate, burst = chosen.number("kube-api-qps"), chosen.number("kube-api-burst")
    if burst and burst < rate:
        raise Stalled(Reason.INVALID_CONFIG, "--kube-api-burst must not be below --kube-api-qps")
    options, namespace = _options(chosen), chosen.text("namespace")
    if namespace:  # compat-spec 7.1: what has no namespace is not served then
        controllers = options.controllers - {"clusterissuers"}
        options = replace(options, controllers=controllers)
    config = find_cluster(chosen.path("kubeconfig"), chosen.text("context"), chosen.text("master"))
    return ClusterSettings(
        config=config,
        election=_election(chosen) if chosen.on("leader-elect") else None,
        namespace=namespace,
        requests_per_second=rate,
        burst=int(burst or rate),
        allow_unserved=chosen.on("allow-unserved"),
        options=options,
        resolvers=system_resolvers(),
        metrics_address=chosen.text("metrics-listen-address"),
        health_address=chosen.text("internal-healthz-listen-address"),
        health_timeout=chosen.span("internal-healthz-leader-election-timeout"),
    )


def _election(chosen: Chosen) -> Election:
    election = Election(
        identity=leader_identity(),
        namespace=chosen.text("leader-election-namespace"),
        serves=chosen.text("namespace"),
        lease_duration=chosen.span("leader-election-lease-duration"),
        renew_deadline=chosen.span("leader-election-renew-deadline"),
        retry_period=chosen.span("leader-election-retry-period"),
    )
    if not election.lease_duration > election.renew_deadline > election.retry_period:
        raise Stalled(
            Reason.INVALID_CONFIG,
            "--leader-election-lease-duration must be longer than -renew-deadline, and that longer"
            " than -retry-period",
        )
    return election


async def _on_machine(settings: Settings) -> None:
    async with started(settings):
        log.info("running", directory=str(settings.directory), state=str(settings.state))
        await asyncio.Event().wait()


async def _in_cluster(settings: ClusterSettings) -> None:
    async with started_on_cluster(settings, lost=_end_at_once):
        log.info("running", server=settings.config.cluster.server)
        await asyncio.Event().wait()


async def _observe(settings: ClusterSettings) -> None:
    findings = await observe(settings)
    for line in findings.unserved:
        typer.echo(f"not served: {line}")
    for line in findings.changes:
        typer.echo(line)
    for one in findings.leftovers:
        typer.echo(f"left behind: {one.text}" + (f": {one.command}" if one.command else ""))
    if not (findings.unserved or findings.changes or findings.leftovers):
        typer.echo("nothing would change")


async def _until_stopped(work: Coroutine[Any, Any, None]) -> None:
    """Work until SIGTERM or SIGINT, then let go of everything in order."""
    loop = asyncio.get_running_loop()
    task = asyncio.create_task(work)
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    stop = asyncio.create_task(stopped.wait())
    await asyncio.wait((task, stop), return_when=asyncio.FIRST_COMPLETED)
    if stop.done():
        log.info("stopping")
        task.cancel()
    stop.cancel()
    try:
        await task
    except asyncio.CancelledError:
        return
    except BaseExceptionGroup as group:
        raise _first(group) from group


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return what ended the work: a failure that people are told of comes before a bug."""
    problems = group.subgroup(Problem)
    found: BaseException = problems if problems is not None else group
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found


def _end_at_once(problem: Problem) -> None:
    """End the process before a request that is being sent goes on: somebody else leads."""
    sys.stderr.write(f"certwright: error: {problem.message}\n")
    sys.stderr.flush()
    os._exit(1)
