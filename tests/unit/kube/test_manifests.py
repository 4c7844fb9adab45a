"""What is installed in a cluster, and every right that it gets."""

from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from certwright.cli.main import program
from certwright.kube.manifests.documents import documents, render
from certwright.kube.manifests.installation import Installation
from certwright.kube.manifests.rights import ALL

IMAGE = "registry.example/certwright@sha256:0"
PLAIN = Installation(image=IMAGE)
GOLDEN = [
    "Namespace cert-manager",
    *(
        f"CustomResourceDefinition {name}"
        for name in (
            "certificates.cert-manager.io",
            "certificaterequests.cert-manager.io",
            "issuers.cert-manager.io",
            "clusterissuers.cert-manager.io",
            "orders.acme.cert-manager.io",
            "challenges.acme.cert-manager.io",
        )
    ),
    "ServiceAccount cert-manager/certwright",
    "ClusterRole certwright",
    "ClusterRoleBinding certwright",
    "Role kube-system/certwright-leader",
    "RoleBinding kube-system/certwright-leader",
    "ClusterRole certwright-view",
    "ClusterRole certwright-edit",
    "ClusterRole certwright-cluster-view",
    *(
        f"{kind} certwright-{name}"
        for name in ("certificates", "certificaterequests", "issuers", "clusterissuers", "orders")
        for kind in ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")
    ),
    "MutatingAdmissionPolicy certwright-requester",
    "MutatingAdmissionPolicyBinding certwright-requester",
    "ValidatingAdmissionPolicy certwright-requester",
    "ValidatingAdmissionPolicyBinding certwright-requester",
    "ConfigMap cert-manager/certwright-signers",
    "ValidatingAdmissionPolicy certwright-approval",
    "ValidatingAdmissionPolicyBinding certwright-approval",
    "Deployment cert-manager/certwright",
    "Service cert-manager/certwright",
    "NetworkPolicy cert-manager/certwright",
]
RIGHTS = [
    "cert-manager.io certificates: get list watch create patch delete",
    "cert-manager.io certificaterequests: get list watch create patch delete",
    "cert-manager.io issuers: get list watch patch",
    "cert-manager.io certificates/status certificaterequests/status issuers/status: patch",
    "cert-manager.io certificates/finalizers certificaterequests/finalizers: update",
    "acme.cert-manager.io orders challenges: get list watch create patch delete",
    "acme.cert-manager.io orders/status challenges/status: patch",
    "acme.cert-manager.io orders/finalizers: update",
    "core secrets: get list watch create patch delete",
    "core events: create patch",
    "networking.k8s.io ingresses: get list watch",
    "networking.k8s.io ingresses/finalizers: update",
]
BEYOND = [
    "cert-manager.io clusterissuers: get list watch patch",
    "cert-manager.io clusterissuers/status: patch",
    "coordination.k8s.io leases: list watch",
    (
        "admissionregistration.k8s.io validatingwebhookconfigurations"
        " mutatingwebhookconfigurations: list"
    ),
    "discovery.k8s.io endpointslices: list",
    "apiextensions.k8s.io customresourcedefinitions: list",
    "cert-manager.io signers: approve (issuers.cert-manager.io/* clusterissuers.cert-manager.io/*)",
]
LEASE = [
    "coordination.k8s.io leases: create",
    "coordination.k8s.io leases: get patch (cert-manager-controller)",
]


def name_of(document: dict[str, Any]) -> str:
    metadata = document["metadata"]
    place = f"{metadata['namespace']}/" if "namespace" in metadata else ""
    return f"{document['kind']} {place}{metadata['name']}"


def find(installation: Installation, name: str) -> dict[str, Any]:
    return next(one for one in documents(installation) if name_of(one) == name)


def rules(installation: Installation, name: str) -> list[str]:
    return [_line(rule) for rule in find(installation, name)["rules"]]


def _line(rule: dict[str, Any]) -> str:
    names = f" ({' '.join(rule['resourceNames'])})" if "resourceNames" in rule else ""
    (group,) = rule["apiGroups"]
    return f"{group or 'core'} {' '.join(rule['resources'])}: {' '.join(rule['verbs'])}{names}"


def test_an_installation_is_exactly_this() -> None:
    assert [name_of(one) for one in documents(PLAIN)] == GOLDEN


def test_the_controller_has_exactly_these_rights() -> None:
    assert rules(PLAIN, "ClusterRole certwright") == [*RIGHTS, *BEYOND]
    assert rules(PLAIN, "Role kube-system/certwright-leader") == LEASE


def test_people_get_what_cert_manager_gives_them() -> None:
    edit = find(PLAIN, "ClusterRole certwright-edit")

    assert rules(PLAIN, "ClusterRole certwright-edit") == [
        (
            "cert-manager.io certificates certificaterequests issuers:"
            " create delete deletecollection patch update"
        ),
        "cert-manager.io certificates/status: update patch",
        "acme.cert-manager.io challenges: delete deletecollection patch update",
        "acme.cert-manager.io orders: delete deletecollection",
    ]
    assert edit["metadata"]["labels"] == {
        "app.kubernetes.io/name": "certwright",
        "rbac.authorization.k8s.io/aggregate-to-edit": "true",
        "rbac.authorization.k8s.io/aggregate-to-admin": "true",
    }


def test_every_right_says_why() -> None:
    text = render(PLAIN)

    assert all(right.why for right in ALL)
    for right in ALL:
        if right.names != ("issuers.cert-manager.io/*",):
            assert f"# {right.why}\n" in text


def test_a_few_namespaces_need_no_cluster_role() -> None:
    few = Installation(image=IMAGE, namespaces=("shop", "blog"))

    names = [name_of(one) for one in documents(few)]

    assert not [name for name in names if name.startswith("ClusterRole")]
    own = "cert-manager.io signers: approve (issuers.cert-manager.io/*)"
    for served in ("shop", "blog"):
        assert rules(few, f"Role {served}/certwright") == [*RIGHTS, own, *LEASE]
        deployment = find(few, f"Deployment cert-manager/certwright-{served}")
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        assert f"--namespace={served}" in container["args"]
        assert f"--leader-election-namespace={served}" in container["args"]


def test_an_old_minor_gets_no_policy_that_it_lacks() -> None:
    kinds = {one["kind"] for one in documents(Installation(image=IMAGE, minor=32))}

    assert "MutatingAdmissionPolicy" not in kinds
    assert "ValidatingAdmissionPolicy" in kinds


def test_only_several_replicas_have_a_disruption_budget() -> None:
    several = Installation(image=IMAGE, replicas=2)

    budgets = [one for one in documents(several) if one["kind"] == "PodDisruptionBudget"]

    assert [name_of(one) for one in budgets] == ["PodDisruptionBudget cert-manager/certwright"]


def test_the_pod_may_do_nothing_that_it_need_not() -> None:
    pod = find(PLAIN, "Deployment cert-manager/certwright")["spec"]["template"]["spec"]

    (container,) = pod["containers"]

    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }
    assert container["image"] == IMAGE
    assert container["resources"]["requests"]
    assert container["livenessProbe"]["httpGet"]["path"] == "/livez"
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"


def test_the_text_is_the_documents() -> None:
    assert list(yaml.load_all(render(PLAIN), yaml.CSafeLoader)) == list(documents(PLAIN))


def test_the_command_prints_them() -> None:
    answer = CliRunner().invoke(program, ["manifests", "--image", IMAGE, "--kube-version", "1.33"])

    assert answer.exit_code == 0
    assert answer.stdout == render(Installation(image=IMAGE, minor=33))


@pytest.mark.parametrize(
    "words",
    [
        ["--kube-version", "1.31", "--image", "x"],
        ["--kube-version", "new", "--image", "x"],
        ["--namespace", "A", "--image", "x"],
        [],
    ],
)
def test_a_bad_wish_is_bad_usage(words: list[str]) -> None:
    assert CliRunner().invoke(program, ["manifests", *words]).exit_code == 2
