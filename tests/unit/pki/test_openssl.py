"""A second reader: what we write, OpenSSL prints and verifies."""

import subprocess
from pathlib import Path

from certwright.pki.chain import build_chain
from certwright.pki.csr import Names, OtherName, Subject
from certwright.pki.literal import literal_subject_der
from certwright.pki.names import encode_subject
from tests.peers import require_peer
from tests.unit.pki.builders import a_csr, a_leaf, a_request, a_root, an_intermediate

OPTIONS = ("-nameopt", "RFC2253,-esc_msb,utf8,show_type")


def _openssl(*arguments: str, pem: bytes) -> str:
    answer = subprocess.run(
        [require_peer("openssl"), *arguments],
        input=pem,
        capture_output=True,
        check=True,
        timeout=30,
    )
    return (answer.stdout + answer.stderr).decode()


def test_openssl_verifies_a_csr_and_sees_the_string_types() -> None:
    request = a_request(
        subject=Subject(common_name="*.example.com", organizations=("B & C", "A")),
        names=Names(
            dns=("*.example.com",),
            emails=("a@example.com",),
            ips=("10.0.0.1",),
            uris=("spiffe://a/b",),
            others=(OtherName("1.3.6.1.4.1.311.20.2.3", "upn@corp"),),
        ),
        usages=("signing", "server auth"),
    )

    text = _openssl("req", "-verify", "-noout", "-text", *OPTIONS, pem=a_csr(request=request))

    assert "verify OK" in text
    assert "CN=UTF8STRING:*.example.com,O=UTF8STRING:B & C+O=PRINTABLESTRING:A" in text
    assert (
        "DNS:*.example.com, email:a@example.com, IP Address:10.0.0.1, URI:spiffe://a/b, "
        "othername: UPN::upn@corp"
    ) in text
    assert "X509v3 Key Usage: critical\n                    Digital Signature\n" in text


def test_openssl_prints_a_literal_subject_as_it_was_written() -> None:
    literal = "CN=foo,OU=Sales,DC=example,DC=com"
    request = a_request(subject=Subject(literal=literal))

    text = _openssl("req", "-noout", "-subject", "-nameopt", "RFC2253", pem=a_csr(request=request))

    assert text.strip() == f"subject={literal}"
    assert encode_subject(request.subject) == literal_subject_der(literal)


def test_openssl_verifies_a_built_chain_under_its_ca(tmp_path: Path) -> None:
    root = a_root()
    intermediate = an_intermediate("lower", root)
    leaf = a_leaf(intermediate, a_request(usages=("digital signature", "server auth")))
    chain = build_chain([root.certificate, leaf, intermediate.certificate])
    (tmp_path / "ca.crt").write_bytes(chain.ca)
    (tmp_path / "tls.crt").write_bytes(chain.chain)

    text = _openssl(
        "verify",
        "-x509_strict",
        "-attime",
        "1768000000",
        "-purpose",
        "sslserver",
        "-CAfile",
        str(tmp_path / "ca.crt"),
        "-untrusted",
        str(tmp_path / "tls.crt"),
        str(tmp_path / "tls.crt"),
        pem=b"",
    )

    assert text.strip().endswith(": OK")
