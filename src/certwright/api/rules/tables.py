"""Which rules and which schema each kind has."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from certwright.api.kinds import Kind
from certwright.api.rules.certificate import CERTIFICATE
from certwright.api.rules.core import CORE, METADATA
from certwright.api.rules.issuer import ISSUER
from certwright.api.rules.order import CHALLENGE, ORDER
from certwright.api.rules.request import REQUEST
from certwright.api.rules.rule import Rule
from certwright.api.rules.schema import Schema, schema_of

RULES: Final[Mapping[str, tuple[Rule, ...]]] = MappingProxyType(
    {
        "Certificate": CERTIFICATE,
        "CertificateRequest": REQUEST,
        "Issuer": ISSUER,
        "ClusterIssuer": ISSUER,
        "Order": ORDER,
        "Challenge": CHALLENGE,
    }
)


def own_schema(kind: Kind) -> Schema:
    """Return the schema of a kind's own top-level fields, as far as its types name them."""
    schema = schema_of(kind.type)
    del schema["properties"]["metadata"]
    schema["required"] = [name for name in schema["required"] if name != "metadata"]
    if kind.name == "CertificateRequest":
        # Its conditions alone have no observedGeneration (compat-spec 1.0).
        conditions = schema["properties"]["status"]["properties"]["conditions"]
        del conditions["items"]["properties"]["observedGeneration"]
    return schema


def document_schema(kind: Kind) -> Schema:
    """Return the schema of a whole document, metadata included."""
    if kind.name in CORE:
        own: Schema = {"properties": dict(CORE[kind.name])}
    else:
        own = _without_empty_bytes(own_schema(kind))
    text = {"type": "string"}
    return {
        "type": "object",
        "properties": {"apiVersion": text, "kind": text, "metadata": METADATA} | own["properties"],
        "required": ["apiVersion", "kind", "metadata", *own.get("required", ())],
    }


def _without_empty_bytes(schema: Schema) -> Schema:
    """Forbid empty base64: an API server takes it for no base64 where a CRD says so."""
    if schema.get("format") == "byte":
        return schema | {"minLength": 1}
    result = dict(schema)
    if "properties" in schema:
        result["properties"] = {
            name: _without_empty_bytes(part) for name, part in schema["properties"].items()
        }
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), dict):
            result[name] = _without_empty_bytes(schema[name])
    return result
