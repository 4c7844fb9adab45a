"""Valid keys, CSRs, certificates and chains for the tests of this room."""

from datetime import UTC, datetime, timedelta
from functools import cache

import msgspec

from certwright.pki.certificate import (
    KeyPair,
    Template,
    certificate_extensions,
    certificate_facts,
    parse_chain,
    self_sign,
    sign_certificate,
)
from certwright.pki.csr import Names, Request, Subject, build_csr
from certwright.pki.extensions import Extensions
from certwright.pki.keys import Algorithm, PrivateKey, generate_key, parse_key
from certwright.pki.pem import encode_pem

NOW = datetime(2026, 1, 1, tzinfo=UTC)

_ED25519_PKCS8 = bytes.fromhex("302e020100300506032b657004220420")


@cache
def a_key(algorithm: Algorithm = Algorithm.ECDSA, size: int = 0, name: str = "") -> PrivateKey:
    """Make one key per set of arguments; `name` tells keys of the same kind apart."""
    assert isinstance(name, str)
    return generate_key(algorithm, size)


def an_ed25519_key(seed: bytes) -> PrivateKey:
    return parse_key(encode_pem("PRIVATE KEY", _ED25519_PKCS8 + seed))


def a_request(
    *, common_name: str = "", dns: tuple[str, ...] = ("www.example.com",), **fields: object
) -> Request:
    request = Request(subject=Subject(common_name=common_name), names=Names(dns=dns))
    return msgspec.structs.replace(request, **fields)


def a_csr(key: PrivateKey | None = None, request: Request | None = None) -> bytes:
    return build_csr(request or a_request(), key or a_key())


def a_template(csr: bytes | None = None, **fields: object) -> Template:
    template = Template(csr=csr or a_csr(), not_before=NOW, duration=timedelta(days=30))
    return msgspec.structs.replace(template, **fields)


def a_root(name: str = "root", *, key: PrivateKey | None = None) -> KeyPair:
    key = key or a_key(name=name)
    template = a_template(_ca_csr(name, key), is_ca=True)
    return KeyPair(key, self_sign(template, key=key))


def an_intermediate(name: str, issuer: KeyPair, *, key: PrivateKey | None = None) -> KeyPair:
    key = key or a_key(name=name)
    template = a_template(_ca_csr(name, key), is_ca=True)
    return KeyPair(key, sign_certificate(template, issuer=issuer))


def a_leaf(issuer: KeyPair, request: Request | None = None) -> bytes:
    request = request or a_request()
    template = a_template(a_csr(request=request), usages=request.usages, is_ca=request.is_ca)
    return sign_certificate(template, issuer=issuer)


def a_self_signed_leaf(request: Request | None = None) -> bytes:
    request = request or a_request(common_name="lone")
    template = a_template(a_csr(request=request), usages=request.usages)
    return self_sign(template, key=a_key())


def extensions_of(pem: bytes) -> Extensions:
    return certificate_extensions(parse_chain(pem)[0])


def subject_of(pem: bytes) -> Subject:
    return certificate_facts(pem).subject


def _ca_csr(name: str, key: PrivateKey) -> bytes:
    return build_csr(a_request(common_name=name, dns=(), is_ca=True), key)
