"""What `certwright manifests` prints, applied to a real API server as kubectl would."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
import yaml

from certwright.kube.manifests.documents import render
from certwright.kube.manifests.installation import Installation
from certwright.kube.paths import APPLY
from certwright.kube.rest import Call, Rest
from tests.integration.servers.apiserver import ApiServer

IMAGE = "registry.example/certwright:test"
INSTALLATIONS = (
    Installation(image=IMAGE),
    Installation(image=IMAGE, minor=32, namespace="certs", replicas=2),
    Installation(image=IMAGE, namespace="tenancy", namespaces=("shop", "blog")),
)


@pytest.fixture
async def rest(server: ApiServer) -> AsyncIterator[Rest]:
    opened = server.rest()
    yield opened
    await opened.aclose()


async def plurals(rest: Rest, api_version: str) -> dict[str, tuple[str, bool]]:
    """Ask the server for its kinds, as kubectl does."""
    root = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
    found = msgspec.json.decode(await rest.request(Call(path=root)))
    return {
        one["kind"]: (f"{root}/{{}}{one['name']}", one["namespaced"])
        for one in found["resources"]
        if "/" not in one["name"]
    }


async def apply(rest: Rest, document: dict[str, Any]) -> str:
    """Apply one document by server-side apply; returns its version."""
    template, namespaced = (await plurals(rest, document["apiVersion"]))[document["kind"]]
    metadata = document["metadata"]
    assert ("namespace" in metadata) == namespaced
    place = f"namespaces/{metadata['namespace']}/" if namespaced else ""
    answer = await rest.request(
        Call(
            method="PATCH",
            path=f"{template.format(place)}/{metadata['name']}",
            query={"fieldManager": "kubectl", "fieldValidation": "Strict", "force": "true"},
            body=msgspec.json.encode(document),
            content_type=APPLY,
        )
    )
    version: str = msgspec.json.decode(answer)["metadata"]["resourceVersion"]
    return version


@pytest.mark.parametrize("installation", INSTALLATIONS, ids=lambda one: one.namespace)
async def test_it_applies_without_error_and_again_without_a_change(
    rest: Rest, installation: Installation
) -> None:
    documents = list(yaml.load_all(render(installation), yaml.CSafeLoader))

    for document in documents:
        await apply(rest, document)
    # the server adds to Namespaces and CRDs of its own accord once they are there
    settled = [await apply(rest, document) for document in documents]
    again = [await apply(rest, document) for document in documents]

    assert again == settled
