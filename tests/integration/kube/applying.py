"""Applies documents of any kind, as `kubectl apply --server-side` does."""

from typing import Any

import msgspec

from certwright.kube.paths import APPLY
from certwright.kube.rest import Call, Rest


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
