"""Chains: what is accepted, and which one is chosen."""

from datetime import UTC, datetime, timedelta

import pytest

from certwright.acme.certificate import choose_chain, parse_bundle
from certwright.base.problem import Retryable
from certwright.pki.certificate import KeyPair, self_sign, sign_certificate
from certwright.pki.csr import Request, Subject, build_csr
from certwright.pki.keys import Algorithm, PrivateKey, generate_key
from certwright.pki.signing import Template
from tests.unit.acme.test_client import PEM

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def template(name: str, key: PrivateKey, *, is_ca: bool) -> Template:
    request = Request(subject=Subject(common_name=name), is_ca=is_ca, encode_usages=False)
    return Template(
        csr=build_csr(request, key), not_before=NOW, duration=timedelta(days=1), is_ca=is_ca
    )


def chain(root: str) -> bytes:
    """A leaf and an intermediate below `root`, which itself is left out."""
    keys = [generate_key(Algorithm.ECDSA) for _ in range(3)]
    top = self_sign(template(root, keys[0], is_ca=True), key=keys[0])
    middle = sign_certificate(
        template("Intermediate", keys[1], is_ca=True), issuer=KeyPair(key=keys[0], certificate=top)
    )
    leaf = sign_certificate(
        template("leaf", keys[2], is_ca=False), issuer=KeyPair(key=keys[1], certificate=middle)
    )
    return leaf + middle


def test_first_bundle_under_the_preferred_root_is_chosen() -> None:
    bundles = [chain("Old Root"), chain("New Root"), chain("New Root")]

    assert choose_chain(bundles, "New Root") is bundles[1]


@pytest.mark.parametrize("preferred", ["", "Intermediate", "new root", "Nobody"])
def test_default_is_taken_when_no_bundle_fits(preferred: str) -> None:
    bundles = [chain("Old Root"), chain("New Root")]

    assert choose_chain(bundles, preferred) is bundles[0]


def test_unreadable_bundle_is_never_the_preferred_one() -> None:
    assert choose_chain([PEM, chain("New Root")], "Old Root") == PEM


def test_bundle_is_taken_with_any_line_ends() -> None:
    assert parse_bundle(b"\n" + PEM + b"\n\n" + PEM.replace(b"\n", b"\r\n")).count(b"BEGIN") == 2


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"hello",
        PEM + b"hello",
        b"subject=/CN=x\n" + PEM,
        PEM.replace(b"CERTIFICATE", b"PRIVATE KEY"),
        PEM + PEM.replace(b"CERTIFICATE", b"PRIVATE KEY"),
        PEM.replace(b"MAo=", b"M\x00o="),
        PEM[:-5],
    ],
)
def test_bundle_with_anything_but_certificates_is_refused(body: bytes) -> None:
    with pytest.raises(Retryable, match="not a plain PEM chain"):
        parse_bundle(body)
