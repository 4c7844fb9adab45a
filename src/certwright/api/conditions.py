"""Conditions: finding, setting and removing (setter semantics of compat-spec 1.0)."""

from collections.abc import Iterable
from datetime import datetime

from msgspec.structs import replace

from certwright.api.meta import Condition, ConditionStatus
from certwright.base.clock import whole_seconds

Conditions = tuple[Condition, ...]


def find_condition(conditions: Iterable[Condition], type_: str) -> Condition | None:
    """Return the condition of that type."""
    return next((condition for condition in conditions if condition.type == type_), None)


def is_true(conditions: Iterable[Condition], type_: str) -> bool:
    """Whether the condition is there and True."""
    found = find_condition(conditions, type_)
    return found is not None and found.status is ConditionStatus.TRUE


def with_condition(conditions: Conditions, wanted: Condition, now: datetime) -> Conditions:
    """Set one condition, others kept in their order.

    Reason, message and observed generation are always overwritten; `last_transition_time` moves
    to `now` only when the status changes.
    """
    found = find_condition(conditions, wanted.type)
    if found is None:
        return (*conditions, replace(wanted, last_transition_time=whole_seconds(now)))
    moved = found.status is not wanted.status or found.last_transition_time is None
    since = whole_seconds(now) if moved else found.last_transition_time
    fresh = replace(wanted, last_transition_time=since)
    return tuple(fresh if one.type == wanted.type else one for one in conditions)


def without_condition(conditions: Conditions, type_: str) -> Conditions:
    """Remove one condition."""
    return tuple(condition for condition in conditions if condition.type != type_)
