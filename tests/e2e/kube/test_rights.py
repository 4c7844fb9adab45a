"""The main job under exactly the rights that `certwright manifests` prints, and no refusal."""

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from certwright.api.core import Secret
from certwright.api.meta import Key
from certwright.kube.manifests.installation import Installation
from certwright.kube.manifests.rights import LEASE, rights
from certwright.kube.rest import Call, Rest
from tests.e2e.kube.world import World
from tests.integration.kube.applying import apply

USER = "controller"
REFUSED = re.compile(
    r'^authorization_attempts_total\{result="(?!allowed)[^"]*"\} (\d+)', re.MULTILINE
)
API = "rbac.authorization.k8s.io"


@pytest.fixture
async def admin(world: World) -> AsyncIterator[Rest]:
    rest = world.place.server.rest()
    yield rest
    await rest.aclose()


def bound(kind: str, name: str, namespace: str = "") -> dict[str, Any]:
    return {
        "apiVersion": f"{API}/v1",
        "kind": f"{kind}Binding",
        "metadata": {"name": name} | ({"namespace": namespace} if namespace else {}),
        "roleRef": {"apiGroup": API, "kind": kind, "name": name},
        "subjects": [{"apiGroup": API, "kind": "User", "name": USER}],
    }


async def grant(admin: Rest, lease_namespace: str) -> None:
    """Give the user what the ServiceAccount gets; each test has its lease in its own namespace."""
    (role,) = (
        one
        for one in rights(Installation(image="none"))
        if (one["kind"], one["metadata"]["name"]) == ("ClusterRole", "certwright")
    )
    lease = {
        "apiVersion": f"{API}/v1",
        "kind": "Role",
        "metadata": {"name": "leader", "namespace": lease_namespace},
        "rules": [right.document() for right in LEASE],
    }
    for document in (
        role,
        bound("ClusterRole", "certwright"),
        lease,
        bound("Role", "leader", lease_namespace),
    ):
        await apply(admin, document)


async def refused(admin: Rest) -> int:
    """How many requests the server has refused for want of rights."""
    text = (await admin.request(Call(path="/metrics"))).decode()
    return sum(map(int, REFUSED.findall(text)))


async def test_an_ingress_gets_its_certificate_with_no_right_too_few(
    world: World, admin: Rest
) -> None:
    place = world.place
    await grant(admin, place.namespace)
    before = await refused(admin)

    place.start(*world.options(), user=USER)
    await place.create(world.ingress("foo.example.com"))
    await place.ready("foo-tls-certificate", 1)
    await place.store.delete(Secret, Key(place.namespace, "foo-tls-certificate"))
    await place.ready("foo-tls-certificate", 2)

    assert "forbidden" not in place.words().lower()
    assert await refused(admin) == before


async def test_without_the_rights_nothing_happens_and_it_says_so(world: World, admin: Rest) -> None:
    place = world.place
    before = await refused(admin)

    process = place.start(*world.options(), user="nobody")

    async def said() -> bool:
        return process.poll() is not None or "forbidden" in place.words().lower()

    await place.until(said)

    assert "forbidden" in place.words().lower()
    assert await refused(admin) > before
