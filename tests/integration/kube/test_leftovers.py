"""What cert-manager's Helm release leaves behind is found, and named with its remedy."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from certwright.api.crd.definitions import crds
from certwright.kube.leftovers import Leftover, find_leftovers
from certwright.kube.paths import APPLY
from certwright.kube.rest import Call, Rest
from tests.integration.servers.apiserver import ApiServer

_HOOKS = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def a_hook(namespace: str, **webhook: Any) -> dict[str, Any]:
    service = {"name": "cert-manager-webhook", "namespace": namespace}
    rule = {
        "apiGroups": ["cert-manager.io"],
        "apiVersions": ["v1"],
        "operations": ["DELETE"],
        "resources": ["nothing"],
    }
    return {
        "metadata": {"name": f"hook-{namespace}"},
        "webhooks": [
            {
                "name": "webhook.cert-manager.io",
                "admissionReviewVersions": ["v1"],
                "sideEffects": "None",
                "failurePolicy": "Fail",
                "clientConfig": {"service": service},
                "rules": [rule],
                **webhook,
            }
        ],
    }


@asynccontextmanager
async def there(rest: Rest, collection: str, body: dict[str, Any]) -> AsyncIterator[None]:
    await rest.request(Call(method="POST", path=collection, body=msgspec.json.encode(body)))
    try:
        yield
    finally:
        path = f"{collection}/{body['metadata']['name']}"
        await rest.request(Call(method="DELETE", path=path))


async def about(rest: Rest, namespace: str) -> list[Leftover]:
    return [one for one in await find_leftovers(rest) if namespace in one.text]


async def test_a_webhook_that_nobody_answers_for_is_named(rest: Rest, namespace: str) -> None:
    async with there(rest, _HOOKS, a_hook(namespace)):
        found = await about(rest, namespace)

    command = f"kubectl delete validatingwebhookconfiguration hook-{namespace}"
    assert [one.command for one in found] == [command]


async def test_a_webhook_with_endpoints_is_none_of_our_business(rest: Rest, namespace: str) -> None:
    slices = f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices"
    labels = {"kubernetes.io/service-name": "cert-manager-webhook"}
    alive = {
        "metadata": {"name": "alive", "labels": labels},
        "addressType": "IPv4",
        "endpoints": [{"addresses": ["192.0.2.1"]}],
    }
    async with there(rest, slices, alive), there(rest, _HOOKS, a_hook(namespace)):
        assert await about(rest, namespace) == []


@pytest.mark.parametrize(
    "webhook",
    [
        {"failurePolicy": "Ignore"},
        {"rules": []},
        {"clientConfig": {"url": "https://192.0.2.1/"}},
    ],
)
async def test_a_webhook_that_refuses_nothing_of_ours_is_let_be(
    rest: Rest, namespace: str, webhook: dict[str, Any]
) -> None:
    async with there(rest, _HOOKS, a_hook(namespace, **webhook)):
        assert await about(rest, namespace) == []


async def test_whoever_needs_cainjector_is_named(rest: Rest, namespace: str) -> None:
    hook = a_hook(namespace, failurePolicy="Ignore")
    hook["metadata"]["annotations"] = {"cert-manager.io/inject-ca-from": "a/b"}

    async with there(rest, _HOOKS, hook):
        found = await about(rest, namespace)

    assert ["cainjector" in one.text for one in found] == [True]


async def test_crds_that_helm_owns_are_named_with_the_flag_that_is_needed(rest: Rest) -> None:
    crd = crds()[0]
    path = f"{_CRDS}/{crd['metadata']['name']}"
    before = await find_leftovers(rest)
    await rest.request(
        Call(
            method="PATCH",
            path=path,
            query={"fieldManager": "helm", "force": "true"},
            body=msgspec.json.encode(crd),
            content_type=APPLY,
        )
    )

    found = await find_leftovers(rest)

    new = [one for one in found if one not in before]
    assert [one.command for one in new] == [
        "certwright crds | kubectl apply --server-side --force-conflicts -f -"
    ]


async def test_who_may_not_look_finds_nothing(server: ApiServer) -> None:
    rest = server.rest("nobody")
    try:
        assert await find_leftovers(rest) == ()
    finally:
        await rest.aclose()
