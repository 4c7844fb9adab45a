"""Issued certificates: chains, the choice among them, revocation (RFC 8555 §7.4.2, §7.6)."""

import base64
import re
from collections.abc import Sequence
from enum import IntEnum

import msgspec

from certwright.base.problem import Cause, Retryable
from certwright.base.reason import Reason
from certwright.pki.certificate import certificate_facts
from certwright.pki.errors import PkiError
from certwright.pki.pem import LIMITS

PEM_CHAIN = "application/pem-certificate-chain"
_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----[A-Za-z0-9+/=\s]+-----END \1-----\s*")


class RevocationReason(IntEnum):
    """Why a certificate is revoked (RFC 5280 §5.3.1); CAs accept but a few of them."""

    UNSPECIFIED = 0
    KEY_COMPROMISE = 1
    AFFILIATION_CHANGED = 3
    SUPERSEDED = 4
    CESSATION_OF_OPERATION = 5


class Revocation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The payload of revokeCert: the certificate as base64url of its DER."""

    certificate: str
    reason: int | None = None


def parse_bundle(body: bytes) -> bytes:
    """Check that an answer is a PEM chain and nothing else, and return it.

    RFC 8555 §9.1: text between the certificates, or any other kind of block, is refused; it would
    end up in files that other programs read.

    Raises:
        Retryable: it is not, or is longer than any chain that we keep (cause SERVER).
    """
    if len(body) > LIMITS.chain:
        raise Retryable(
            Reason.SERVER_ERROR,
            f"the CA's certificate has {len(body)} bytes, more than the limit of {LIMITS.chain}",
            cause=Cause.SERVER,
        )
    position = 0
    text = body.strip() + b"\n"
    while position < len(text):
        block = _BLOCK.match(text, position)
        if block is None or block.group(1) != b"CERTIFICATE":
            break
        position = block.end()
    if not position or position < len(text):
        raise Retryable(
            Reason.SERVER_ERROR,
            "the CA's certificate is not a plain PEM chain (RFC 8555 §9.1)",
            cause=Cause.SERVER,
        )
    return text


def choose_chain(bundles: Sequence[bytes], preferred: str = "") -> bytes:
    """Pick the first bundle whose last certificate was issued by `preferred` (compat-spec 6.4).

    Args:
        bundles: PEM chains, the CA's default first.
        preferred: common name of an issuer; if empty, or if no bundle fits, the default is taken.
    """
    if preferred:
        for bundle in bundles:
            if _last_issuer(bundle) == preferred:
                return bundle
    return bundles[0]


def base64url(octets: bytes) -> str:
    """Encode as base64 with the URL alphabet and no padding (RFC 8555 §6.1)."""
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode("ascii")


def _last_issuer(bundle: bytes) -> str:
    *_, last = _BLOCK.finditer(bundle)
    try:
        return certificate_facts(last.group()).issuer_common_name
    except PkiError:
        return ""  # a chain nobody can read is not the preferred one
