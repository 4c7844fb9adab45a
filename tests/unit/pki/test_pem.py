"""PEM and DER at their edges."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certwright.pki import der
from certwright.pki.errors import PkiError
from certwright.pki.pem import decode_pem, encode_pem

labels = st.from_regex(r"[A-Z0-9]{1,8}( [A-Z0-9]{1,8}){0,2}", fullmatch=True)


@given(labels, st.binary(max_size=300))
def test_decoding_pem_undoes_encoding(label: str, content: bytes) -> None:
    (block,) = decode_pem(encode_pem(label, content))

    assert (block.label, block.der) == (label, content)


def test_text_around_the_blocks_and_windows_line_ends_are_fine() -> None:
    pem = b"subject=x\r\n" + encode_pem("A", b"1" * 60).replace(b"\n", b"\r\n") + b"\r\nbye"

    assert [block.der for block in decode_pem(pem)] == [b"1" * 60]


def test_a_block_without_its_end_does_not_swallow_the_next() -> None:
    pem = b"-----BEGIN A-----\nAAAA\n" + encode_pem("B", b"b")

    assert [block.label for block in decode_pem(pem)] == ["B"]


def test_many_beginnings_are_read_in_linear_time() -> None:
    assert decode_pem(b"-----BEGIN A-----\n" * 20_000) == ()


@given(st.binary(max_size=400), st.sampled_from([der.SEQUENCE, der.OCTET_STRING, 0xA0]))
def test_reading_der_undoes_writing(content: bytes, tag: int) -> None:
    encoded = der.encode(tag, content)

    assert der.read(encoded) == (tag, content, encoded)


@given(st.integers(0, 2), st.lists(st.integers(0, 2**70), max_size=5), st.integers(0, 39))
def test_reading_an_oid_undoes_writing(first: int, rest: list[int], second: int) -> None:
    dotted = ".".join(map(str, (first, second, *rest)))

    assert der.read_oid(der.read(der.oid(dotted))) == dotted


@given(st.sets(st.integers(0, 30)))
def test_reading_named_bits_undoes_writing(bits: set[int]) -> None:
    assert der.read_named_bits(der.read(der.named_bits(bits))) == bits


@pytest.mark.parametrize(
    "dotted", ["", "1", "1.", "a.b", "3.1", "1.40", "1..2", "-1.2", "1.²", "1.2." + "9" * 5000]
)
def test_what_is_no_oid_is_refused(dotted: str) -> None:
    with pytest.raises(PkiError, match="not an object identifier"):
        der.oid(dotted)


@pytest.mark.parametrize(
    "encoded", [b"", b"\x30", b"\x30\x01", b"\x30\x80\x00", b"\x1f\x00", b"\x30\x00x", b"\x30\x82"]
)
def test_malformed_der_is_refused(encoded: bytes) -> None:
    with pytest.raises(PkiError, match="malformed DER"):
        der.read(encoded)


def test_an_oid_without_end_is_refused() -> None:
    encoded = der.encode(der.OID, b"\xff" * 3000 + b"\x01")

    with pytest.raises(PkiError, match="too long"):
        der.read_oid(der.read(encoded))


@pytest.mark.parametrize("encoded", [b"\x06\x00", b"\x06\x01\x80", b"\x05\x01\x01"])
def test_malformed_oids_are_refused(encoded: bytes) -> None:
    with pytest.raises(PkiError, match="not an object identifier"):
        der.read_oid(der.read(encoded))
