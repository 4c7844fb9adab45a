"""What somebody wants installed, and the names that all its parts share."""

from typing import Any, Final

from msgspec import Struct

from certwright.api.crd.policies import NAMESPACE, NEWEST_MINOR

NAME: Final = "certwright"
METRICS_PORT: Final = 9402
HEALTH_PORT: Final = 9403


class Installation(Struct, frozen=True, kw_only=True):
    """One installation.

    Attributes:
        image: reference of the image; none is published yet.
        namespace: where it runs, and where ClusterIssuers keep their Secrets.
        namespaces: the only ones that are served, with rights in these alone; none: all are.
        minor: of Kubernetes 1, the server's.
        replicas: one leads, the others stand by.
    """

    image: str
    namespace: str = NAMESPACE
    namespaces: tuple[str, ...] = ()
    minor: int = NEWEST_MINOR
    replicas: int = 1


class Worker(Struct, frozen=True, kw_only=True):
    """One Deployment: its name, what it serves (empty: everything), and where its lease is."""

    name: str
    serves: str
    lease_namespace: str


def workers(installation: Installation) -> tuple[Worker, ...]:
    """Return the Deployments: one, or one for each of several namespaces."""
    if not installation.namespaces:
        # where cert-manager has it, so that neither works while the other does
        return (Worker(name=NAME, serves="", lease_namespace="kube-system"),)
    several = len(installation.namespaces) > 1
    return tuple(
        Worker(name=f"{NAME}-{one}" if several else NAME, serves=one, lease_namespace=one)
        for one in installation.namespaces
    )


def metadata(name: str, namespace: str = "", **labels: str) -> dict[str, Any]:
    """Build the metadata of a part."""
    place = {"namespace": namespace} if namespace else {}
    return {
        "name": name,
        **place,
        "labels": {"app.kubernetes.io/name": NAME} | labels,
    }


def selector(name: str) -> dict[str, str]:
    """Return the labels of a Deployment's pods."""
    return {"app.kubernetes.io/name": NAME, "app.kubernetes.io/instance": name}
