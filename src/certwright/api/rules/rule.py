"""A rule of a kind, as Kubernetes states one, and what is said when it is broken.

The tables beside this module hold the rules; `crd` writes them into CRDs, `admission` runs them
where no API server does. Expressions are Kubernetes' CEL, kept to what both evaluators know
(`cel.KNOWN`).
"""

import re
from collections.abc import Iterable
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from certwright.base.evidence import printable

Path = tuple[str | int, ...]
"""Steps from the root of a document; a number is a place in a list."""

REQUIRED = "is required"
_SHOWN = 100
_HUGE = 10**300
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


class Home(StrEnum):
    """Where an API server evaluates a rule.

    A CRD's rules have an estimated cost that unbounded lists exceed, and see no annotations; a
    ValidatingAdmissionPolicy has neither limit.
    """

    CRD = "CustomResourceDefinition"
    POLICY = "ValidatingAdmissionPolicy"


class Reason(StrEnum):
    """Kubernetes' word for what is wrong with a value."""

    INVALID = "FieldValueInvalid"
    FORBIDDEN = "FieldValueForbidden"
    REQUIRED = "FieldValueRequired"
    DUPLICATE = "FieldValueDuplicate"


class Rule(Struct, frozen=True, kw_only=True):
    """One expression about one node of a document.

    Attributes:
        at: the node that is `self`, such as `spec.issuerRef`. `[]` stands for each element of a
            list, `{}` for each key of a map (then `self` is the key).
        rule: CEL; true where the rule is kept. `oldSelf` makes it a rule about updates.
        message: what is said when it is broken.
        message_expression: CEL that yields the message; `message` is used where it fails.
        field: path below the node that the message is about, as in `fieldPath`: `.kind`.
        reason: Kubernetes' word.
        home: where an API server evaluates it.
    """

    at: str
    rule: str
    message: str
    message_expression: str = ""
    field: str = ""
    reason: Reason = Reason.INVALID
    home: Home = Home.CRD

    @property
    def is_transition(self) -> bool:
        """Whether it compares with what was before, so that a new object cannot break it."""
        return "oldSelf" in self.rule


class Violation(Struct, frozen=True):
    """One broken rule: where, which, and the value as it may be shown (empty if hidden)."""

    path: Path
    message: str
    value: str = ""

    @property
    def field(self) -> str:
        """The path as text: `spec.dnsNames[2]`."""
        return format_path(self.path)

    def __str__(self) -> str:
        shown = f" ({self.value})" if self.value else ""
        return f"{self.field}: {self.message}{shown}"


def format_path(path: Path) -> str:
    """Write a path as Kubernetes does; odd keys stand in brackets."""
    text = ""
    for step in path:
        if isinstance(step, str) and _PLAIN.fullmatch(step):
            text += f".{step}" if text else step
        else:
            text += f"[{printable(str(step), _SHOWN)}]"
    return text


def shown(value: object) -> str:
    """Write a value for an error: at most 100 characters, nothing that a terminal obeys."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{printable(value, _SHOWN)}"'
    if isinstance(value, int | float):
        if abs(value) >= _HUGE:
            return "a number of more than 300 digits"
        return printable(str(value) if abs(value) < 1e100 else f"{value:g}", _SHOWN)  # noqa: PLR2004
    return ""  # maps and lists are told by their path


def parse_at(at: str) -> tuple[str, ...]:
    """Split `a.b[].c{}` into `a`, `b`, `[]`, `c`, `{}`."""
    return tuple(re.findall(r"\[\]|\{\}|[^.\[\]{}]+", at))


def placed(rules: Iterable[Rule], prefix: str) -> tuple[Rule, ...]:
    """Put rules that are relative to a part under the place where the part stands.

    What stands in a list has no bounded cost, so that a policy evaluates it.
    """
    home = Home.POLICY if "[]" in prefix else None
    return tuple(
        replace(
            rule,
            at=f"{prefix}.{rule.at}" if rule.at and rule.at[0] not in "[{" else prefix + rule.at,
            home=home or rule.home,
        )
        for rule in rules
    )


def required(at: str, *fields: str) -> tuple[Rule, ...]:
    """Rules that each of the (text or bytes) fields of a node is there and not empty."""
    return tuple(
        Rule(
            at=at,
            rule=f"has(self.{name}) && size(self.{name}) > 0",
            message=REQUIRED,
            field=f".{name}",
            reason=Reason.REQUIRED,
        )
        for name in fields
    )


def at_most_one(at: str, names: Iterable[str], message: str) -> Rule:
    """Build the rule that no two of the named fields are set."""
    return Rule(at=at, rule=f"{_count(names)} <= 1", message=message, reason=Reason.FORBIDDEN)


def at_least_one(at: str, names: Iterable[str], message: str) -> Rule:
    """Build the rule that one of the named fields is set."""
    return Rule(at=at, rule=f"{_count(names)} >= 1", message=message, reason=Reason.REQUIRED)


def _count(names: Iterable[str]) -> str:
    return f"[{', '.join(f'has(self.{name})' for name in names)}].filter(x, x).size()"
