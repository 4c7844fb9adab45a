"""Every check of compat-spec 3.3 and 3.9, with its reason and its message to the letter."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from certwright.api.certificate import (
    CertificateKeystores,
    CertificateSpec,
    JKSKeystore,
    KeyAlgorithm,
    KeyUsage,
    OtherName,
    PKCS12Keystore,
    PrivateKeySpec,
    Renewal,
    RenewalPolicy,
    RenewalWindow,
    X509Subject,
)
from certwright.api.core import Secret
from certwright.api.meta import IssuerReference
from certwright.pki.keys import encode_key, generate_key
from certwright.policy.attempt import read_attempt
from certwright.policy.checks import READY_CHECKS, REISSUE_CHECKS, first_finding
from certwright.policy.mismatch import certificate_mismatches, request_mismatches
from tests.builders import ECDSA, a_certificate
from tests.fakes.clock import START
from tests.unit.policy.facts import a_key, an_attempt, annotated, facts

KEY_ONLY = PrivateKeySpec(algorithm=KeyAlgorithm.ECDSA, size=384)
NAME = "IncorrectIssuer"
BEFORE = "Issuing certificate as Secret was previously issued by "


def with_data(**data: bytes) -> Callable[[Secret], Secret]:
    def edit(secret: Secret) -> Secret:
        named = {f"tls.{name}": value for name, value in data.items()}
        return replace(secret, data={**secret.data, **named})

    return edit


def without_data(secret: Secret) -> Secret:
    return replace(secret, data={})


def issuer(name: str = "ca", kind: str = "", group: str = "") -> dict[str, Any]:
    return {"issuer_ref": IssuerReference(name=name, kind=kind, group=group)}


TABLE: tuple[tuple[str, dict[str, Any], str, str], ...] = (
    (
        "no Secret",
        {"secret": None},
        "DoesNotExist",
        "Issuing certificate as Secret does not exist",
    ),
    (
        "no data",
        {"edit": without_data},
        "MissingData",
        "Issuing certificate as Secret does not contain any data",
    ),
    (
        "empty key",
        {"edit": with_data(key=b"")},
        "MissingData",
        "Issuing certificate as Secret does not contain a private key",
    ),
    (
        "empty certificate",
        {"edit": with_data(crt=b"")},
        "MissingData",
        "Issuing certificate as Secret does not contain a certificate",
    ),
    (
        "broken key",
        {"edit": with_data(key=b"x")},
        "InvalidKeyPair",
        "Issuing certificate as Secret contains invalid private key data: ",
    ),
    (
        "foreign key",
        {"edit": with_data(key=encode_key(generate_key(KeyAlgorithm.ECDSA)))},
        "InvalidKeyPair",
        "Issuing certificate as Secret contains a private key that does not match the certificate",
    ),
    (
        "broken certificate",
        {"edit": with_data(crt=b"x")},
        "InvalidCertificate",
        "Issuing certificate as Secret contains an invalid certificate: ",
    ),
    (
        "another issuer",
        {"spec": issuer("other")},
        NAME,
        f'{BEFORE}"Issuer.cert-manager.io/ca"',
    ),
    (
        "another kind of issuer",
        {"spec": issuer(kind="ClusterIssuer")},
        NAME,
        f'{BEFORE}"Issuer.cert-manager.io/ca"',
    ),
    (
        "no issuer annotations and a foreign issuer",
        {
            "spec": issuer(group="x.io", kind="Foo"),
            "edit": lambda s: annotated(s, issuer_name=None, issuer_kind=None, issuer_group=None),
        },
        NAME,
        f'{BEFORE}"Issuer.cert-manager.io/"',
    ),
    (
        "another Certificate's",
        {"edit": lambda s: annotated(s, certificate_name="other")},
        "IncorrectCertificate",
        (
            'Secret was issued for "other". If this message is not transient, you might have two '
            "conflicting Certificates pointing to the same secret."
        ),
    ),
    (
        "another size of key",
        {"spec": {"private_key": KEY_ONLY}},
        "SecretMismatch",
        "Existing private key is not up to date for spec: [spec.privateKey.size]",
    ),
    (
        "another algorithm",
        {"spec": {"private_key": None}},
        "SecretMismatch",
        "Existing private key is not up to date for spec: [spec.privateKey.algorithm]",
    ),
    (
        "a request with another key",
        {"current": an_attempt(a_certificate(), a_key(a_certificate()))},
        "SecretMismatch",
        "Secret contains a private key that does not match the current CertificateRequest",
    ),
    (
        "a request that cannot be read",
        {
            "current": read_attempt(
                replace(
                    (attempt := an_attempt(a_certificate(), a_key(a_certificate()))).request,
                    spec=replace(attempt.request.spec, request=b"x"),
                )
            )
        },
        "InvalidCertificateRequest",
        "Failed to decode the CSR of the current CertificateRequest: ",
    ),
    (
        "other names than requested",
        {"spec": {"dns_names": ("a.example",), "common_name": "a.example"}},
        "RequestChanged",
        (
            "Fields on existing CertificateRequest resource not up to date: "
            "[spec.dnsNames spec.commonName]"
        ),
    ),
    (
        "explicit default usages",
        {"spec": {"usages": (KeyUsage.DIGITAL_SIGNATURE, KeyUsage.KEY_ENCIPHERMENT)}},
        "RequestChanged",
        "Fields on existing CertificateRequest resource not up to date: [spec.usages]",
    ),
    (
        "no request and other names",
        {"current": None, "spec": {"dns_names": ("a.example",)}},
        "SecretMismatch",
        (
            "Issuing certificate as Existing issued Secret is not up to date for spec: "
            "[spec.dnsNames]"
        ),
    ),
    (
        "due",
        {"now": START + timedelta(days=60)},
        "Renewing",
        "Renewing certificate as renewal was scheduled at 2026-03-02 00:00:00 +0000 UTC",
    ),
)


@pytest.mark.parametrize(
    ("changes", "reason", "message"),
    [row[1:] for row in TABLE],
    ids=[row[0] for row in TABLE],
)
def test_a_violation_is_a_reason_to_issue(
    changes: dict[str, Any], reason: str, message: str
) -> None:
    found = first_finding(REISSUE_CHECKS, facts(**changes))

    assert found is not None
    assert found.reason == reason
    assert found.message.startswith(message)
    assert found.message == message or message.endswith(": ")


FINE: tuple[tuple[str, dict[str, Any]], ...] = (
    ("as issued", {}),
    (
        "defaults of the issuer written out",
        {"spec": issuer(kind="Issuer", group="cert-manager.io")},
    ),
    (
        "no issuer annotations and a built-in issuer of any name",
        {
            "spec": {},
            "edit": lambda s: annotated(s, issuer_name=None, issuer_kind=None, issuer_group=None),
        },
    ),
    ("no annotation with a name", {"edit": lambda s: annotated(s, certificate_name=None)}),
    ("no request, and the names are the same", {"current": None}),
    ("another encoding", {"spec": {"private_key": replace(ECDSA, encoding="PKCS8")}}),
    ("another limit", {"spec": {"revision_history_limit": 5}}),
    ("a duration that was not there", {"spec": {"duration": "24h"}}),
    ("one second before the renewal", {"now": START + timedelta(days=60, seconds=-1)}),
    (
        "renewals off",
        {
            "spec": {"renewal": Renewal(policy=RenewalPolicy.DISABLED)},
            "now": START + timedelta(days=80),
        },
    ),
)


@pytest.mark.parametrize("changes", [row[1] for row in FINE], ids=[row[0] for row in FINE])
def test_nothing_is_issued_when_all_is(changes: dict[str, Any]) -> None:
    assert first_finding(REISSUE_CHECKS, facts(**changes)) is None


def test_a_renewal_without_a_window_says_so() -> None:
    broken = Renewal(windows=(RenewalWindow(cron="never", window_duration="1h"),))

    found = first_finding(
        REISSUE_CHECKS, facts(spec={"renewal": broken}, now=START + timedelta(days=60))
    )

    assert found is not None
    assert found.message == (
        "Renewing certificate without satisfying renewal windows at: 2026-03-02 00:00:00 +0000 UTC"
    )
    assert found.warning.startswith(
        "Renewing certificate without satisfying renewal windows due to "
    )


def test_an_expired_certificate_is_not_ready() -> None:
    end = START + timedelta(days=90)

    assert first_finding(READY_CHECKS, facts(now=end)) is None
    found = first_finding(READY_CHECKS, facts(now=end + timedelta(seconds=1)))

    assert found is not None
    assert (found.reason, found.message) == (
        "Expired",
        "Certificate expired on Wed, 01 Apr 2026 00:00:00 UTC",
    )


def test_an_asked_keystore_is_not_served_yet_and_does_not_hinder_issuing() -> None:
    stores = CertificateKeystores(
        jks=JKSKeystore(create=False, password="x"),
        pkcs12=PKCS12Keystore(create=True, password="x"),
    )

    ready = first_finding(READY_CHECKS, facts(spec={"keystores": stores}))
    issue = first_finding(REISSUE_CHECKS, facts(spec={"keystores": stores}))

    assert issue is None
    assert ready is not None
    assert ready.reason == "NotServed"
    assert "spec.keystores.pkcs12 is not served yet" in ready.message


WISHES: tuple[tuple[dict[str, Any], tuple[str, ...]], ...] = (
    ({"dns_names": ("b.example", "a.example")}, ()),
    ({"dns_names": ("a.example",)}, ("spec.dnsNames",)),
    ({"ip_addresses": ("2001:DB8:0::1",)}, ()),
    ({"ip_addresses": ("192.0.2.9",)}, ("spec.ipAddresses",)),
    ({"uris": ()}, ("spec.uris",)),
    ({"email_addresses": ()}, ("spec.emailAddresses",)),
    ({"common_name": ""}, ("spec.commonName",)),
    ({"other_names": None}, ()),
    ({"other_names": ()}, ("spec.otherNames",)),
    ({"is_ca": True}, ("spec.isCA",)),
    ({"usages": (KeyUsage.CLIENT_AUTH,)}, ("spec.usages",)),
    ({"duration": "48h"}, ("spec.duration",)),
    ({"duration": "1440m"}, ()),
    ({"duration": None}, ()),
    ({"issuer_ref": IssuerReference(name="ca", kind="Issuer")}, ()),
    ({"issuer_ref": IssuerReference(name="ca", kind="ClusterIssuer")}, ("spec.issuerRef",)),
    (
        {"subject": None},
        ("spec.subject.serialNumber", "spec.subject.organizations", "spec.subject.postCodes"),
    ),
    ({"common_name": "", "subject": None, "literal_subject": "CN=x"}, ("spec.literalSubject",)),
    ({"common_name": "", "subject": None, "literal_subject": "="}, ("spec.literalSubject",)),
)


@pytest.mark.parametrize(("changes", "fields"), WISHES)
def test_a_request_is_compared_with_the_spec_field_by_field(
    changes: dict[str, Any], fields: tuple[str, ...]
) -> None:
    certificate = a_certificate(
        common_name="a.example",
        dns_names=("a.example", "b.example"),
        ip_addresses=("2001:db8::1",),
        uris=("spiffe://x",),
        email_addresses=("a@example.com",),
        other_names=(OtherName(oid="1.3.6.1.4.1.311.20.2.3", utf8_value="upn"),),
        subject=X509Subject(organizations=("o",), postal_codes=("1", "2"), serial_number="7"),
        duration="24h",
    )
    attempt = an_attempt(certificate, a_key(certificate))
    assert attempt.csr is not None

    found = request_mismatches(attempt.request, attempt.csr, replace(certificate.spec, **changes))

    assert found == fields


def test_a_literal_subject_is_compared_by_its_bytes() -> None:
    certificate = a_certificate(literal_subject="CN=x,O=y")
    attempt = an_attempt(certificate, a_key(certificate))
    assert attempt.csr is not None

    same = request_mismatches(attempt.request, attempt.csr, certificate.spec)
    turned = replace(certificate.spec, literal_subject="O=y,CN=x")

    assert same == ()
    assert request_mismatches(attempt.request, attempt.csr, turned) == ("spec.literalSubject",)


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({}, ()),
        ({"common_name": "", "dns_names": ("b.example", "a.example")}, ()),
        ({"common_name": "b.example"}, ()),
        ({"common_name": "c.example"}, ("spec.commonName", "spec.dnsNames")),
        ({"dns_names": ("a.example",)}, ("spec.dnsNames",)),
        ({"common_name": "", "literal_subject": "O=o,CN=a.example"}, ()),
        ({"ip_addresses": ("192.0.2.1",)}, ("spec.ipAddresses",)),
        ({"uris": ("spiffe://x",)}, ("spec.uris",)),
        ({"email_addresses": ("a@example.com",)}, ("spec.emailAddresses",)),
    ],
)
def test_an_adopted_certificate_is_compared_by_its_names(
    changes: dict[str, Any], fields: tuple[str, ...]
) -> None:
    wanted: dict[str, Any] = {"common_name": "a.example", "dns_names": ("a.example", "b.example")}
    secret = facts(issued=wanted).secret
    assert secret is not None
    assert secret.certificate is not None
    spec: CertificateSpec = a_certificate(**{**wanted, **changes}).spec

    assert certificate_mismatches(secret.certificate, spec) == fields
