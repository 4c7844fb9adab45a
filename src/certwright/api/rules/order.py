"""Rules of Order and Challenge (compat-spec 1.4, 1.5): what may not change."""

from certwright.api.rules.rule import Home, Reason, Rule


def _frozen(name: str) -> Rule:
    return Rule(
        at="status",
        rule=(
            f"!has(oldSelf.{name}) || size(oldSelf.{name}) == 0"
            f" || (has(self.{name}) && self.{name} == oldSelf.{name})"
        ),
        message="field is immutable once set",
        field=f".{name}",
        reason=Reason.FORBIDDEN,
    )


def _same(name: str) -> str:
    return f"(!has(o.{name}) || (has(n.{name}) && n.{name} == o.{name}))"


_AUTHORIZATION_KEPT = " && ".join(
    (
        _same("identifier"),
        _same("wildcard"),
        _same("initialState"),
        (
            "(!has(o.challenges) || o.challenges.all(p, has(n.challenges) && n.challenges.exists(q,"
            " q.url == p.url && q.type == p.type && q.token == p.token)))"
        ),
    )
)

ORDER = (
    Rule(
        at="spec",
        rule="self.request == oldSelf.request",
        message="field is immutable once set",
        field=".request",
        reason=Reason.FORBIDDEN,
    ),
    _frozen("url"),
    _frozen("finalizeURL"),
    _frozen("certificate"),
    Rule(
        at="status",
        rule=(
            "!has(oldSelf.authorizations) || size(oldSelf.authorizations) == 0"
            " || (has(self.authorizations)"
            " && size(self.authorizations) == size(oldSelf.authorizations)"
            # Found by their address: the order of a list cannot be compared in CEL.
            " && oldSelf.authorizations.all(o, self.authorizations.exists(n, n.url == o.url"
            f" && {_AUTHORIZATION_KEPT})))"
        ),
        message="field is immutable once set",
        field=".authorizations",
        reason=Reason.FORBIDDEN,
        home=Home.POLICY,
    ),
)

CHALLENGE = (
    Rule(
        at="spec",
        rule="self == oldSelf",
        message="challenge spec is immutable after creation",
        reason=Reason.FORBIDDEN,
    ),
)
