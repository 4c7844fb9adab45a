"""Puts our policies in force on an API server, and waits until they are."""

from datetime import timedelta
from typing import Any

import msgspec

from certwright.api.crd.policies import policies
from certwright.kube.paths import APPLY
from certwright.kube.problem import ApiProblem
from certwright.kube.rest import Call, Rest

_PATIENCE_SECONDS = 30
_ADMISSION = "/apis/admissionregistration.k8s.io/v1"
_PATHS = {
    "ConfigMap": "/api/v1/namespaces/{namespace}/configmaps",
    "Namespace": "/api/v1/namespaces",
    "ValidatingAdmissionPolicy": f"{_ADMISSION}/validatingadmissionpolicies",
    "ValidatingAdmissionPolicyBinding": f"{_ADMISSION}/validatingadmissionpolicybindings",
    "MutatingAdmissionPolicy": f"{_ADMISSION}/mutatingadmissionpolicies",
    "MutatingAdmissionPolicyBinding": f"{_ADMISSION}/mutatingadmissionpolicybindings",
}


async def apply(rest: Rest, document: dict[str, Any]) -> dict[str, Any]:
    """Apply one document as `kubectl apply --server-side` does."""
    metadata = document["metadata"]
    collection = _PATHS[document["kind"]].format(namespace=metadata.get("namespace"))
    answer = await rest.request(
        Call(
            method="PATCH",
            path=f"{collection}/{metadata['name']}",
            query={"fieldManager": "tests", "force": "true", "fieldValidation": "Strict"},
            body=msgspec.json.encode(document),
            content_type=APPLY,
        )
    )
    applied: dict[str, Any] = msgspec.json.decode(answer)
    return applied


async def make_namespace(rest: Rest, name: str) -> None:
    """Policies look at the namespace of what they judge."""
    metadata = {"name": name}
    await apply(rest, {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})


async def install_policies(rest: Rest) -> None:
    """Install all policies, and wait until the last one refuses what it should."""
    for namespace in ("cert-manager", "probe"):
        await make_namespace(rest, namespace)
    for document in sorted(policies(), key=_is_probed):
        await apply(rest, document)
    deadline = rest.clock.monotonic() + _PATIENCE_SECONDS
    while not await _is_in_force(rest):
        assert rest.clock.monotonic() < deadline, "the policies are not in force"
        await rest.clock.sleep(timedelta(milliseconds=100))


def _is_probed(document: dict[str, Any]) -> bool:
    name: str = document["metadata"]["name"]
    return name == "certwright-certificaterequests"


async def _is_in_force(rest: Rest) -> bool:
    """Ask for what the policy refuses that was installed last."""
    request = {
        "apiVersion": "cert-manager.io/v1",
        "kind": "CertificateRequest",
        "metadata": {"name": "probe", "namespace": "probe"},
        "spec": {"request": "aW52YWxpZA==", "issuerRef": {"name": "probe"}},
    }
    path = "/apis/cert-manager.io/v1/namespaces/probe/certificaterequests"
    call = Call(
        method="POST", path=path, query={"dryRun": "All"}, body=msgspec.json.encode(request)
    )
    try:
        await rest.request(call)
    except ApiProblem as problem:
        return "policy" in problem.message.lower() and "spec.request" in problem.message
    return False
