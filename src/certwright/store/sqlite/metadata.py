"""What Kubernetes demands of names, labels, annotations and owners, whatever the kind.

Called by `edit` on every write. Pure. Violations are (field path, rule) pairs, all at once.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from certwright.api.kinds import Document, Kind

Violation = tuple[str, str]

_LABEL: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_WORD: Final = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")
_MAX_NAME: Final = 253
_MAX_LABEL: Final = 63
_MAX_ANNOTATIONS: Final = 256 * 1024

_RULE_NAME: Final = (
    "must be lower case letters, digits, '-' and '.', begin and end with a letter or a digit, "
    f"and have at most {_MAX_NAME} characters"
)
_RULE_NAMESPACE: Final = (
    "must be lower case letters, digits and '-', begin and end with a letter or a digit, "
    f"and have at most {_MAX_LABEL} characters"
)
_RULE_QUALIFIED: Final = (
    "name must be letters, digits, '-', '_' and '.', at most 63 characters, with an optional "
    "DNS name and '/' before it"
)
_RULE_LABEL: Final = "value must be letters, digits, '-', '_' and '.', at most 63 characters"


def metadata_violations(document: Document, kind: Kind) -> tuple[Violation, ...]:
    """Return every rule of Kubernetes' ObjectMeta that the document breaks."""
    metadata = document["metadata"]
    return (
        *_identity(metadata, kind),
        *_labels(metadata.get("labels", {})),
        *_annotations(metadata.get("annotations", {})),
        *_finalizers(metadata.get("finalizers", [])),
        *_owners(metadata.get("ownerReferences", [])),
    )


def deletion_violations(old: Document, new: Document) -> tuple[Violation, ...]:
    """Return the finalizers that were added after the delete; Kubernetes forbids new ones."""
    if "deletionTimestamp" not in old["metadata"]:
        return ()
    before = old["metadata"].get("finalizers", [])
    added = [name for name in new["metadata"].get("finalizers", []) if name not in before]
    rule = "no new finalizers can be added if the object is being deleted"
    return (("metadata.finalizers", f"{rule}: {', '.join(added)}"),) if added else ()


def _identity(metadata: Mapping[str, Any], kind: Kind) -> Iterator[Violation]:
    name, namespace = metadata.get("name", ""), metadata.get("namespace", "")
    if not name:
        yield "metadata.name", "name or generateName is required"
    elif len(name) > _MAX_NAME or not _SUBDOMAIN.fullmatch(name):
        yield "metadata.name", _RULE_NAME
    if not kind.namespaced:
        if namespace:
            yield "metadata.namespace", f"not allowed, {kind.name} is cluster-scoped"
    elif not namespace:
        yield "metadata.namespace", "required"
    elif len(namespace) > _MAX_LABEL or not _LABEL.fullmatch(namespace):
        yield "metadata.namespace", _RULE_NAMESPACE


def _labels(labels: Mapping[str, str]) -> Iterator[Violation]:
    for name, value in labels.items():
        if not _is_qualified(name):
            yield f"metadata.labels[{name}]", _RULE_QUALIFIED
        if value and (len(value) > _MAX_LABEL or not _WORD.fullmatch(value)):
            yield f"metadata.labels[{name}]", _RULE_LABEL


def _annotations(annotations: Mapping[str, str]) -> Iterator[Violation]:
    for name in annotations:
        if not _is_qualified(name.lower()):
            yield f"metadata.annotations[{name}]", _RULE_QUALIFIED
    size = sum(len(name) + len(value) for name, value in annotations.items())
    if size > _MAX_ANNOTATIONS:
        yield "metadata.annotations", f"must have at most {_MAX_ANNOTATIONS} bytes"


def _finalizers(finalizers: list[str]) -> Iterator[Violation]:
    for index, name in enumerate(finalizers):
        if not _is_qualified(name):
            yield f"metadata.finalizers[{index}]", _RULE_QUALIFIED


def _owners(owners: list[Mapping[str, Any]]) -> Iterator[Violation]:
    for index, owner in enumerate(owners):
        for field in ("apiVersion", "kind", "name", "uid"):
            if not owner.get(field):
                yield f"metadata.ownerReferences[{index}].{field}", "must not be empty"
    if sum(bool(owner.get("controller")) for owner in owners) > 1:
        yield "metadata.ownerReferences", "only one reference can have controller set to true"


def _is_qualified(name: str) -> bool:
    prefix, slash, word = name.rpartition("/")
    if slash and (len(prefix) > _MAX_NAME or not _SUBDOMAIN.fullmatch(prefix)):
        return False
    return len(word) <= _MAX_LABEL and _WORD.fullmatch(word) is not None
