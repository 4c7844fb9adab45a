"""What the controllers find in the contents of fields."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from certwright.api.certificate import (
    Certificate,
    CertificateSpec,
    KeyUsage,
    Renewal,
    RenewalWindow,
)
from certwright.api.core import Service
from certwright.api.cron import BadCronError, parse_cron
from certwright.api.issuer import (
    ACMEIssuer,
    Issuer,
    IssuerSpec,
    VaultAuth,
    VaultIssuer,
    VenafiIssuer,
    VenafiTPP,
)
from certwright.api.meta import IssuerReference, ObjectMeta, Resource, SecretKeySelector
from certwright.api.request import CertificateRequest, CertificateRequestSpec
from certwright.api.rules.contents import content_violations
from certwright.pki.certificate import Template, self_sign
from certwright.pki.csr import Names, Request, Subject, build_csr
from certwright.pki.keys import Algorithm, generate_key

METADATA = ObjectMeta(name="site", namespace="shop")
KEY = generate_key(Algorithm.ECDSA)
REF = SecretKeySelector(name="a", key="b")


def told(resource: Resource) -> list[str]:
    return [str(violation) for violation in content_violations(resource)]


def a_certificate(**fields: Any) -> Certificate:
    spec = CertificateSpec(
        secret_name="tls", issuer_ref=IssuerReference(name="ca"), dns_names=("a.example.com",)
    )
    return Certificate(metadata=METADATA, spec=replace(spec, **fields))


def a_csr(**fields: Any) -> bytes:
    request = Request(subject=Subject(common_name="site"), names=Names(dns=("a.example.com",)))
    return build_csr(replace(request, **fields), KEY)


def a_request(csr: bytes, **fields: Any) -> CertificateRequest:
    spec = CertificateRequestSpec(request=csr, issuer_ref=IssuerReference(name="ca"))
    return CertificateRequest(metadata=METADATA, spec=replace(spec, **fields))


def a_bundle() -> bytes:
    csr = a_csr(is_ca=True, encode_basic_constraints=True)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    template = Template(csr=csr, not_before=start, duration=timedelta(days=1), is_ca=True)
    return self_sign(template, key=KEY)


def an_issuer(**fields: Any) -> Issuer:
    return Issuer(metadata=METADATA, spec=IssuerSpec(**fields))


def test_a_kind_without_contents_has_nothing_wrong_with_them() -> None:
    assert told(Service(metadata=METADATA)) == []


def test_a_certificate_without_such_fields_is_right() -> None:
    assert told(a_certificate()) == []


def test_a_literal_subject_must_parse() -> None:
    (broken,) = content_violations(a_certificate(literal_subject="CN=a,XX=b"))

    assert broken.field == "spec.literalSubject"
    assert broken.message.startswith("must be an RFC 4514 name: ")
    assert broken.value == '"CN=a,XX=b"'


def test_a_literal_subject_has_a_common_name_of_64_bytes_at_most() -> None:
    assert told(a_certificate(literal_subject="O=b,CN=" + "a" * 64)) == []
    (broken,) = content_violations(a_certificate(literal_subject="O=b,CN=" + "é" * 33))

    assert broken.message == "must have at most 64 bytes in its CN"


def test_a_literal_subject_without_a_common_name_needs_other_names() -> None:
    assert told(a_certificate(literal_subject="O=b")) == []
    assert told(a_certificate(literal_subject="O=b", dns_names=())) == [
        "spec: at least one name must be set: literalSubject has no CN"
    ]


def test_windows_have_a_cron_and_a_zone() -> None:
    windows = (
        RenewalWindow(cron="0 2 * * mon", window_duration="1h", timezone="Europe/Berlin"),
        RenewalWindow(cron="@daily", window_duration="1h"),
        RenewalWindow(cron="0 25 * * *", window_duration="1h", timezone="Europe/Atlantis"),
        RenewalWindow(cron="0 2", window_duration="1h", timezone="Europe"),
        RenewalWindow(cron="0 2 * * *", window_duration="1h", timezone="../../etc/passwd"),
    )

    assert told(a_certificate(renewal=Renewal(windows=windows))) == [
        'spec.renewal.windows[2].cron: must be a cron expression: Bad hour ("0 25 * * *")',
        'spec.renewal.windows[2].timezone: must be an IANA time zone ("Europe/Atlantis")',
        (
            "spec.renewal.windows[3].cron: must be five cron fields, or such as @daily or @every 1h"
            ' ("0 2")'
        ),
        'spec.renewal.windows[3].timezone: must be an IANA time zone ("Europe")',
        'spec.renewal.windows[4].timezone: must be an IANA time zone ("../../etc/passwd")',
    ]


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        (" 0 2 * * 1 ", "0 2 * * 1"),
        ("0 2 ? * ?", "0 2 * * *"),
        ("@weekly", "0 0 * * 0"),
        ("@every 90m", timedelta(minutes=90)),
    ],
)
def test_cron_expressions_are_those_of_the_specification(text: str, meaning: object) -> None:
    assert parse_cron(text) == meaning


@pytest.mark.parametrize(
    "text", ["", "@never", "@every", "@every 1d", "@every 10ms", "* * * * * *", "60 * * * *"]
)
def test_what_is_no_cron_expression_is_refused(text: str) -> None:
    with pytest.raises(BadCronError):
        parse_cron(text)


def test_a_request_that_agrees_with_its_csr_is_right() -> None:
    assert told(a_request(a_csr())) == []
    assert told(a_request(a_csr(encode_usages=False))) == []
    assert (
        told(
            a_request(
                a_csr(usages=("server auth", "client auth"), is_ca=True),
                usages=(KeyUsage.SERVER_AUTH, KeyUsage.CLIENT_AUTH),
                is_ca=True,
            )
        )
        == []
    )


def test_a_request_needs_a_csr() -> None:
    assert told(a_request(b"")) == ["spec.request: is required"]


def test_what_is_no_csr_is_told_by_its_first_characters() -> None:
    (broken,) = content_violations(a_request(b"-----BEGIN NOTHING\xff" * 20))

    assert broken.field == "spec.request"
    assert len(broken.value) < 110


def test_a_request_and_its_csr_agree_about_being_a_ca() -> None:
    csr = a_csr(is_ca=True, encode_basic_constraints=True, encode_usages=False)

    assert told(a_request(csr)) == ["spec.request: the CSR says CA=True, the request isCA=False"]


def test_a_request_and_its_csr_agree_about_usages() -> None:
    csr = a_csr(usages=("server auth", "client auth"))

    assert told(a_request(csr)) == [
        (
            "spec.request: the CSR has the key usages [], the request "
            "[digitalSignature, keyEncipherment]"
        ),
        (
            "spec.request: the CSR has the extended key usages"
            " [1.3.6.1.5.5.7.3.1, 1.3.6.1.5.5.7.3.2], the request []"
        ),
    ]


def test_the_order_of_extended_usages_counts() -> None:
    csr = a_csr(usages=("server auth", "client auth"))

    (broken,) = content_violations(
        a_request(csr, usages=(KeyUsage.CLIENT_AUTH, KeyUsage.SERVER_AUTH))
    )

    assert "extended" in broken.message


def test_trust_bundles_hold_certificates() -> None:
    good, bad = a_bundle(), b"nothing"
    vault = VaultIssuer(auth=VaultAuth(), server="s", path="p")
    tpp = VenafiTPP(url="u", credentials_ref=REF)
    acme = ACMEIssuer(server="s", private_key_secret_ref=REF)

    issuers = [
        an_issuer(
            acme=replace(acme, ca_bundle=bundle),
            vault=replace(vault, ca_bundle=bundle),
            venafi=VenafiIssuer(zone="z", tpp=replace(tpp, ca_bundle=bundle)),
        )
        for bundle in (b"", good, bad)
    ]

    assert [told(issuer) for issuer in issuers[:2]] == [[], []]
    assert [line.partition(" must")[0] for line in told(issuers[2])] == [
        "spec.acme.caBundle:",
        "spec.vault.caBundle:",
        "spec.venafi.tpp.caBundle:",
    ]


def test_an_issuer_without_bundles_is_right() -> None:
    assert told(an_issuer()) == []
    assert told(an_issuer(venafi=VenafiIssuer(zone="z"))) == []
