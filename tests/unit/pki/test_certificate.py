"""What is read from certificates: facts, annotations, limits (compat-spec 2.4 and 5.3)."""

import hashlib
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from certwright.pki.certificate import (
    CertificateFacts,
    certificate_facts,
    detail_annotations,
    first_certificate,
    key_matches,
    parse_bundle,
    parse_chain,
)
from certwright.pki.chain import build_chain
from certwright.pki.csr import Names, Subject, parse_csr
from certwright.pki.errors import BadCertificate, PkiError
from certwright.pki.keys import encode_key, key_facts
from certwright.pki.names import OtherName
from certwright.pki.pem import Limits, encode_pem
from tests.unit.pki import golden
from tests.unit.pki.builders import (
    NOW,
    a_csr,
    a_key,
    a_leaf,
    a_request,
    a_root,
    a_self_signed_leaf,
    an_ed25519_key,
)

GOLDEN_CA = encode_pem("CERTIFICATE", golden.CA)
GOLDEN_LEAF = encode_pem("CERTIFICATE", golden.LEAF)


def test_what_go_wrote_is_read() -> None:
    facts = certificate_facts(GOLDEN_LEAF + GOLDEN_CA)

    assert facts == CertificateFacts(
        serial=0x7FFFFF,
        spki_sha256=key_facts(an_ed25519_key(bytes(32))).spki_sha256,
        fingerprint_sha256=hashlib.sha256(golden.LEAF).hexdigest(),
        subject=Subject(common_name="www.example.com", organizations=("A", "B")),
        subject_der=golden.LEAF[golden.LEAF.index(b"\x30\x30\x31\x14") :][:50],
        common_name="www.example.com",
        issuer_common_name="ca",
        dns=("www.example.com", "*.example.com"),
        ips=("10.0.0.1", "::1"),
        uris=("spiffe://cluster/ns",),
        emails=("a@example.com",),
        others=(),
        not_before=datetime(2049, 12, 1, tzinfo=UTC),
        not_after=datetime(2050, 3, 1, tzinfo=UTC),
        is_ca=False,
        subject_key_id=None,
        authority_key_id=bytes.fromhex("fa4d86c3b551aa6cd7c3759d040c037ef2c6379f"),
    )


def test_a_ca_is_told_from_a_leaf() -> None:
    facts = certificate_facts(GOLDEN_CA)

    assert facts.is_ca
    assert facts.subject_key_id == bytes.fromhex("fa4d86c3b551aa6cd7c3759d040c037ef2c6379f")
    assert facts.authority_key_id is None


def test_the_dates_are_aware_and_in_utc() -> None:
    facts = certificate_facts(a_leaf(a_root()))

    assert (facts.not_before, facts.not_after) == (NOW, NOW + timedelta(days=30))
    assert facts.not_before.tzinfo is UTC


def test_a_key_matches_its_own_certificate_and_csr_only() -> None:
    certificate, csr = certificate_facts(a_leaf(a_root())), parse_csr(a_csr())

    assert key_matches(a_key(), certificate)
    assert key_matches(key_facts(a_key()), csr)
    assert not key_matches(a_key(name="other"), certificate)


def test_the_first_certificate_is_cut_out() -> None:
    assert first_certificate(b"comment\n" + GOLDEN_LEAF + GOLDEN_CA) == GOLDEN_LEAF


def test_all_details_of_a_leaf_become_annotations() -> None:
    subject = Subject(
        common_name="www.example.com",
        organizations=("A, Inc", "B"),
        organizational_units=('the "x" team',),
        countries=("DE", "FR"),
        provinces=("NW",),
        localities=("Köln",),
        postal_codes=("50667",),
        street_addresses=("Domstr. 1",),
        serial_number="42",
    )
    names = Names(
        dns=("www.example.com", "example.com"),
        ips=("10.0.0.1", "2001:db8::1"),
        uris=("spiffe://a/b", "spiffe://c"),
        emails=("a@example.com",),
        others=(OtherName("1.3.6.1.4.1.311.20.2.3", "x"),),
    )

    annotations = detail_annotations(a_leaf(a_root(), a_request(subject=subject, names=names)))

    assert annotations == {
        "cert-manager.io/common-name": "www.example.com",
        "cert-manager.io/alt-names": "www.example.com,example.com",
        "cert-manager.io/ip-sans": "10.0.0.1,2001:db8::1",
        "cert-manager.io/uri-sans": "spiffe://a/b,spiffe://c",
        "cert-manager.io/email-sans": "a@example.com",
        "cert-manager.io/subject-serialnumber": "42",
        "cert-manager.io/subject-organizations": 'B,"A, Inc"',
        "cert-manager.io/subject-organizationalunits": '"the ""x"" team"',
        "cert-manager.io/subject-countries": "DE,FR",
        "cert-manager.io/subject-provinces": "NW",
        "cert-manager.io/subject-localities": "Köln",
        "cert-manager.io/subject-postalcodes": "50667",
        "cert-manager.io/subject-streetaddresses": "Domstr. 1",
    }


def test_four_annotations_are_there_even_when_they_are_empty() -> None:
    names = Names(emails=("a@example.com",))

    annotations = detail_annotations(a_leaf(a_root(), a_request(names=names)))

    assert annotations == {
        "cert-manager.io/common-name": "",
        "cert-manager.io/alt-names": "",
        "cert-manager.io/ip-sans": "",
        "cert-manager.io/uri-sans": "",
        "cert-manager.io/email-sans": "a@example.com",
    }


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("a,b", '"a,b"'),
        ('say "x"', '"say ""x"""'),
        (" lead", '" lead"'),
        ("trail ", "trail "),
        ("\\.", '"\\."'),
        ("ü", "ü"),
        ("\u00a0x", '"\u00a0x"'),
        ("line\nbreak", '"line\nbreak"'),
        ("line\rbreak", '"line\rbreak"'),
    ],
)
def test_lists_are_quoted_as_gos_csv_writer_does(value: str, written: str) -> None:
    subject = Subject(countries=(value,))

    annotations = detail_annotations(a_leaf(a_root(), a_request(subject=subject)))

    assert annotations["cert-manager.io/subject-countries"] == written


def test_a_chain_longer_than_the_limit_is_refused_before_it_is_parsed() -> None:
    assert len(parse_chain((GOLDEN_LEAF + GOLDEN_CA).ljust(95_000))) == 2
    with pytest.raises(BadCertificate, match="95001 bytes, more than the limit of 95000"):
        parse_chain(GOLDEN_LEAF.ljust(95_001))


def test_a_bundle_may_be_longer_than_a_chain() -> None:
    assert len(parse_bundle(GOLDEN_CA.ljust(330_000))) == 1
    with pytest.raises(BadCertificate, match="330001 bytes, more than the limit of 330000"):
        parse_bundle(GOLDEN_CA.ljust(330_001))


def test_one_certificate_longer_than_the_limit_is_refused() -> None:
    with pytest.raises(BadCertificate, match=r"a certificate has .* more than the limit of 36500"):
        parse_chain(encode_pem("CERTIFICATE", bytes(27_000)))


def test_the_limits_can_be_changed() -> None:
    limits = Limits(chain=10)

    with pytest.raises(BadCertificate, match="limit of 10"):
        certificate_facts(GOLDEN_LEAF, limits=limits)


@pytest.mark.parametrize(
    ("pem", "message"),
    [
        (b"", "no PEM block"),
        (encode_pem("CERTIFICATE", b"x"), "well-formed certificate"),
        (GOLDEN_LEAF + encode_pem("CERTIFICATE", b"x"), "well-formed certificate"),
        (GOLDEN_LEAF + encode_pem("TRUSTED CERTIFICATE", b"x"), "is a TRUSTED CERTIFICATE"),
        (b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----", "base64"),
    ],
)
def test_what_is_no_certificate_is_refused_with_the_reason(pem: bytes, message: str) -> None:
    with pytest.raises(BadCertificate, match=message):
        certificate_facts(pem)


def test_a_private_key_among_certificates_is_named_but_not_shown() -> None:
    pem = encode_key(a_key())

    with pytest.raises(BadCertificate) as caught:
        parse_chain(GOLDEN_LEAF + pem)

    assert str(caught.value) == "a PEM block is a EC PRIVATE KEY, not a CERTIFICATE"


def test_a_certificate_of_another_version_is_refused() -> None:
    version_2 = golden.CA.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x03")

    with pytest.raises(BadCertificate, match="well-formed certificate"):
        certificate_facts(encode_pem("CERTIFICATE", version_2))


@pytest.mark.filterwarnings("ignore:Parsed a serial number")
@given(st.data())
def test_a_damaged_certificate_is_read_or_refused(data: st.DataObject) -> None:
    damaged = bytearray(golden.LEAF)
    for _ in range(data.draw(st.integers(1, 3))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    pem = encode_pem("CERTIFICATE", bytes(damaged))

    with suppress(PkiError):
        assert detail_annotations(pem)
    with suppress(PkiError):
        assert build_chain([pem, GOLDEN_CA]).ca == GOLDEN_CA


def _by_the_library(extension: x509.ExtensionType | None) -> bytes:
    """Let the library make a certificate that we would not make."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "x")])
    builder = x509.CertificateBuilder(
        name,
        name,
        key.public_key(),
        1,
        NOW.replace(tzinfo=None),
        NOW.replace(tzinfo=None, year=2027),
    )
    if extension is not None:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def test_a_malformed_extension_is_a_bad_certificate() -> None:
    oid = x509.ObjectIdentifier("2.5.29.17")
    pem = _by_the_library(x509.UnrecognizedExtension(oid, b"\x30\x02\x87\x00"))

    with pytest.raises(BadCertificate, match="not an IP address"):
        certificate_facts(pem)


def test_a_public_key_of_an_unknown_kind_is_refused() -> None:
    unknown = golden.CA.replace(b"\x2b\x65\x70\x03\x21", b"\x2b\x65\x01\x03\x21")

    with pytest.raises(BadCertificate, match="unsupported kind"):
        certificate_facts(encode_pem("CERTIFICATE", unknown))


def test_a_certificate_without_extensions_is_no_ca_and_has_no_names() -> None:
    facts = certificate_facts(_by_the_library(None))

    assert not facts.is_ca
    assert facts.dns == ()


def test_an_authority_key_without_identifier_is_absent() -> None:
    identifier = x509.AuthorityKeyIdentifier(None, [x509.DNSName("x")], 5)
    pem = _by_the_library(identifier)

    assert certificate_facts(pem).authority_key_id is None


def test_a_common_name_longer_than_the_standard_allows_is_read() -> None:
    pem = a_self_signed_leaf(a_request(common_name="x" * 70))

    assert certificate_facts(pem).common_name == "x" * 70
    assert build_chain([pem]).chain == pem
