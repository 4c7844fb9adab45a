"""Just enough DER (ITU-T X.690) to write names and extensions byte for byte as Go writes them.

The X.509 builders of `cryptography` choose string types and the order of names themselves, and
cannot copy a subject or an extension verbatim; this module can. Reading is only done on bytes that
`cryptography` has accepted as a CSR or a certificate, but checks every length all the same.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from certwright.pki.errors import PkiError

BOOLEAN, INTEGER, BIT_STRING, OCTET_STRING, NULL, OID = 0x01, 0x02, 0x03, 0x04, 0x05, 0x06
UTF8_STRING, PRINTABLE_STRING, IA5_STRING = 0x0C, 0x13, 0x16
UTC_TIME, GENERALIZED_TIME = 0x17, 0x18
SEQUENCE, SET = 0x30, 0x31

_PRINTABLE = frozenset(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 '()+,-./:=?"
)
_LONG_LENGTH = 0x80
_MULTI_BYTE_TAG = 0x1F
_FIRST_YEAR_OF_GENERALIZED_TIME = 2050
_LAST_FIRST_ARC = 2
_SECOND_ARCS = 40
# An arc made of a UUID (X.667) has 128 bits, 39 digits; Python does not print numbers without end.
_MAX_ARC_BITS = 130
_MAX_ARC_DIGITS = 39


class Element(NamedTuple):
    """One value as it stands in its encoding: tag, content, and the whole with its header."""

    tag: int
    content: bytes
    whole: bytes


def encode(tag: int, *parts: bytes) -> bytes:
    """Write one value of the joined `parts`."""
    content = b"".join(parts)
    size = len(content)
    if size < _LONG_LENGTH:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, _LONG_LENGTH | len(length))) + length + content


def sequence(*parts: bytes) -> bytes:
    """Write a SEQUENCE."""
    return encode(SEQUENCE, *parts)


def set_of(parts: Iterable[bytes]) -> bytes:
    """Write a SET OF: the members sorted by their encoding (X.690 §11.6)."""
    return encode(SET, *sorted(parts))


def context(number: int, content: bytes, *, constructed: bool = False) -> bytes:
    """Write a value with the context-specific tag `number`."""
    return encode((0xA0 if constructed else 0x80) | number, content)


def integer(value: int) -> bytes:
    """Write a non-negative INTEGER."""
    return encode(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def bit_string(content: bytes) -> bytes:
    """Write a BIT STRING of whole octets."""
    return encode(BIT_STRING, b"\x00", content)


def named_bits(bits: Iterable[int]) -> bytes:
    """Write a BIT STRING of named bits, without trailing zeros (X.690 §11.2.2)."""
    wanted = set(bits)
    if not wanted:
        return encode(BIT_STRING, b"\x00")
    octets = bytearray(max(wanted) // 8 + 1)
    for bit in wanted:
        octets[bit // 8] |= 0x80 >> bit % 8
    return encode(BIT_STRING, bytes((7 - max(wanted) % 8,)), bytes(octets))


def read_named_bits(element: Element) -> frozenset[int]:
    """Return the numbers of the bits that are set."""
    octets = element.content[1:]
    return frozenset(
        index for index in range(len(octets) * 8) if octets[index // 8] & 0x80 >> index % 8
    )


@lru_cache(maxsize=256)  # there are few, and each certificate has the same
def oid(dotted: str) -> bytes:
    """Write an OBJECT IDENTIFIER.

    Raises:
        PkiError: the text is not a dotted object identifier.
    """
    arcs = dotted.split(".")
    if len(arcs) < 2 or not all(_is_arc(arc) for arc in arcs):  # noqa: PLR2004
        raise PkiError(f"{dotted!r} is not an object identifier")
    first, second, *rest = (int(arc) for arc in arcs)
    if first > _LAST_FIRST_ARC or (first < _LAST_FIRST_ARC and second >= _SECOND_ARCS):
        raise PkiError(f"{dotted!r} is not an object identifier")
    return encode(OID, *(_base128(arc) for arc in (first * _SECOND_ARCS + second, *rest)))


def read_oid(element: Element) -> str:
    """Return the dotted text of an OBJECT IDENTIFIER."""
    if element.tag != OID:
        raise PkiError("malformed DER: not an object identifier")
    return _dotted(element.content)


@lru_cache(maxsize=256)  # as in `oid`
def _dotted(content: bytes) -> str:
    arcs: list[int] = []
    value = 0
    for octet in content:
        value = value << 7 | octet & 0x7F
        if value.bit_length() > _MAX_ARC_BITS:
            raise PkiError("malformed DER: an object identifier is too long")
        if not octet & 0x80:
            arcs.append(value)
            value = 0
    if not arcs or content[-1] & 0x80:
        raise PkiError("malformed DER: not an object identifier")
    first = min(arcs[0] // _SECOND_ARCS, _LAST_FIRST_ARC)
    return ".".join(str(arc) for arc in (first, arcs[0] - first * _SECOND_ARCS, *arcs[1:]))


def text(value: str) -> bytes:
    """Write a string: PrintableString when every character allows it, else UTF8String."""
    try:
        content = value.encode()
    except UnicodeEncodeError as error:
        raise PkiError(f"{value!r} is not valid Unicode text") from error
    return encode(PRINTABLE_STRING if _PRINTABLE.issuperset(content) else UTF8_STRING, content)


def ia5(value: str) -> bytes:
    """Return the content of an IA5String, which holds ASCII only."""
    try:
        return value.encode("ascii")
    except UnicodeEncodeError as error:
        raise PkiError(f"{value!r} has characters outside ASCII") from error


def time(moment: datetime) -> bytes:
    """Write a moment in UTC, whole seconds, by the rule of RFC 5280 §4.1.2.5."""
    if moment.year >= _FIRST_YEAR_OF_GENERALIZED_TIME:
        return encode(GENERALIZED_TIME, f"{moment:%Y%m%d%H%M%SZ}".encode())
    return encode(UTC_TIME, f"{moment:%y%m%d%H%M%SZ}".encode())


def read(encoding: bytes) -> Element:
    """Read the one value that `encoding` holds.

    Raises:
        PkiError: malformed, or something follows it.
    """
    element, end = _read_at(encoding, 0)
    if end != len(encoding):
        raise PkiError("malformed DER: trailing bytes")
    return element


def children(content: bytes) -> Iterator[Element]:
    """Read the values that follow each other in the content of a constructed value.

    Raises:
        PkiError: malformed.
    """
    position, size = 0, len(content)
    while position < size:
        element, position = _read_at(content, position)
        yield element


def _read_at(encoding: bytes, start: int) -> tuple[Element, int]:
    begin = start + 2
    if begin > len(encoding) or encoding[start] & _MULTI_BYTE_TAG == _MULTI_BYTE_TAG:
        raise PkiError("malformed DER: no tag")
    size = encoding[start + 1]
    if size >= _LONG_LENGTH:
        if size == _LONG_LENGTH:
            raise PkiError("malformed DER: indefinite length")
        octets = size - _LONG_LENGTH
        size = int.from_bytes(encoding[begin : begin + octets], "big")
        begin += octets
    end = begin + size
    if end > len(encoding):
        raise PkiError("malformed DER: truncated")
    # What `Element(…)` calls, without its own call: there are thirty in a certificate.
    parts = encoding[start], encoding[begin:end], encoding[start:end]
    return tuple.__new__(Element, parts), end


def _is_arc(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _MAX_ARC_DIGITS


def _base128(value: int) -> bytes:
    octets = [value & 0x7F]
    while value := value >> 7:
        octets.append(0x80 | value & 0x7F)
    return bytes(reversed(octets))
