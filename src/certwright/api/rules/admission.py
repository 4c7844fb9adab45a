"""Runs a kind's defaults and rules on documents; satisfies the store's `Admission`.

An API server does this by itself, from the CRDs and policies that `crd` generates out of the same
tables. What only the controller can know (a CSR's bytes, cron) is in `contents`.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from certwright.api.kinds import Document, Kind, find_kind
from certwright.api.rules.cel import MISSING, EvaluationError, Expressions
from certwright.api.rules.core import fold_string_data, secret_rules
from certwright.api.rules.metadata import metadata_rules
from certwright.api.rules.rule import REQUIRED, Path, Rule, Violation, parse_at, shown
from certwright.api.rules.schema import Schema
from certwright.api.rules.tables import RULES, document_schema
from certwright.api.rules.validate import (
    build_validator,
    schema_violations,
    unknown_fields,
    with_defaults,
)

if TYPE_CHECKING:
    from jsonschema_rs import Draft202012Validator

_SHOWN_OF_SECRETS = frozenset({"apiVersion", "kind", "type", "metadata"})
_HIDDEN_ANYWHERE = frozenset({"password"})


class _Node(NamedTuple):
    """One place that rules speak of, with what stood there before."""

    path: Path
    value: Any
    before: Any


class _Prepared(NamedTuple):
    """A rule, and what is asked of it at every write."""

    rule: Rule
    steps: tuple[str, ...]
    is_transition: bool

    @classmethod
    def of(cls, rule: Rule) -> "_Prepared":
        return cls(rule, parse_at(rule.at), rule.is_transition)


class _Judged(NamedTuple):
    """One write: the document, what it replaces, and which top-level fields it is judged by."""

    document: Document
    old: Document | None
    fields: frozenset[str]


class Rules:
    """The rules of all kinds; schemas and expressions are compiled when first needed."""

    def __init__(self) -> None:
        self._schemas: dict[str, Schema] = {}
        self._validators: dict[str, Draft202012Validator] = {}
        self._prepared: dict[str, tuple[_Prepared, ...]] = {}
        self._expressions = Expressions()

    def defaulted(self, document: Document) -> Document:
        """Return the document with its kind's schema defaults (compat-spec 1.0).

        Fields that are `null` are left out, and a Secret's `stringData` becomes `data`.
        """
        kind = _kind(document)
        if kind is None:
            return document
        result: Document = with_defaults(document, self._schema(kind))
        if kind.name != "Secret":
            return result
        return {"type": "Opaque"} | fold_string_data(result)

    def tidied(self, document: Document) -> Document:
        """Return the document as `defaulted` does, but without defaults.

        `null` means: not set. Base64 is written in one line.
        """
        kind = _kind(document)
        if kind is None:
            return document
        result: Document = with_defaults(document, self._schema(kind), fill=False)
        return result

    def violations(
        self, document: Document, old: Document | None, *, subresource: str = ""
    ) -> tuple[tuple[str, str], ...]:
        """Return every broken rule of `document` (which replaces `old`) as (field path, rule)."""
        broken = self.broken(document, old, subresource=subresource)
        return tuple((violation.field, violation.message) for violation in broken)

    def broken(
        self, document: Document, old: Document | None, *, subresource: str = ""
    ) -> tuple[Violation, ...]:
        """Return every broken rule with the value as it may be shown.

        A write of the status is judged by its status alone, an update by everything else; what an
        update leaves as it was is not judged again, so that a new rule breaks nothing that is
        stored (Kubernetes' ratcheting).
        """
        kind = _kind(document)
        if kind is None:
            return (Violation(("kind",), "is not a known kind"),)
        judged = _Judged(document, old, _judged(document, old, subresource))
        found = [one for one in self._all(judged, kind) if one.path[0] in judged.fields]
        return tuple(dict.fromkeys(_safe(violation, kind) for violation in found))

    def unknown(self, document: Document) -> tuple[Violation, ...]:
        """Return the fields that the kind does not have; a person meant something by them."""
        kind = _kind(document)
        return () if kind is None else tuple(unknown_fields(document, self._schema(kind)))

    def _all(self, judged: _Judged, kind: Kind) -> Iterator[Violation]:
        refused = self._refused(judged, kind)
        yield from refused
        if "metadata" in judged.fields:
            yield from metadata_rules(judged.document, kind)
        if kind.name == "Secret":
            yield from secret_rules(judged.document, judged.old)
        told = {violation.path for violation in refused}
        rules = self._prepare(kind)
        for violation in self._broken_rules(rules, judged, is_well_formed=not refused):
            if violation.path not in told:
                yield violation

    def _refused(self, judged: _Judged, kind: Kind) -> list[Violation]:
        """Ask the schema, but only about the fields that count."""
        document, fields = judged.document, judged.fields
        part = {name: value for name, value in document.items() if name in fields}
        missing = [
            Violation((name,), REQUIRED)
            for name in self._schema(kind)["required"]
            if name in fields and name not in document
        ]
        return missing + list(schema_violations(self._validator(kind), part))

    def _broken_rules(
        self, rules: Iterable[_Prepared], judged: _Judged, *, is_well_formed: bool
    ) -> Iterator[Violation]:
        # Many rules speak of one node, and handing a node to the library costs more than a rule.
        places: dict[tuple[str, ...], list[_Node]] = {}
        contexts: dict[tuple[tuple[str, ...], Path], Any] = {}
        before = MISSING if judged.old is None else judged.old
        for rule, steps, is_transition in rules:
            if steps[0] not in judged.fields:
                continue
            if steps not in places:
                places[steps] = list(_nodes(judged.document, before, steps))
            for node in places[steps]:
                if is_transition and node.before is MISSING:
                    continue
                context = contexts.get((steps, node.path))
                if context is None:
                    context = self._expressions.context(node.value, node.before)
                    contexts[steps, node.path] = context
                if not self._is_kept(rule, context, is_well_formed=is_well_formed):
                    yield self._violation(rule, node, context)

    def _is_kept(self, rule: Rule, context: Any, *, is_well_formed: bool) -> bool:
        try:
            return self._expressions.evaluate(rule.rule, context) is True
        except EvaluationError:
            # The schema has told why it cannot be evaluated; where it has not, the value is
            # one that the expression cannot take, and the rule is broken, as in Kubernetes.
            return not is_well_formed

    def _violation(self, rule: Rule, node: _Node, context: Any) -> Violation:
        message = rule.message
        if rule.message_expression:
            try:
                message = str(self._expressions.evaluate(rule.message_expression, context))
            except EvaluationError:
                message = rule.message
        below = tuple(rule.field.removeprefix(".").split(".")) if rule.field else ()
        value = node.value
        for step in below:
            value = value.get(step) if isinstance(value, Mapping) else None
        return Violation((*node.path, *below), message, "" if value is None else shown(value))

    def _schema(self, kind: Kind) -> Schema:
        if kind.name not in self._schemas:
            self._schemas[kind.name] = document_schema(kind)
        return self._schemas[kind.name]

    def _validator(self, kind: Kind) -> "Draft202012Validator":
        if kind.name not in self._validators:
            # Which fields a write must have depends on the write, see `_refused`.
            schema = {**self._schema(kind), "required": []}
            self._validators[kind.name] = build_validator(schema)
        return self._validators[kind.name]

    def _prepare(self, kind: Kind) -> tuple[_Prepared, ...]:
        if kind.name not in self._prepared:
            self._prepared[kind.name] = tuple(
                _Prepared.of(rule) for rule in RULES.get(kind.name, ())
            )
        return self._prepared[kind.name]


def _kind(document: Document) -> Kind | None:
    return find_kind(str(document.get("apiVersion", "")), str(document.get("kind", "")))


def _nodes(value: Any, before: Any, steps: tuple[str, ...], path: Path = ()) -> Iterator[_Node]:
    """Find the nodes that a rule speaks of; elements of lists have no before (lists are atomic)."""
    if not steps:
        yield _Node(path, value, before)
        return
    step, rest = steps[0], steps[1:]
    if step == "[]":
        for place, part in enumerate(value if isinstance(value, list) else ()):
            yield from _nodes(part, MISSING, rest, (*path, place))
    elif step == "{}":
        for key in value if isinstance(value, dict) else ():
            yield from _nodes(key, MISSING, rest, (*path, key))
    elif isinstance(value, dict) and value.get(step) is not None:
        was = before.get(step) if isinstance(before, dict) else None
        yield from _nodes(value[step], MISSING if was is None else was, rest, (*path, step))


def _judged(document: Document, old: Document | None, subresource: str) -> frozenset[str]:
    """The top-level fields that a write is judged by."""
    names = frozenset({*document, *(old or ()), "apiVersion", "kind", "metadata", "spec"})
    if subresource == "status":
        return frozenset({"status"})
    if old is None:
        return names
    return frozenset(
        name for name in names if name != "status" and document.get(name) != old.get(name)
    )


def _safe(violation: Violation, kind: Kind) -> Violation:
    """Take the value away where it may be a secret."""
    top, last = violation.path[0], violation.path[-1]
    is_secret = kind.name == "Secret" and (
        top not in _SHOWN_OF_SECRETS or "annotations" in violation.path
    )
    if is_secret or last in _HIDDEN_ANYWHERE:
        return Violation(violation.path, violation.message)
    return violation
