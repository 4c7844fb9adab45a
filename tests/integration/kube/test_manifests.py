"""What `certwright manifests` prints, applied to a real API server as kubectl would."""

from collections.abc import AsyncIterator

import pytest
import yaml

from certwright.kube.manifests.documents import render
from certwright.kube.manifests.installation import Installation
from certwright.kube.rest import Rest
from tests.integration.kube.applying import apply
from tests.integration.servers.apiserver import ApiServer

IMAGE = "registry.example/certwright:test"
INSTALLATIONS = (
    Installation(image=IMAGE),
    Installation(image=IMAGE, minor=32, namespace="certs", replicas=2),
    Installation(image=IMAGE, namespace="tenancy", namespaces=("shop", "blog")),
)


@pytest.fixture
async def rest(installed: ApiServer) -> AsyncIterator[Rest]:
    opened = installed.rest()
    yield opened
    await opened.aclose()


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
