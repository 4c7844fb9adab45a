"""Merge patches (RFC 7396): how one, and only one, difference is written."""

from collections.abc import Mapping
from typing import Any


def merge_diff(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Return the smallest merge patch from `old` to `new`; empty when they are equal.

    Lists are replaced whole, as a merge patch can do no other.
    """
    patch: dict[str, Any] = {key: None for key in old if key not in new}
    for key, value in new.items():
        before = old.get(key)
        if key in old and before == value:
            continue
        if isinstance(before, Mapping) and isinstance(value, Mapping):
            patch[key] = merge_diff(before, value)
        else:
            patch[key] = value
    return patch


def merge(target: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """Apply a merge patch (RFC 7396 §2) and return the result; `target` stays as it is."""
    result = dict(target)
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, Mapping):
            before = result.get(key)
            result[key] = merge(before if isinstance(before, Mapping) else {}, value)
        else:
            result[key] = value
    return result
