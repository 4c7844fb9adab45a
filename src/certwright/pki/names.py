"""Who a certificate is for: the subject and the subject alternative names (RFC 5280 §4.1.2.6)."""

import ipaddress
from collections.abc import Iterator
from functools import lru_cache
from types import MappingProxyType
from typing import Final

import msgspec

from certwright.pki import der
from certwright.pki.errors import BadSubject, PkiError
from certwright.pki.literal import encode_name, literal_subject_der

COMMON_NAME: Final = "2.5.4.3"
SERIAL_NUMBER: Final = "2.5.4.5"

EMPTY_NAME: Final = der.sequence()
"""The DER of a Name without any attribute."""


class Subject(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A distinguished name by its parts, or as RFC 4514 text in `literal`, which then wins."""

    countries: tuple[str, ...] = ()
    organizations: tuple[str, ...] = ()
    organizational_units: tuple[str, ...] = ()
    localities: tuple[str, ...] = ()
    provinces: tuple[str, ...] = ()
    street_addresses: tuple[str, ...] = ()
    postal_codes: tuple[str, ...] = ()
    common_name: str = ""
    serial_number: str = ""
    literal: str = ""


class OtherName(msgspec.Struct, frozen=True, gc=False):
    """A name of a type that only its OID tells, as text (an UPN for instance)."""

    oid: str
    value: str


class Names(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Subject alternative names by type, each in the order they were written."""

    dns: tuple[str, ...] = ()
    ips: tuple[str, ...] = ()
    uris: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    others: tuple[OtherName, ...] = ()


class Subtrees(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The names below which a CA may, or may not, issue; `ip_ranges` are in CIDR notation."""

    dns_domains: tuple[str, ...] = ()
    ip_ranges: tuple[str, ...] = ()
    email_addresses: tuple[str, ...] = ()
    uri_domains: tuple[str, ...] = ()


class NameConstraints(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a CA binds itself to (RFC 5280 §4.2.1.10)."""

    critical: bool = False
    permitted: Subtrees = Subtrees()
    excluded: Subtrees = Subtrees()


_LISTS: Final = MappingProxyType(
    {
        "2.5.4.6": "countries",
        "2.5.4.8": "provinces",
        "2.5.4.7": "localities",
        "2.5.4.9": "street_addresses",
        "2.5.4.17": "postal_codes",
        "2.5.4.10": "organizations",
        "2.5.4.11": "organizational_units",
    }
)
"""The attributes that are lists, in the order in which Go's `pkix.Name` writes them.

That is what Go does, not the order in which its documentation lists the attributes.
"""

_OTHER, _EMAIL, _DNS, _URI, _IP = 0, 1, 2, 6, 7  # GeneralName, RFC 5280 §4.2.1.6

_DECODERS: Final = MappingProxyType(
    {
        0x0C: "utf-8",
        0x12: "ascii",  # NumericString
        0x13: "ascii",
        0x14: "latin-1",  # TeletexString, as everybody reads it
        0x16: "ascii",
        0x1C: "utf-32-be",  # UniversalString
        0x1E: "utf-16-be",  # BMPString
    }
)


def encode_subject(subject: Subject) -> bytes:
    """Write a subject as a DER Name.

    All values of one attribute share one RDN, and an absent attribute stays absent: the first DNS
    name is not promoted to common name.

    Raises:
        BadSubject: the literal does not parse, or a value is not valid Unicode.
    """
    if subject.literal:
        return literal_subject_der(subject.literal)
    rdns: list[tuple[tuple[str, str], ...]] = []
    for oid, field in _LISTS.items():
        values: tuple[str, ...] = getattr(subject, field)
        if values:
            rdns.append(tuple((oid, value) for value in values))
    if subject.common_name:
        rdns.append(((COMMON_NAME, subject.common_name),))
    if subject.serial_number:
        rdns.append(((SERIAL_NUMBER, subject.serial_number),))
    try:
        return encode_name(tuple(rdns))
    except PkiError as error:
        raise BadSubject(f"the subject cannot be encoded: {error}") from error


@lru_cache(maxsize=256)  # issuers are few, and many a subject is empty
def parse_subject(name: bytes) -> Subject:
    """Read a DER Name; attributes that `Subject` has no field for are left out.

    The last common name and serial number win, as in Go.

    Raises:
        PkiError: malformed.
    """
    lists: dict[str, list[str]] = {field: [] for field in _LISTS.values()}
    single = {COMMON_NAME: "", SERIAL_NUMBER: ""}
    for oid, value in _attributes(name):
        if oid in single:
            single[oid] = value
        elif oid in _LISTS:
            lists[_LISTS[oid]].append(value)
    listed = Subject(**{field: tuple(values) for field, values in lists.items()})  # type: ignore[arg-type]  # the fields of _LISTS are lists
    return msgspec.structs.replace(
        listed, common_name=single[COMMON_NAME], serial_number=single[SERIAL_NUMBER]
    )


def _attributes(name: bytes) -> Iterator[tuple[str, str]]:
    for rdn in der.children(der.read(name).content):
        for attribute in der.children(rdn.content):
            parts = tuple(der.children(attribute.content))
            if len(parts) != 2:  # noqa: PLR2004  # AttributeTypeAndValue is a pair
                raise PkiError("malformed DER: not a name")
            yield der.read_oid(parts[0]), _text(parts[1])


def _text(element: der.Element) -> str:
    encoding = _DECODERS.get(element.tag)
    if encoding is None:
        return f"#{element.whole.hex()}"  # RFC 4514 §2.4: a value that is no string
    return element.content.decode(encoding, errors="replace")


def encode_names(names: Names) -> bytes | None:
    """Write the value of a SubjectAltName extension, None if there is no name.

    The order is DNS, email, IP, URI, other names. DNS names are taken as they are written.

    Raises:
        BadSubject: a name outside ASCII, an IP that is none, or an OID that is none.
    """
    try:
        parts = (
            *(der.context(_DNS, der.ia5(name)) for name in names.dns),
            *(der.context(_EMAIL, der.ia5(email)) for email in names.emails),
            *(der.context(_IP, _ip_octets(ip)) for ip in names.ips),
            *(der.context(_URI, der.ia5(uri)) for uri in names.uris),
            *(_encode_other(other) for other in names.others),
        )
    except PkiError as error:
        raise BadSubject(f"the names cannot be encoded: {error}") from error
    return der.sequence(*parts) if parts else None


def parse_names(extension: bytes) -> Names:
    """Read the value of a SubjectAltName extension; types without a field are left out.

    Raises:
        PkiError: malformed.
    """
    found: dict[int, list[str]] = {_DNS: [], _EMAIL: [], _IP: [], _URI: []}
    others: list[OtherName] = []
    for element in der.children(der.read(extension).content):
        number = element.tag & 0x1F
        if number == _OTHER:
            others.append(_parse_other(element))
        elif number == _IP:
            found[_IP].append(_ip_text(element.content))
        elif number in found:
            found[number].append(element.content.decode("ascii", errors="backslashreplace"))
    return Names(
        dns=tuple(found[_DNS]),
        ips=tuple(found[_IP]),
        uris=tuple(found[_URI]),
        emails=tuple(found[_EMAIL]),
        others=tuple(others),
    )


def _encode_other(other: OtherName) -> bytes:
    value = der.encode(der.UTF8_STRING, other.value.encode(errors="replace"))
    content = der.oid(other.oid) + der.context(0, value, constructed=True)
    return der.context(_OTHER, content, constructed=True)


def _parse_other(element: der.Element) -> OtherName:
    parts = tuple(der.children(element.content))
    if len(parts) != 2:  # noqa: PLR2004  # type-id and value
        raise PkiError("malformed DER: not an otherName")
    return OtherName(der.read_oid(parts[0]), _text(der.read(parts[1].content)))


def ip_value(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Return an IP address by value; an IPv4 address mapped into IPv6 is that IPv4 address.

    Raises:
        PkiError: not an IP address.
    """
    try:
        address = ipaddress.ip_address(text)
    except ValueError as error:
        raise PkiError(f"{text!r} is not an IP address") from error
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None:
            raise PkiError(f"{text!r} has a zone, which a certificate cannot hold")
        return address.ipv4_mapped or address
    return address


def _ip_octets(text: str) -> bytes:
    return ip_value(text).packed


def _ip_text(octets: bytes) -> str:
    try:
        return str(ip_value(str(ipaddress.ip_address(octets))))
    except ValueError as error:
        raise PkiError("malformed DER: not an IP address") from error


def encode_name_constraints(constraints: NameConstraints) -> bytes:
    """Write the value of a NameConstraints extension.

    Raises:
        BadSubject: a domain outside ASCII, or a range that is not in CIDR notation.
    """
    try:
        permitted = _encode_subtrees(constraints.permitted)
        excluded = _encode_subtrees(constraints.excluded)
    except PkiError as error:
        raise BadSubject(f"the name constraints cannot be encoded: {error}") from error
    return der.sequence(
        der.context(0, permitted, constructed=True) if permitted else b"",
        der.context(1, excluded, constructed=True) if excluded else b"",
    )


def _encode_subtrees(subtrees: Subtrees) -> bytes:
    bases = (
        *(der.context(_DNS, der.ia5(domain)) for domain in subtrees.dns_domains),
        *(der.context(_IP, _range_octets(ip_range)) for ip_range in subtrees.ip_ranges),
        *(der.context(_EMAIL, der.ia5(address)) for address in subtrees.email_addresses),
        *(der.context(_URI, der.ia5(domain)) for domain in subtrees.uri_domains),
    )
    return b"".join(der.sequence(base) for base in bases)


def _range_octets(text: str) -> bytes:
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError as error:
        raise PkiError(f"{text!r} is not an IP range") from error
    return network.network_address.packed + network.netmask.packed
