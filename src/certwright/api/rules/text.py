r"""Expressions and patterns that several kinds share.

Patterns are RE2 and mean the same in Rust's engine: no `\d`, `\s` or `\w`, which differ there.
"""

from certwright.api.rules.rule import Rule, required

LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
SUBDOMAIN = rf"^{LABEL}(\\.{LABEL})*$"
"""A DNS-1123 subdomain (RFC 1123 §2.1), as a CEL string literal writes it."""

NAME = "[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
QUALIFIED = rf"^([A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?/)?{NAME}$"
"""A label's or annotation's key."""

LABEL_VALUE = rf"^({NAME})?$"

DURATION = (
    r"^[-+]?(0|([0-9]+(\\.[0-9]*)?|\\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)"
    r"(([0-9]+(\\.[0-9]*)?|\\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))*)$"
)
"""A Go duration (time.ParseDuration)."""

HOST_PORT = r"^(\\[[0-9A-Fa-f:.]+\\]|[A-Za-z0-9._-]+):[0-9]{1,5}$"
HOST_MAYBE_PORT = r"^(\\[[0-9A-Fa-f:.]+\\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?$"

NOT_A_DURATION = "must be a duration such as 2160h or 1h30m"


def duration_text(at: str, field: str) -> Rule:
    """Build the rule that a field, where set, is a Go duration."""
    return Rule(
        at=at,
        rule=f"!has(self.{field}) || self.{field}.matches('{DURATION}')",
        message=NOT_A_DURATION,
        field=f".{field}",
    )


def secret_key(at: str) -> tuple[Rule, ...]:
    """Build the rules that a reference to a Secret names the Secret and its key."""
    return required(at, "name", "key")


ISSUER_REFERENCE: tuple[Rule, ...] = (
    *required("issuerRef", "name"),
    Rule(
        at="issuerRef",
        rule=(
            "!(has(self.group) && self.group == 'cert-manager.io') || !has(self.kind)"
            " || self.kind in ['', 'Issuer', 'ClusterIssuer']"
        ),
        message="must be one of Issuer or ClusterIssuer",
        field=".kind",
    ),
    Rule(
        at="issuerRef",
        rule=(
            "(has(self.group) && self.group != '') || !has(self.kind)"
            " || self.kind in ['', 'Issuer', 'ClusterIssuer']"
        ),
        message=(
            "must be one of Issuer or ClusterIssuer"
            " (did you forget to set spec.issuerRef.kind.group?)"
        ),
        field=".kind",
    ),
)
"""Rules of an issuerRef, relative to the spec (compat-spec 1.1.3)."""
