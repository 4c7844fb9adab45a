"""ValidatingAdmissionPolicies: the rules that a CRD cannot hold (see `rules.rule.Home`).

A policy sees the whole object as `object` (and `oldObject`), so that `self` becomes a path or, in a
list or map, the variable of an `all`. The same expression, one more quantifier.
"""

import re
from typing import Final

from certwright.api.kinds import KINDS, Document, Kind
from certwright.api.rules.rule import Home, Rule, parse_at
from certwright.api.rules.tables import RULES

_SELF: Final = re.compile(r"\bself\b")
_OLD: Final = re.compile(r"\boldSelf\b")
_REASONS: Final = {"FieldValueForbidden": "Forbidden"}
"""A policy's words are those of a Status; all others are Invalid."""


def policies() -> tuple[Document, ...]:
    """Return a policy for each kind that has such rules, each followed by its binding."""
    return tuple(
        document
        for kind in KINDS
        if any(rule.home is Home.POLICY for rule in RULES.get(kind.name, ()))
        for document in (_policy(kind), _binding(kind))
    )


def policy_expression(rule: Rule) -> str:
    """Return the rule's expression over `object` and `oldObject`."""
    expression = _quantified(rule.rule, "object", parse_at(rule.at), 0)
    if not rule.is_transition:
        return expression
    was = "oldObject"
    guards = ["oldObject == null"]
    for step in parse_at(rule.at):
        guards.append(f"!has({was}.{step})")
        was = f"{was}.{step}"
    return f"{' || '.join(guards)} || ({_OLD.sub(was, expression)})"


def _quantified(rule: str, node: str, steps: tuple[str, ...], depth: int) -> str:
    if not steps:
        return f"({_SELF.sub(node, rule)})"
    step, rest = steps[0], steps[1:]
    if step in {"[]", "{}"}:
        element = f"e{depth}"
        return f"{node}.all({element}, {_quantified(rule, element, rest, depth + 1)})"
    below = f"{node}.{step}"
    return f"(!has({below}) || {_quantified(rule, below, rest, depth)})"


def _name(kind: Kind) -> str:
    return f"certwright-{kind.plural}"


def _policy(kind: Kind) -> Document:
    rules = [rule for rule in RULES[kind.name] if rule.home is Home.POLICY]
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": _name(kind)},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {
                "resourceRules": [
                    {
                        "apiGroups": [kind.group],
                        "apiVersions": [kind.version],
                        "operations": ["CREATE", "UPDATE"],
                        "resources": [kind.plural, f"{kind.plural}/status"],
                    }
                ]
            },
            "validations": [
                {
                    "expression": policy_expression(rule),
                    "message": f"{rule.at}{rule.field}: {rule.message}",
                    "reason": _REASONS.get(rule.reason.value, "Invalid"),
                }
                for rule in rules
            ],
        },
    }


def _binding(kind: Kind) -> Document:
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": _name(kind)},
        "spec": {"policyName": _name(kind), "validationActions": ["Deny"]},
    }
