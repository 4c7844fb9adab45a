"""Where a key, a CSR or a certificate is not what a Certificate's spec asks for.

Each function returns the paths of the fields that differ, empty when all is as it should be
(compat-spec 3.3, checks 6, 8 and 8b).
"""

from collections.abc import Iterable, Iterator, Sequence

from certwright.api.certificate import CertificateSpec, KeyAlgorithm, X509Subject
from certwright.api.duration import BadDurationError, parse_duration
from certwright.api.request import CertificateRequest
from certwright.pki.certificate import CertificateFacts
from certwright.pki.csr import CsrFacts
from certwright.pki.errors import PkiError
from certwright.pki.keys import KeyFacts
from certwright.pki.literal import literal_subject_der, parse_literal
from certwright.pki.names import ip_value

Fields = tuple[str, ...]

_COMMON_NAME_OID = "2.5.4.3"
_DEFAULT_SIZES = {KeyAlgorithm.RSA: 2048, KeyAlgorithm.ECDSA: 256, KeyAlgorithm.ED25519: 0}
_SUBJECT_FIELDS = (
    ("organizations", "organizations"),
    ("countries", "countries"),
    ("localities", "localities"),
    ("organizationalUnits", "organizational_units"),
    ("postCodes", "postal_codes"),  # cert-manager's word, other than the field's
    ("provinces", "provinces"),
    ("streetAddresses", "street_addresses"),
)


def listed(fields: Fields) -> str:
    """Write field paths as Go writes a list; part of messages."""
    return f"[{' '.join(fields)}]"


def wanted_algorithm(spec: CertificateSpec) -> KeyAlgorithm:
    """Return the algorithm of the private key, default filled in."""
    asked = spec.private_key.algorithm if spec.private_key else None
    return asked or KeyAlgorithm.RSA


def wanted_size(spec: CertificateSpec) -> int:
    """Return the size of the private key, default filled in; 0 for Ed25519."""
    algorithm = wanted_algorithm(spec)
    size = spec.private_key.size if spec.private_key else 0
    return 0 if algorithm is KeyAlgorithm.ED25519 else size or _DEFAULT_SIZES[algorithm]


def key_mismatches(key: KeyFacts, spec: CertificateSpec) -> Fields:
    """Compare a private key with the spec."""
    if key.algorithm != wanted_algorithm(spec):
        return ("spec.privateKey.algorithm",)
    return () if key.size == wanted_size(spec) else ("spec.privateKey.size",)


def request_mismatches(request: CertificateRequest, csr: CsrFacts, spec: CertificateSpec) -> Fields:
    """Compare a CertificateRequest and its CSR with the spec; usages are compared undefaulted."""
    return (
        *_name_mismatches(csr, spec),
        *_subject_mismatches(csr, spec),
        *_wish_mismatches(request, spec),
    )


def certificate_mismatches(certificate: CertificateFacts, spec: CertificateSpec) -> Fields:
    """Compare a certificate of unknown origin with the spec; common name and DNS are one set."""
    common_name = _wanted_common_name(spec)
    found = {*certificate.dns, certificate.common_name} - {""}
    wanted = {*spec.dns_names, common_name} - {""}
    fields = []
    if common_name and common_name not in found:
        fields.append("spec.commonName")
    if found != wanted:
        fields.append("spec.dnsNames")
    if not _same_ips(certificate.ips, spec.ip_addresses):
        fields.append("spec.ipAddresses")
    if not _same(certificate.uris, spec.uris):
        fields.append("spec.uris")
    if not _same(certificate.emails, spec.email_addresses):
        fields.append("spec.emailAddresses")
    return tuple(fields)


def _wanted_common_name(spec: CertificateSpec) -> str:
    if not spec.literal_subject:
        return spec.common_name
    try:
        rdns = parse_literal(spec.literal_subject)
    except PkiError:
        return ""
    return next((value for rdn in rdns for oid, value in rdn if oid == _COMMON_NAME_OID), "")


def _name_mismatches(csr: CsrFacts, spec: CertificateSpec) -> Iterator[str]:
    if not _same_ips(csr.ips, spec.ip_addresses):
        yield "spec.ipAddresses"
    if not _same(csr.uris, spec.uris):
        yield "spec.uris"
    if not _same(csr.emails, spec.email_addresses):
        yield "spec.emailAddresses"
    if not _same(csr.dns, spec.dns_names):
        yield "spec.dnsNames"
    if spec.other_names is not None:
        found = tuple(f"{other.oid}={other.value}" for other in csr.others)
        wanted = tuple(f"{other.oid}={other.utf8_value}" for other in spec.other_names)
        if not _same(found, wanted):
            yield "spec.otherNames"


def _subject_mismatches(csr: CsrFacts, spec: CertificateSpec) -> Iterator[str]:
    if spec.literal_subject:
        if not _is_literal(csr.subject_der, spec.literal_subject):
            yield "spec.literalSubject"
        return
    if csr.common_name != spec.common_name:
        yield "spec.commonName"
    subject = spec.subject or X509Subject()
    if csr.subject.serial_number != subject.serial_number:
        yield "spec.subject.serialNumber"
    for word, field in _SUBJECT_FIELDS:
        if not _same(getattr(csr.subject, field), getattr(subject, field)):
            yield f"spec.subject.{word}"


def _is_literal(subject_der: bytes, literal: str) -> bool:
    try:
        return literal_subject_der(literal) == subject_der
    except PkiError:
        return False


def _wish_mismatches(request: CertificateRequest, spec: CertificateSpec) -> Iterator[str]:
    asked = request.spec
    if asked.is_ca != spec.is_ca:
        yield "spec.isCA"
    if not _same(asked.usages, spec.usages):
        yield "spec.usages"
    if asked.duration and spec.duration and not _same_span(asked.duration, spec.duration):
        yield "spec.duration"
    if not asked.issuer_ref.same_as(spec.issuer_ref):
        yield "spec.issuerRef"


def _same_span(one: str, other: str) -> bool:
    try:
        return parse_duration(one) == parse_duration(other)
    except BadDurationError:
        return one == other


def _same(some: Sequence[str], others: Sequence[str]) -> bool:
    """Whether both are the same but for their order."""
    return some == others or (len(some) == len(others) and sorted(some) == sorted(others))


def _same_ips(some: Iterable[str], others: Iterable[str]) -> bool:
    return _same([_ip(text) for text in some], [_ip(text) for text in others])


def _ip(text: str) -> str:
    try:
        return str(ip_value(text))
    except PkiError:
        return text
