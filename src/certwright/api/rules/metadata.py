"""Rules of `metadata` that hold for every kind (Kubernetes' meta/v1); an API server has its own."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from certwright.api.kinds import Document, Kind
from certwright.api.rules.rule import REQUIRED, Violation, shown

_LABEL: Final = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_DNS_LABEL: Final = re.compile(_LABEL)
_DNS_1035: Final = re.compile(r"[a-z](?:[-a-z0-9]*[a-z0-9])?")
_NAME: Final = r"[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_QUALIFIED: Final = re.compile(rf"(?:(?P<prefix>[^/]*)/)?{_NAME}")
_LABEL_VALUE: Final = re.compile(rf"(?:{_NAME})?")

_NAME_LIMIT = 253
_LABEL_LIMIT = 63
_ANNOTATIONS_LIMIT = 256 * 1024

BAD_SUBDOMAIN: Final = (
    "must be a DNS-1123 subdomain: small letters, digits, '-' and '.', at most 253 characters"
)


def is_subdomain(name: str) -> bool:
    """Whether a name is a DNS-1123 subdomain, as names of objects are."""
    return len(name) <= _NAME_LIMIT and _SUBDOMAIN.fullmatch(name) is not None


def metadata_rules(document: Document, kind: Kind) -> Iterator[Violation]:
    """Find what is wrong with the name, the namespace, the labels and the annotations."""
    metadata = document.get("metadata")
    if not isinstance(metadata, Mapping):
        return  # the schema says so
    yield from _name(metadata, kind)
    yield from _namespace(metadata, kind)
    yield from _labels(metadata.get("labels"))
    yield from _annotations(metadata.get("annotations"))


def _name(metadata: Mapping[str, Any], kind: Kind) -> Iterator[Violation]:
    name = metadata.get("name", "")
    if not isinstance(name, str):
        return
    path = ("metadata", "name")
    if not name:
        if not metadata.get("generateName"):
            yield Violation(path, REQUIRED)
    elif kind.name == "Service":
        if len(name) > _LABEL_LIMIT or not _DNS_1035.fullmatch(name):
            message = (
                "must be a DNS-1035 label: small letters, digits and '-', beginning with a letter,"
                " at most 63 characters"
            )
            yield Violation(path, message, shown(name))
    elif not is_subdomain(name):
        yield Violation(path, BAD_SUBDOMAIN, shown(name))


def _namespace(metadata: Mapping[str, Any], kind: Kind) -> Iterator[Violation]:
    namespace = metadata.get("namespace", "")
    if not isinstance(namespace, str):
        return
    path = ("metadata", "namespace")
    if not kind.namespaced:
        if namespace:
            yield Violation(path, f"must not be set: a {kind.name} has none", shown(namespace))
    elif not namespace:
        yield Violation(path, REQUIRED)
    elif len(namespace) > _LABEL_LIMIT or not _DNS_LABEL.fullmatch(namespace):
        message = "must be a DNS-1123 label: small letters, digits and '-', at most 63 characters"
        yield Violation(path, message, shown(namespace))


def _labels(labels: object) -> Iterator[Violation]:
    if not isinstance(labels, Mapping):
        return
    for key, value in labels.items():
        path = ("metadata", "labels", key)
        if not _is_qualified(key):
            yield Violation(path, "must be the key of a label")
        if isinstance(value, str) and not _LABEL_VALUE.fullmatch(value):
            message = (
                "must be the value of a label: at most 63 letters, digits, '-', '_' and '.',"
                " with a letter or digit at both ends"
            )
            yield Violation(path, message, shown(value))


def _annotations(annotations: object) -> Iterator[Violation]:
    if not isinstance(annotations, Mapping):
        return
    total = 0
    for key, value in annotations.items():
        if not _is_qualified(key):
            yield Violation(("metadata", "annotations", key), "must be the key of an annotation")
        total += len(key) + (len(value) if isinstance(value, str) else 0)
    if total > _ANNOTATIONS_LIMIT:
        yield Violation(("metadata", "annotations"), "must have at most 256 KiB together")


def _is_qualified(key: str) -> bool:
    match = _QUALIFIED.fullmatch(key)
    if match is None:
        return False
    prefix = match["prefix"]
    return prefix is None or is_subdomain(prefix.lower())
