"""What is kept in memory of a Secret: facts about its key pair, never the key (design §5)."""

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final, TypeVar, cast

from msgspec import field
from msgspec.structs import replace

from certwright.api.core import CA_CERT, TLS_CERT, TLS_KEY, Secret
from certwright.api.meta import ObjectMeta, Resource
from certwright.pki.certificate import CertificateFacts, certificate_facts
from certwright.pki.errors import PkiError
from certwright.pki.keys import KeyFacts, combined_pem, key_facts, parse_key
from certwright.pki.pem import decode_pem

KEY_DER = "key.der"
COMBINED_PEM = "tls-combined.pem"
_LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"

_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})

R = TypeVar("R", bound=Resource)


class SecretSummary(Resource, frozen=True, kw_only=True, omit_defaults=True):
    """A Secret without its bytes.

    Attributes:
        type: as on the Secret.
        digests: SHA-256 (hex) of each value of `data`, by name; empty values are left out.
        key_facts: facts about `tls.key`; None where it is missing or unreadable.
        key_error: why `tls.key` could not be read; empty where it could or is missing.
        certificate: facts about the first certificate of `tls.crt`.
        certificate_error: why `tls.crt` could not be read.
        has_data: whether there is any entry in `data` at all, even an empty one.
        partial: only the metadata is known; a decision needs `View.complete` first.
        derived: SHA-256 (hex) of what `key.der` and `tls-combined.pem` should be by the Secret's
            own key and chain, for those of them that `data` has.
    """

    type: str = ""
    digests: Mapping[str, str] = field(default_factory=dict)
    key_facts: KeyFacts | None = None
    key_error: str = ""
    certificate: CertificateFacts | None = None
    certificate_error: str = ""
    has_data: bool = False
    partial: bool = False
    derived: Mapping[str, str] = field(default_factory=dict)

    def has(self, name: str) -> bool:
        """Whether `data` has a value of that name that is not empty."""
        return name in self.digests


def summarize(secret: Secret) -> SecretSummary:
    """Reduce a Secret to what may stay in memory."""
    key, key_error = _key(secret.data.get(TLS_KEY, b""))
    certificate, certificate_error = _certificate(secret.data.get(TLS_CERT, b""))
    if key is not None and certificate is not None and key.spki_sha256 == certificate.spki_sha256:
        key = replace(key, spki_sha256=certificate.spki_sha256)  # one text, not two
    return SecretSummary(
        metadata=_without_copies(secret.metadata),
        type=secret.type,
        digests={
            name: _digest_of_ca(value) if name == CA_CERT else _digest(value)
            for name, value in secret.data.items()
            if value
        },
        key_facts=key,
        key_error=key_error,
        certificate=certificate,
        certificate_error=certificate_error,
        has_data=bool(secret.data),
        derived=_derived(secret, readable=key is not None) or _NOTHING,
    )


def partial_summary(metadata: ObjectMeta) -> SecretSummary:
    """Return what is kept of a Secret of which only the metadata was read."""
    kept = replace(_without_copies(metadata), managed_fields=())
    return SecretSummary(metadata=kept, partial=True)


def stored_as(kind: type[Resource]) -> type[Resource]:
    """Return the kind that a store holds for one that is read: Secret for summaries."""
    return Secret if kind is SecretSummary else kind


def read_as(kind: type[R], resource: Resource) -> R:
    """Reduce what a store holds to the kind that was asked for."""
    if kind is SecretSummary and isinstance(resource, Secret):
        return cast("R", summarize(resource))
    return cast("R", resource)


def _without_copies(metadata: ObjectMeta) -> ObjectMeta:
    """Leave out the copy of the whole Secret that `kubectl apply` puts into an annotation."""
    if _LAST_APPLIED not in metadata.annotations:
        return metadata
    kept = {name: text for name, text in metadata.annotations.items() if name != _LAST_APPLIED}
    return replace(metadata, annotations=kept)


def _digest(value: bytes) -> str:
    return hashlib.sha256(value).hexdigest()


@lru_cache(maxsize=256)  # one for all that it has signed
def _digest_of_ca(value: bytes) -> str:
    return _digest(value)


def _derived(secret: Secret, *, readable: bool) -> dict[str, str]:
    key, derived = secret.data.get(TLS_KEY, b""), {}
    if readable and KEY_DER in secret.data:
        derived[KEY_DER] = _digest(decode_pem(key)[0].der)
    if readable and COMBINED_PEM in secret.data:
        derived[COMBINED_PEM] = _digest(combined_pem(key, secret.data.get(TLS_CERT, b"")))
    return derived


def _key(pem: bytes) -> tuple[KeyFacts | None, str]:
    if not pem:
        return None, ""
    try:
        return key_facts(parse_key(pem)), ""
    except PkiError as error:
        return None, str(error)


def _certificate(pem: bytes) -> tuple[CertificateFacts | None, str]:
    if not pem:
        return None, ""
    try:
        return certificate_facts(pem), ""
    except PkiError as error:
        return None, str(error)


__all__ = [
    "CA_CERT",
    "COMBINED_PEM",
    "KEY_DER",
    "TLS_CERT",
    "TLS_KEY",
    "SecretSummary",
    "partial_summary",
    "read_as",
    "stored_as",
    "summarize",
]
