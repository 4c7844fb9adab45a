"""What stays in memory of a resource: nothing that nobody asks for, and the same words only once.

Thousands of resources say most of what they say in the same words: reasons, messages, names of
annotations, the issuer, its certificate. Decoded one by one, each has its own copy of them.
"""

from collections.abc import Hashable, Mapping
from functools import lru_cache
from sys import intern
from typing import Any, TypeVar, cast

import msgspec
from msgspec.structs import replace

from certwright.api.certificate import Certificate
from certwright.api.core import Secret
from certwright.api.meta import Condition, ManagedFields, ObjectMeta, OwnerReference, Resource
from certwright.api.request import CertificateRequest
from certwright.api.secret import SecretSummary, summarize

R = TypeVar("R", bound=Resource)
H = TypeVar("H", bound=Hashable)

_WORD = 20
"""So short a value is likely to be somebody else's too: the name or the kind of an issuer."""


def kept(resource: Resource) -> Resource:
    """Return what is kept of a resource: who owns which field is only asked of Secrets."""
    if isinstance(resource, Secret):
        resource = summarize(resource)
    metadata = _metadata(resource.metadata, managers=isinstance(resource, SecretSummary))
    if isinstance(resource, Certificate):
        spec = replace(
            resource.spec,
            issuer_ref=_once(resource.spec.issuer_ref),
            private_key=_once(resource.spec.private_key),
        )
        conditions = _conditions(resource.status.conditions)
        status = replace(resource.status, conditions=conditions)
        return replace(resource, metadata=metadata, spec=spec, status=status)
    if isinstance(resource, CertificateRequest):
        return replace(
            resource,
            metadata=metadata,
            spec=replace(resource.spec, issuer_ref=_once(resource.spec.issuer_ref)),
            status=replace(
                resource.status,
                conditions=_conditions(resource.status.conditions),
                ca=_once(resource.status.ca),
            ),
        )
    return replace(resource, metadata=metadata)


def lean(resource: R) -> R:
    """Return what is kept of a resource that is no Secret (a summary is none)."""
    return cast("R", kept(resource)) if not isinstance(resource, Secret) else resource


def _metadata(metadata: ObjectMeta, *, managers: bool) -> ObjectMeta:
    owners, fields = metadata.owner_references, metadata.managed_fields
    return replace(
        metadata,
        labels=_labels(tuple(metadata.labels.items())),
        annotations=_named(metadata.annotations),
        owner_references=tuple(map(_owner, owners)) if owners else (),
        managed_fields=tuple(map(_managed, fields)) if managers and fields else (),
    )


@lru_cache(maxsize=256)
def _labels(items: tuple[tuple[str, str], ...]) -> Mapping[str, str]:
    """Return the labels once, for all that have the same."""
    return dict(items)


def _named(texts: Mapping[str, str]) -> Mapping[str, str]:
    if not texts:
        return _labels(())
    return {intern(name): _short(text) for name, text in texts.items()}


def _short(text: str) -> str:
    return intern(text) if len(text) <= _WORD else text


def _owner(owner: OwnerReference) -> OwnerReference:
    return replace(owner, api_version=intern(owner.api_version), kind=intern(owner.kind))


def _managed(one: ManagedFields) -> ManagedFields:
    return replace(
        one,
        manager=intern(one.manager),
        api_version=intern(one.api_version),
        fields_type=intern(one.fields_type),
        fields_v1=_fields(msgspec.json.encode(one.fields_v1)),
    )


def _conditions(conditions: tuple[Condition, ...]) -> tuple[Condition, ...]:
    return tuple(
        replace(one, type=intern(one.type), reason=intern(one.reason), message=intern(one.message))
        for one in conditions
    )


@lru_cache(maxsize=256)
def _fields(encoded: bytes) -> Mapping[str, Any]:
    """Decode fields once, for all that have the same."""
    fields: Mapping[str, Any] = msgspec.json.decode(encoded)
    return fields


@lru_cache(maxsize=256)
def _once(value: H) -> H:
    """Return the first that was equal to `value`, so that its copies can go."""
    return value
