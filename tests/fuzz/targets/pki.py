"""Keys, CSRs and certificates: PEM as it stands, and DER wrapped into PEM."""

from collections.abc import Callable, Mapping

from certwright.acme.jws import AccountKey, ExternalAccount
from certwright.pki.certificate import certificate_facts, details_of, parse_bundle
from certwright.pki.chain import build_chain
from certwright.pki.csr import parse_csr
from certwright.pki.errors import PkiError
from certwright.pki.keys import encode_key, key_facts, parse_key
from certwright.pki.pem import encode_pem
from tests.fuzz.laws import only

_PEM = b"-----BEGIN"


def _pem(label: str, data: bytes) -> bytes:
    return data if _PEM in data else encode_pem(label, data)


def key(data: bytes) -> None:
    """Private keys; a failure tells nothing of one."""
    for label in ("PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY"):
        pem = _pem(label, data)
        with only(PkiError):
            found = parse_key(pem)
            assert key_facts(parse_key(encode_key(found))) == key_facts(found)
        with only(PkiError):
            AccountKey.from_pem(pem).public_jwk()
    with only(PkiError):
        ExternalAccount.from_text("id", data.decode("latin-1"))


def csr(data: bytes) -> None:
    """CSRs."""
    with only(PkiError):
        facts = parse_csr(_pem("CERTIFICATE REQUEST", data))
        assert len(facts.spki_sha256) == 64


def certificate(data: bytes) -> None:
    """Certificates: what one says, and the chain that some make."""
    pem = _pem("CERTIFICATE", data)
    with only(PkiError):
        facts = certificate_facts(pem)
        details_of(facts)
        assert facts.not_before.tzinfo is not None
    with only(PkiError):
        chain = build_chain([pem])
        assert build_chain([chain.chain]).chain == chain.chain
    with only(PkiError):
        parse_bundle(pem)


TARGETS: Mapping[str, Callable[[bytes], None]] = {
    "pki_key": key,
    "pki_csr": csr,
    "pki_certificate": certificate,
}
