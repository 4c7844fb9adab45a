"""Where things are on an API server, and under which names they travel."""

from urllib.parse import quote

from certwright.api.kinds import Kind
from certwright.api.meta import Key

_METADATA = "g=meta.k8s.io;v=v1"
METADATA = f"application/json;as=PartialObjectMetadata;{_METADATA}"
"""What is accepted where only metadata is wanted: of one object, and of a watch."""
METADATA_LIST = f"application/json;as=PartialObjectMetadataList;{_METADATA}"
MERGE = "application/merge-patch+json"
APPLY = "application/apply-patch+yaml"  # JSON is YAML


def collection(kind: Kind, namespace: str | None = None) -> str:
    """Return the path of all resources of a kind, or of those in a namespace."""
    root = f"/apis/{kind.group}/{kind.version}" if kind.group else f"/api/{kind.version}"
    inside = f"/namespaces/{quote(namespace, safe='')}" if kind.namespaced and namespace else ""
    return f"{root}{inside}/{kind.plural}"


def item(kind: Kind, key: Key, subresource: str = "") -> str:
    """Return the path of one resource."""
    path = f"{collection(kind, key.namespace)}/{quote(key.name, safe='')}"
    return f"{path}/{subresource}" if subresource else path
