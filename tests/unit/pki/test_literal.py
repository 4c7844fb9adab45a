"""`spec.literalSubject`: RFC 4514 and compat-spec 5.1."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certwright.pki.errors import BadSubject
from certwright.pki.literal import ATTRIBUTES, literal_subject_der, parse_literal
from tests.unit.pki import golden

CN, OU = "2.5.4.3", "2.5.4.11"


def test_rdns_are_written_in_reverse_order_with_the_common_string_rule() -> None:
    literal = r"CN=foo.example.com,OU=Sales\, & Co+OU=A,DC=example,DC=com"

    assert literal_subject_der(literal) == golden.LITERAL_NAME


@pytest.mark.parametrize(
    ("word", "oid"),
    [
        ("C", "2.5.4.6"),
        ("O", "2.5.4.10"),
        ("OU", "2.5.4.11"),
        ("CN", "2.5.4.3"),
        ("SERIALNUMBER", "2.5.4.5"),
        ("L", "2.5.4.7"),
        ("ST", "2.5.4.8"),
        ("STREET", "2.5.4.9"),
        ("DC", "0.9.2342.19200300.100.1.25"),
        ("UID", "0.9.2342.19200300.100.1.1"),
        ("1.2.3.4", "1.2.3.4"),
    ],
)
def test_attribute_words_and_their_oids(word: str, oid: str) -> None:
    assert parse_literal(f"{word}=x") == (((oid, "x"),),)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("CN=a b", "a b"),
        ("CN=  a  ", "a"),
        (r"CN=\ a\ ", " a "),
        (r"CN=a\ \ ", "a  "),
        (r"CN=a\,b\+c\;d\"e\\f\<g\>h\=i\#j", 'a,b+c;d"e\\f<g>h=i#j'),
        (r"CN=K\C3\B6ln", "Köln"),
        (r"CN=\41\42", "AB"),
        ("CN=a=b", "a=b"),
        ("CN=", ""),
        ("CN=#0c026162", "ab"),
        ("CN=#13026162 ", "ab"),
    ],
)
def test_values_and_their_escapes(text: str, value: str) -> None:
    assert parse_literal(text) == (((CN, value),),)


@pytest.mark.parametrize("separator", [",", ";", " , ", ", "])
def test_rdns_are_parted_by_comma_or_semicolon(separator: str) -> None:
    assert parse_literal(f"CN=a{separator}OU=b") == (((CN, "a"),), ((OU, "b"),))


def test_a_plus_joins_attributes_into_one_rdn() -> None:
    assert parse_literal("CN=a + OU=b") == (((CN, "a"), (OU, "b")),)


def test_no_text_is_the_empty_name() -> None:
    assert literal_subject_der(" ") == b"\x30\x00"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cn=x", "unknown attribute 'cn'"),
        ("EMAIL=x", "unknown attribute 'EMAIL'"),
        ("=x", "unknown attribute ''"),
        ("CN", "without '='"),
        ("CN=a,", "without '='"),
        ("CN=a,,OU=b", "without '='"),
        ("9.9.9=x", "unusable attribute"),
        ("1.x=x", "unusable attribute"),
        (r"CN=a\x", "broken escape"),
        ("CN=a\\", "broken escape"),
        ('CN="a"', "unescaped"),
        ("CN=a\0", "unescaped"),
        ("CN=#0g", "broken hex value"),
        ("CN=#", "broken hex value"),
        ("CN=#0c05", "broken hex value"),
        ("CN=#020101", "no string"),
        (r"CN=\ff", "not UTF-8"),
        ("CN=\ud800", "not valid Unicode"),
    ],
)
def test_what_does_not_parse_is_refused_with_the_reason(text: str, message: str) -> None:
    with pytest.raises(BadSubject, match=message):
        literal_subject_der(text)


values = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
rdns = st.lists(
    st.lists(st.tuples(st.sampled_from(sorted(ATTRIBUTES)), values), min_size=1, max_size=3),
    min_size=1,
    max_size=5,
)


def _written(value: str) -> str:
    return "".join(f"\\{octet:02x}" for octet in value.encode())


@given(rdns)
def test_parsing_undoes_writing(names: list[list[tuple[str, str]]]) -> None:
    text = ",".join("+".join(f"{word}={_written(value)}" for word, value in rdn) for rdn in names)

    parsed = parse_literal(text)

    assert parsed == tuple(tuple((ATTRIBUTES[word], value) for word, value in rdn) for rdn in names)


@given(st.text())
def test_any_text_is_parsed_or_refused_as_a_bad_subject(text: str) -> None:
    with suppress(BadSubject):
        assert literal_subject_der(text)[0] == 0x30
