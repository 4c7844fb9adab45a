"""CSRs: compat-spec 5.1, byte for byte against what Go writes."""

from contextlib import suppress

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import AttributeOID
from hypothesis import given
from hypothesis import strategies as st

from certwright.pki import der
from certwright.pki.csr import (
    NameConstraints,
    Names,
    OtherName,
    Request,
    Subject,
    build_csr,
    parse_csr,
)
from certwright.pki.errors import BadCsr, BadKey, BadSubject, PkiError
from certwright.pki.extensions import parse_extensions
from certwright.pki.keys import Algorithm, key_facts
from certwright.pki.literal import literal_subject_der
from certwright.pki.names import (
    Subtrees,
    encode_names,
    encode_subject,
    ip_value,
    parse_names,
    parse_subject,
)
from certwright.pki.pem import decode_pem, encode_pem
from certwright.pki.usages import KeyUsage
from tests.unit.pki import golden
from tests.unit.pki.builders import a_csr, a_key, a_request, an_ed25519_key

_SHA256, _PEM = hashes.SHA256(), serialization.Encoding.PEM
UPN = "1.3.6.1.4.1.311.20.2.3"

FULL_SUBJECT = Subject(
    common_name="*.example.com",
    countries=("DE",),
    organizations=("Zebra", "Aardvark Inc", "C & D"),
    organizational_units=("ops_1",),
    localities=("Köln",),
    provinces=("NW",),
    street_addresses=("Domstr. 1",),
    postal_codes=("50667",),
    serial_number="42",
)

GOLDEN_REQUEST = Request(
    subject=Subject(common_name="www.example.com", organizations=("B", "A")),
    names=Names(
        dns=("www.example.com", "*.example.com"),
        emails=("a@example.com",),
        ips=("10.0.0.1", "::1"),
        uris=("spiffe://cluster/ns",),
    ),
    usages=("digital signature", "key encipherment", "server auth", "client auth"),
)


def _library(pem: bytes) -> x509.CertificateSigningRequest:
    return x509.load_pem_x509_csr(pem)


def _extension_oids(pem: bytes) -> list[str]:
    return [extension.oid.dotted_string for extension in _library(pem).extensions]


def test_a_subject_is_written_as_go_writes_it() -> None:
    assert encode_subject(FULL_SUBJECT) == golden.FULL_NAME


def test_a_csr_has_the_names_extensions_and_signature_that_go_writes() -> None:
    pem = build_csr(GOLDEN_REQUEST, an_ed25519_key(bytes(32)))

    assert decode_pem(pem)[0].der == golden.CSR
    assert pem.startswith(b"-----BEGIN CERTIFICATE REQUEST-----\n")


def test_what_go_wrote_is_read() -> None:
    facts = parse_csr(encode_pem("CERTIFICATE REQUEST", golden.CSR))

    assert facts.spki_sha256 == key_facts(an_ed25519_key(bytes(32))).spki_sha256
    assert facts.common_name == "www.example.com"
    assert facts.subject == Subject(common_name="www.example.com", organizations=("A", "B"))
    assert facts.dns == ("www.example.com", "*.example.com")
    assert facts.emails == ("a@example.com",)
    assert facts.ips == ("10.0.0.1", "::1")
    assert facts.uris == ("spiffe://cluster/ns",)
    assert facts.key_usage == frozenset({KeyUsage.DIGITAL_SIGNATURE, KeyUsage.KEY_ENCIPHERMENT})
    assert facts.extended == ("1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2")
    assert facts.is_ca is None
    assert facts.path_length is None
    assert facts.name_constraints is None


@pytest.mark.parametrize("character", '*&@_!ü;<"')
def test_characters_outside_printable_string_force_utf8(character: str) -> None:
    assert der.text(f"a{character}b")[0] == der.UTF8_STRING


def test_the_whole_printable_alphabet_is_a_printable_string() -> None:
    assert der.text("azAZ09 '()+,-./:=?")[0] == der.PRINTABLE_STRING


def test_the_first_dns_name_is_not_promoted_to_common_name() -> None:
    facts = parse_csr(a_csr(request=a_request(dns=("www.example.com",))))

    assert facts.common_name == ""
    assert facts.subject_der == b"\x30\x00"


@pytest.mark.parametrize(("common_name", "critical"), [("", True), ("x", False)])
def test_names_are_critical_iff_the_subject_is_empty(common_name: str, *, critical: bool) -> None:
    pem = a_csr(request=a_request(common_name=common_name))

    names = _library(pem).extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert names.critical is critical


def test_without_names_there_is_no_names_extension() -> None:
    assert "2.5.29.17" not in _extension_oids(a_csr(request=a_request(common_name="x", dns=())))


def test_usages_are_written_with_their_criticality() -> None:
    pem = a_csr(request=a_request(usages=("signing", "server auth"), is_ca=True))

    extensions = _library(pem).extensions
    usage = extensions.get_extension_for_class(x509.KeyUsage)
    extended = extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    assert usage.critical
    assert usage.value.digital_signature
    assert usage.value.key_cert_sign
    assert not extended.critical


def test_usages_can_be_kept_out_of_the_csr() -> None:
    pem = a_csr(request=a_request(usages=("server auth",), encode_usages=False))

    facts = parse_csr(pem)
    assert (facts.key_usage, facts.extended) == (None, None)


def test_extended_usages_alone_write_no_key_usage_which_would_be_empty() -> None:
    facts = parse_csr(a_csr(request=a_request(usages=("server auth",))))

    assert (facts.key_usage, facts.extended) == (None, ("1.3.6.1.5.5.7.3.1",))


@pytest.mark.parametrize("is_ca", [True, False])
def test_basic_constraints_are_written_only_when_asked_for(*, is_ca: bool) -> None:
    silent = parse_csr(a_csr(request=a_request(is_ca=is_ca)))
    pem = a_csr(request=a_request(is_ca=is_ca, encode_basic_constraints=True))

    assert silent.is_ca is None
    assert parse_csr(pem).is_ca is is_ca
    constraints = _library(pem).extensions.get_extension_for_class(x509.BasicConstraints)
    assert constraints.critical
    assert constraints.value.path_length is None


@pytest.mark.parametrize("critical", [True, False])
def test_name_constraints_are_written_with_their_criticality(*, critical: bool) -> None:
    constraints = NameConstraints(
        critical=critical,
        permitted=Subtrees(dns_domains=("example.com",), ip_ranges=("10.1.2.3/8", "fd00::/8")),
        excluded=Subtrees(email_addresses=("example.org",), uri_domains=(".example.net",)),
    )

    pem = a_csr(request=a_request(is_ca=True, name_constraints=constraints))

    written = _library(pem).extensions.get_extension_for_class(x509.NameConstraints)
    assert written.critical is critical
    assert [str(name.value) for name in written.value.permitted_subtrees or ()] == [
        "example.com",
        "10.0.0.0/8",
        "fd00::/8",
    ]
    assert [name.value for name in written.value.excluded_subtrees or ()] == [
        "example.org",
        ".example.net",
    ]


def test_a_literal_subject_wins_and_compares_by_its_der() -> None:
    literal = "CN=foo,OU=a+OU=b,DC=example"

    facts = parse_csr(a_csr(request=a_request(subject=Subject(literal=literal))))

    assert facts.subject_der == literal_subject_der(literal)
    assert facts.subject.organizational_units == ("a", "b")


def test_other_names_are_utf8_text_after_all_other_names() -> None:
    names = Names(others=(OtherName(UPN, "jürgen@corp"),), dns=("a.example",))

    pem = a_csr(request=a_request(names=names))

    written = list(
        _library(pem).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    )
    assert written[0] == x509.DNSName("a.example")
    assert written[1] == x509.OtherName(x509.ObjectIdentifier(UPN), b"\x0c\x0cj\xc3\xbcrgen@corp")
    assert parse_csr(pem).others == names.others


def test_an_ipv4_address_mapped_into_ipv6_is_that_ipv4_address() -> None:
    assert parse_csr(a_csr(request=a_request(names=Names(ips=("::ffff:192.0.2.1",))))).ips == (
        "192.0.2.1",
    )


def test_the_wanted_signature_algorithm_is_used() -> None:
    request = a_request(signature_algorithm="SHA512WithRSA")

    pem = a_csr(a_key(Algorithm.RSA), request)

    algorithm = _library(pem).signature_hash_algorithm
    assert algorithm is not None
    assert algorithm.name == "sha512"
    assert parse_csr(pem).dns == ("www.example.com",)


def test_a_signature_algorithm_of_another_family_is_refused() -> None:
    with pytest.raises(BadKey, match="cannot sign by ECDSAWithSHA256"):
        a_csr(a_key(Algorithm.RSA), a_request(signature_algorithm="ECDSAWithSHA256"))


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (Names(dns=("münchen.example",)), "outside ASCII"),
        (Names(emails=("ü@example.com",)), "outside ASCII"),
        (Names(uris=("http://ü",)), "outside ASCII"),
        (Names(ips=("1.2.3",)), "not an IP address"),
        (Names(ips=("fe80::1%eth0",)), "has a zone"),
        (Names(others=(OtherName("x", "y"),)), "not an object identifier"),
    ],
)
def test_names_that_cannot_be_encoded_are_refused(names: Names, message: str) -> None:
    with pytest.raises(BadSubject, match=message):
        a_csr(request=a_request(names=names))


def test_name_constraints_that_cannot_be_encoded_are_refused() -> None:
    constraints = NameConstraints(permitted=Subtrees(ip_ranges=("ten",)))

    with pytest.raises(BadSubject, match="'ten' is not an IP range"):
        a_csr(request=a_request(name_constraints=constraints))


def test_a_subject_that_is_not_unicode_is_refused() -> None:
    with pytest.raises(BadSubject, match="not valid Unicode"):
        a_csr(request=a_request(common_name="\ud800"))


@pytest.mark.parametrize(
    ("pem", "message"),
    [
        (b"", "no PEM block"),
        (encode_pem("CERTIFICATE", golden.CSR), "no PEM block with a CSR"),
        (encode_pem("CERTIFICATE REQUEST", golden.CSR[:-1]), "malformed"),
        (encode_pem("CERTIFICATE REQUEST", golden.CSR[:-1] + b"x"), "signature"),
        (encode_pem("CERTIFICATE REQUEST", b""), "malformed"),
        (b"-----BEGIN CERTIFICATE REQUEST-----\n!\n-----END CERTIFICATE REQUEST-----", "base64"),
        (
            encode_pem("CERTIFICATE REQUEST", golden.CSR.replace(b"\x02\x01\0", b"\x02\x01\1", 1)),
            "malformed",
        ),
        (b" " * 36_501, "36501 bytes, more than the limit of 36500"),
    ],
)
def test_what_is_no_csr_is_refused_with_the_reason(pem: bytes, message: str) -> None:
    with pytest.raises(BadCsr, match=message):
        parse_csr(pem)


def test_the_old_label_is_read_too() -> None:
    assert parse_csr(encode_pem("NEW CERTIFICATE REQUEST", golden.CSR)).common_name


def _signed_with(extension: x509.ExtensionType) -> bytes:
    """Let the library make a CSR with an extension that we would not write."""
    return (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([]))
        .add_extension(extension, critical=False)
        .sign(a_key(), _SHA256)
        .public_bytes(_PEM)
    )


def test_a_malformed_extension_is_a_bad_csr() -> None:
    oid = x509.ObjectIdentifier("2.5.29.17")

    for value in (b"\x30\x02\x87\x00", b"\x30\x05", b"\x30\x02\xa0\x00"):
        with pytest.raises(BadCsr, match="malformed DER"):
            parse_csr(_signed_with(x509.UnrecognizedExtension(oid, value)))


def test_names_of_types_without_a_field_are_left_out() -> None:
    names = x509.SubjectAlternativeName(
        [
            x509.RegisteredID(x509.ObjectIdentifier("1.2.3")),
            x509.OtherName(x509.ObjectIdentifier("1.2.3"), b"\x02\x01\x05"),
            x509.DNSName("a.example"),
        ]
    )

    facts = parse_csr(_signed_with(names))

    assert facts.dns == ("a.example",)
    assert facts.others == (OtherName("1.2.3", "#020105"),)


def test_a_csr_may_ask_for_nothing_but_a_subject() -> None:
    facts = parse_csr(a_csr(request=a_request(common_name="x", dns=(), encode_usages=False)))

    assert facts.common_name == "x"
    assert (facts.dns, facts.key_usage) == ((), None)


def test_other_attributes_of_a_csr_are_passed_over() -> None:
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    csr = builder.add_attribute(AttributeOID.CHALLENGE_PASSWORD, b"x").sign(a_key(), _SHA256)

    assert parse_csr(csr.public_bytes(_PEM)).dns == ()


@pytest.mark.parametrize(
    ("encoded", "message"),
    [
        ("30023000", "not an object identifier"),
        ("300730050603551d11", "not an extension"),
        ("301630090603551d110402300030090603551d1104023000", "is there twice"),
    ],
)
def test_malformed_extensions_are_refused(encoded: str, message: str) -> None:
    with pytest.raises(PkiError, match=message):
        parse_extensions(bytes.fromhex(encoded))


def test_a_name_whose_attribute_is_no_pair_is_refused() -> None:
    with pytest.raises(PkiError, match="not a name"):
        parse_subject(bytes.fromhex("3009310730050603550403"))


def test_a_path_length_is_seen() -> None:
    facts = parse_csr(_signed_with(x509.BasicConstraints(ca=True, path_length=3)))

    assert (facts.is_ca, facts.path_length) == (True, 3)


printable = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
many = st.lists(printable, max_size=3, unique=True).map(tuple)
subjects = st.builds(
    Subject,
    common_name=st.just("") | printable,
    serial_number=st.just("") | printable,
    countries=many,
    organizations=many,
    organizational_units=many,
    localities=many,
    provinces=many,
    street_addresses=many,
    postal_codes=many,
)
ascii_names = st.lists(st.text(st.characters(min_codepoint=33, max_codepoint=126)), max_size=3).map(
    tuple
)
names = st.builds(
    Names,
    dns=ascii_names,
    emails=ascii_names,
    uris=ascii_names,
    ips=st.lists(st.ip_addresses().map(str), max_size=3).map(tuple),
    others=st.lists(st.builds(OtherName, st.just(UPN), printable), max_size=2).map(tuple),
)


def _attribute(value: str) -> bytes:
    return der.sequence(der.oid("2.5.4.6"), der.text(value))


def _sorted(subject: Subject) -> Subject:
    """Sort each list as the SET of an RDN does: by the encoding of its members."""
    lists = {
        field: tuple(sorted(value, key=_attribute))
        for field, value in msgspec.structs.asdict(subject).items()
        if isinstance(value, tuple)
    }
    return msgspec.structs.replace(subject, **lists)


@given(subjects)
def test_parsing_a_subject_undoes_encoding(subject: Subject) -> None:
    assert parse_subject(encode_subject(subject)) == _sorted(subject)


@given(names)
def test_parsing_names_undoes_encoding(names: Names) -> None:
    encoded = encode_names(names)

    parsed = parse_names(encoded) if encoded else Names()

    by_value = tuple(str(ip_value(ip)) for ip in names.ips)
    assert parsed == msgspec.structs.replace(names, ips=by_value)


@given(subjects, names)
def test_a_csr_says_what_was_asked_for(subject: Subject, names: Names) -> None:
    facts = parse_csr(build_csr(Request(subject=subject, names=names), an_ed25519_key(bytes(32))))

    assert facts.subject == _sorted(subject)
    assert (facts.dns, facts.emails, facts.uris) == (names.dns, names.emails, names.uris)


@given(st.binary(max_size=200))
def test_any_bytes_are_parsed_or_refused(content: bytes) -> None:
    for parse in (parse_subject, parse_names):
        with suppress(PkiError):
            assert isinstance(parse(content), Subject | Names)
