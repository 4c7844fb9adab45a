"""Private keys: compat-spec 5.3."""

import subprocess

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa, x25519

from certwright.pki import keys
from certwright.pki.errors import BadKey
from certwright.pki.keys import Algorithm, Encoding, PrivateKey, SignatureAlgorithm
from certwright.pki.pem import Limits, encode_pem
from tests.peers import require_peer
from tests.unit.pki.builders import a_key

ENCRYPTED = b"""\
-----BEGIN RSA PRIVATE KEY-----
Proc-Type: 4,ENCRYPTED
DEK-Info: AES-256-CBC,00

AAAA
-----END RSA PRIVATE KEY-----
"""
KINDS = [
    (Algorithm.RSA, 2048),
    (Algorithm.ECDSA, 256),
    (Algorithm.ECDSA, 384),
    (Algorithm.ECDSA, 521),
    (Algorithm.ED25519, 0),
]


@pytest.mark.parametrize(("algorithm", "size"), KINDS)
@pytest.mark.parametrize("encoding", Encoding)
def test_parsing_undoes_encoding(algorithm: Algorithm, size: int, encoding: Encoding) -> None:
    key = a_key(algorithm, size)

    again = keys.parse_key(keys.encode_key(key, encoding))

    assert keys.der_of(again, Encoding.PKCS8) == keys.der_of(key, Encoding.PKCS8)
    assert keys.key_facts(again) == keys.key_facts(key)


@pytest.mark.parametrize(
    ("algorithm", "encoding", "label"),
    [
        (Algorithm.RSA, Encoding.PKCS1, "RSA PRIVATE KEY"),
        (Algorithm.ECDSA, Encoding.PKCS1, "EC PRIVATE KEY"),
        (Algorithm.ED25519, Encoding.PKCS1, "PRIVATE KEY"),
        (Algorithm.RSA, Encoding.PKCS8, "PRIVATE KEY"),
        (Algorithm.ECDSA, Encoding.PKCS8, "PRIVATE KEY"),
        (Algorithm.ED25519, Encoding.PKCS8, "PRIVATE KEY"),
    ],
)
def test_the_pem_label_tells_the_encoding(
    algorithm: Algorithm, encoding: Encoding, label: str
) -> None:
    pem = keys.encode_key(a_key(algorithm), encoding)

    assert pem.startswith(f"-----BEGIN {label}-----\n".encode())
    assert pem.endswith(f"-----END {label}-----\n".encode())
    assert isinstance(serialization.load_pem_private_key(pem, None), type(a_key(algorithm)))


@pytest.mark.parametrize(("algorithm", "size"), KINDS)
def test_facts_tell_family_and_size(algorithm: Algorithm, size: int) -> None:
    facts = keys.key_facts(a_key(algorithm, size))

    assert (facts.algorithm, facts.size) == (algorithm, size)


@pytest.mark.parametrize(
    ("algorithm", "size"), [(Algorithm.RSA, 2048), (Algorithm.ECDSA, 256), (Algorithm.ED25519, 0)]
)
def test_size_zero_stands_for_the_default(algorithm: Algorithm, size: int) -> None:
    assert keys.key_facts(a_key(algorithm, 0)).size == size


@pytest.mark.parametrize("bits", [-1, 1024, 2047, 8193])
def test_rsa_sizes_outside_the_limits_are_refused(bits: int) -> None:
    with pytest.raises(BadKey, match="2048 to 8192"):
        keys.generate_key(Algorithm.RSA, bits)


def test_an_rsa_size_between_the_usual_ones_is_allowed() -> None:
    assert keys.key_facts(keys.generate_key(Algorithm.RSA, 2056)).size == 2056


def test_other_curves_are_refused() -> None:
    with pytest.raises(BadKey, match="256, 384 and 521"):
        keys.generate_key(Algorithm.ECDSA, 224)


def test_ed25519_ignores_the_size() -> None:
    assert keys.key_facts(keys.generate_key(Algorithm.ED25519, 4096)).size == 0


def test_two_keys_have_different_facts() -> None:
    assert keys.key_facts(a_key(name="a")) != keys.key_facts(a_key(name="b"))


def test_the_combined_output_has_a_blank_line_between_key_and_chain() -> None:
    assert keys.combined_pem(b"KEY\n", b"CHAIN\n") == b"KEY\n\nCHAIN\n"


def test_a_key_longer_than_the_limit_is_refused_before_it_is_parsed() -> None:
    pem = keys.encode_key(a_key())

    assert keys.key_facts(keys.parse_key(pem.ljust(13_000))) == keys.key_facts(a_key())
    with pytest.raises(BadKey, match="13001 bytes, more than the limit of 13000"):
        keys.parse_key(pem.ljust(13_001))


def test_the_limit_can_be_changed() -> None:
    with pytest.raises(BadKey, match="limit of 10"):
        keys.parse_key(keys.encode_key(a_key()), limits=Limits(private_key=10))


def _pkcs8(key: ec.EllipticCurvePrivateKey | x25519.X25519PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def test_keys_of_other_kinds_are_refused() -> None:
    for key in (
        x25519.X25519PrivateKey.generate(),
        ec.generate_private_key(ec.SECP224R1()),
        ec.generate_private_key(ec.SECP256K1()),
    ):
        with pytest.raises(BadKey, match=r"curve|neither RSA"):
            keys.parse_key(_pkcs8(key))


def _broken_rsa() -> bytes:
    """An RSA key whose private exponent belongs to nobody."""
    good, other = a_key(Algorithm.RSA), a_key(Algorithm.RSA, name="other")
    assert isinstance(good, rsa.RSAPrivateKey)
    assert isinstance(other, rsa.RSAPrivateKey)
    mine, theirs = good.private_numbers(), other.private_numbers()
    numbers = rsa.RSAPrivateNumbers(
        p=mine.p,
        q=mine.q,
        d=theirs.d,
        dmp1=mine.dmp1,
        dmq1=mine.dmq1,
        iqmp=mine.iqmp,
        public_numbers=mine.public_numbers,
    )
    return keys.encode_key(numbers.private_key(unsafe_skip_rsa_key_validation=True))


def test_a_damaged_rsa_key_is_found_without_the_slow_check() -> None:
    with pytest.raises(BadKey, match="do not fit together"):
        keys.parse_key(_broken_rsa())


@pytest.mark.parametrize(
    ("pem", "message"),
    [
        (b"", "no PEM block"),
        (b"hello", "no PEM block"),
        (encode_pem("CERTIFICATE", b"x"), "is a CERTIFICATE, not a private key"),
        (encode_pem("ENCRYPTED PRIVATE KEY", b"x"), "is a ENCRYPTED PRIVATE KEY"),
        (encode_pem("PRIVATE KEY", b"secret"), "does not hold a readable private key"),
        (b"-----BEGIN PRIVATE KEY-----\n!\n-----END PRIVATE KEY-----", "is not base64"),
        (ENCRYPTED, "encrypted PEM is not supported"),
    ],
)
def test_what_is_no_private_key_is_refused_with_the_reason(pem: bytes, message: str) -> None:
    with pytest.raises(BadKey, match=message):
        keys.parse_key(pem)


def test_an_error_holds_nothing_of_the_key_and_hides_the_library_error() -> None:
    pem = keys.encode_key(a_key(Algorithm.RSA))
    damaged = pem.replace(b"MII", b"MIJ", 1)

    with pytest.raises(BadKey) as caught:
        keys.parse_key(damaged)

    assert pem.splitlines()[1].decode() not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("algorithm", "size", "expected"),
    [
        (Algorithm.RSA, 2048, "SHA256WithRSA"),
        (Algorithm.RSA, 3072, "SHA384WithRSA"),
        (Algorithm.RSA, 4096, "SHA512WithRSA"),
        (Algorithm.ECDSA, 256, "ECDSAWithSHA256"),
        (Algorithm.ECDSA, 384, "ECDSAWithSHA384"),
        (Algorithm.ECDSA, 521, "ECDSAWithSHA512"),
        (Algorithm.ED25519, 0, "PureEd25519"),
    ],
)
def test_the_signature_algorithm_follows_from_the_key(
    algorithm: Algorithm, size: int, expected: str
) -> None:
    assert keys.signature_algorithm(a_key(algorithm, size)) == expected


def test_a_key_cannot_sign_by_another_familys_algorithm() -> None:
    with pytest.raises(BadKey, match="of type ECDSA cannot sign by SHA256WithRSA"):
        keys.sign(b"", a_key(), SignatureAlgorithm.SHA256_WITH_RSA)


def test_an_unknown_signature_algorithm_is_refused() -> None:
    with pytest.raises(BadKey, match="'MD5WithRSA' is unknown"):
        keys.sign(b"", a_key(), "MD5WithRSA")


@pytest.mark.parametrize(("algorithm", "size"), KINDS)
@pytest.mark.parametrize("encoding", Encoding)
def test_openssl_reads_what_is_written_and_its_output_is_read_back(
    algorithm: Algorithm, size: int, encoding: Encoding
) -> None:
    key: PrivateKey = a_key(algorithm, size)
    command = [str(require_peer("openssl")), "pkey"]

    answer = subprocess.run(
        command, input=keys.encode_key(key, encoding), capture_output=True, check=True, timeout=30
    )

    assert keys.key_facts(keys.parse_key(answer.stdout)) == keys.key_facts(key)
