"""The OpenAPI schema of a kind, made from its types (Kubernetes' structural schema).

One source: the annotation of a field is its type, its limits and its text. `crd` publishes these
schemas; `validate` runs them where no API server does.
"""

import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec.inspect as mi
from msgspec import Struct

Schema = dict[str, Any]

_SOURCE: Final = re.compile(r" \(compat-spec [^)]*\)")


def schema_of(type_: type[Struct]) -> Schema:
    """Return the schema of a struct."""
    return _convert(mi.type_info(type_))


def _convert(type_: mi.Type) -> Schema:
    if isinstance(type_, mi.Metadata):
        return _convert(type_.type) | (type_.extra_json_schema or {})
    for known, build in _BUILDERS:
        if isinstance(type_, known):
            return build(type_)
    raise TypeError(f"no schema for {type_}")


def _struct(type_: mi.StructType) -> Schema:
    properties = {field.encode_name: _field(field) for field in type_.fields}
    schema: Schema = {
        "type": "object",
        "description": _sentence(type_.cls),
        "properties": properties,
    }
    required = [field.encode_name for field in type_.fields if field.required]
    return schema | ({"required": required} if required else {})


def _field(field: mi.Field) -> Schema:
    return _convert(field.type)


def _sentence(cls: type) -> str:
    """The first sentence of a type's docstring; where we read it up is not for users."""
    text = (inspect.getdoc(cls) or "").partition("\n\n")[0].replace("\n", " ")
    return _SOURCE.sub("", text)


def _union(type_: mi.UnionType) -> Schema:
    """An optional field: absent is its None (`null` is not a value in Kubernetes)."""
    arms = [arm for arm in type_.types if not isinstance(arm, mi.NoneType)]
    return _convert(arms[0])


def _text(type_: mi.StrType) -> Schema:
    limits = {
        "minLength": type_.min_length,
        "maxLength": type_.max_length,
        "pattern": type_.pattern,
    }
    return {"type": "string"} | _given(limits)


def _number(type_: mi.IntType) -> Schema:
    return {"type": "integer"} | _given({"minimum": type_.ge, "maximum": type_.le})


def _given(limits: Mapping[str, Any]) -> Schema:
    return {name: limit for name, limit in limits.items() if limit is not None}


def _enum(type_: mi.EnumType) -> Schema:
    # The empty word stands for "not known yet" and is written by leaving the field out.
    return {"type": "string", "enum": [member.value for member in type_.cls if member.value]}


def _list(type_: mi.VarTupleType) -> Schema:
    return {
        "type": "array",
        "x-kubernetes-list-type": "atomic",
        "items": _convert(type_.item_type),
    }


def _map(type_: mi.DictType) -> Schema:
    if isinstance(type_.value_type, mi.AnyType):
        return {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {"type": "object", "additionalProperties": _convert(type_.value_type)}


_BUILDERS: Final[tuple[tuple[type[mi.Type], Callable[[Any], Schema]], ...]] = (
    (mi.StructType, _struct),
    (mi.UnionType, _union),
    (mi.EnumType, _enum),
    (mi.StrType, _text),
    (mi.IntType, _number),
    (mi.BoolType, lambda _: {"type": "boolean"}),
    (mi.BytesType, lambda _: {"type": "string", "format": "byte"}),
    (mi.DateTimeType, lambda _: {"type": "string", "format": "date-time"}),
    (mi.VarTupleType, _list),
    (mi.DictType, _map),
    (mi.AnyType, lambda _: {"x-kubernetes-preserve-unknown-fields": True}),
)
