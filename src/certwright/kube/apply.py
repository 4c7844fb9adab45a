"""What is written: create, merge patch, server-side apply, status, delete; never a PUT.

Called by `store`. Objects in a cache may be partial, so nothing that was read is ever sent back as
a whole. Every write names its field manager.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from certwright.api.kinds import Document, Kind
from certwright.api.meta import Key
from certwright.kube.paths import APPLY, MERGE, collection, item
from certwright.kube.rest import Call, Rest


async def create(rest: Rest, kind: Kind, document: Document, *, manager: str) -> bytes:
    """Create an object; returns it as the server stored it.

    Raises:
        ApiProblem: the server refused.
        Retryable: there was no answer; it may have been created all the same.
    """
    namespace = document.get("metadata", {}).get("namespace")
    return await rest.request(
        Call(
            method="POST",
            path=collection(kind, namespace),
            query={"fieldManager": manager},
            body=msgspec.json.encode(document),
        )
    )


async def merge(
    rest: Rest,
    kind: Kind,
    key: Key,
    patch: Mapping[str, Any],
    *,
    manager: str,
    subresource: str = "",
) -> bytes:
    """Merge (RFC 7396) into an object; a `resourceVersion` or `uid` in it is a precondition.

    Raises:
        ApiProblem: the server refused.
        Retryable: there was no answer; it may have been patched all the same.
    """
    return await rest.request(
        Call(
            method="PATCH",
            path=item(kind, key, subresource),
            query={"fieldManager": manager},
            body=msgspec.json.encode(patch),
            content_type=MERGE,
        )
    )


async def apply(
    rest: Rest, kind: Kind, key: Key, fields: Document, *, manager: str, force: bool
) -> bytes:
    """Own exactly `fields` (server-side apply); creates the object if it is missing.

    Raises:
        ApiProblem: the server refused.
        Retryable: there was no answer; it may have been applied all the same.
    """
    names = {"name": key.name} | ({"namespace": key.namespace} if key.namespace else {})
    body = {
        **fields,
        "apiVersion": kind.api_version,
        "kind": kind.name,
        "metadata": {**(fields.get("metadata") or {}), **names},
    }
    return await rest.request(
        Call(
            method="PATCH",
            path=item(kind, key),
            query={"fieldManager": manager, "force": "true" if force else "false"},
            body=msgspec.json.encode(body),
            content_type=APPLY,
        )
    )


async def delete(
    rest: Rest, kind: Kind, key: Key, *, uid: str | None = None, version: str | None = None
) -> None:
    """Delete an object, if it is still the one meant; its dependants are collected afterwards.

    Raises:
        ApiProblem: the server refused.
        Retryable: there was no answer; it may have been deleted all the same.
    """
    given = {"uid": uid, "resourceVersion": version}
    options = {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "propagationPolicy": "Background",
        "preconditions": {name: value for name, value in given.items() if value is not None},
    }
    await rest.request(
        Call(method="DELETE", path=item(kind, key), body=msgspec.json.encode(options))
    )
