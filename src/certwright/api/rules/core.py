"""Schemas and rules of Kubernetes' own kinds, for the store that has no API server to know them.

The schemas name every field of core/v1 Service and networking.k8s.io/v1 Ingress, also those that
we do not read: a manifest that a cluster takes is taken here. Rules are those whose breach would
hurt here; a cluster's API server has its own.
"""

import base64
from collections.abc import Iterator, Mapping
from typing import Any, Final

from certwright.api.core import TLS_CERT, TLS_KEY, TYPE_TLS
from certwright.api.kinds import Document
from certwright.api.rules.rule import REQUIRED, Violation
from certwright.api.rules.schema import Schema

_TEXT: Final[Schema] = {"type": "string"}
_BOOL: Final[Schema] = {"type": "boolean"}
_INT32: Final[Schema] = {"type": "integer", "format": "int32"}
_PORT: Final[Schema] = {"type": "integer", "minimum": 1, "maximum": 65535}
_TEXTS: Final[Schema] = {"type": "array", "items": _TEXT}
_TEXT_MAP: Final[Schema] = {"type": "object", "additionalProperties": _TEXT}
_TIME: Final[Schema] = {"type": "string", "format": "date-time"}
_FREE: Final[Schema] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def _object(*required: str, **properties: Schema) -> Schema:
    schema: Schema = {"type": "object", "properties": properties}
    return schema | ({"required": list(required)} if required else {})


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


METADATA: Final = _object(
    name=_TEXT,
    generateName=_TEXT,
    namespace=_TEXT,
    uid=_TEXT,
    resourceVersion=_TEXT,
    generation={"type": "integer", "format": "int64"},
    creationTimestamp=_TIME,
    deletionTimestamp=_TIME,
    deletionGracePeriodSeconds={"type": "integer", "format": "int64"},
    finalizers=_TEXTS,
    labels=_TEXT_MAP,
    annotations=_TEXT_MAP,
    ownerReferences=_list(
        _object(
            "apiVersion",
            "kind",
            "name",
            "uid",
            apiVersion=_TEXT,
            kind=_TEXT,
            name=_TEXT,
            uid=_TEXT,
            controller=_BOOL,
            blockOwnerDeletion=_BOOL,
        )
    ),
    managedFields=_list(_FREE),
    selfLink=_TEXT,
)
"""meta/v1 ObjectMeta."""

_SERVICE: Final = _object(
    type={"type": "string", "enum": ["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"]},
    clusterIP=_TEXT,
    clusterIPs=_TEXTS,
    externalIPs=_TEXTS,
    externalName=_TEXT,
    externalTrafficPolicy=_TEXT,
    internalTrafficPolicy=_TEXT,
    trafficDistribution=_TEXT,
    healthCheckNodePort=_INT32,
    allocateLoadBalancerNodePorts=_BOOL,
    ipFamilies=_TEXTS,
    ipFamilyPolicy=_TEXT,
    loadBalancerClass=_TEXT,
    loadBalancerIP=_TEXT,
    loadBalancerSourceRanges=_TEXTS,
    publishNotReadyAddresses=_BOOL,
    selector=_TEXT_MAP,
    sessionAffinity=_TEXT,
    sessionAffinityConfig=_object(clientIP=_object(timeoutSeconds=_INT32)),
    ports=_list(
        _object(
            "port",
            port=_PORT,
            name=_TEXT,
            protocol={"type": "string", "enum": ["TCP", "UDP", "SCTP"]},
            appProtocol=_TEXT,
            targetPort={"x-kubernetes-int-or-string": True},
            nodePort=_INT32,
        )
    ),
)

_BACKEND: Final = _object(
    service=_object("name", name=_TEXT, port=_object(name=_TEXT, number=_PORT)),
    resource=_object("kind", "name", apiGroup=_TEXT, kind=_TEXT, name=_TEXT),
)

_INGRESS: Final = _object(
    ingressClassName=_TEXT,
    defaultBackend=_BACKEND,
    tls=_list(_object(hosts=_TEXTS, secretName=_TEXT)),
    rules=_list(
        _object(
            host=_TEXT,
            http=_object(
                "paths",
                paths=_list(
                    _object(
                        "backend",
                        "pathType",
                        backend=_BACKEND,
                        path=_TEXT,
                        pathType={
                            "type": "string",
                            "enum": ["Exact", "Prefix", "ImplementationSpecific"],
                        },
                    )
                ),
            ),
        )
    ),
)

CORE: Final[Mapping[str, Mapping[str, Schema]]] = {
    "Secret": {
        "type": _TEXT,
        "data": {"type": "object", "additionalProperties": {"type": "string", "format": "byte"}},
        "stringData": _TEXT_MAP,
        "immutable": _BOOL,
    },
    "Service": {"spec": _SERVICE, "status": _FREE},
    "Ingress": {"spec": _INGRESS, "status": _FREE},
}
"""Top-level fields of a kind beside apiVersion, kind and metadata."""


def secret_rules(document: Document, old: Document | None) -> Iterator[Violation]:
    """Find what is wrong with a Secret; no value of it is ever told."""
    data, text = _texts(document, "data"), _texts(document, "stringData")
    for part, values in (("data", data), ("stringData", text)):
        for name in values:
            if not _is_data_key(name):
                message = "must be letters, digits, '-', '_' or '.', at most 253 of them"
                yield Violation((part, name), message)
    if document.get("type") == TYPE_TLS:
        for name in (TLS_CERT, TLS_KEY):
            if name not in data and name not in text:
                yield Violation(("data", name), f"{REQUIRED} in a Secret of type {TYPE_TLS}")
    if old is not None:
        yield from _kept(document, old)


def _kept(document: Document, old: Document) -> Iterator[Violation]:
    if document.get("type", "") != old.get("type", ""):
        yield Violation(("type",), "field is immutable")
    if old.get("immutable") is not True:
        return
    for name in ("data", "immutable"):
        if document.get(name) != old.get(name):
            yield Violation((name,), "field is immutable when `immutable` is set")


def _texts(document: Document, name: str) -> Mapping[str, str]:
    """The part of a Secret as far as it has the right shape; the schema told of the rest."""
    part: Any = document.get(name)
    if not isinstance(part, Mapping):
        return {}
    return {key: value for key, value in part.items() if isinstance(value, str)}


def _is_data_key(name: str) -> bool:
    if len(name) > 253 or name in {"", ".", ".."}:  # noqa: PLR2004  # longest name of an object
        return False
    return all(
        character.isascii() and (character.isalnum() or character in "-_.") for character in name
    )


def fold_string_data(document: Document) -> Document:
    """Move a Secret's `stringData` into `data`, as an API server does on every write."""
    text = document.get("stringData")
    if not isinstance(text, Mapping):
        return document
    data = document.get("data") or {}
    if not isinstance(data, Mapping):
        return document  # the schema will refuse it
    data = dict(data)
    for name, value in text.items():
        if isinstance(value, str):
            data[name] = base64.b64encode(value.encode("utf-8", "surrogatepass")).decode()
    return {key: part for key, part in document.items() if key != "stringData"} | {"data": data}
