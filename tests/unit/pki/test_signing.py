"""What the CA and the self-signed issuer make: compat-spec 5.2 and 3.6 D."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import ExtendedKeyUsageOID

from certwright.pki import der
from certwright.pki.certificate import (
    KeyPair,
    Template,
    certificate_facts,
    parse_chain,
    self_sign,
    sign_certificate,
    temporary_certificate,
)
from certwright.pki.chain import build_chain
from certwright.pki.csr import NameConstraints, Names, OtherName, Request, Subject, build_csr
from certwright.pki.errors import BadCertificate, BadCsr, BadKey, PkiError
from certwright.pki.keys import Algorithm, key_facts
from certwright.pki.names import Subtrees
from certwright.pki.pem import decode_pem, encode_pem
from certwright.pki.signing import Signer
from tests.unit.pki import golden
from tests.unit.pki.builders import (
    NOW,
    a_csr,
    a_key,
    a_leaf,
    a_request,
    a_root,
    a_template,
    an_ed25519_key,
    an_intermediate,
    extensions_of,
)

SAN, KEY_USAGE, EXTENDED, BASIC = "2.5.29.17", "2.5.29.15", "2.5.29.37", "2.5.29.19"


def _without_serial(certificate: bytes) -> tuple[bytes, ...]:
    """Return what is signed, part by part, but for the random serial."""
    tbs = next(der.children(der.read(certificate).content))
    parts = [part.whole for part in der.children(tbs.content)]
    return (parts[0], *parts[2:])


def test_a_certificate_is_what_go_makes_of_the_same_csr_and_ca() -> None:
    constraints = NameConstraints(
        critical=True,
        permitted=Subtrees(dns_domains=("example.com",), ip_ranges=("10.0.0.0/8",)),
        excluded=Subtrees(email_addresses=("example.org",), uri_domains=(".example.net",)),
    )
    usages = ("digital signature", "key encipherment", "server auth", "client auth")
    request = Request(
        subject=Subject(common_name="www.example.com", organizations=("B", "A")),
        names=Names(
            dns=("www.example.com", "*.example.com"),
            emails=("a@example.com",),
            ips=("10.0.0.1", "::1"),
            uris=("spiffe://cluster/ns",),
        ),
        usages=usages,
        name_constraints=constraints,
    )
    template = Template(
        csr=build_csr(request, an_ed25519_key(bytes(32))),
        not_before=datetime(2049, 12, 1, tzinfo=UTC),
        usages=usages,
        ocsp_servers=("http://ocsp",),
        issuing_certificate_urls=("http://ca",),
        crl_distribution_points=("http://crl/1", "http://crl/2"),
    )
    ca_key = an_ed25519_key(b"\x01" + bytes(31))
    issuer = KeyPair(ca_key, encode_pem("CERTIFICATE", golden.CA))

    (block,) = decode_pem(sign_certificate(template, issuer=issuer))

    assert _without_serial(block.der) == _without_serial(golden.LEAF)


def test_a_self_signed_ca_is_what_go_makes() -> None:
    key = an_ed25519_key(b"\x01" + bytes(31))
    usages = ("digital signature", "key encipherment", "decipher only")
    request = a_request(common_name="ca", dns=(), usages=usages, is_ca=True)
    template = Template(
        csr=build_csr(request, key),
        not_before=datetime(2049, 12, 1, tzinfo=UTC),
        usages=usages,
        is_ca=True,
    )

    (block,) = decode_pem(self_sign(template, key=key))

    assert _without_serial(block.der) == _without_serial(golden.CA)


def test_validity_starts_when_told_and_lasts_90_days_unless_told() -> None:
    start = datetime(2026, 1, 1, 1, 0, 0, 999, tzinfo=timezone(timedelta(hours=1)))
    template = Template(csr=a_csr(), not_before=start)

    facts = certificate_facts(sign_certificate(template, issuer=a_root()))

    assert facts.not_before == NOW
    assert facts.not_after == NOW + timedelta(days=90)


def test_serials_are_positive_of_159_bits_and_differ() -> None:
    serials = {certificate_facts(a_leaf(a_root())).serial for _ in range(8)}

    assert len(serials) == 8
    assert all(0 < serial < 2**159 for serial in serials)


def test_a_validity_beyond_the_calendar_is_refused() -> None:
    with pytest.raises(BadCertificate, match="after the year 9999"):
        self_sign(a_template(duration=timedelta(days=9999 * 366)), key=a_key())


@pytest.mark.parametrize("common_name", ["", "x"])
def test_names_are_copied_byte_for_byte_and_their_criticality_is_computed_anew(
    common_name: str,
) -> None:
    value = bytes.fromhex("300b") + b"\x88\x03\x2a\x03\x04" + b"\x82\x04a.de"
    csr = _library_csr(common_name, x509.UnrecognizedExtension(x509.ObjectIdentifier(SAN), value))

    signed = sign_certificate(a_template(csr), issuer=a_root())

    assert extensions_of(signed)[SAN].value == value
    assert extensions_of(signed)[SAN].critical is (common_name == "")


def test_the_subject_is_copied_byte_for_byte() -> None:
    csr = _library_csr("x", None)  # the library writes UTF8String where we write PrintableString

    facts = certificate_facts(sign_certificate(a_template(csr), issuer=a_root()))

    assert facts.subject_der == x509.load_pem_x509_csr(csr).subject.public_bytes()


def test_other_extensions_of_the_csr_are_dropped() -> None:
    csr = _library_csr("x", x509.OCSPNoCheck())

    signed = sign_certificate(a_template(csr), issuer=a_root())

    assert extensions_of(signed).keys() == {KEY_USAGE, BASIC, "2.5.29.35"}


def test_usages_come_from_the_request_when_the_csr_is_silent() -> None:
    csr = a_csr(request=a_request(encode_usages=False))

    signed = sign_certificate(
        a_template(csr, usages=("key agreement", "server auth")), issuer=a_root()
    )

    (certificate,) = parse_chain(signed)
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.critical
    assert usage.value.key_agreement
    assert not usage.value.digital_signature
    extended = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    assert not extended.critical
    assert list(extended.value) == [ExtendedKeyUsageOID.SERVER_AUTH]


def test_extended_usages_alone_leave_out_the_key_usage() -> None:
    request = a_request(usages=("server auth",))

    assert KEY_USAGE not in extensions_of(a_leaf(a_root(), request))


@pytest.mark.parametrize(
    ("request_", "template_fields", "message"),
    [
        (a_request(), {"usages": ("signing",)}, "key usages"),
        (a_request(), {"is_ca": True}, "key usages"),
        (
            a_request(usages=("signing", "server auth")),
            {"usages": ("signing", "client auth")},
            "extended key usages",
        ),
        (a_request(usages=("signing", "any")), {"usages": ("signing",)}, "extended key usages"),
        (
            a_request(encode_basic_constraints=True),
            {"is_ca": True},
            "CA=False, the request isCA=True",
        ),
    ],
)
def test_a_csr_that_contradicts_the_request_is_refused(
    request_: Request, template_fields: dict[str, object], message: str
) -> None:
    template = a_template(a_csr(request=request_), **template_fields)

    with pytest.raises(BadCsr, match=message):
        sign_certificate(template, issuer=a_root())


def test_a_csr_that_asks_for_a_path_length_is_refused() -> None:
    csr = _library_csr("x", x509.BasicConstraints(ca=True, path_length=0))

    with pytest.raises(BadCsr, match="path length"):
        sign_certificate(a_template(csr, is_ca=True), issuer=a_root())


def test_the_order_of_extended_usages_in_the_csr_does_not_matter() -> None:
    csr = a_csr(request=a_request(usages=("client auth", "server auth")))

    assert sign_certificate(a_template(csr, usages=("server auth", "client auth")), issuer=a_root())


def test_unknown_extended_usages_of_the_csr_are_kept_after_the_known_ones() -> None:
    asked = x509.ExtendedKeyUsage(
        [x509.ObjectIdentifier("1.2.3.4"), ExtendedKeyUsageOID.SERVER_AUTH]
    )
    template = a_template(_library_csr("x", asked), usages=("server auth",))

    (certificate,) = parse_chain(sign_certificate(template, issuer=a_root()))

    extended = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert [oid.dotted_string for oid in extended] == ["1.3.6.1.5.5.7.3.1", "1.2.3.4"]


def test_a_usage_that_go_knows_but_no_word_asks_for_contradicts_the_request() -> None:
    asked = x509.ExtendedKeyUsage([x509.ObjectIdentifier("1.3.6.1.4.1.311.2.1.22")])

    with pytest.raises(BadCsr, match="extended key usages"):
        sign_certificate(a_template(_library_csr("x", asked)), issuer=a_root())


@pytest.mark.parametrize("is_ca", [True, False])
def test_basic_constraints_are_always_there_critical_and_without_path_length(
    *, is_ca: bool
) -> None:
    signed = sign_certificate(
        a_template(a_csr(request=a_request(is_ca=is_ca)), is_ca=is_ca), issuer=a_root()
    )

    constraints = parse_chain(signed)[0].extensions.get_extension_for_class(x509.BasicConstraints)
    assert constraints.critical
    assert constraints.value == x509.BasicConstraints(ca=is_ca, path_length=None)


def test_only_a_ca_has_a_subject_key_id() -> None:
    root = a_root()

    assert certificate_facts(a_leaf(root)).subject_key_id is None
    assert certificate_facts(root.certificate).subject_key_id


def test_the_authority_key_id_is_the_issuers_key_id() -> None:
    root = a_root()

    leaf = certificate_facts(a_leaf(root))

    assert leaf.authority_key_id == certificate_facts(root.certificate).subject_key_id


def test_issuer_and_subject_of_one_name_have_no_authority_key_id() -> None:
    namesake = an_intermediate("root", a_root(), key=a_key(name="another"))

    assert certificate_facts(namesake.certificate).authority_key_id is None


def test_an_issuer_without_key_id_gives_no_authority_key_id() -> None:
    lone = KeyPair(a_key(), self_sign(a_template(a_csr(request=a_request(dns=()))), key=a_key()))

    leaf = sign_certificate(a_template(a_csr(request=a_request(common_name="x"))), issuer=lone)

    assert certificate_facts(leaf).authority_key_id is None


@pytest.mark.parametrize(
    ("algorithm", "size", "hash_name"),
    [
        (Algorithm.RSA, 2048, "sha256"),
        (Algorithm.RSA, 3072, "sha384"),
        (Algorithm.RSA, 4096, "sha512"),
        (Algorithm.ECDSA, 384, "sha384"),
        (Algorithm.ECDSA, 521, "sha512"),
    ],
)
def test_the_signature_algorithm_is_the_signers(
    algorithm: Algorithm, size: int, hash_name: str
) -> None:
    root = a_root(key=a_key(algorithm, size))

    (leaf,) = parse_chain(a_leaf(root))

    assert leaf.signature_hash_algorithm is not None
    assert leaf.signature_hash_algorithm.name == hash_name
    leaf.verify_directly_issued_by(parse_chain(root.certificate)[0])


def test_an_issuers_key_must_be_its_certificates() -> None:
    pair = KeyPair(a_key(name="stray"), a_root().certificate)

    with pytest.raises(BadKey, match="does not match its certificate"):
        sign_certificate(a_template(), issuer=pair)


def test_self_signing_needs_the_key_of_the_csr() -> None:
    with pytest.raises(BadKey, match="does not match the CSR"):
        self_sign(a_template(), key=a_key(name="stray"))


def test_a_self_signed_certificate_issues_itself() -> None:
    (certificate,) = parse_chain(self_sign(a_template(), key=a_key()))

    certificate.verify_directly_issued_by(certificate)
    assert certificate.issuer == certificate.subject


def test_unknown_usages_are_refused() -> None:
    with pytest.raises(PkiError, match="unknown key usages: 'flying'"):
        self_sign(a_template(usages=("flying",)), key=a_key())


def test_a_url_outside_ascii_is_refused() -> None:
    with pytest.raises(PkiError, match="outside ASCII"):
        self_sign(a_template(ocsp_servers=("http://ü",)), key=a_key())


def test_a_temporary_certificate_has_the_key_and_names_but_an_unknown_issuer() -> None:
    request = a_request(common_name="www.example.com", usages=("server auth",))

    pem = temporary_certificate(request, a_key(), not_before=NOW)

    facts = certificate_facts(pem)
    assert facts.issuer_common_name == "cert-manager.local"
    assert facts.spki_sha256 == key_facts(a_key()).spki_sha256
    assert (facts.common_name, facts.dns) == ("www.example.com", ("www.example.com",))
    assert facts.not_after == NOW + timedelta(days=90)
    assert build_chain([pem]).ca == b""
    algorithm = parse_chain(pem)[0].signature_hash_algorithm
    assert algorithm is not None
    assert algorithm.name == "sha512"


def test_a_temporary_certificate_leaves_out_literal_subject_and_other_names() -> None:
    request = a_request(
        subject=Subject(literal="CN=literal"),
        names=Names(dns=("a.example",), others=(OtherName("1.2.3", "x"),)),
    )

    facts = certificate_facts(temporary_certificate(request, a_key(), not_before=NOW))

    assert facts.common_name == ""
    assert facts.others == ()


def test_a_signer_does_not_show_its_key() -> None:
    assert repr(a_root()) == "KeyPair(…)"
    assert repr(Signer(a_key(), b"", None)) == "Signer(…)"


def _library_csr(common_name: str, extension: x509.ExtensionType | None) -> bytes:
    """Let the library make a CSR that we would not write."""
    attributes = [x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)] if common_name else []
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(attributes))
    if extension is not None:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(a_key(), hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
