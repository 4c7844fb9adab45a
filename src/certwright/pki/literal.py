"""A subject written as text (RFC 4514), for `spec.literalSubject`.

The text names the most specific part first; DER names it last, so the RDNs are written in reverse.
"""

import re
from types import MappingProxyType
from typing import Final

from certwright.pki import der
from certwright.pki.errors import BadSubject, PkiError

ATTRIBUTES: Final = MappingProxyType(
    {
        "C": "2.5.4.6",
        "O": "2.5.4.10",
        "OU": "2.5.4.11",
        "CN": "2.5.4.3",
        "SERIALNUMBER": "2.5.4.5",
        "L": "2.5.4.7",
        "ST": "2.5.4.8",
        "STREET": "2.5.4.9",
        "DC": "0.9.2342.19200300.100.1.25",
        "UID": "0.9.2342.19200300.100.1.1",
    }
)
"""The attribute words, upper case only, and their OIDs."""

_ESCAPED: Final = frozenset(' "#+,;<=>\\')
_UNESCAPED_ERROR: Final = frozenset('"<>')
_HEX_PAIR: Final = re.compile(r"[0-9A-Fa-f]{2}")
_HEX_STRING: Final = re.compile(r"#((?:[0-9A-Fa-f]{2})+)")
_STRING_TAGS: Final = frozenset({der.UTF8_STRING, der.PRINTABLE_STRING, der.IA5_STRING})

Attribute = tuple[str, str]
"""An OID and its value."""


def literal_subject_der(literal: str) -> bytes:
    """Write the Name that an RFC 4514 text stands for, least specific RDN first.

    Raises:
        BadSubject: the text does not parse, or names an attribute that has no word here.
    """
    return encode_name(tuple(reversed(parse_literal(literal))))


def encode_name(rdns: tuple[tuple[Attribute, ...], ...]) -> bytes:
    """Write a Name (RFC 5280 §4.1.2.4); the attributes of an RDN are a sorted SET."""
    return der.sequence(
        *(
            der.set_of(der.sequence(der.oid(oid), der.text(value)) for oid, value in rdn)
            for rdn in rdns
        )
    )


def parse_literal(literal: str) -> tuple[tuple[Attribute, ...], ...]:
    """Parse an RFC 4514 text into its RDNs, in the order of the text.

    Raises:
        BadSubject: the text does not parse, or names an attribute that has no word here.
    """
    if not literal.strip():
        return ()
    return tuple(
        tuple(_attribute(part) for part in _split(rdn, "+")) for rdn in _split(literal, ",;")
    )


def _split(text: str, separators: str) -> list[str]:
    """Cut at the separators that are not escaped."""
    parts, start, position = [], 0, 0
    while position < len(text):
        if text[position] == "\\":
            position += 1
        elif text[position] in separators:
            parts.append(text[start:position])
            start = position + 1
        position += 1
    return [*parts, text[start:]]


def _attribute(text: str) -> Attribute:
    word, equals, value = text.partition("=")
    word = word.strip(" ")
    if not equals:
        raise BadSubject(f"the literal subject has a part without '=': {text.strip()!r}")
    if word[:1].isdigit():
        try:
            der.oid(word)
        except PkiError as error:
            raise BadSubject(f"the literal subject has an unusable attribute: {error}") from error
        return word, _value(value)
    if word not in ATTRIBUTES:
        known = ", ".join(ATTRIBUTES)
        raise BadSubject(
            f"the literal subject has the unknown attribute {word!r}; known are {known} and OIDs"
        )
    return ATTRIBUTES[word], _value(value)


def _value(text: str) -> str:
    text = text.lstrip(" ")
    if text.startswith("#"):
        return _hex_value(text.rstrip(" "))
    octets = bytearray()
    kept = 0  # up to here an escape protects trailing spaces
    position = 0
    while position < len(text):
        character = text[position]
        if character == "\\":
            escaped, position = _escape(text, position + 1)
            octets += escaped
            kept = len(octets)
            continue
        if character in _UNESCAPED_ERROR or character == "\0":
            raise BadSubject(f"the literal subject has an unescaped {character!r} in {text!r}")
        octets += _utf8(character)
        position += 1
    return _decode(bytes(octets[:kept]) + bytes(octets[kept:]).rstrip(b" "))


def _escape(text: str, position: int) -> tuple[bytes, int]:
    """Read what follows a backslash: one special character, or two hex digits (RFC 4514 §2.4)."""
    if text[position : position + 1] in _ESCAPED and position < len(text):
        return text[position].encode(), position + 1
    if pair := _HEX_PAIR.match(text, position):
        return bytes.fromhex(pair[0]), position + 2
    raise BadSubject(f"the literal subject has a broken escape in {text!r}")


def _hex_value(text: str) -> str:
    """Read `#` and hex digits: the BER of a string; it is written anew by the common rule."""
    match = _HEX_STRING.fullmatch(text)
    if match is None:
        raise BadSubject(f"the literal subject has a broken hex value {text!r}")
    try:
        element = der.read(bytes.fromhex(match[1]))
    except PkiError as error:
        raise BadSubject(f"the literal subject has a broken hex value {text!r}") from error
    if element.tag not in _STRING_TAGS:
        raise BadSubject(f"the literal subject has a hex value that is no string: {text!r}")
    return _decode(element.content)


def _utf8(character: str) -> bytes:
    try:
        return character.encode()
    except UnicodeEncodeError as error:
        raise BadSubject("the literal subject is not valid Unicode text") from error


def _decode(octets: bytes) -> str:
    try:
        return octets.decode()
    except UnicodeDecodeError as error:
        raise BadSubject("the literal subject has a value that is not UTF-8") from error
