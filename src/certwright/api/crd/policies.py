"""ValidatingAdmissionPolicies: the rules that a CRD cannot hold (see `rules.rule.Home`).

A policy sees the whole object as `object` (and `oldObject`), so that `self` becomes a path or, in a
list or map, the variable of an `all`. The same expression, one more quantifier. Who asks, and who
may approve, is in `identity` and `approval`; `policies` returns all of them.
"""

import re
from collections.abc import Sequence
from typing import Any, Final

from certwright.api.crd.approval import approval_policy
from certwright.api.crd.bindings import Policy, binding, judged_namespaces
from certwright.api.crd.identity import identity_mutation, identity_policy
from certwright.api.kinds import KINDS, Document, Kind
from certwright.api.rules.rule import Home, Rule, parse_at
from certwright.api.rules.tables import RULES

OLDEST_MINOR: Final = 32
"""Of Kubernetes 1: the oldest minor that we support."""
NEWEST_MINOR: Final = 37
MUTATION_MINOR: Final = 36
"""From here on MutatingAdmissionPolicy is served as v1."""
NAMESPACE: Final = "cert-manager"
"""Where certwright runs unless told otherwise: ClusterIssuers keep their Secrets there."""

WEBHOOK: Final = 'admission webhook "webhook.cert-manager.io" denied the request: '
"""What `cmctl check api` looks for in the answer to a bad request (compat-spec 8)."""

_SELF: Final = re.compile(r"\bself\b")
_OLD: Final = re.compile(r"\boldSelf\b")
_REASONS: Final = {"FieldValueForbidden": "Forbidden"}
"""A policy's words are those of a Status; all others are Invalid."""
_IS_STATUS: Final = "has(request.subResource) && request.subResource == 'status'"
_PLAIN_KEY: Final = "^[A-Za-z_][A-Za-z0-9_]*$"


def policies(minor: int = NEWEST_MINOR, namespace: str = NAMESPACE) -> tuple[Document, ...]:
    """Return all policies, each followed by its binding, as far as Kubernetes 1.`minor` has them.

    `namespace` is where the approval policy finds its ConfigMap.
    """
    rules = (
        document
        for kind in KINDS
        if any(rule.home is Home.POLICY for rule in RULES.get(kind.name, ()))
        for document in (_policy(kind), binding(_name(kind), Policy.VALIDATING))
    )
    mutation = identity_mutation() if minor >= MUTATION_MINOR else ()
    return (*rules, *mutation, *identity_policy(WEBHOOK), *approval_policy(namespace, WEBHOOK))


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


def path_expression(rule: Rule) -> str:
    """Return CEL that yields the path of the first node that breaks the rule."""
    steps = parse_at(rule.at)
    if not {"[]", "{}"} & set(steps):
        return _text(f"{rule.at}{rule.field}")
    plain = next(place for place, step in enumerate(steps) if step in {"[]", "{}"})
    start = ".".join(steps[:plain])
    parts = [_text(start), *_place(rule.rule, f"object.{start}", steps[plain:], depth=0)]
    return " + ".join([*parts, *([_text(rule.field)] if rule.field else [])])


def _place(rule: str, node: str, steps: Sequence[str], *, depth: int) -> list[str]:
    """Find where below `node` the rule is broken; it is broken somewhere there."""
    if not steps:
        return []
    step, rest = steps[0], tuple(steps[1:])
    element = f"e{depth}"
    if step not in {"[]", "{}"}:
        return [_text(f".{step}"), *_place(rule, f"{node}.{step}", rest, depth=depth)]
    kept = _quantified(rule, element, rest, depth + 1)
    broken = f"{node}.filter({element}, !({kept}))[0]"
    if step == "{}":
        return [f"({broken}.matches('{_PLAIN_KEY}') ? '.' + {broken} : '[' + {broken} + ']')"]
    place = f"'[' + string({node}.map({element}, {kept}).indexOf(false)) + ']'"
    return [place, *_place(rule, broken, rest, depth=depth + 1)]


def _quantified(rule: str, node: str, steps: Sequence[str], depth: int) -> str:
    if not steps:
        return f"({_SELF.sub(node, rule)})"
    step, rest = steps[0], steps[1:]
    if step in {"[]", "{}"}:
        element = f"e{depth}"
        return f"{node}.all({element}, {_quantified(rule, element, rest, depth + 1)})"
    below = f"{node}.{step}"
    return f"(!has({below}) || {_quantified(rule, below, rest, depth)})"


def _text(text: str) -> str:
    """Write a CEL string."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


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
                "namespaceSelector": judged_namespaces(),
                "resourceRules": [
                    {
                        "apiGroups": [kind.group],
                        "apiVersions": [kind.version],
                        "operations": ["CREATE", "UPDATE"],
                        "resources": [kind.plural, f"{kind.plural}/status"],
                    }
                ],
            },
            "variables": [
                {
                    "name": "specIsKept",
                    # What an update leaves as it was is not judged again (Kubernetes' ratcheting).
                    "expression": (
                        f"({_IS_STATUS}) || (oldObject != null && object.spec == oldObject.spec)"
                    ),
                }
            ],
            "validations": [_validation(rule, kind) for rule in rules],
        },
    }


def _validation(rule: Rule, kind: Kind) -> dict[str, Any]:
    expression = policy_expression(rule)
    guard = {"spec": "variables.specIsKept", "status": f"!({_IS_STATUS})"}
    top = parse_at(rule.at)[0]
    prefix = WEBHOOK if kind.name == "CertificateRequest" else ""
    return {
        "expression": f"{guard[top]} || ({expression})" if top in guard else expression,
        "message": f"{prefix}{rule.at}{rule.field}: {rule.message}",
        "messageExpression": f"{_text(prefix)} + {path_expression(rule)} + {_message(rule)}",
        "reason": _REASONS.get(rule.reason.value, "Invalid"),
    }


def _message(rule: Rule) -> str:
    return _text(f": {rule.message}")
