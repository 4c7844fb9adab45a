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
    own = own_schema(kind) if kind.name not in CORE else {"properties": dict(CORE[kind.name])}
    text = {"type": "string"}
    return {
        "type": "object",
        "properties": {"apiVersion": text, "kind": text, "metadata": METADATA} | own["properties"],
        "required": ["apiVersion", "kind", "metadata", *own.get("required", ())],
    }
