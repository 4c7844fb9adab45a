"""Names of what we create: the same for the same content, so that a second try finds the first.

cert-manager's `ComputeName` (compat-spec 6.2): a prefix and an FNV-1 hash of Go's JSON.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

import msgspec

_LONGEST_PREFIX = 52
_FNV_OFFSET, _FNV_PRIME, _FNV_MASK = 2166136261, 16777619, 0xFFFFFFFF
_GO_ESCAPES = ((b"&", b"\\u0026"), (b"<", b"\\u003c"), (b">", b"\\u003e"))
_LONGEST_REQUEST = 233
_REQUEST_PREFIX = 168


def computed_name(prefix: str, content: Mapping[str, Any]) -> str:
    """Return `prefix`, shortened to 52 characters, and the hash of `content`.

    Args:
        prefix: name of the owner.
        content: wire form, its keys in the order of Go's struct.
    """
    short = prefix[:_LONGEST_PREFIX]
    while short and not short[-1].isalnum():
        short = short[:-1]
    return f"{short}-{_fnv1(_go_json(content))}"


def request_name(certificate: str, revision: int) -> str:
    """Return the name of the request for a revision; long names are cut, and told by a hash."""
    if len(f"{certificate}-{revision}") <= _LONGEST_REQUEST:
        return f"{certificate}-{revision}"
    prefix = re.sub(r"[^A-Za-z0-9]+$", "", certificate[:_REQUEST_PREFIX])
    return f"{prefix}-{hashlib.sha256(certificate.encode()).hexdigest()}-{revision}"


def order_name(request_name: str, spec: Mapping[str, Any]) -> str:
    """Return the name of the Order for a CertificateRequest; `spec` is the Order's wire form."""
    content: dict[str, Any] = {**spec, "request": None}
    if len(request_name) >= _LONGEST_PREFIX:
        # two long names that begin alike must not meet
        content = {"certificateRequestName": request_name, "spec": content}
    return computed_name(request_name, content)


def _go_json(content: Mapping[str, Any]) -> bytes:
    encoded = msgspec.json.encode(content)
    for plain, escaped in _GO_ESCAPES:
        encoded = encoded.replace(plain, escaped)
    return encoded


def _fnv1(octets: bytes) -> int:
    digest = _FNV_OFFSET
    for octet in octets:
        digest = (digest * _FNV_PRIME & _FNV_MASK) ^ octet
    return digest
