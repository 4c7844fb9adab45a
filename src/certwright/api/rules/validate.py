"""Runs schemas: wrong types and limits, unknown fields, defaults.

jsonschema-rs knows JSON Schema, not OpenAPI: `byte` and the sizes of integers are translated.
"""

import base64
import difflib
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from certwright.api.rules.rule import REQUIRED, Path, Violation, shown
from certwright.api.rules.schema import Schema

if TYPE_CHECKING:
    from jsonschema_rs import Draft202012Validator, ValidationError

_BOUNDS: Final = {"int32": 2**31, "int64": 2**63}
_WORDS: Final = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "object": "a mapping",
    "array": "a list",
}
_FORMATS: Final = {"byte": "base64", "date-time": "a time such as 2026-01-31T12:00:00Z"}
_NO_SCHEMAS: Final[Mapping[str, Schema]] = {}
_OPEN: Final = "x-kubernetes-preserve-unknown-fields"


def build_validator(schema: Schema) -> "Draft202012Validator":
    """Compile a structural schema."""
    from jsonschema_rs import Draft202012Validator  # noqa: PLC0415  # not for those who only parse

    return Draft202012Validator(
        _translated(schema), formats={"byte": _is_base64}, validate_formats=True
    )


def _is_base64(text: str) -> bool:
    """Whether a text is base64 (RFC 4648 §4); line breaks are allowed, as in Go."""
    try:
        base64.b64decode(_one_line(text), validate=True)
    except ValueError:
        return False
    return True


def _one_line(text: str) -> str:
    return text.replace("\n", "").replace("\r", "")


def _translated(schema: Schema) -> Schema:
    """Write a structural schema in the words of JSON Schema."""
    result = dict(schema)
    if "properties" in schema:
        result["properties"] = {
            name: _translated(part) for name, part in schema["properties"].items()
        }
    for name in ("items", "additionalProperties"):
        if name in schema:
            result[name] = _translated(schema[name])
    if schema.get("x-kubernetes-int-or-string"):
        result["type"] = ["integer", "string"]
    if schema.get("type") == "integer":
        bound = _BOUNDS[schema.get("format", "int64")]
        result = {"minimum": -bound, "maximum": bound - 1} | result
        result.pop("format", None)
    return result


def schema_violations(
    validator: "Draft202012Validator", document: Mapping[str, Any]
) -> tuple[Violation, ...]:
    """Find everything that the schema refuses; of one node with a wrong type only the type."""
    found: dict[tuple[Path, str], Violation] = {}
    for error in validator.iter_errors(document):
        violation = _violation(error)
        found.setdefault((violation.path, error.kind.name), violation)
    mistyped = {path for path, word in found if word == "type"}
    return tuple(
        violation
        for (path, word), violation in found.items()
        if word == "type" or path not in mistyped
    )


def _violation(error: "ValidationError") -> Violation:
    path: Path = tuple(error.instance_path)
    limits: dict[str, Any] = error.kind.as_dict()
    if error.kind.name == "required":
        return Violation((*path, limits["property"]), REQUIRED)
    return Violation(path, _SENTENCES[error.kind.name](error, limits), shown(error.instance))


def _types(types: list[str]) -> str:
    return " or ".join(_WORDS[word] for word in types)


def _quote_it(error: "ValidationError") -> str:
    wants_text = "string" in error.kind.as_dict()["types"]
    is_scalar = isinstance(error.instance, bool | int | float)
    return "; put it in quotes" if wants_text and is_scalar else ""


_SENTENCES: Final[Mapping[str, Callable[["ValidationError", dict[str, Any]], str]]] = {
    "type": lambda error, limits: f"must be {_types(limits['types'])}{_quote_it(error)}",
    "enum": lambda _, limits: f"must be one of {', '.join(limits['options'])}",
    "pattern": lambda _, limits: f"must match {limits['pattern']}",
    "format": lambda _, limits: f"must be {_FORMATS[limits['format']]}",
    "minLength": lambda _, limits: f"must have a length of at least {limits['limit']}",
    "maxLength": lambda _, limits: f"must have a length of at most {limits['limit']}",
    "minimum": lambda _, limits: f"must be at least {limits['limit']}",
    "maximum": lambda _, limits: f"must be at most {limits['limit']}",
}
"""What is said for each keyword that our schemas use."""


def unknown_fields(value: object, schema: Schema, path: Path = ()) -> Iterator[Violation]:
    """Find the fields that the schema does not name (they would silently do nothing)."""
    if isinstance(value, Mapping) and not schema.get(_OPEN):
        properties = schema.get("properties", {})
        rest = schema.get("additionalProperties")
        for name, part in value.items():
            below = properties.get(name, rest)
            if below is not None:
                yield from unknown_fields(part, below, (*path, name))
            else:
                yield Violation((*path, name), "unknown field" + _meant(name, properties))
    elif isinstance(value, list) and "items" in schema:
        for place, part in enumerate(value):
            yield from unknown_fields(part, schema["items"], (*path, place))


def _meant(name: str, known: Mapping[str, Schema]) -> str:
    """Name the field that was meant, where one is close."""
    plain = {candidate.lower(): candidate for candidate in known}
    wanted = name.lower().replace("_", "").replace("-", "")
    close = difflib.get_close_matches(wanted, plain, n=1, cutoff=0.8)
    return f"; did you mean {plain[close[0]]}?" if close else ""


def with_defaults(value: Any, schema: Schema, *, fill: bool = True) -> Any:
    """Return a copy with the schema's defaults; a `null` counts as not there.

    Base64 of several lines becomes one line, as an API server writes it back, and 2.0 becomes 2
    where a whole number belongs. Where `fill` is off no defaults are put in.
    """
    if isinstance(value, dict) and not schema.get(_OPEN):
        properties = schema.get("properties", _NO_SCHEMAS)
        rest = schema.get("additionalProperties", _NO_SCHEMAS)
        result: dict[str, Any] = {}
        for name, part in value.items():
            below = properties.get(name, rest)
            if isinstance(part, str) and below.get("format") != "byte":
                result[name] = part  # most values are texts: no call for each
            elif part is not None:
                result[name] = with_defaults(part, below, fill=fill)
        for name, part in properties.items() if fill else ():
            if "default" in part:
                result.setdefault(name, part["default"])
        return result
    if isinstance(value, list) and "items" in schema:
        return [with_defaults(part, schema["items"], fill=fill) for part in value]
    if isinstance(value, str) and schema.get("format") == "byte":
        return _one_line(value)
    if isinstance(value, float) and schema.get("type") == "integer" and value.is_integer():
        return int(value)
    return value
