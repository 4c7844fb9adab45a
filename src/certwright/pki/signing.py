"""The certificate that a CSR, a request and a signer make together (RFC 5280 §4.1).

`certificate` decides who signs; this module writes what is signed.
"""

import hashlib
import secrets
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from certwright.pki import der
from certwright.pki.csr import CsrFacts, csr_spki
from certwright.pki.errors import BadCertificate, BadCsr
from certwright.pki.extensions import (
    SUBJECT_ALT_NAME,
    Extension,
    encode_authority_information,
    encode_authority_key_id,
    encode_basic_constraints,
    encode_crl_distribution_points,
    encode_extended_key_usage,
    encode_extensions,
    encode_key_usage,
    encode_subject_key_id,
)
from certwright.pki.keys import PrivateKey, sign, signature_identifier
from certwright.pki.names import EMPTY_NAME
from certwright.pki.pem import encode_pem
from certwright.pki.usages import KNOWN_EXTENDED, KeyUsage, key_usages

DEFAULT_DURATION: Final = timedelta(days=90)

_SERIAL_BITS: Final = 159
_KEY_ID_OCTETS: Final = 20
_VERSION_3: Final = der.context(0, der.integer(2), constructed=True)


class Template(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a certificate shall be.

    Attributes:
        csr: PEM; gives subject, names, public key, name constraints and unknown key usages.
        not_before: the moment validity starts, usually now.
        duration: how long it is valid.
        usages: the wire words, empty for the defaults; a CSR that says otherwise is an error.
        is_ca: whether it is a CA's; a CSR that says otherwise is an error.
        crl_distribution_points: URLs.
        ocsp_servers: URLs.
        issuing_certificate_urls: URLs.
    """

    csr: bytes
    not_before: datetime
    duration: timedelta = DEFAULT_DURATION
    usages: tuple[str, ...] = ()
    is_ca: bool = False
    crl_distribution_points: tuple[str, ...] = ()
    ocsp_servers: tuple[str, ...] = ()
    issuing_certificate_urls: tuple[str, ...] = ()


class Signer(msgspec.Struct, frozen=True):
    """Who signs: a key, its owner's Name as DER, and its key identifier if it has one."""

    key: PrivateKey
    name: bytes
    key_id: bytes | None

    def __repr__(self) -> str:
        return "Signer(…)"


def sign_template(template: Template, csr: CsrFacts, signer: Signer) -> bytes:
    """Write and sign a certificate, PEM; `csr` is the template's, parsed.

    Raises:
        BadCsr: the CSR contradicts the template.
        BadCertificate: the dates are out of range.
        PkiError: the usages are unknown, or a URL cannot be written.
    """
    start = template.not_before.astimezone(UTC)
    try:
        validity = der.sequence(der.time(start), der.time(start + template.duration))
    except OverflowError as error:
        raise BadCertificate("the certificate would end after the year 9999") from error
    identifier = signature_identifier(signer.key)
    spki = csr_spki(csr.der)
    tbs = der.sequence(
        _VERSION_3,
        der.integer(secrets.randbits(_SERIAL_BITS) or 1),  # RFC 5280 §4.1.2.2: positive
        identifier,
        signer.name,
        validity,
        csr.subject_der,
        spki,
        der.context(
            3, encode_extensions(_extensions(template, csr, signer, spki)), constructed=True
        ),
    )
    signed = der.sequence(tbs, identifier, der.bit_string(sign(tbs, signer.key)))
    return encode_pem("CERTIFICATE", signed)


def _extensions(template: Template, csr: CsrFacts, signer: Signer, spki: bytes) -> list[Extension]:
    usages, extended = _agreed_usages(template, csr)
    foreign = signer.key_id and signer.name != csr.subject_der
    candidates = (
        encode_key_usage(usages) if usages else None,
        encode_extended_key_usage(extended) if extended else None,
        encode_basic_constraints(is_ca=template.is_ca),
        encode_subject_key_id(_key_id(spki)) if template.is_ca else None,
        encode_authority_key_id(signer.key_id) if foreign and signer.key_id else None,
        encode_authority_information(template.ocsp_servers, template.issuing_certificate_urls),
        csr.name_constraints,
        encode_crl_distribution_points(template.crl_distribution_points),
        # RFC 5280 §4.2.1.6: critical when the subject is empty
        Extension(SUBJECT_ALT_NAME, csr.subject_der == EMPTY_NAME, csr.alt_names_der)
        if csr.alt_names_der
        else None,
    )
    return [extension for extension in candidates if extension is not None]


def _agreed_usages(
    template: Template, csr: CsrFacts
) -> tuple[frozenset[KeyUsage], tuple[str, ...]]:
    """Return the template's usages and the CSR's unknown ones; the CSR must not contradict."""
    usages, extended = key_usages(template.usages, template.is_ca)
    if csr.is_ca is not None and csr.is_ca is not template.is_ca:
        raise BadCsr(f"the CSR says CA={csr.is_ca}, the request isCA={template.is_ca}")
    if csr.path_length is not None:
        raise BadCsr("the CSR asks for a path length, which a request cannot have")
    if csr.key_usage is not None and csr.key_usage != usages:
        raise BadCsr(
            f"the CSR has the key usages {_list(csr.key_usage)}, the request {_list(usages)}"
        )
    asked = csr.extended or ()
    known = KNOWN_EXTENDED.intersection(asked)
    if csr.extended is not None and known != set(extended):
        raise BadCsr(
            f"the CSR has the extended key usages {_list(known)}, the request {_list(extended)}"
        )
    unknown = tuple(oid for oid in dict.fromkeys(asked) if oid not in KNOWN_EXTENDED)
    return usages, extended + unknown


def _list(words: frozenset[KeyUsage] | frozenset[str] | tuple[str, ...]) -> str:
    return "[" + ", ".join(sorted(words)) + "]"


def _key_id(spki: bytes) -> bytes:
    """Return the leftmost 160 bits of the SHA-256 of the public key (RFC 7093 §2, method 1)."""
    key = tuple(der.children(der.read(spki).content))[1]
    return hashlib.sha256(key.content[1:]).digest()[:_KEY_ID_OCTETS]
