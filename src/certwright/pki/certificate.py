"""Certificates: what they say, and the signing of new ones by a CA's key or by their own."""

import hashlib
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TypeAlias

import msgspec
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization

from certwright.pki import der
from certwright.pki.csr import CsrFacts, Request, build_csr, parse_csr
from certwright.pki.errors import BadCertificate, BadKey, PkiError
from certwright.pki.extensions import (
    SUBJECT_ALT_NAME,
    Extensions,
    parse_authority_key_id,
    parse_basic_constraints,
    parse_extensions,
    parse_key_usage,
    parse_subject_key_id,
)
from certwright.pki.keys import (
    Algorithm,
    KeyFacts,
    PrivateKey,
    canonical_spki,
    generate_key,
    key_facts,
    spki_sha256,
)
from certwright.pki.names import Names, OtherName, Subject, parse_names, parse_subject
from certwright.pki.pem import LIMITS, Block, Limits, decode_pem, encode_pem
from certwright.pki.signing import DEFAULT_DURATION, Signer, Template, sign_template
from certwright.pki.usages import KeyUsage

X509: TypeAlias = x509.Certificate
"""A parsed certificate; opaque outside this room."""

_EXTENSIONS = 0xA3  # [3] of TBSCertificate

__all__ = [
    "X509",
    "CertificateFacts",
    "KeyPair",
    "Template",
    "certificate_extensions",
    "certificate_facts",
    "certificate_names",
    "detail_annotations",
    "details_of",
    "encode_certificate",
    "first_certificate",
    "key_matches",
    "may_sign",
    "parse_bundle",
    "parse_chain",
    "self_sign",
    "sign_certificate",
    "temporary_certificate",
]


class CertificateFacts(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a certificate says.

    Attributes:
        serial: the serial number.
        spki_sha256: hex SHA-256 of the SubjectPublicKeyInfo, comparable with `KeyFacts`.
        fingerprint_sha256: hex SHA-256 of the certificate.
        subject: the distinguished name by its parts; `literal` is always empty.
        subject_der: the distinguished name as it stands.
        common_name: the subject's, empty if there is none.
        issuer_common_name: the issuer's, empty if there is none.
        dns: the DNS names, in their order; so `ips` (canonical text), `uris`, `emails`, `others`.
        not_before: first moment of validity, UTC.
        not_after: last moment of validity, UTC.
        is_ca: whether BasicConstraints says so.
        subject_key_id: None if the extension is absent.
        authority_key_id: None if the extension is absent.
    """

    serial: int
    spki_sha256: str
    fingerprint_sha256: str
    subject: Subject
    subject_der: bytes
    common_name: str
    issuer_common_name: str
    dns: tuple[str, ...]
    ips: tuple[str, ...]
    uris: tuple[str, ...]
    emails: tuple[str, ...]
    others: tuple[OtherName, ...]
    not_before: datetime
    not_after: datetime
    is_ca: bool
    subject_key_id: bytes | None
    authority_key_id: bytes | None


class KeyPair(msgspec.Struct, frozen=True):
    """A signer: its key, and its certificate as the first one of a PEM text."""

    key: PrivateKey
    certificate: bytes

    def __repr__(self) -> str:
        return "KeyPair(…)"


def parse_chain(pem: bytes, *, limits: Limits = LIMITS) -> tuple[X509, ...]:
    """Read all certificates of a PEM text, at least one, in their order.

    Raises:
        BadCertificate: too long, none there, something else is there, or one is malformed.
    """
    if len(pem) > limits.chain:
        raise BadCertificate(
            f"the certificate chain has {len(pem)} bytes, more than the limit of {limits.chain}"
        )
    return _parse_all(pem, limits)


def parse_bundle(pem: bytes, *, limits: Limits = LIMITS) -> tuple[X509, ...]:
    """Read the certificates of a trust bundle, which may be longer than a chain.

    Raises:
        BadCertificate: as `parse_chain`.
    """
    if len(pem) > limits.bundle:
        raise BadCertificate(
            f"the bundle has {len(pem)} bytes, more than the limit of {limits.bundle}"
        )
    return _parse_all(pem, limits)


def first_certificate(pem: bytes, *, limits: Limits = LIMITS) -> bytes:
    """Return the first certificate of a PEM text as PEM.

    Raises:
        BadCertificate: as `parse_chain`.
    """
    return encode_certificate(parse_chain(pem, limits=limits)[0])


def encode_certificate(certificate: X509) -> bytes:
    """Write a certificate as PEM."""
    return encode_pem("CERTIFICATE", certificate.public_bytes(serialization.Encoding.DER))


@lru_cache(maxsize=2048)  # of one issuance the same text is read six times, the CA's always
def certificate_facts(pem: bytes, *, limits: Limits = LIMITS) -> CertificateFacts:
    """Return what the first certificate of a PEM text says.

    Raises:
        BadCertificate: as `parse_chain`, for all certificates of the text.
    """
    try:
        return _facts(parse_chain(pem, limits=limits)[0])
    except BadCertificate:
        raise
    except (PkiError, ValueError) as error:
        raise BadCertificate(f"the certificate cannot be read: {error}") from error


def certificate_extensions(certificate: X509) -> Extensions:
    """Return the extensions of a certificate by OID.

    Raises:
        PkiError: malformed.
    """
    parts = der.children(der.read(certificate.tbs_certificate_bytes).content)
    wrapped = next((part for part in parts if part.tag == _EXTENSIONS), None)
    return parse_extensions(wrapped.content) if wrapped else {}


def certificate_names(certificate: X509) -> tuple[bytes, bytes]:
    """Return issuer and subject of a certificate as they stand.

    Raises:
        PkiError: malformed.
    """
    parts = [
        part
        for part in der.children(der.read(certificate.tbs_certificate_bytes).content)
        if part.tag == der.SEQUENCE
    ]
    # after version and serial: signature, issuer, validity, subject, subjectPublicKeyInfo
    return parts[1].whole, parts[3].whole


def detail_annotations(pem: bytes, *, limits: Limits = LIMITS) -> dict[str, str]:
    """Return the annotations that describe the first certificate of a PEM text.

    Raises:
        BadCertificate: as `parse_chain`.
    """
    return details_of(certificate_facts(pem, limits=limits))


def details_of(facts: CertificateFacts) -> dict[str, str]:
    """Return the annotations that describe a certificate."""
    always = {
        "common-name": facts.common_name,
        "alt-names": _csv(facts.dns),
        "ip-sans": _csv(facts.ips),
        "uri-sans": _csv(facts.uris),
    }
    subject = facts.subject
    if_any = {
        "email-sans": _csv(facts.emails),
        "subject-organizations": _csv(subject.organizations),
        "subject-organizationalunits": _csv(subject.organizational_units),
        "subject-countries": _csv(subject.countries),
        "subject-provinces": _csv(subject.provinces),
        "subject-localities": _csv(subject.localities),
        "subject-postalcodes": _csv(subject.postal_codes),
        "subject-streetaddresses": _csv(subject.street_addresses),
        "subject-serialnumber": subject.serial_number,
    }
    shown = always | {name: value for name, value in if_any.items() if value}
    return {f"cert-manager.io/{name}": value for name, value in shown.items()}


def key_matches(key: PrivateKey | KeyFacts, facts: CertificateFacts | CsrFacts) -> bool:
    """Is the key the private half of the certificate's, or the CSR's, public key?"""
    mine = key if isinstance(key, KeyFacts) else key_facts(key)
    return mine.spki_sha256 == facts.spki_sha256


def sign_certificate(template: Template, *, issuer: KeyPair) -> bytes:
    """Sign a certificate by a CA's key.

    Nothing about the CA is checked but that its key and certificate belong together.

    Returns:
        PEM of the certificate alone.

    Raises:
        BadCsr: the CSR is malformed, or contradicts the template.
        BadCertificate: the issuer's certificate is malformed, or the dates are out of range.
        BadKey: the issuer's key is not that of its certificate.
        PkiError: the usages are unknown, or a URL cannot be written.
    """
    facts = certificate_facts(issuer.certificate)
    if not key_matches(issuer.key, facts):
        raise BadKey("the issuer's private key does not match its certificate")
    signer = Signer(issuer.key, facts.subject_der, facts.subject_key_id)
    return sign_template(template, parse_csr(template.csr), signer)


def self_sign(template: Template, *, key: PrivateKey) -> bytes:
    """Sign a certificate by its own key; the issuer is the subject.

    Returns:
        PEM of the certificate.

    Raises:
        BadKey: the key is not that of the CSR.
        PkiError: as `sign_certificate`.
    """
    csr = parse_csr(template.csr)
    if not key_matches(key, csr):
        raise BadKey("the private key does not match the CSR")
    return sign_template(template, csr, Signer(key, csr.subject_der, None))


def temporary_certificate(
    request: Request,
    key: PrivateKey,
    *,
    not_before: datetime,
    duration: timedelta = DEFAULT_DURATION,
) -> bytes:
    """Make a certificate that fills the gap until the real one is there.

    A CA that is thrown away at once signs it, so nobody will ever trust it. A literal subject and
    other names are left out.

    Returns:
        PEM of the certificate alone.

    Raises:
        PkiError: as `build_csr` and `sign_certificate`.
    """
    ca_key = generate_key(Algorithm.ECDSA, 521)
    ca_subject = Subject(common_name="cert-manager.local")
    ca_csr = build_csr(Request(subject=ca_subject, is_ca=True), ca_key)
    ca = self_sign(Template(csr=ca_csr, not_before=not_before, is_ca=True), key=ca_key)
    plain = msgspec.structs.replace(
        request,
        subject=msgspec.structs.replace(request.subject, literal=""),
        names=msgspec.structs.replace(request.names, others=()),
    )
    template = Template(
        csr=build_csr(plain, key),
        not_before=not_before,
        duration=duration,
        usages=request.usages,
        is_ca=request.is_ca,
    )
    return sign_certificate(template, issuer=KeyPair(ca_key, ca))


def _parse_all(pem: bytes, limits: Limits) -> tuple[X509, ...]:
    try:
        blocks = decode_pem(pem)
    except PkiError as error:
        raise BadCertificate(str(error)) from error
    if not blocks:
        raise BadCertificate("no PEM block with a certificate was found")
    return tuple(_parse(block, limits) for block in blocks)


def _parse(block: Block, limits: Limits) -> X509:
    if block.label != "CERTIFICATE":
        raise BadCertificate(f"a PEM block is a {block.label}, not a CERTIFICATE")
    if block.length > limits.certificate:
        raise BadCertificate(
            f"a certificate has {block.length} bytes, more than the limit of {limits.certificate}"
        )
    try:
        return x509.load_der_x509_certificate(block.der)
    except (ValueError, UnsupportedAlgorithm, x509.InvalidVersion) as error:
        raise BadCertificate("a PEM block does not hold a well-formed certificate") from error


def _facts(certificate: X509) -> CertificateFacts:
    to_be_signed = der.children(der.read(certificate.tbs_certificate_bytes).content)
    # after version and serial: signature, issuer, validity, subject, subjectPublicKeyInfo
    _, issuer, _, subject_part, spki_part, *rest = (
        part for part in to_be_signed if part.tag in {der.SEQUENCE, _EXTENSIONS}
    )
    extensions = parse_extensions(rest[0].content) if rest else {}
    subject_der = subject_part.whole
    try:
        spki = canonical_spki(spki_part.whole, certificate.public_key)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BadCertificate("the certificate has a public key of an unsupported kind") from error
    subject = parse_subject(subject_der)
    alt_names = extensions.get(SUBJECT_ALT_NAME)
    names = parse_names(alt_names.value) if alt_names else Names()
    constraints = parse_basic_constraints(extensions)
    encoded = certificate.public_bytes(serialization.Encoding.DER)
    return CertificateFacts(
        serial=certificate.serial_number,
        spki_sha256=spki_sha256(spki),
        fingerprint_sha256=hashlib.sha256(encoded).hexdigest(),
        subject=subject,
        subject_der=subject_der,
        common_name=subject.common_name,
        issuer_common_name=parse_subject(issuer.whole).common_name,
        dns=names.dns,
        ips=names.ips,
        uris=names.uris,
        emails=names.emails,
        others=names.others,
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        is_ca=bool(constraints and constraints.is_ca),
        subject_key_id=parse_subject_key_id(extensions),
        authority_key_id=parse_authority_key_id(extensions),
    )


def may_sign(extensions: Extensions) -> bool:
    """Do the extensions of a certificate allow its key to sign certificates?"""
    constraints = parse_basic_constraints(extensions)
    usages = parse_key_usage(extensions)
    allowed = usages is None or KeyUsage.KEY_CERT_SIGN in usages
    return constraints is not None and constraints.is_ca and allowed


def _csv(values: tuple[str, ...]) -> str:
    """Join by commas; quote what needs it as Go's CSV writer does, which the readers use."""
    return ",".join(_csv_field(value) for value in values)


def _csv_field(value: str) -> str:
    if value == r"\." or any(mark in value for mark in ',"\r\n') or value[:1].isspace():
        return '"' + value.replace('"', '""') + '"'
    return value
