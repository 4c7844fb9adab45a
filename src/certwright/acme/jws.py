"""Keys and signatures of ACME (RFC 8555 §6.2, RFC 7515): the only user of the JOSE library."""

import re
import warnings
from enum import StrEnum
from typing import Any

import msgspec
from joserfc import jws
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey
from joserfc.util import urlsafe_b64decode, urlsafe_b64encode

from certwright.base.secret import Redacted
from certwright.pki.errors import BadKey
from certwright.pki.keys import Algorithm as KeyAlgorithm
from certwright.pki.keys import key_facts, parse_key


class Algorithm(StrEnum):
    """A signature algorithm by its JOSE name (RFC 7518 §3.1, RFC 8037)."""

    ES256 = "ES256"
    ES384 = "ES384"
    ES512 = "ES512"
    RS256 = "RS256"
    EDDSA = "EdDSA"


_CURVES = {"P-256": Algorithm.ES256, "P-384": Algorithm.ES384, "P-521": Algorithm.ES512}
_MIN_RSA_BITS = 2048


class AccountKey:
    """A private key that signs requests: an account's, or a certificate's for its revocation."""

    def __init__(self, key: "ECKey | RSAKey | OKPKey", algorithm: Algorithm) -> None:
        self._key = key
        self.algorithm = algorithm

    @classmethod
    def generate(cls, algorithm: Algorithm | str = Algorithm.ES256) -> "AccountKey":
        """Make a new key; RSA keys have 2048 bits."""
        match chosen := Algorithm(algorithm):
            case Algorithm.RS256:
                return cls(RSAKey.generate_key(_MIN_RSA_BITS), chosen)
            case Algorithm.EDDSA:
                return cls(OKPKey.generate_key("Ed25519"), chosen)
            case _:
                curve = next(name for name, word in _CURVES.items() if word is chosen)
                return cls(ECKey.generate_key(curve), chosen)

    @classmethod
    def from_pem(cls, pem: bytes) -> "AccountKey":
        """Read a private key in PEM (PKCS #1, SEC 1 or PKCS #8); its kind gives the algorithm.

        Raises:
            BadKey: it is none, is encrypted, too large, too weak or of an unknown kind.
        """
        key: Any = parse_key(pem)  # one of the types that the library takes
        facts = key_facts(key)
        match facts.algorithm:
            case KeyAlgorithm.ED25519:
                return cls(OKPKey.import_key(key), Algorithm.EDDSA)
            case KeyAlgorithm.RSA if facts.size < _MIN_RSA_BITS:
                raise BadKey(f"the RSA key has less than {_MIN_RSA_BITS} bits")
            case KeyAlgorithm.RSA:
                return cls(RSAKey.import_key(key), Algorithm.RS256)
            case _:
                elliptic = ECKey.import_key(key)
                return cls(elliptic, _CURVES[elliptic.curve_name])

    def to_pem(self) -> bytes:
        """Encode the private key as PKCS #8."""
        return bytes(self._key.as_pem(private=True))

    def thumbprint(self) -> str:
        """SHA-256 thumbprint of the public key, base64url (RFC 7638)."""
        return self._key.thumbprint()

    def public_jwk(self) -> dict[str, Any]:
        """Return the public key as a JWK with its required members only (RFC 7517)."""
        public = self._key.as_dict(private=False)
        return {name: public[name] for name in ("kty", "crv", "x", "y", "e", "n") if name in public}

    def sign(self, payload: bytes, **protected: Any) -> bytes:
        """Return the flattened JWS over `payload` with these protected headers besides `alg`."""
        return _sign(self._key, self.algorithm, payload, protected)

    def __repr__(self) -> str:
        return f"AccountKey({self.algorithm}, {self.thumbprint()})"


class ExternalAccount(msgspec.Struct, frozen=True):
    """Credentials that bind an account to a customer of the CA (RFC 8555 §7.3.4)."""

    key_id: str
    hmac_key: Redacted[bytes]

    @classmethod
    def from_text(cls, key_id: str, hmac_key: str) -> "ExternalAccount":
        """Read the HMAC key as CAs hand it out: base64 with the URL alphabet, without padding.

        Raises:
            BadKey: the text is not that.
        """
        text = "".join(hmac_key.split()).rstrip("=")
        # Checked here: Python's decoder silently skips letters outside the alphabet.
        if not re.fullmatch(r"[A-Za-z0-9_-]+", text) or len(text) % 4 == 1:
            raise BadKey("the HMAC key is not base64url (RFC 4648 §5)")
        try:
            return cls(key_id, Redacted(urlsafe_b64decode(text.encode())))
        except ValueError:  # the library also looks at the bits that are left over
            raise BadKey("the HMAC key is not base64url (RFC 4648 §5)") from None

    def bind(self, key: AccountKey, url: str) -> msgspec.Raw:
        """Sign the account's public key for `newAccount` at `url` (HS256)."""
        with warnings.catch_warnings():
            # The CA chose the key's length; a warning to its customer helps nobody.
            warnings.simplefilter("ignore", SecurityWarning)
            try:
                secret = OctKey.import_key(self.hmac_key.reveal())
            except ValueError as error:
                raise BadKey("the HMAC key is the text of another kind of key") from error
        payload = msgspec.json.encode(key.public_jwk())
        return msgspec.Raw(_sign(secret, "HS256", payload, {"kid": self.key_id, "url": url}))


def _sign(
    key: "ECKey | RSAKey | OKPKey | OctKey", algorithm: str, payload: bytes, header: dict[str, Any]
) -> bytes:
    """Sign; the library's own serialization looks at each header anew and costs twice as much."""
    model = jws.JWSRegistry.algorithms[algorithm]
    model.check_key(key)
    protected = urlsafe_b64encode(msgspec.json.encode({"alg": str(algorithm), **header}))
    content = urlsafe_b64encode(payload)
    signature = urlsafe_b64encode(model.sign(protected + b"." + content, key))
    return msgspec.json.encode(
        {
            "protected": protected.decode(),
            "payload": content.decode(),
            "signature": signature.decode(),
        }
    )
