"""Everything that is applied, in an order in which it can be; `certwright manifests` prints it."""

from collections.abc import Iterator
from typing import Final

from certwright.api.crd.definitions import crds
from certwright.api.crd.policies import policies
from certwright.api.kinds import Document
from certwright.api.text import to_yaml
from certwright.kube.manifests.installation import NAME, Installation, metadata
from certwright.kube.manifests.rights import rights, why
from certwright.kube.manifests.workload import workload

_EXISTING: Final = frozenset({"default", "kube-system"})


def documents(installation: Installation) -> tuple[Document, ...]:
    """Return everything; a policy that the server's minor lacks is left out."""
    where = installation.namespace
    return (
        *(() if where in _EXISTING else (_namespace(where),)),
        *crds(),
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": metadata(NAME, where),
        },
        *rights(installation),
        *policies(installation.minor, where),
        *workload(installation),
    )


def render(installation: Installation) -> str:
    """Write everything as YAML; each rule of a role says why it is there."""
    return "".join(f"---\n{_rendered(document)}" for document in documents(installation))


def _namespace(name: str) -> Document:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def _rendered(document: Document) -> str:
    if document["kind"] not in {"Role", "ClusterRole"}:
        return to_yaml(document)
    head = {name: value for name, value in document.items() if name != "rules"}
    return to_yaml(head) + "rules:\n" + "".join(_explained(document))


def _explained(role: Document) -> Iterator[str]:
    for rule in role["rules"]:
        yield f"# {why(rule)}\n{to_yaml([rule])}"
