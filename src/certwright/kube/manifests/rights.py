"""What certwright may do in a cluster: each rule with the reason why, which is printed with it.

Nothing is granted that is not used. Secrets are read in full only where certwright wrote them
(label `controller.cert-manager.io/fao`), but RBAC cannot say so: `list` on Secrets is all of them.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from msgspec import Struct

from certwright.api.kinds import Document
from certwright.kube.manifests.installation import (
    NAME,
    Installation,
    Worker,
    metadata,
    workers,
)

API_VERSION: Final = "rbac.authorization.k8s.io/v1"
_OURS: Final = "cert-manager.io"
_ACME: Final = "acme.cert-manager.io"
_READ: Final = ("get", "list", "watch")


class Right(Struct, frozen=True):
    """One rule of a role.

    Attributes:
        why: for the person who reviews it.
        group: API group; empty for core.
        resources: plurals, with subresources.
        verbs: what may be done.
        names: of the objects, if not all.
    """

    why: str
    group: str
    resources: tuple[str, ...]
    verbs: tuple[str, ...]
    names: tuple[str, ...] = ()

    def document(self) -> Document:
        """Return the rule as RBAC writes it."""
        rule: Document = {
            "apiGroups": [self.group],
            "resources": list(self.resources),
            "verbs": list(self.verbs),
        }
        return rule | ({"resourceNames": list(self.names)} if self.names else {})


WORK: Final = (
    Right(
        "the resources that people write; ingress-shim makes, changes and deletes Certificates",
        _OURS,
        ("certificates",),
        (*_READ, "create", "patch", "delete"),
    ),
    Right(
        "one CertificateRequest per issuance; old revisions are deleted",
        _OURS,
        ("certificaterequests",),
        (*_READ, "create", "patch", "delete"),
    ),
    Right(
        "who signs; patched for the annotations in which a failure is noted",
        _OURS,
        ("issuers",),
        (*_READ, "patch"),
    ),
    Right(
        "what was reached and what failed",
        _OURS,
        ("certificates/status", "certificaterequests/status", "issuers/status"),
        ("patch",),
    ),
    Right(
        "owner references block deletion, which needs this where the server enforces it",
        _OURS,
        ("certificates/finalizers", "certificaterequests/finalizers"),
        ("update",),
    ),
    Right(
        "the ACME orders and challenges of a request; a challenge has a finalizer",
        _ACME,
        ("orders", "challenges"),
        (*_READ, "create", "patch", "delete"),
    ),
    Right(
        "their progress at the CA",
        _ACME,
        ("orders/status", "challenges/status"),
        ("patch",),
    ),
    Right(
        "owner references of challenges, as above",
        _ACME,
        ("orders/finalizers",),
        ("update",),
    ),
    Right(
        "private keys and certificates are written to Secrets, credentials of issuers read from"
        " them; a temporary key is deleted",
        "",
        ("secrets",),
        (*_READ, "create", "patch", "delete"),
    ),
    Right("what happened, for people; repeats are counted", "", ("events",), ("create", "patch")),
    Right("annotated Ingresses ask for Certificates", "networking.k8s.io", ("ingresses",), _READ),
    Right(
        "a Certificate is owned by its Ingress, as above",
        "networking.k8s.io",
        ("ingresses/finalizers",),
        ("update",),
    ),
)
"""Needed wherever certificates are served."""

_SIGNERS: Final = ("issuers.cert-manager.io/*", "clusterissuers.cert-manager.io/*")
_APPROVE_WHY: Final = "the built-in approver approves requests for the built-in issuers"
APPROVE: Final = Right(_APPROVE_WHY, _OURS, ("signers",), ("approve",), _SIGNERS)
APPROVE_IN_NAMESPACE: Final = Right(_APPROVE_WHY, _OURS, ("signers",), ("approve",), _SIGNERS[:1])

EVERYWHERE: Final = (
    Right(
        "the issuers of the whole cluster",
        _OURS,
        ("clusterissuers",),
        (*_READ, "patch"),
    ),
    Right("whether they are ready", _OURS, ("clusterissuers/status",), ("patch",)),
    Right(
        "a live lease of cert-manager in any namespace prevents the start",
        "coordination.k8s.io",
        ("leases",),
        ("list", "watch"),  # newer servers list by a watch
    ),
    Right(
        "leftovers of cert-manager's webhook would refuse every write: they are named at the start",
        "admissionregistration.k8s.io",
        ("validatingwebhookconfigurations", "mutatingwebhookconfigurations"),
        ("list",),
    ),
    Right(
        "whether a webhook's Service still has endpoints",
        "discovery.k8s.io",
        ("endpointslices",),
        ("list",),
    ),
    Right(
        "whether Helm owns fields of the CRDs",
        "apiextensions.k8s.io",
        ("customresourcedefinitions",),
        ("list",),
    ),
)
"""Needed beside it where the whole cluster is served."""

LEASE: Final = (
    Right("the lease is made once", "coordination.k8s.io", ("leases",), ("create",)),
    Right(
        "whoever holds it works, alone",
        "coordination.k8s.io",
        ("leases",),
        ("get", "patch"),
        ("cert-manager-controller",),
    ),
)

VIEW: Final = (
    Right("look", _OURS, ("certificates", "certificaterequests", "issuers"), _READ),
    Right("look", _ACME, ("challenges", "orders"), _READ),
)
_CHANGE: Final = ("create", "delete", "deletecollection", "patch", "update")
EDIT: Final = (
    Right("write", _OURS, ("certificates", "certificaterequests", "issuers"), _CHANGE),
    Right("ask for a renewal", _OURS, ("certificates/status",), ("update", "patch")),
    # a forged challenge would borrow the credentials of a ClusterIssuer: nobody creates one
    Right("give up", _ACME, ("challenges",), ("delete", "deletecollection", "patch", "update")),
    Right("give up", _ACME, ("orders",), ("delete", "deletecollection")),
)
CLUSTER_VIEW: Final = (Right("look", _OURS, ("clusterissuers",), _READ),)

ALL: Final = (
    *WORK,
    *EVERYWHERE,
    *LEASE,
    APPROVE,
    APPROVE_IN_NAMESPACE,
    *VIEW,
    *EDIT,
    *CLUSTER_VIEW,
)


def why(rule: Document) -> str:
    """Return the reason of a rule as it stands in a document."""
    return next(right.why for right in ALL if right.document() == rule)


def rights(installation: Installation) -> tuple[Document, ...]:
    """Return the roles and bindings of an installation."""
    where = installation.namespace
    if installation.namespaces:
        found = (_in_namespace(worker, where) for worker in workers(installation))
        return tuple(document for each in found for document in each)
    return (
        _role("ClusterRole", NAME, (*WORK, *EVERYWHERE, APPROVE)),
        _bound("ClusterRole", NAME, where),
        _role("Role", f"{NAME}-leader", LEASE, "kube-system"),
        _bound("Role", f"{NAME}-leader", where, "kube-system"),
        *_for_people(),
    )


def _in_namespace(worker: Worker, where: str) -> Iterator[Document]:
    yield _role("Role", NAME, (*WORK, APPROVE_IN_NAMESPACE, *LEASE), worker.serves)
    yield _bound("Role", NAME, where, worker.serves)


def _for_people() -> Iterator[Document]:
    """The roles that add to Kubernetes' own for people (compat-spec 7.6)."""
    for name, granted, into in (
        ("view", VIEW, ("view", "edit", "admin", "cluster-reader")),
        ("edit", EDIT, ("edit", "admin")),
        ("cluster-view", CLUSTER_VIEW, ("cluster-reader",)),
    ):
        labels = {f"rbac.authorization.k8s.io/aggregate-to-{one}": "true" for one in into}
        role = _role("ClusterRole", f"{NAME}-{name}", granted)
        role["metadata"]["labels"] |= labels
        yield role


def _role(kind: str, name: str, granted: Iterable[Right], namespace: str = "") -> Document:
    return {
        "apiVersion": API_VERSION,
        "kind": kind,
        "metadata": metadata(name, namespace),
        "rules": [right.document() for right in granted],
    }


def _bound(kind: str, name: str, account_namespace: str, namespace: str = "") -> Document:
    return {
        "apiVersion": API_VERSION,
        "kind": f"{kind}Binding",
        "metadata": metadata(name, namespace),
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": NAME, "namespace": account_namespace}],
    }
