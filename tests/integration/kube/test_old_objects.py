"""Objects that were there before a rule: what an update leaves as it was is not judged again."""

import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from certwright.kube.paths import MERGE
from certwright.kube.problem import ApiProblem
from certwright.kube.rest import Call, Rest
from tests.integration.kube.applying import apply
from tests.integration.kube.policies import install_policies
from tests.integration.servers.apiserver import ApiServer

SITE = "/apis/cert-manager.io/v1/namespaces/{}/certificates/site"


@pytest.fixture
async def admin(ruled: ApiServer, prepared: list[bool]) -> AsyncIterator[Rest]:
    rest = ruled.rest()
    if not prepared:
        await install_policies(rest)
        prepared.append(True)
    yield rest
    await rest.aclose()


async def a_namespace(admin: Rest, name: str, disabled: str) -> None:
    metadata = {"name": name, "labels": {"cert-manager.io/disable-validation": disabled}}
    await apply(admin, {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})


async def patch(admin: Rest, path: str, change: dict[str, Any]) -> None:
    body = msgspec.json.encode(change)
    await admin.request(Call(method="PATCH", path=path, body=body, content_type=MERGE))


def a_bad_one(namespace: str) -> dict[str, Any]:
    return {
        "apiVersion": "cert-manager.io/v1",
        "kind": "Certificate",
        "metadata": {"name": "site", "namespace": namespace},
        "spec": {
            "secretName": "site-tls",
            "issuerRef": {"name": "ca"},
            "ipAddresses": ["1.2.3"],
        },
    }


async def eventually_refused(admin: Rest, path: str, change: dict[str, Any]) -> str:
    """Try until the server has taken in the namespace's label; return its words."""
    deadline = admin.clock.monotonic() + 10
    while True:
        try:
            await patch(admin, path, change)
        except ApiProblem as problem:
            return problem.message
        assert admin.clock.monotonic() < deadline
        await admin.clock.sleep(timedelta(milliseconds=100))


async def test_an_old_object_may_be_touched_but_not_broken_further(admin: Rest) -> None:
    namespace = f"old-{uuid.uuid4()}"
    await a_namespace(admin, namespace, "true")
    path = SITE.format(namespace)
    await apply(admin, a_bad_one(namespace))

    await a_namespace(admin, namespace, "false")
    refused = await eventually_refused(admin, path, {"spec": {"ipAddresses": ["1.2.3", "4"]}})
    await patch(admin, path, {"metadata": {"labels": {"a": "b"}}})
    await patch(admin, f"{path}/status", {"status": {"revision": 1}})

    assert "spec.ipAddresses[0]: must be an IP address" in refused
