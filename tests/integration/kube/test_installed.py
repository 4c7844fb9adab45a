"""The product under exactly the rights that `certwright manifests` prints, with all policies."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from certwright.api.certificate import Certificate
from certwright.api.conditions import is_true
from certwright.api.meta import Key
from certwright.base.secret import Redacted
from certwright.cluster import Cluster, started_on_cluster
from certwright.controllers.options import Options
from certwright.kube.config import User
from certwright.kube.manifests.documents import documents
from certwright.kube.manifests.installation import Installation
from certwright.kube.rest import Call, Rest
from certwright.net.http import HttpClient
from certwright.net.tcp import free_port
from certwright.runtime.leader import Election
from certwright.settings import ClusterSettings
from tests.integration.kube.applying import apply
from tests.integration.kube.policies import make_namespace, until_in_force
from tests.integration.servers.apiserver import ApiServer

IMAGE = "registry.example/certwright:test"
REFUSED = re.compile(
    r'^authorization_attempts_total\{result="(?!allowed)[^"]*"\} (\d+)', re.MULTILINE
)


@pytest.fixture
async def admin(installed: ApiServer) -> AsyncIterator[Rest]:
    rest = installed.rest()
    yield rest
    await rest.aclose()


async def install(admin: Rest, installation: Installation) -> Redacted[str]:
    """Apply everything; return a token of the ServiceAccount."""
    for name in installation.namespaces:
        await make_namespace(admin, name)
    for document in documents(installation):
        await apply(admin, document)
    await until_in_force(admin)
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    path = f"/api/v1/namespaces/{installation.namespace}/serviceaccounts/certwright/token"
    answer = await admin.request(Call(method="POST", path=path, body=msgspec.json.encode(body)))
    token: str = msgspec.json.decode(answer)["status"]["token"]
    return Redacted(token)


@asynccontextmanager
async def running(
    server: ApiServer, token: Redacted[str], **settings: Any
) -> AsyncIterator[tuple[Cluster, int]]:
    """Run the product as the pod would."""
    port = free_port()
    config = msgspec.structs.replace(server.config(), user=User(token=token))
    wanted = ClusterSettings(config=config, metrics_address=f"127.0.0.1:{port}", **settings)
    async with started_on_cluster(wanted) as cluster:
        yield cluster, port


def a_selfsigned(namespace: str) -> tuple[dict[str, Any], dict[str, Any]]:
    metadata = {"name": "self", "namespace": namespace}
    spec = {
        "secretName": "self-tls",
        "issuerRef": {"name": "self"},
        "dnsNames": ["www.example.com"],
        "privateKey": {"algorithm": "ECDSA"},
    }
    return (
        {
            "apiVersion": "cert-manager.io/v1",
            "kind": "Issuer",
            "metadata": metadata,
            "spec": {"selfSigned": {}},
        },
        {
            "apiVersion": "cert-manager.io/v1",
            "kind": "Certificate",
            "metadata": metadata,
            "spec": spec,
        },
    )


async def until_ready(cluster: Cluster, admin: Rest, namespace: str) -> None:
    deadline = admin.clock.monotonic() + 20
    while True:
        found = cluster.view.get(Certificate, Key(namespace, "self"))
        if found is not None and is_true(found.status.conditions, "Ready"):
            return
        assert admin.clock.monotonic() < deadline, found and found.status
        await admin.clock.sleep(timedelta(milliseconds=100))


async def forbidden(admin: Rest) -> int:
    """How many requests the server has refused so far."""
    text = (await admin.request(Call(path="/metrics"))).decode()
    return sum(map(int, REFUSED.findall(text)))


async def ask(url: str) -> str:
    http = HttpClient()
    try:
        return (await http.request("GET", url)).body.decode()
    finally:
        await http.aclose()


async def test_the_rights_are_enough_for_everything_it_does(
    installed: ApiServer, admin: Rest
) -> None:
    token = await install(admin, Installation(image=IMAGE))
    await make_namespace(admin, "shop")
    before = await forbidden(admin)

    async with running(installed, token, election=Election(identity="pod")) as (cluster, port):
        for document in a_selfsigned("shop"):
            await apply(admin, document)
        await until_ready(cluster, admin, "shop")
        text = await ask(f"http://127.0.0.1:{port}/metrics")

    assert await forbidden(admin) == before
    assert re.search(
        r'^certmanager_certificate_ready_status\{.*condition="True".*name="self".*\} 1.0$',
        text,
        re.MULTILINE,
    )
    assert 'certmanager_controller_sync_call_count{controller="certificates-trigger"}' in text
    request = await the_request(admin, "shop")
    assert request["spec"]["username"] == "system:serviceaccount:cert-manager:certwright"


async def the_request(admin: Rest, namespace: str) -> dict[str, Any]:
    path = f"/apis/cert-manager.io/v1/namespaces/{namespace}/certificaterequests"
    (request,) = msgspec.json.decode(await admin.request(Call(path=path)))["items"]
    found: dict[str, Any] = request
    return found


async def test_roles_are_enough_where_one_namespace_is_served(
    installed: ApiServer, admin: Rest
) -> None:
    installation = Installation(image=IMAGE, namespace="tenancy", namespaces=("blog",))
    token = await install(admin, installation)
    options = Options()
    options = msgspec.structs.replace(options, controllers=options.controllers - {"clusterissuers"})
    election = Election(identity="pod", namespace="blog", serves="blog")

    settings = {"election": election, "namespace": "blog", "options": options}
    async with running(installed, token, **settings) as (cluster, _):
        for document in a_selfsigned("blog"):
            await apply(admin, document)
        await until_ready(cluster, admin, "blog")

    request = await the_request(admin, "blog")
    assert request["spec"]["username"] == "system:serviceaccount:tenancy:certwright"
