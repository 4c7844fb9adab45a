"""What is kept in memory of a Secret: facts about its key pair, never the key (design §5)."""

import hashlib
from collections.abc import Mapping

from msgspec import field

from certwright.api.core import CA_CERT, TLS_CERT, TLS_KEY, Secret
from certwright.api.meta import Resource
from certwright.pki.certificate import CertificateFacts, certificate_facts
from certwright.pki.errors import PkiError
from certwright.pki.keys import KeyFacts, key_facts, parse_key


class SecretSummary(Resource, frozen=True, kw_only=True, omit_defaults=True):
    """A Secret without its bytes.

    Attributes:
        type: as on the Secret.
        digests: SHA-256 (hex) of each value of `data`, by name; empty values are left out.
        key: facts about `tls.key`; None where it is missing or unreadable.
        key_error: why `tls.key` could not be read; empty where it could or is missing.
        certificate: facts about the first certificate of `tls.crt`.
        certificate_error: why `tls.crt` could not be read.
        has_data: whether there is any entry in `data` at all, even an empty one.
    """

    type: str = ""
    digests: Mapping[str, str] = field(default_factory=dict)
    key_facts: KeyFacts | None = None
    key_error: str = ""
    certificate: CertificateFacts | None = None
    certificate_error: str = ""
    has_data: bool = False

    def has(self, name: str) -> bool:
        """Whether `data` has a value of that name that is not empty."""
        return name in self.digests


def summarize(secret: Secret) -> SecretSummary:
    """Reduce a Secret to what may stay in memory."""
    key, key_error = _key(secret.data.get(TLS_KEY, b""))
    certificate, certificate_error = _certificate(secret.data.get(TLS_CERT, b""))
    return SecretSummary(
        metadata=secret.metadata,
        type=secret.type,
        digests={
            name: hashlib.sha256(value).hexdigest() for name, value in secret.data.items() if value
        },
        key_facts=key,
        key_error=key_error,
        certificate=certificate,
        certificate_error=certificate_error,
        has_data=bool(secret.data),
    )


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


__all__ = ["CA_CERT", "TLS_CERT", "TLS_KEY", "SecretSummary", "summarize"]
