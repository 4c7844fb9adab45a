"""Who asks for a certificate and who may approve it, decided by a real API server alone."""

import base64
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from certwright.api.crd.approval import SIGNERS
from certwright.base.clock import SystemClock
from certwright.kube.config import Impersonation
from certwright.kube.paths import MERGE
from certwright.kube.plugin import ProcessExecRunner
from certwright.kube.problem import ApiProblem
from certwright.kube.rest import Call, Rest
from tests.integration.kube.applying import apply
from tests.integration.kube.policies import install_policies, make_namespace
from tests.integration.servers.apiserver import ApiServer

CSR = base64.b64encode(b"-----BEGIN CERTIFICATE REQUEST-----\n").decode()
REQUESTS = "/apis/cert-manager.io/v1/namespaces/{}/certificaterequests"
RBAC = "rbac.authorization.k8s.io/v1"
DENIED = 'admission webhook "webhook.cert-manager.io" denied the request: '


@pytest.fixture
async def admin(ruled: ApiServer, prepared: list[bool]) -> AsyncIterator[Rest]:
    rest = ruled.rest()
    if not prepared:
        await install_policies(rest)
        prepared.append(True)
    yield rest
    await rest.aclose()


@pytest.fixture
async def place(admin: Rest) -> str:
    """A namespace in which the tenants may do everything with requests."""
    namespace = f"tenants-{uuid.uuid4()}"
    await make_namespace(admin, namespace)
    await grant(
        admin,
        "tenants",
        namespace,
        [rule("certificaterequests", "*"), rule("certificaterequests/status", "*")],
    )
    return namespace


def rule(resource: str, *verbs: str, names: tuple[str, ...] = ()) -> dict[str, Any]:
    found = {"apiGroups": ["cert-manager.io"], "resources": [resource], "verbs": list(verbs)}
    return found | ({"resourceNames": list(names)} if names else {})


async def grant(admin: Rest, group: str, namespace: str, rules: list[dict[str, Any]]) -> None:
    """Give a group rights in one namespace."""
    name = f"test-{uuid.uuid4()}"
    root = f"/apis/{RBAC}/namespaces/{namespace}"
    role = {"apiVersion": RBAC, "kind": "Role", "metadata": {"name": name}, "rules": rules}
    binding = {
        "apiVersion": RBAC,
        "kind": "RoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": group}],
    }
    await post(admin, f"{root}/roles", role)
    await post(admin, f"{root}/rolebindings", binding)


async def grant_everywhere(admin: Rest, group: str, rules: list[dict[str, Any]]) -> None:
    """Give a group rights in the whole cluster."""
    name = f"test-{uuid.uuid4()}"
    role = {"apiVersion": RBAC, "kind": "ClusterRole", "metadata": {"name": name}, "rules": rules}
    binding = {
        "apiVersion": RBAC,
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": group}],
    }
    await post(admin, f"/apis/{RBAC}/clusterroles", role)
    await post(admin, f"/apis/{RBAC}/clusterrolebindings", binding)


async def post(rest: Rest, path: str, document: dict[str, Any], **query: str) -> dict[str, Any]:
    body = msgspec.json.encode(document)
    answer = await rest.request(Call(method="POST", path=path, query=query, body=body))
    written: dict[str, Any] = msgspec.json.decode(answer)
    return written


def a_request(*, csr: str = CSR, issuer: dict[str, str] | None = None, **spec: Any) -> Any:
    return {
        "apiVersion": "cert-manager.io/v1",
        "kind": "CertificateRequest",
        "metadata": {"generateName": "request-"},
        "spec": {"request": csr, "issuerRef": issuer or {"name": "ca"}, **spec},
    }


async def approve(rest: Rest, place: str, name: str, condition: str = "Approved") -> None:
    conditions = [{"type": condition, "status": "True", "reason": "test", "message": "m"}]
    body = msgspec.json.encode({"status": {"conditions": conditions}})
    path = f"{REQUESTS.format(place)}/{name}/status"
    await rest.request(Call(method="PATCH", path=path, body=body, content_type=MERGE))


async def eventually_approve(rest: Rest, place: str, name: str) -> None:
    """Approve once the server has taken in the rights and the plurals."""
    deadline = rest.clock.monotonic() + 10
    while True:
        try:
            await approve(rest, place, name)
        except ApiProblem:
            if rest.clock.monotonic() > deadline:
                raise
            await rest.clock.sleep(timedelta(milliseconds=100))
        else:
            return


@asynccontextmanager
async def as_somebody(ruled: ApiServer, who: Impersonation) -> AsyncIterator[Rest]:
    config = ruled.config()
    user = msgspec.structs.replace(config.user, impersonation=who)
    config = msgspec.structs.replace(config, user=user)
    rest = Rest(config, SystemClock(), ProcessExecRunner({}))
    try:
        yield rest
    finally:
        await rest.aclose()


async def test_the_requester_is_written_by_the_server(ruled: ApiServer, place: str) -> None:
    tenant = ruled.rest("tenant")
    forged: dict[str, Any] = {"username": "admin", "uid": "0", "groups": ["system:masters"]}
    forged["extra"] = {"a": ["b"]}

    written = await post(tenant, REQUESTS.format(place), a_request(**forged))
    await tenant.aclose()

    spec = written["spec"]
    assert (spec["username"], spec["uid"]) == ("tenant", "tenant-uid")
    assert spec["groups"] == ["tenants", "system:authenticated"]
    assert "extra" not in spec or "a" not in spec["extra"]


async def test_what_else_is_known_of_a_requester_is_written_key_by_key(
    ruled: ApiServer, place: str
) -> None:
    extra = {"example.com/way~in": ("a", "b"), "plain": ("c",)}
    somebody = Impersonation(user="somebody", groups=("tenants", "others"), extra=extra)

    async with as_somebody(ruled, somebody) as rest:
        written = await post(rest, REQUESTS.format(place), a_request())

    spec = written["spec"]
    assert spec["username"] == "somebody"
    assert set(spec["groups"]) == {"tenants", "others", "system:authenticated"}
    assert spec["extra"] == {"example.com/way~in": ["a", "b"], "plain": ["c"]}


async def test_cmctl_finds_the_api_ready(admin: Rest, place: str) -> None:
    path = REQUESTS.format(place)

    good = await post(admin, path, a_request(), dryRun="All")
    with pytest.raises(ApiProblem) as refused:
        await post(
            admin, path, a_request(csr=base64.b64encode(b"invalid-csr").decode()), dryRun="All"
        )

    assert good["spec"]["username"] == "admin"
    assert f"{DENIED}spec.request: " in refused.value.message


async def test_nobody_approves_without_the_right_to(ruled: ApiServer, place: str) -> None:
    tenant = ruled.rest("tenant")
    written = await post(tenant, REQUESTS.format(place), a_request())

    problems = []
    for condition in ("Approved", "Denied"):
        with pytest.raises(ApiProblem) as refused:
            await approve(tenant, place, written["metadata"]["name"], condition)
        problems.append(refused.value)
    await tenant.aclose()

    assert {(problem.reason, problem.status) for problem in problems} == {("Forbidden", 403)}
    assert (
        f'{DENIED}status.conditions: user "tenant" does not have permissions to set'
        " approved/denied conditions for issuer {ca Issuer cert-manager.io}"
    ) in problems[0].message


@pytest.mark.parametrize(
    ("issuer", "right"),
    [
        ({"name": "ca"}, "issuers.cert-manager.io/*"),
        ({"name": "ca"}, "issuers.cert-manager.io/{}.ca"),
        ({"name": "ca", "kind": "ClusterIssuer"}, "clusterissuers.cert-manager.io/*"),
        ({"name": "ca", "kind": "ClusterIssuer"}, "clusterissuers.cert-manager.io/ca"),
        ({"name": "x", "kind": "AWSIssuer", "group": "aws.test"}, "awsissuers.aws.test/*"),
        ({"name": "x", "kind": "AWSIssuer", "group": "aws.test"}, "awsissuers.aws.test/{}.x"),
        ({"name": "x", "kind": "AWSIssuer", "group": "aws.test"}, "awsissuers.aws.test/x"),
        ({"name": "x", "kind": "Notary", "group": "law.test"}, "notaries.law.test/*"),
    ],
)
async def test_the_right_to_approve_is_that_of_the_issuer(
    admin: Rest, ruled: ApiServer, place: str, *, issuer: dict[str, str], right: str
) -> None:
    metadata = {"name": SIGNERS, "namespace": "cert-manager"}
    plurals = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
    await apply(admin, plurals | {"data": {"Notary.law.test": "notaries"}})
    user, group = f"user-{uuid.uuid4()}", f"group-{uuid.uuid4()}"
    await grant(admin, group, place, [rule("certificaterequests/status", "patch")])
    somebody = Impersonation(user=user, groups=(group,))
    request = await post(admin, REQUESTS.format(place), a_request(issuer=issuer))
    name = request["metadata"]["name"]

    async with as_somebody(ruled, somebody) as rest:
        with pytest.raises(ApiProblem):
            await approve(rest, place, name)
        await grant_everywhere(
            admin, group, [rule("signers", "approve", names=(right.format(place),))]
        )

        await eventually_approve(rest, place, name)


async def test_a_role_in_the_namespace_is_enough_to_approve_there(
    admin: Rest, ruled: ApiServer, place: str
) -> None:
    await grant(
        admin, "tenants", place, [rule("signers", "approve", names=("issuers.cert-manager.io/*",))]
    )
    tenant = ruled.rest("tenant")
    request = await post(tenant, REQUESTS.format(place), a_request())

    await eventually_approve(tenant, place, request["metadata"]["name"])
    await tenant.aclose()
