"""Certificate signing requests (PKCS#10, RFC 2986): built from what a user wants, and read back."""

from functools import lru_cache

import msgspec
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from certwright.pki import der
from certwright.pki.errors import BadCsr, PkiError
from certwright.pki.extensions import (
    NAME_CONSTRAINTS,
    SUBJECT_ALT_NAME,
    Extension,
    Extensions,
    encode_basic_constraints,
    encode_extended_key_usage,
    encode_extensions,
    encode_key_usage,
    parse_basic_constraints,
    parse_extended_key_usage,
    parse_extensions,
    parse_key_usage,
)
from certwright.pki.keys import (
    PrivateKey,
    canonical_spki,
    sign,
    signature_identifier,
    spki_of,
    spki_sha256,
)
from certwright.pki.names import (
    EMPTY_NAME,
    NameConstraints,
    Names,
    OtherName,
    Subject,
    encode_name_constraints,
    encode_names,
    encode_subject,
    parse_names,
    parse_subject,
)
from certwright.pki.pem import LIMITS, Limits, decode_pem, encode_pem
from certwright.pki.usages import KeyUsage, key_usages

__all__ = [
    "CsrFacts",
    "NameConstraints",
    "Names",
    "OtherName",
    "Request",
    "Subject",
    "build_csr",
    "key_usages",
    "parse_csr",
    "read_csr",
]

_EXTENSION_REQUEST = "1.2.840.113549.1.9.14"  # RFC 2985 §5.4.2
_LABELS = frozenset({"CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"})
_UNREADABLE = "the CSR is malformed, or of an unsupported kind"


class Request(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a user wants certified.

    Attributes:
        subject: the distinguished name.
        names: the subject alternative names.
        usages: the wire words, empty for the defaults.
        is_ca: adds `cert sign`.
        encode_usages: whether the usages are written into the CSR.
        encode_basic_constraints: whether `is_ca` is written into the CSR.
        signature_algorithm: a wire word; empty for the one that fits the key.
        name_constraints: what a CA binds itself to; written if given.
    """

    subject: Subject = Subject()
    names: Names = Names()
    usages: tuple[str, ...] = ()
    is_ca: bool = False
    encode_usages: bool = True
    encode_basic_constraints: bool = False
    signature_algorithm: str = ""
    name_constraints: NameConstraints | None = None


class CsrFacts(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a CSR asks for.

    Attributes:
        der: the CSR itself.
        spki_sha256: hex SHA-256 of the SubjectPublicKeyInfo, comparable with `KeyFacts`.
        subject: the distinguished name by its parts; `literal` is always empty.
        subject_der: the distinguished name as it stands, comparable with `literal_subject_der`.
        common_name: the subject's, empty if there is none.
        dns: the DNS names, in their order; so `ips` (canonical text), `uris`, `emails`, `others`.
        is_ca: of BasicConstraints, None if that extension is absent.
        path_length: of BasicConstraints, None if it is absent.
        key_usage: None if the extension is absent.
        extended: the OIDs of ExtendedKeyUsage in their order, None if the extension is absent.
        alt_names_der: the value of SubjectAltName, empty if the extension is absent.
        name_constraints: the NameConstraints extension as it stands.
    """

    der: bytes
    spki_sha256: str
    subject: Subject
    subject_der: bytes
    common_name: str
    dns: tuple[str, ...] = ()
    ips: tuple[str, ...] = ()
    uris: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    others: tuple[OtherName, ...] = ()
    is_ca: bool | None = None
    path_length: int | None = None
    key_usage: frozenset[KeyUsage] | None = None
    extended: tuple[str, ...] | None = None
    alt_names_der: bytes = b""
    name_constraints: Extension | None = None


def build_csr(request: Request, key: PrivateKey) -> bytes:
    """Write a CSR as PEM and sign it with `key`.

    Raises:
        PkiError: something in the request cannot be encoded, or the key cannot sign as asked.
    """
    subject = encode_subject(request.subject)
    attributes = b""
    if extensions := tuple(_requested(request, subject)):
        values = der.set_of([encode_extensions(extensions)])
        attributes = der.sequence(der.oid(_EXTENSION_REQUEST), values)
    info = der.sequence(
        der.integer(0), subject, spki_of(key), der.context(0, attributes, constructed=True)
    )
    return encode_pem(
        "CERTIFICATE REQUEST",
        der.sequence(
            info,
            signature_identifier(key, request.signature_algorithm),
            der.bit_string(sign(info, key, request.signature_algorithm)),
        ),
    )


def _requested(request: Request, subject: bytes) -> list[Extension]:
    extensions: list[Extension] = []
    names = encode_names(request.names)
    if names is not None:
        # RFC 5280 §4.2.1.6: critical when the subject is empty, for then the names are all there is
        extensions.append(Extension(SUBJECT_ALT_NAME, subject == EMPTY_NAME, names))
    usages, extended = key_usages(request.usages, request.is_ca)
    if request.encode_usages and usages:  # RFC 5280 §4.2.1.3: at least one bit must be set
        extensions.append(encode_key_usage(usages))
    if request.encode_usages and extended:
        extensions.append(encode_extended_key_usage(extended))
    if request.encode_basic_constraints:
        extensions.append(encode_basic_constraints(is_ca=request.is_ca))
    if request.name_constraints is not None:
        constraints = encode_name_constraints(request.name_constraints)
        critical = request.name_constraints.critical
        extensions.append(Extension(NAME_CONSTRAINTS, critical, constraints))
    return extensions


@lru_cache(maxsize=2048)  # checked when it is made, when it is approved and when it is signed
def parse_csr(pem: bytes, *, limits: Limits = LIMITS) -> CsrFacts:
    """Read the CSR in the first block of a PEM text and verify its signature.

    Raises:
        BadCsr: too long, not a CSR, malformed, or its signature is not its own key's.
    """
    facts = read_csr(pem, limits=limits)
    try:
        is_its_own = x509.load_der_x509_csr(facts.der).is_signature_valid
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise BadCsr(_UNREADABLE) from error
    if not is_its_own:
        raise BadCsr("the signature of the CSR does not belong to its key")
    return facts


@lru_cache(maxsize=2048)  # as above
def read_csr(pem: bytes, *, limits: Limits = LIMITS) -> CsrFacts:
    """Read the CSR in the first block of a PEM text; who signs by it verifies it with `parse_csr`.

    Raises:
        BadCsr: too long, not a CSR, or malformed.
    """
    if len(pem) > limits.certificate:
        raise BadCsr(f"the CSR has {len(pem)} bytes, more than the limit of {limits.certificate}")
    try:
        blocks = decode_pem(pem)
        facts = _facts(blocks[0].der) if blocks and blocks[0].label in _LABELS else None
    except BadCsr:
        raise
    except PkiError as error:
        raise BadCsr(f"the CSR cannot be read: {error}") from error
    if facts is None:
        raise BadCsr("no PEM block with a CSR was found")
    return facts


def csr_spki(encoded: bytes) -> bytes:
    """Return the SubjectPublicKeyInfo of a DER CSR as it stands."""
    return _info(encoded)[2].whole


def _info(encoded: bytes) -> tuple[der.Element, ...]:
    request = next(der.children(der.read(encoded).content))
    return tuple(der.children(request.content))  # version, subject, subjectPKInfo, attributes


def _facts(encoded: bytes) -> CsrFacts:
    try:
        csr = x509.load_der_x509_csr(encoded)
        parts = _info(encoded)
        spki = canonical_spki(parts[2].whole, csr.public_key)
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion) as error:
        raise BadCsr(_UNREADABLE) from error
    extensions = _extensions(parts)
    subject = parse_subject(parts[1].whole)
    alt_names = extensions.get(SUBJECT_ALT_NAME)
    names = parse_names(alt_names.value) if alt_names else Names()
    constraints = parse_basic_constraints(extensions)
    return CsrFacts(
        der=encoded,
        spki_sha256=spki_sha256(spki),
        subject=subject,
        subject_der=parts[1].whole,
        common_name=subject.common_name,
        dns=names.dns,
        ips=names.ips,
        uris=names.uris,
        emails=names.emails,
        others=names.others,
        is_ca=constraints.is_ca if constraints else None,
        path_length=constraints.path_length if constraints else None,
        key_usage=parse_key_usage(extensions),
        extended=parse_extended_key_usage(extensions),
        alt_names_der=alt_names.value if alt_names else b"",
        name_constraints=extensions.get(NAME_CONSTRAINTS),
    )


def _extensions(parts: tuple[der.Element, ...]) -> Extensions:
    found: Extensions = {}
    for attribute in der.children(parts[3].content):
        oid, *values = tuple(der.children(attribute.content)) or (attribute,)
        if der.read_oid(oid) == _EXTENSION_REQUEST and values:
            for value in der.children(values[0].content):
                found |= parse_extensions(value.whole)
    return found
