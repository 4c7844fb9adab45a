"""Private keys: making, writing, reading them, and what others need to know about them."""

import hashlib
from collections.abc import Callable
from enum import StrEnum
from types import MappingProxyType
from typing import Final, TypeAlias

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

from certwright.pki import der
from certwright.pki.errors import BadKey, PkiError
from certwright.pki.pem import LIMITS, Limits, decode_pem, encode_pem

PrivateKey: TypeAlias = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
"""A private key; opaque outside this room."""


class Algorithm(StrEnum):
    """The words of `spec.privateKey.algorithm`."""

    RSA = "RSA"
    ECDSA = "ECDSA"
    ED25519 = "Ed25519"


class Encoding(StrEnum):
    """The words of `spec.privateKey.encoding`."""

    PKCS1 = "PKCS1"
    PKCS8 = "PKCS8"


class SignatureAlgorithm(StrEnum):
    """The words of `spec.signatureAlgorithm`."""

    SHA256_WITH_RSA = "SHA256WithRSA"
    SHA384_WITH_RSA = "SHA384WithRSA"
    SHA512_WITH_RSA = "SHA512WithRSA"
    ECDSA_WITH_SHA256 = "ECDSAWithSHA256"
    ECDSA_WITH_SHA384 = "ECDSAWithSHA384"
    ECDSA_WITH_SHA512 = "ECDSAWithSHA512"
    PURE_ED25519 = "PureEd25519"


class KeyFacts(msgspec.Struct, frozen=True, gc=False):
    """What tells one private key from another, without the key.

    Attributes:
        algorithm: the family of the key.
        size: bits of the modulus (RSA) or the field (ECDSA); 0 for Ed25519, which has one size.
        spki_sha256: hex SHA-256 of the public key's SubjectPublicKeyInfo.
    """

    algorithm: Algorithm
    size: int
    spki_sha256: str


DEFAULT_RSA_BITS: Final = 2048
MIN_RSA_BITS: Final = 2048
MAX_RSA_BITS: Final = 8192
DEFAULT_CURVE_BITS: Final = 256

_RSA_EXPONENT: Final = 65537
_EC: Final = "1.2.840.10045.2.1"
_CURVES: Final = MappingProxyType({256: ec.SECP256R1(), 384: ec.SECP384R1(), 521: ec.SECP521R1()})
_LABELS: Final = frozenset({"RSA PRIVATE KEY", "EC PRIVATE KEY", "PRIVATE KEY"})
_RSA_SHA384_FROM, _RSA_SHA512_FROM = 3072, 4096

_BY_CURVE: Final = MappingProxyType(
    {
        256: SignatureAlgorithm.ECDSA_WITH_SHA256,
        384: SignatureAlgorithm.ECDSA_WITH_SHA384,
        521: SignatureAlgorithm.ECDSA_WITH_SHA512,
    }
)

_Signing: TypeAlias = tuple[Algorithm, hashes.HashAlgorithm | None, bytes]
# AlgorithmIdentifier: RSA has NULL parameters (RFC 4055 §5), the others none (RFC 5758, RFC 8410).
_SIGNING: Final = MappingProxyType[SignatureAlgorithm, _Signing](
    {
        SignatureAlgorithm.SHA256_WITH_RSA: (
            Algorithm.RSA,
            hashes.SHA256(),
            der.sequence(der.oid("1.2.840.113549.1.1.11"), der.encode(der.NULL)),
        ),
        SignatureAlgorithm.SHA384_WITH_RSA: (
            Algorithm.RSA,
            hashes.SHA384(),
            der.sequence(der.oid("1.2.840.113549.1.1.12"), der.encode(der.NULL)),
        ),
        SignatureAlgorithm.SHA512_WITH_RSA: (
            Algorithm.RSA,
            hashes.SHA512(),
            der.sequence(der.oid("1.2.840.113549.1.1.13"), der.encode(der.NULL)),
        ),
        SignatureAlgorithm.ECDSA_WITH_SHA256: (
            Algorithm.ECDSA,
            hashes.SHA256(),
            der.sequence(der.oid("1.2.840.10045.4.3.2")),
        ),
        SignatureAlgorithm.ECDSA_WITH_SHA384: (
            Algorithm.ECDSA,
            hashes.SHA384(),
            der.sequence(der.oid("1.2.840.10045.4.3.3")),
        ),
        SignatureAlgorithm.ECDSA_WITH_SHA512: (
            Algorithm.ECDSA,
            hashes.SHA512(),
            der.sequence(der.oid("1.2.840.10045.4.3.4")),
        ),
        SignatureAlgorithm.PURE_ED25519: (
            Algorithm.ED25519,
            None,
            der.sequence(der.oid("1.3.101.112")),
        ),
    }
)


def generate_key(algorithm: Algorithm = Algorithm.RSA, size: int = 0) -> PrivateKey:
    """Make a private key; RSA blocks for up to seconds, so event loops call this in a thread.

    Args:
        algorithm: the family; its wire word will do.
        size: bits of the modulus or the curve; 0 stands for 2048 (RSA) and 256 (ECDSA).
            Ed25519 has one size and ignores it.

    Raises:
        BadKey: the size is outside what is allowed.
    """
    if algorithm == Algorithm.RSA:
        bits = size or DEFAULT_RSA_BITS
        if not MIN_RSA_BITS <= bits <= MAX_RSA_BITS:
            raise BadKey(
                f"an RSA key of {bits} bits is not allowed: {MIN_RSA_BITS} to {MAX_RSA_BITS} are"
            )
        return rsa.generate_private_key(_RSA_EXPONENT, bits)
    if algorithm == Algorithm.ECDSA:
        curve = _CURVES.get(size or DEFAULT_CURVE_BITS)
        if curve is None:
            raise BadKey(f"an ECDSA key of {size} bits is not allowed: 256, 384 and 521 are")
        return ec.generate_private_key(curve)
    return ed25519.Ed25519PrivateKey.generate()


def encode_key(key: PrivateKey, encoding: Encoding = Encoding.PKCS1) -> bytes:
    """Write a key as PEM; PKCS1 means SEC1 for ECDSA, and Ed25519 is always PKCS#8."""
    return encode_pem(_label(key, encoding), der_of(key, encoding))


def der_of(key: PrivateKey, encoding: Encoding = Encoding.PKCS1) -> bytes:
    """Write a key as DER: what is inside `encode_key`'s PEM, the content of `key.der`."""
    pkcs8 = _label(key, encoding) == "PRIVATE KEY"
    return key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8
        if pkcs8
        else serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )


def combined_pem(key: bytes, chain: bytes) -> bytes:
    """Return the content of `tls-combined.pem`: the key's PEM, a blank line, the chain's PEM."""
    return key + b"\n" + chain


def parse_key(pem: bytes, *, limits: Limits = LIMITS) -> PrivateKey:
    """Read the private key in the first block of a PEM text, in any of the three formats.

    Raises:
        BadKey: too long, not PEM, encrypted, of another kind, or inconsistent in itself.
    """
    if len(pem) > limits.private_key:
        raise BadKey(
            f"the private key PEM has {len(pem)} bytes, more than the limit of {limits.private_key}"
        )
    try:
        blocks = decode_pem(pem)
    except PkiError as error:
        raise BadKey(str(error)) from error
    if not blocks:
        raise BadKey("no PEM block with a private key was found")
    if blocks[0].label not in _LABELS:
        raise BadKey(f"the first PEM block is a {blocks[0].label}, not a private key")
    return _load(blocks[0].der)


def _load(encoded: bytes) -> PrivateKey:
    try:
        # The full check of an RSA key proves its primes, which stops the event loop for 28 ms
        # (2048 bits) to 200 ms (4096); `_is_consistent` finds damage in microseconds.
        key = serialization.load_der_private_key(
            encoded, password=None, unsafe_skip_rsa_key_validation=True
        )
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # The library's words stay out, and so does the chain of exceptions: this is key material.
        raise BadKey("the PEM block does not hold a readable private key") from None
    if isinstance(key, rsa.RSAPrivateKey):
        if not _is_consistent(key.private_numbers()):
            raise BadKey("the parts of the RSA private key do not fit together")
        return key
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.key_size in _CURVES:
        if key.curve.name == _CURVES[key.curve.key_size].name:
            return key
        raise BadKey(f"the curve {key.curve.name} is not supported")
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key
    raise BadKey("the private key is neither RSA nor ECDSA (P-256, P-384, P-521) nor Ed25519")


def _is_consistent(numbers: rsa.RSAPrivateNumbers) -> bool:
    """Do the parts fit together (RFC 8017 §3.2), the primality of p and q taken on trust?"""
    p, q, public = numbers.p, numbers.q, numbers.public_numbers
    return (
        p > 1
        and q > 1
        and p * q == public.n
        and public.e * numbers.d % (p - 1) == 1
        and public.e * numbers.d % (q - 1) == 1
        and numbers.dmp1 == numbers.d % (p - 1)
        and numbers.dmq1 == numbers.d % (q - 1)
        and numbers.iqmp * q % p == 1
    )


def key_facts(key: PrivateKey) -> KeyFacts:
    """Return what tells this key from others."""
    return KeyFacts(algorithm_of(key), _size(key), spki_sha256(spki_of(key)))


def algorithm_of(key: PrivateKey) -> Algorithm:
    """Return the family of a key."""
    if isinstance(key, rsa.RSAPrivateKey):
        return Algorithm.RSA
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return Algorithm.ECDSA
    return Algorithm.ED25519


def spki_of(key: PrivateKey) -> bytes:
    """Return the DER SubjectPublicKeyInfo of a key's public half."""
    return key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


# Of these there is one encoding only: the header, then the point (uncompressed) or the key itself.
_FIXED_SPKI: Final = tuple(
    (der.sequence(identifier, der.bit_string(mark + bytes(size)))[:-size], size)
    for identifier, mark, size in (
        (der.sequence(der.oid(_EC), der.oid("1.2.840.10045.3.1.7")), b"\x04", 64),
        (der.sequence(der.oid(_EC), der.oid("1.3.132.0.34")), b"\x04", 96),
        (der.sequence(der.oid(_EC), der.oid("1.3.132.0.35")), b"\x04", 132),
        (der.sequence(der.oid("1.3.101.112")), b"", 32),
    )
)


def canonical_spki(spki: bytes, load: Callable[[], CertificatePublicKeyTypes]) -> bytes:
    """Return a SubjectPublicKeyInfo in the encoding in which public keys are compared.

    Args:
        spki: as it stands in a CSR or a certificate.
        load: reads the key; called only where `spki` may have been written otherwise.

    Raises:
        ValueError, UnsupportedAlgorithm: what `load` raises.
    """
    for header, size in _FIXED_SPKI:
        if len(spki) == len(header) + size and spki.startswith(header):
            return spki
    return load().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def spki_sha256(spki: bytes) -> str:
    """Return the hex SHA-256 by which public keys are compared."""
    return hashlib.sha256(spki).hexdigest()


def signature_algorithm(key: PrivateKey) -> SignatureAlgorithm:
    """Return the algorithm a key signs with when nobody asks for another."""
    size = _size(key)
    if isinstance(key, rsa.RSAPrivateKey):
        if size >= _RSA_SHA512_FROM:
            return SignatureAlgorithm.SHA512_WITH_RSA
        if size >= _RSA_SHA384_FROM:
            return SignatureAlgorithm.SHA384_WITH_RSA
        return SignatureAlgorithm.SHA256_WITH_RSA
    return _BY_CURVE.get(size, SignatureAlgorithm.PURE_ED25519)


def signature_identifier(key: PrivateKey, wanted: str = "") -> bytes:
    """Return the DER AlgorithmIdentifier of the signatures that `sign` makes.

    Raises:
        BadKey: the key cannot sign by the wanted algorithm, or the word is unknown.
    """
    return _signing(key, wanted)[2]


def sign(message: bytes, key: PrivateKey, wanted: str = "") -> bytes:
    """Sign `message`, by the `wanted` algorithm or by the key's own.

    Raises:
        BadKey: the key cannot sign by the wanted algorithm, or the word is unknown.
    """
    digest = _signing(key, wanted)[1]
    if isinstance(key, rsa.RSAPrivateKey) and digest is not None:
        return key.sign(message, padding.PKCS1v15(), digest)
    if isinstance(key, ec.EllipticCurvePrivateKey) and digest is not None:
        return key.sign(message, ec.ECDSA(digest))
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(message)
    raise BadKey("the private key cannot sign")  # pragma: no cover  # _signing has refused it


def _signing(key: PrivateKey, wanted: str) -> _Signing:
    try:
        chosen = SignatureAlgorithm(wanted) if wanted else signature_algorithm(key)
    except ValueError as error:
        raise BadKey(f"the signature algorithm {wanted!r} is unknown") from error
    signing = _SIGNING[chosen]
    if signing[0] is not algorithm_of(key):
        raise BadKey(f"a private key of type {algorithm_of(key)} cannot sign by {chosen}")
    return signing


def _size(key: PrivateKey) -> int:
    return 0 if isinstance(key, ed25519.Ed25519PrivateKey) else key.key_size


def _label(key: PrivateKey, encoding: Encoding) -> str:
    if encoding == Encoding.PKCS8 or isinstance(key, ed25519.Ed25519PrivateKey):
        return "PRIVATE KEY"
    return "RSA PRIVATE KEY" if isinstance(key, rsa.RSAPrivateKey) else "EC PRIVATE KEY"
