"""Keys and signatures."""

import base64
import hashlib
import json
import warnings

import msgspec
import pytest
from joserfc import jws as reference
from joserfc.jwk import ECKey, OctKey, RSAKey

from certwright.acme.challenge import dns01_value, key_authorization
from certwright.acme.jws import AccountKey, Algorithm, ExternalAccount
from certwright.base.problem import Retryable
from certwright.base.secret import Redacted
from certwright.pki import keys
from certwright.pki.errors import BadKey

# RFC 7638 §3.1
_RFC_7638 = {
    "kty": "RSA",
    "n": (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECP"
        "ebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY"
        "368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0f"
        "M4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
    ),
    "e": "AQAB",
}


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_key_survives_its_pem(algorithm: Algorithm) -> None:
    key = AccountKey.generate(algorithm)

    again = AccountKey.from_pem(key.to_pem())

    assert again.algorithm is algorithm
    assert again.public_jwk() == key.public_jwk()
    assert again.thumbprint() == key.thumbprint()


@pytest.mark.parametrize("algorithm", ["ES256", "ES384", "ES512", "RS256"])
def test_signature_holds_for_another_implementation(algorithm: str) -> None:
    key = AccountKey.generate(algorithm)

    signed = json.loads(key.sign(b'{"a":1}', jwk=key.public_jwk(), nonce="n", url="https://x"))

    registry = reference.JWSRegistry(algorithms=[algorithm], strict_check_header=False)
    registry.max_header_length = 4096
    seen = reference.deserialize_json(signed, key._key, registry=registry)
    assert seen.payload == b'{"a":1}'
    assert set(signed) == {"protected", "payload", "signature"}


def test_thumbprint_is_over_the_required_members_in_order() -> None:
    key = AccountKey.generate()

    members = json.dumps(key.public_jwk(), sort_keys=True, separators=(",", ":")).encode()
    digest = base64.urlsafe_b64encode(hashlib.sha256(members).digest()).rstrip(b"=").decode()

    assert key.thumbprint() == digest
    rfc = json.dumps(_RFC_7638, sort_keys=True, separators=(",", ":")).encode()
    expected = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
    assert base64.urlsafe_b64encode(hashlib.sha256(rfc).digest()).rstrip(b"=").decode() == expected


def test_keys_of_certificates_can_sign_too() -> None:
    for algorithm in keys.Algorithm:
        for encoding in keys.Encoding:
            pem = keys.encode_key(keys.generate_key(algorithm), encoding)
            assert AccountKey.from_pem(pem).algorithm in set(Algorithm)


@pytest.mark.parametrize(
    "pem",
    [
        b"",
        b"hello",
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        b"x" * 20_000,
    ],
)
def test_bytes_that_are_no_key_are_refused(pem: bytes) -> None:
    with pytest.raises(BadKey):
        AccountKey.from_pem(pem)


def test_short_rsa_key_is_refused() -> None:
    with warnings.catch_warnings(action="ignore"):
        pem = bytes(RSAKey.generate_key(1024).as_pem(private=True))

    with pytest.raises(BadKey, match="less than 2048 bits"):
        AccountKey.from_pem(pem)


def test_public_key_is_refused() -> None:
    pem = bytes(ECKey.generate_key("P-256").as_pem(private=False))

    with pytest.raises(BadKey):
        AccountKey.from_pem(pem)


def test_key_shows_its_thumbprint_only() -> None:
    key = AccountKey.generate()

    assert repr(key) == f"AccountKey(ES256, {key.thumbprint()})"


def test_account_is_bound_by_an_hmac_over_its_public_key() -> None:
    key = AccountKey.generate()
    secret = b"0123456789abcdef0123456789abcdef"
    text = base64.urlsafe_b64encode(secret).decode().rstrip("=")
    credentials = ExternalAccount.from_text("kid-1", f" {text}\n")

    binding = msgspec.json.decode(bytes(credentials.bind(key, "https://ca.example/new")))

    registry = reference.JWSRegistry(algorithms=["HS256"], strict_check_header=False)
    seen = reference.deserialize_json(binding, OctKey.import_key(secret), registry=registry)
    assert seen.headers() == {"alg": "HS256", "kid": "kid-1", "url": "https://ca.example/new"}
    assert json.loads(seen.payload or b"") == key.public_jwk()
    assert text not in repr(credentials)


def test_hmac_key_is_taken_with_padding_and_however_short() -> None:
    credentials = ExternalAccount.from_text("kid-1", "YQ==")

    assert credentials.hmac_key.reveal() == b"a"
    assert credentials.bind(AccountKey.generate(), "https://x")


@pytest.mark.parametrize("text", ["", "a+b/", "a", "äöü_", "a b c d e", "ab"])
def test_hmac_key_in_another_alphabet_is_refused(text: str) -> None:
    with pytest.raises(BadKey, match="base64url"):
        ExternalAccount.from_text("kid-1", text)


def test_hmac_key_that_is_a_public_key_is_refused() -> None:
    pem = bytes(ECKey.generate_key("P-256").as_pem(private=False))

    with pytest.raises(BadKey, match="another kind of key"):
        ExternalAccount("kid-1", Redacted(pem)).bind(AccountKey.generate(), "https://x")


def test_key_authorization_joins_token_and_thumbprint() -> None:
    # RFC 8555 §8.3 shows the same form
    assert key_authorization("tok-en_1", "thumb") == "tok-en_1.thumb"
    digest = hashlib.sha256(b"tok-en_1.thumb").digest()
    expected = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    assert dns01_value("tok-en_1.thumb") == expected


@pytest.mark.parametrize("token", ["", "../../etc/passwd", "a b", "a\n", "ä", "a" * 600])
def test_token_that_could_be_a_path_is_refused(token: str) -> None:
    with pytest.raises(Retryable, match="not base64url"):
        key_authorization(token, "thumb")
