"""Rules of one ACME solver and of its DNS-01 provider (compat-spec 1.3, 6.9), relative to it."""

from certwright.api.rules.rule import (
    Reason,
    Rule,
    at_least_one,
    at_most_one,
    placed,
    required,
)
from certwright.api.rules.text import (
    DURATION,
    HOST_MAYBE_PORT,
    HOST_PORT,
    NOT_A_DURATION,
    SUBDOMAIN,
    secret_key,
)

PROVIDERS = (
    "akamai",
    "azureDNS",
    "cloudDNS",
    "cloudflare",
    "digitalocean",
    "route53",
    "acmeDNS",
    "rfc2136",
    "webhook",
)

_PRINCIPAL = ("clientID", "clientSecretSecretRef", "tenantID")


def _set(name: str) -> str:
    return f"(has(self.{name}) && self.{name} != '')"


_AZURE: tuple[Rule, ...] = (
    *required("", "subscriptionID", "resourceGroupName"),
    Rule(
        at="",
        rule=(
            f"({_set('clientID')} == has(self.clientSecretSecretRef))"
            f" && ({_set('clientID')} == {_set('tenantID')})"
        ),
        message="clientID, clientSecretSecretRef and tenantID must be set together",
    ),
    *secret_key("clientSecretSecretRef"),
    Rule(
        at="",
        rule=(
            f"!has(self.managedIdentity) || !({_set('clientID')} || {_set('tenantID')}"
            " || has(self.clientSecretSecretRef))"
        ),
        message=f"must not be set together with any of {', '.join(_PRINCIPAL)}",
        field=".managedIdentity",
        reason=Reason.FORBIDDEN,
    ),
    Rule(
        at="managedIdentity",
        rule=f"!({_set('clientID')} && {_set('resourceID')})",
        message="clientID and resourceID must not be set together",
        reason=Reason.FORBIDDEN,
    ),
    Rule(
        at="managedIdentity",
        rule=f"!{_set('tenantID')} || ({_set('clientID')} && !{_set('resourceID')})",
        message="must only be set together with clientID, and not with resourceID",
        field=".tenantID",
        reason=Reason.FORBIDDEN,
    ),
)

_CLOUDFLARE: tuple[Rule, ...] = (
    at_most_one(
        "",
        ("apiKeySecretRef", "apiTokenSecretRef"),
        "apiKeySecretRef and apiTokenSecretRef must not be set together",
    ),
    at_least_one(
        "",
        ("apiKeySecretRef", "apiTokenSecretRef"),
        "one of apiKeySecretRef and apiTokenSecretRef must be set",
    ),
    Rule(
        at="",
        rule="!has(self.apiKeySecretRef) || (has(self.email) && size(self.email) > 0)",
        message="is required with apiKeySecretRef",
        field=".email",
        reason=Reason.REQUIRED,
    ),
    *secret_key("apiKeySecretRef"),
    *secret_key("apiTokenSecretRef"),
)

_RFC2136: tuple[Rule, ...] = (
    *required("", "nameserver"),
    Rule(
        at="nameserver",
        rule=f"size(self) == 0 || self.matches('{HOST_MAYBE_PORT}')",
        message="must be host, host:port or [IPv6]:port",
    ),
    Rule(
        at="",
        rule=f"!{_set('tsigKeyName')} || has(self.tsigSecretSecretRef)",
        message="is required with tsigKeyName",
        field=".tsigSecretSecretRef",
        reason=Reason.REQUIRED,
    ),
    Rule(
        at="",
        rule=f"!has(self.tsigSecretSecretRef) || {_set('tsigKeyName')}",
        message="is required with tsigSecretSecretRef",
        field=".tsigKeyName",
        reason=Reason.REQUIRED,
    ),
    *secret_key("tsigSecretSecretRef"),
    Rule(
        at="tsigAlgorithm",
        rule="self.matches('^(?i:|HMACMD5|HMACSHA1|HMACSHA256|HMACSHA512)$')",
        message="must be HMACMD5, HMACSHA1, HMACSHA256 or HMACSHA512",
    ),
    Rule(at="protocol", rule="self in ['', 'TCP', 'UDP']", message="must be TCP or UDP"),
)

_DNS01: tuple[Rule, ...] = (
    at_least_one("", PROVIDERS, "no DNS01 provider configured"),
    at_most_one("", PROVIDERS, "may not specify more than one provider type"),
    Rule(
        at="nameservers[]",
        rule=f"self.matches('^https://[^/]') || self.matches('{HOST_PORT}')",
        message="must be host:port or an https address",
    ),
    *required("akamai", "serviceConsumerDomain"),
    *secret_key("akamai.clientTokenSecretRef"),
    *secret_key("akamai.clientSecretSecretRef"),
    *secret_key("akamai.accessTokenSecretRef"),
    *placed(_AZURE, "azureDNS"),
    *required("cloudDNS", "project"),
    *secret_key("cloudDNS.serviceAccountSecretRef"),
    *placed(_CLOUDFLARE, "cloudflare"),
    *secret_key("digitalocean.tokenSecretRef"),
    at_most_one(
        "route53",
        ("accessKeyID", "accessKeyIDSecretRef"),
        "accessKeyID and accessKeyIDSecretRef must not be set together",
    ),
    *required("acmeDNS", "host"),
    *secret_key("acmeDNS.accountSecretRef"),
    *placed(_RFC2136, "rfc2136"),
    *required("webhook", "groupName", "solverName"),
)

_SERVICE_TYPE = Rule(
    at="serviceType",
    rule="self in ['', 'ClusterIP', 'NodePort']",
    message="must be ClusterIP or NodePort",
)

_HTTP01: tuple[Rule, ...] = (
    at_least_one("", ("ingress", "gatewayHTTPRoute"), "no HTTP01 solver type configured"),
    at_most_one(
        "", ("ingress", "gatewayHTTPRoute"), "may not specify more than one HTTP01 solver type"
    ),
    Rule(
        at="ingress",
        rule=f"[{', '.join(map(_set, ('ingressClassName', 'name', 'class')))}]"
        ".filter(x, x).size() <= 1",
        message="only one of 'ingressClassName', 'name' or 'class' should be specified",
        reason=Reason.FORBIDDEN,
    ),
    Rule(
        at="ingress.ingressClassName",
        rule=f"size(self) == 0 || (size(self) <= 253 && self.matches('{SUBDOMAIN}'))",
        message="must be a DNS-1123 subdomain",
    ),
    *placed((_SERVICE_TYPE,), "ingress"),
    *placed((_SERVICE_TYPE,), "gatewayHTTPRoute"),
    Rule(
        at="gatewayHTTPRoute.parentRefs[]",
        rule=f"(size(self.name) > 0) == {_set('kind')}",
        message="name and kind must be set together",
    ),
)

SOLVER: tuple[Rule, ...] = (
    at_least_one("", ("http01", "dns01"), "no solver type configured"),
    at_most_one("", ("http01", "dns01"), "may not specify more than one solver type"),
    Rule(
        at="waitInsteadOfSelfCheck",
        rule=f"self.matches('{DURATION}')",
        message=NOT_A_DURATION,
    ),
    Rule(
        at="waitInsteadOfSelfCheck",
        rule=f"!self.matches('{DURATION}') || duration(self) >= duration('0s')",
        message="must not be negative",
    ),
    *placed(_HTTP01, "http01"),
    *placed(_DNS01, "dns01"),
)
