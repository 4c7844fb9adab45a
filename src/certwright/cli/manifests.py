"""`certwright manifests`: everything that runs certwright in a cluster, for one `kubectl apply`."""

import re
from typing import Annotated

import typer

from certwright.api.crd.policies import NAMESPACE, NEWEST_MINOR, OLDEST_MINOR
from certwright.kube.manifests.documents import render
from certwright.kube.manifests.installation import Installation

app = typer.Typer()

_VERSION = re.compile(r"v?1\.(\d{1,3})(\..*)?", re.ASCII)
_NAMES = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", re.ASCII)


@app.command()
def manifests(
    *,
    image: Annotated[str, typer.Option(help="The image; none is published yet.")],
    kube_version: Annotated[
        str, typer.Option(help="The server's, such as 1.34; decides which policies it has.")
    ] = f"1.{NEWEST_MINOR}",
    namespace: Annotated[
        str, typer.Option(help="Where it runs, and where ClusterIssuers have their Secrets.")
    ] = NAMESPACE,
    namespaces: Annotated[
        str, typer.Option(help="Serve only these (comma-separated), with rights in these alone.")
    ] = "",
    replicas: Annotated[int, typer.Option(min=1, help="One works, the others stand by.")] = 1,
) -> None:
    """Print CRDs, policies, rights and the Deployment, for `kubectl apply --server-side -f -`."""
    served = tuple(filter(None, namespaces.split(",")))
    for name in (namespace, *served):
        if not _NAMES.fullmatch(name):
            raise typer.BadParameter(f"{name!r} is no name of a namespace")
    installation = Installation(
        image=image,
        namespace=namespace,
        namespaces=served,
        minor=_minor(kube_version),
        replicas=replicas,
    )
    typer.echo(render(installation), nl=False)


def _minor(version: str) -> int:
    found = _VERSION.fullmatch(version)
    if found is None:
        raise typer.BadParameter(f"--kube-version: {version!r} is no version such as 1.34")
    minor = int(found[1])
    if minor < OLDEST_MINOR:
        raise typer.BadParameter(f"--kube-version: 1.{OLDEST_MINOR} is the oldest that is served")
    return minor
