"""Who owns which field: Kubernetes' FieldsV1 as a tree, and its algebra.

Called by `managers` and `apply`. Pure. A tree names the parts of a document as Kubernetes does:
`f:name` a field, `k:{"type":"Ready"}` an item of a list that is a map by that key, `v:"x"` a member
of a list that is a set, `.` the map or item itself. An empty tree under a name is a leaf: the value
is owned whole (a scalar, or a list that is atomic).
"""

from collections.abc import Mapping
from typing import NamedTuple, TypeAlias, TypeGuard

import msgspec

Fields: TypeAlias = "dict[str, Fields]"
Path: TypeAlias = tuple[str, ...]

ITSELF = "."

# compat-spec 1.0: every list is atomic but these (Kubernetes' own metadata, and the conditions).
KEYED: Mapping[Path, str] = {
    ("f:metadata", "f:ownerReferences"): "uid",
    ("f:status", "f:conditions"): "type",
}
SETS: frozenset[Path] = frozenset({("f:metadata", "f:finalizers")})


class Difference(NamedTuple):
    """What one write did: fields it gave a new value, and fields it took away."""

    written: Fields
    removed: Fields


def fields_of(value: object, at: Path = ()) -> Fields:
    """Name every field that `value` (found at `at`) sets."""
    if isinstance(value, dict):
        return _fields_of_map(value, at) if value else {ITSELF: {}}
    if not isinstance(value, list):
        return {}
    parts = _parts(value, at)
    if parts is None:
        return {}
    if not parts:
        return {ITSELF: {}}
    return {name: _fields_of_part(name, part, at) for name, part in parts.items()}


def compare(old: object, new: object, at: Path = ()) -> Difference:
    """Name the fields in which two maps or keyed lists at the same place differ."""
    written: Fields = {}
    removed: Fields = {}
    before, after = _parts(old, at) or {}, _parts(new, at) or {}
    for name, part in after.items():
        if name not in before:
            written[name] = _fields_of_part(name, part, at)
        elif before[name] != part:
            inner = _compare_part(before[name], part, (*at, name))
            if inner.written or not inner.removed:
                written[name] = inner.written
            if inner.removed:
                removed[name] = inner.removed
    for name, part in before.items():
        if name not in after:
            removed[name] = _fields_of_part(name, part, at)
    return Difference(written, removed)


def union(left: Fields, right: Fields) -> Fields:
    """Return the fields of either."""
    result = dict(left)
    for name, below in right.items():
        mine = result.get(name)
        if mine is None:
            result[name] = below
        elif mine != below:
            result[name] = union(mine or {ITSELF: {}}, below or {ITSELF: {}})
    return result


def difference(left: Fields, right: Fields) -> Fields:
    """Return the fields of `left` without those of `right`; a leaf covers all below it."""
    result: Fields = {}
    for name, below in left.items():
        other = right.get(name)
        if other is None:
            result[name] = below
        elif other and below:
            rest = difference(below, other)
            if rest:
                result[name] = rest
    return result


def intersection(left: Fields, right: Fields) -> Fields:
    """Return the fields in both; a leaf covers all below it."""
    result: Fields = {}
    for name, below in left.items():
        other = right.get(name)
        if other is None:
            continue
        if not below or not other:
            result[name] = below
        else:
            both = intersection(below, other)
            if both:
                result[name] = both
    return result


def merged(live: object, applied: object, at: Path = ()) -> object:
    """Lay `applied` over `live`: maps by field, keyed lists by key, sets as a union."""
    if _parts(applied, at) is None or _parts(live, at) is None:
        return applied
    if _is_map(live) and _is_map(applied):
        result = dict(live)
        for name, value in applied.items():
            result[name] = merged(live[name], value, (*at, f"f:{name}")) if name in live else value
        return result
    items = dict(_parts(live, at) or {})
    for name, item in (_parts(applied, at) or {}).items():
        items[name] = merged(items[name], item, (*at, name)) if name in items else item
    return list(items.values())


def without(value: object, gone: Fields, at: Path = ()) -> object:
    """Take the fields `gone` out of `value`; a map or list that becomes empty goes too."""
    parts = _parts(value, at)
    if parts is None:
        return value
    kept: dict[str, object] = {}
    for name, part in parts.items():
        below = gone.get(name)
        if below is None:
            kept[name] = part
        elif below and not (ITSELF in below and not name.startswith("f:")):
            rest = without(part, below, (*at, name))
            if rest not in ({}, []):
                kept[name] = rest
    if _is_map(value):
        return {name[2:]: part for name, part in kept.items()}
    return list(kept.values())


def describe(fields: Fields, prefix: str = "") -> tuple[str, ...]:
    """Name the leaves for people, as Kubernetes does: `.data.tls.crt`, `.conditions[type="A"]`."""
    names: list[str] = []
    for name, below in fields.items():
        text = prefix + _describe(name)
        names.extend(describe(below, text) if below else (text,))
    return tuple(dict.fromkeys(names))


def _compare_part(old: object, new: object, at: Path) -> Difference:
    if _parts(old, at) is None or _parts(new, at) is None:
        return Difference(fields_of(new, at), {})
    inner = compare(old, new, at)
    if not inner.written and not inner.removed:  # only the order of a list changed
        return Difference({ITSELF: {}}, {})
    return inner


def _fields_of_map(value: dict[str, object], at: Path) -> Fields:
    # Most of a document are maps of texts: every write comes here, so no detour by `_parts`.
    fields: Fields = {}
    for key, part in value.items():
        name = f"f:{key}"
        fields[name] = fields_of(part, (*at, name)) if isinstance(part, (dict, list)) else {}
    return fields


def _fields_of_part(name: str, part: object, at: Path) -> Fields:
    if name.startswith("k:"):
        return {ITSELF: {}, **fields_of(part, (*at, name))}
    return {} if name.startswith("v:") else fields_of(part, (*at, name))


def _parts(value: object, at: Path) -> dict[str, object] | None:
    """Split a map, a keyed list or a set into its named parts; None for what is owned whole."""
    if _is_map(value):
        return {f"f:{name}": part for name, part in value.items()}
    if not isinstance(value, list):
        return None
    if at in SETS:
        return {f"v:{_json(item)}": item for item in value}
    key = KEYED.get(at)
    if key is None or not all(_is_map(item) for item in value):
        return None
    return {f"k:{_json({key: item.get(key)})}": item for item in value}


def _is_map(value: object) -> TypeGuard[dict[str, object]]:
    return isinstance(value, dict)  # parsed JSON; the abstract Mapping would cost a write 10 µs


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _describe(name: str) -> str:
    if name == ITSELF:
        return ""
    sort, _, rest = name.partition(":")
    if sort == "f":
        return f".{rest}"
    if sort == "v":
        return f"[={rest}]"
    key: Mapping[str, object] = msgspec.json.decode(rest)
    return "[" + ",".join(f"{field}={_json(value)}" for field, value in key.items()) + "]"
