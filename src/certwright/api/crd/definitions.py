"""The six CustomResourceDefinitions (compat-spec 1.0), for `certwright crds`."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from certwright.api.kinds import KINDS, Document, Kind
from certwright.api.rules.rule import Home, Rule, parse_at
from certwright.api.rules.schema import Schema
from certwright.api.rules.tables import RULES, own_schema
from certwright.api.text import to_yaml

_API_VERSION: Final[Schema] = {
    "type": "string",
    "description": "Group and version of the schema that this object is written in.",
}
_KIND: Final[Schema] = {"type": "string", "description": "The kind of this object."}


class _Column(NamedTuple):
    """One column of `kubectl get`; `wide` ones only show with `-o wide`."""

    name: str
    path: str
    description: str
    type: str = "string"
    wide: bool = False


def _condition(type_: str, part: str = "status") -> str:
    return f'.status.conditions[?(@.type=="{type_}")].{part}'


_READY: Final = _Column("Ready", _condition("Ready"), "Whether it is ready.")
_STATUS: Final = _Column("Status", _condition("Ready", "message"), "Why it is so.", wide=True)
_ISSUER: Final = _Column("Issuer", ".spec.issuerRef.name", "Who signs.", wide=True)
_STATE: Final = _Column("State", ".status.state", "Where it stands at the CA.")
_REASON: Final = _Column("Reason", ".status.reason", "Why it stands there.", wide=True)
_AGE: Final = _Column("Age", ".metadata.creationTimestamp", "Since it was created.", type="date")

COLUMNS: Final[Mapping[str, tuple[_Column, ...]]] = MappingProxyType(
    {
        "Certificate": (
            _READY,
            _Column("Secret", ".spec.secretName", "Where key and chain are."),
            _ISSUER,
            _STATUS,
            _Column("Expiration", ".status.notAfter", "When it expires.", wide=True),
            _AGE,
        ),
        "CertificateRequest": (
            _Column("Approved", _condition("Approved"), "Whether it was approved."),
            _Column("Denied", _condition("Denied"), "Whether it was denied."),
            _READY,
            _ISSUER._replace(wide=False),
            _Column("Requester", ".spec.username", "Who created it."),
            _STATUS,
            _AGE,
        ),
        "Issuer": (_READY, _STATUS, _AGE),
        "ClusterIssuer": (_READY, _STATUS, _AGE),
        "Order": (_STATE, _ISSUER, _REASON, _AGE),
        "Challenge": (
            _STATE,
            _Column("Domain", ".spec.dnsName", "The name to be proven."),
            _REASON,
            _AGE,
        ),
    }
)
_SELECTABLE: Final = tuple(f".spec.issuerRef.{name}" for name in ("group", "kind", "name"))


def crds() -> tuple[Document, ...]:
    """Return the CustomResourceDefinition of each of our kinds."""
    return tuple(_definition(kind) for kind in KINDS if kind.name in COLUMNS)


def render_crds() -> str:
    """Write them as YAML, for `kubectl apply --server-side`."""
    return "".join(f"---\n{to_yaml(crd)}" for crd in crds())


def _definition(kind: Kind) -> Document:
    singular = kind.name.lower()
    names = {
        "kind": kind.name,
        "listKind": f"{kind.name}List",
        "plural": kind.plural,
        "singular": singular,
        "shortNames": list(kind.short_names),
        "categories": list(kind.categories),
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.plural}.{kind.group}"},
        "spec": {
            "group": kind.group,
            "names": {name: value for name, value in names.items() if value},
            "scope": "Namespaced" if kind.namespaced else "Cluster",
            "versions": [_version(kind)],
        },
    }


def _version(kind: Kind) -> Document:
    schema = own_schema(kind)
    for rule in RULES[kind.name]:
        if rule.home is Home.CRD:
            _attach(schema, rule)
    standard = {"apiVersion": _API_VERSION, "kind": _KIND, "metadata": {"type": "object"}}
    schema["properties"] = standard | schema["properties"]
    version: Document = {
        "name": kind.version,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
        "subresources": {"status": {}},
        "additionalPrinterColumns": [dict(_column(column)) for column in COLUMNS[kind.name]],
    }
    if "issuerRef" in schema["properties"]["spec"]["properties"]:
        version["selectableFields"] = [{"jsonPath": path} for path in _SELECTABLE]
    return version


def _column(column: _Column) -> Iterator[tuple[str, Any]]:
    yield "name", column.name
    yield "type", column.type
    yield "jsonPath", column.path
    yield "description", column.description
    if column.wide:
        yield "priority", 1


def _attach(schema: Schema, rule: Rule) -> None:
    """Put a rule at the node of the schema that it speaks of."""
    node = schema
    for step in parse_at(rule.at):
        node = node["properties"][step]
    node.setdefault("x-kubernetes-validations", []).append(dict(_validation(rule)))


def _validation(rule: Rule) -> Iterator[tuple[str, str]]:
    yield "rule", rule.rule
    yield "message", rule.message
    if rule.message_expression:
        yield "messageExpression", rule.message_expression
    yield "reason", rule.reason.value
    if rule.field:
        yield "fieldPath", rule.field
