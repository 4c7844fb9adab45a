"""X.509 extensions (RFC 5280 §4.2): which ones there are, and how their values read and write."""

from collections.abc import Iterable
from typing import Final

import msgspec

from certwright.pki import der
from certwright.pki.errors import PkiError
from certwright.pki.usages import KEY_USAGE_BITS, KeyUsage

SUBJECT_KEY_ID: Final = "2.5.29.14"
KEY_USAGE: Final = "2.5.29.15"
SUBJECT_ALT_NAME: Final = "2.5.29.17"
BASIC_CONSTRAINTS: Final = "2.5.29.19"
NAME_CONSTRAINTS: Final = "2.5.29.30"
CRL_DISTRIBUTION_POINTS: Final = "2.5.29.31"
AUTHORITY_KEY_ID: Final = "2.5.29.35"
EXTENDED_KEY_USAGE: Final = "2.5.29.37"
AUTHORITY_INFORMATION: Final = "1.3.6.1.5.5.7.1.1"

_OCSP: Final = "1.3.6.1.5.5.7.48.1"
_CA_ISSUERS: Final = "1.3.6.1.5.5.7.48.2"
_URI: Final = 6


class Extension(msgspec.Struct, frozen=True, gc=False):
    """One extension: its OID, its criticality and the DER of its value."""

    oid: str
    critical: bool
    value: bytes


class BasicConstraints(msgspec.Struct, frozen=True, gc=False):
    """Whether a certificate is a CA's, and how many CAs may follow below it."""

    is_ca: bool
    path_length: int | None = None


Extensions = dict[str, Extension]
"""The extensions of a CSR or a certificate by OID, in their order."""


def encode_extensions(extensions: Iterable[Extension]) -> bytes:
    """Write Extensions."""
    return der.sequence(
        *(
            der.sequence(
                der.oid(extension.oid),
                der.encode(der.BOOLEAN, b"\xff") if extension.critical else b"",
                der.encode(der.OCTET_STRING, extension.value),
            )
            for extension in extensions
        )
    )


def parse_extensions(encoding: bytes) -> Extensions:
    """Read Extensions.

    Raises:
        PkiError: malformed, or an extension is there twice.
    """
    found: Extensions = {}
    for element in der.children(der.read(encoding).content):
        oid, *rest = tuple(der.children(element.content)) or (element,)
        name = der.read_oid(oid)
        critical = len(rest) > 1 and rest[0].tag == der.BOOLEAN and rest[0].content != b"\x00"
        if not rest or rest[-1].tag != der.OCTET_STRING:
            raise PkiError("malformed DER: not an extension")
        if name in found:
            raise PkiError(f"the extension {name} is there twice")
        found[name] = Extension(name, critical, rest[-1].content)
    return found


def encode_key_usage(usages: frozenset[KeyUsage]) -> Extension:
    """Write KeyUsage, which is critical."""
    bits = (bit for bit, usage in enumerate(KEY_USAGE_BITS) if usage in usages)
    return Extension(KEY_USAGE, True, der.named_bits(bits))  # noqa: FBT003  # critical


def parse_key_usage(extensions: Extensions) -> frozenset[KeyUsage] | None:
    """Read KeyUsage, None if it is absent."""
    if KEY_USAGE not in extensions:
        return None
    bits = der.read_named_bits(der.read(extensions[KEY_USAGE].value))
    return frozenset(KEY_USAGE_BITS[bit] for bit in bits if bit < len(KEY_USAGE_BITS))


def encode_extended_key_usage(oids: Iterable[str]) -> Extension:
    """Write ExtendedKeyUsage, which is not critical."""
    value = der.sequence(*(der.oid(oid) for oid in oids))
    return Extension(EXTENDED_KEY_USAGE, False, value)  # noqa: FBT003  # not critical


def parse_extended_key_usage(extensions: Extensions) -> tuple[str, ...] | None:
    """Read ExtendedKeyUsage, None if it is absent."""
    if EXTENDED_KEY_USAGE not in extensions:
        return None
    sequence = der.read(extensions[EXTENDED_KEY_USAGE].value)
    return tuple(der.read_oid(element) for element in der.children(sequence.content))


def encode_basic_constraints(*, is_ca: bool) -> Extension:
    """Write BasicConstraints, critical and without a path length."""
    value = der.sequence(der.encode(der.BOOLEAN, b"\xff") if is_ca else b"")
    return Extension(BASIC_CONSTRAINTS, True, value)  # noqa: FBT003  # critical


def parse_basic_constraints(extensions: Extensions) -> BasicConstraints | None:
    """Read BasicConstraints, None if it is absent."""
    if BASIC_CONSTRAINTS not in extensions:
        return None
    elements = der.children(der.read(extensions[BASIC_CONSTRAINTS].value).content)
    parts = {element.tag: element.content for element in elements}
    length = parts.get(der.INTEGER)
    return BasicConstraints(
        is_ca=parts.get(der.BOOLEAN, b"\x00") != b"\x00",
        path_length=None if length is None else int.from_bytes(length, "big"),
    )


def encode_subject_key_id(key_id: bytes) -> Extension:
    """Write SubjectKeyIdentifier."""
    value = der.encode(der.OCTET_STRING, key_id)
    return Extension(SUBJECT_KEY_ID, False, value)  # noqa: FBT003  # not critical


def parse_subject_key_id(extensions: Extensions) -> bytes | None:
    """Read SubjectKeyIdentifier, None if it is absent."""
    if SUBJECT_KEY_ID not in extensions:
        return None
    return der.read(extensions[SUBJECT_KEY_ID].value).content


def encode_authority_key_id(key_id: bytes) -> Extension:
    """Write AuthorityKeyIdentifier with the key's identifier alone."""
    value = der.sequence(der.context(0, key_id))
    return Extension(AUTHORITY_KEY_ID, False, value)  # noqa: FBT003  # not critical


def parse_authority_key_id(extensions: Extensions) -> bytes | None:
    """Read the key's identifier of AuthorityKeyIdentifier, None if it is absent."""
    if AUTHORITY_KEY_ID not in extensions:
        return None
    parts = der.children(der.read(extensions[AUTHORITY_KEY_ID].value).content)
    return next((element.content for element in parts if element.tag == 0x80), None)  # noqa: PLR2004


def encode_authority_information(
    ocsp_servers: Iterable[str], issuer_urls: Iterable[str]
) -> Extension | None:
    """Write AuthorityInformationAccess (RFC 5280 §4.2.2.1), None if there is nothing to tell."""
    places = [*((_OCSP, url) for url in ocsp_servers), *((_CA_ISSUERS, url) for url in issuer_urls)]
    if not places:
        return None
    value = der.sequence(
        *(der.sequence(der.oid(kind), der.context(_URI, der.ia5(url))) for kind, url in places)
    )
    return Extension(AUTHORITY_INFORMATION, False, value)  # noqa: FBT003  # not critical


def encode_crl_distribution_points(urls: Iterable[str]) -> Extension | None:
    """Write CRLDistributionPoints, one point per URL; None if there is none."""
    points = [_distribution_point(url) for url in urls]
    if not points:
        return None
    return Extension(CRL_DISTRIBUTION_POINTS, False, der.sequence(*points))  # noqa: FBT003


def _distribution_point(url: str) -> bytes:
    # RFC 5280 §4.2.1.13: DistributionPoint { [0] DistributionPointName { [0] fullName } }
    full_name = der.context(0, der.context(_URI, der.ia5(url)), constructed=True)
    return der.sequence(der.context(0, full_name, constructed=True))
