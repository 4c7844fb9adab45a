"""Reads the annotations by which an Ingress shapes its Certificates (compat-spec 2.1).

Every reader takes the text and gives what goes into the spec, or says what is wrong with it. A
value that is there but invalid stops the whole Ingress.
"""

import csv
import re
from collections.abc import Callable, Mapping
from email.utils import parseaddr
from typing import Any

import msgspec
from msgspec import Struct

from certwright.api.annotations import PREFIX
from certwright.api.certificate import (
    KeyAlgorithm,
    KeyEncoding,
    KeyUsage,
    PrivateKeySpec,
    RotationPolicy,
    SecretTemplate,
    X509Subject,
)
from certwright.api.duration import BadDurationError, format_duration, parse_duration
from certwright.pki.names import ip_value

_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_COMMON_NAME_LIMIT = 64
_INT32 = 2**31
_RSA_SIZES = range(2048, 8193)
_ECDSA_SIZES = frozenset({256, 384, 521})
_HOUR = parse_duration("1h")
_FIVE_MINUTES = parse_duration("5m")


class BadAnnotationError(ValueError):
    """An annotation's value that cannot be used; the text names the annotation."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"invalid ingress annotation {name!r}: {why}")


class Wishes(Struct, frozen=True, kw_only=True):
    """What annotations add to the spec of each Certificate of an Ingress.

    `fields` replace the spec's; DNS names and IP addresses are added to the hosts'.
    """

    dns_names: tuple[str, ...] = ()
    ip_addresses: tuple[str, ...] = ()
    fields: Mapping[str, Any] = msgspec.field(default_factory=dict)


def is_truthy(text: str | None) -> bool:
    """Whether Go would read the text as true."""
    return text in _TRUE


def read_wishes(annotations: Mapping[str, str]) -> Wishes:
    """Read all annotations that shape a Certificate.

    Raises:
        BadAnnotationError: one of them cannot be used.
    """
    found: dict[str, Any] = {}
    for name, (field, read) in _READERS.items():
        text = annotations.get(PREFIX + name)
        if text is None:
            continue
        try:
            found[field] = read(text)
        except (ValueError, csv.Error, msgspec.MsgspecError) as error:
            raise BadAnnotationError(PREFIX + name, str(error)) from error
    subject = {f: found.pop(f) for f in X509Subject.__struct_fields__ if f in found}
    if subject:
        found["subject"] = X509Subject(**subject)
    dns_names, ips = found.pop("alt_names", ()), found.pop("ip_sans", ())
    private_key = _private_key(found)
    if private_key is not None:
        found["private_key"] = private_key
    return Wishes(dns_names=dns_names, ip_addresses=ips, fields=found)


def _private_key(found: dict[str, Any]) -> PrivateKeySpec | None:
    parts = {
        field: found.pop(f"key_{field}")
        for field in ("algorithm", "encoding", "size", "rotation_policy")
        if f"key_{field}" in found
    }
    if not parts:
        return None
    size, algorithm = parts.get("size", 0), parts.get("algorithm", KeyAlgorithm.RSA)
    good: Mapping[KeyAlgorithm, Any] = {
        KeyAlgorithm.RSA: _RSA_SIZES,
        KeyAlgorithm.ECDSA: _ECDSA_SIZES,
    }
    if "size" in parts and algorithm in good and size not in good[algorithm]:
        raise BadAnnotationError(
            f"{PREFIX}private-key-size", f"{size} is no size of an {algorithm} key"
        )
    return PrivateKeySpec(**parts)


def _common_name(text: str) -> str:
    if len(text.encode()) > _COMMON_NAME_LIMIT:
        raise ValueError(f"longer than {_COMMON_NAME_LIMIT} bytes")
    return text


def _alt_names(text: str) -> tuple[str, ...]:
    return tuple(text.split(",")) if text else ()  # neither trimmed nor checked, as they are


def _ip_sans(text: str) -> tuple[str, ...]:
    parts = tuple(part.strip() for part in text.split(",")) if text else ()
    for part in parts:
        ip_value(part)
    return parts


def _email_sans(text: str) -> tuple[str, ...]:
    parts = tuple(part.strip() for part in text.split(",")) if text else ()
    for part in parts:
        name, address = parseaddr(part)
        if name or address != part or not re.fullmatch(r"[^@\s]+@[^@\s]+", part):
            raise ValueError(f"{part!r} is not a bare e-mail address")
    return parts


def _csv(text: str) -> tuple[str, ...]:
    rows = list(csv.reader([text], strict=True)) if "\n" not in text.strip("\n") else []
    if len(rows) != 1 or not rows[0]:
        raise ValueError("not one line of comma-separated values")
    return tuple(rows[0])


def _duration_of_at_least(least: Any) -> Callable[[str], str]:
    def read(text: str) -> str:
        try:
            span = parse_duration(text)
        except BadDurationError as error:
            raise ValueError(str(error)) from error
        if span < least:
            raise ValueError(f"{text} is less than {format_duration(least)}")
        return format_duration(span)

    return read


def _number(text: str) -> int:
    if re.fullmatch(r"[+-]?[0-9]+", text, re.ASCII) is None:
        raise ValueError(f"{text!r} is not a number")
    number = int(text)
    if not -_INT32 <= number < _INT32:
        raise ValueError(f"{number} does not fit into 32 bits")
    return number


def _history(text: str) -> int:
    number = _number(text)
    if number < 1:
        raise ValueError(f"{number} is less than 1")
    return number


def _usages(text: str) -> tuple[KeyUsage, ...]:
    return tuple(KeyUsage(part.strip(" ")) for part in text.split(","))


class _StrictTemplate(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    annotations: dict[str, str] = {}
    labels: dict[str, str] = {}


def _secret_template(text: str) -> SecretTemplate:
    template = msgspec.json.decode(text.encode(), type=_StrictTemplate)
    for name in template.annotations:
        if name.startswith(PREFIX):
            raise ValueError(f"the annotation {name!r} may not be set by a template")
    return SecretTemplate(annotations=template.annotations, labels=template.labels)


_READERS: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    "common-name": ("common_name", _common_name),
    "alt-names": ("alt_names", _alt_names),
    "ip-sans": ("ip_sans", _ip_sans),
    "email-sans": ("email_addresses", _email_sans),
    "subject-organizations": ("organizations", _csv),
    "subject-organizationalunits": ("organizational_units", _csv),
    "subject-countries": ("countries", _csv),
    "subject-provinces": ("provinces", _csv),
    "subject-localities": ("localities", _csv),
    "subject-postalcodes": ("postal_codes", _csv),
    "subject-streetaddresses": ("street_addresses", _csv),
    "subject-serialnumber": ("serial_number", str),
    "duration": ("duration", _duration_of_at_least(_HOUR)),
    "renew-before": ("renew_before", _duration_of_at_least(_FIVE_MINUTES)),
    "renew-before-percentage": ("renew_before_percentage", _number),
    "usages": ("usages", _usages),
    "revision-history-limit": ("revision_history_limit", _history),
    "private-key-algorithm": ("key_algorithm", KeyAlgorithm),
    "private-key-encoding": ("key_encoding", KeyEncoding),
    "private-key-size": ("key_size", _number),
    "private-key-rotation-policy": ("key_rotation_policy", RotationPolicy),
    "secret-template": ("secret_template", _secret_template),
}
