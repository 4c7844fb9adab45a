"""How ownership of names is proven: the solvers of an ACME issuer (compat-spec 1.3, 6.9)."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

from msgspec import Meta, Struct, field

from certwright.api.meta import INT32, LocalObjectReference, SecretKeySelector


class CNAMEStrategy(StrEnum):
    """Whether records are written where a CNAME points."""

    NONE = "None"
    FOLLOW = "Follow"


class SolverSelector(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """For which names a solver is used; an empty part matches all."""

    match_labels: Annotated[
        Mapping[str, str], Meta(description="Labels the Certificate must have.")
    ] = field(default_factory=dict)
    dns_names: Annotated[tuple[str, ...], Meta(description="Exactly these names.")] = ()
    dns_zones: Annotated[tuple[str, ...], Meta(description="Names at or below these.")] = ()


class ServiceAccountRef(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A ServiceAccount whose token is requested."""

    name: Annotated[str, Meta(description="Name of the ServiceAccount.")]
    audiences: Annotated[tuple[str, ...], Meta(description="Audiences of the token.")] = ()


class Akamai(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Akamai EdgeDNS."""

    service_consumer_domain: Annotated[str, Meta(description="API host.")]
    client_token_secret_ref: Annotated[SecretKeySelector, Meta(description="Client token.")]
    client_secret_secret_ref: Annotated[SecretKeySelector, Meta(description="Client secret.")]
    access_token_secret_ref: Annotated[SecretKeySelector, Meta(description="Access token.")]


class AzureManagedIdentity(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which managed identity of Azure is used."""

    client_id: Annotated[str, Meta(description="Client id of the identity.")] = field(
        default="", name="clientID"
    )
    resource_id: Annotated[str, Meta(description="Resource id of the identity.")] = field(
        default="", name="resourceID"
    )
    tenant_id: Annotated[str, Meta(description="Tenant of the identity.")] = field(
        default="", name="tenantID"
    )


class AzureEnvironment(StrEnum):
    """Azure's clouds."""

    PUBLIC = "AzurePublicCloud"
    CHINA = "AzureChinaCloud"
    GERMAN = "AzureGermanCloud"
    US_GOVERNMENT = "AzureUSGovernmentCloud"


class AzureZoneType(StrEnum):
    """Public or private zone."""

    PUBLIC = "AzurePublicZone"
    PRIVATE = "AzurePrivateZone"


class AzureDNS(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Azure DNS."""

    subscription_id: Annotated[str, Meta(description="Subscription.")] = field(
        name="subscriptionID"
    )
    resource_group_name: Annotated[str, Meta(description="Resource group.")] = field(
        name="resourceGroupName"
    )
    client_id: Annotated[str, Meta(description="Service principal.")] = field(
        default="", name="clientID"
    )
    client_secret_secret_ref: Annotated[
        SecretKeySelector | None, Meta(description="Its secret.")
    ] = field(default=None, name="clientSecretSecretRef")
    tenant_id: Annotated[str, Meta(description="Its tenant.")] = field(default="", name="tenantID")
    hosted_zone_name: Annotated[str, Meta(description="Zone; found by DNS where unset.")] = field(
        default="", name="hostedZoneName"
    )
    environment: Annotated[AzureEnvironment | None, Meta(description="Cloud.")] = None
    managed_identity: Annotated[
        AzureManagedIdentity | None, Meta(description="Managed identity.")
    ] = field(default=None, name="managedIdentity")
    zone_type: Annotated[AzureZoneType | None, Meta(description="Public where unset.")] = field(
        default=None, name="zoneType"
    )


class CloudDNS(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Google Cloud DNS."""

    project: Annotated[str, Meta(description="Project.")]
    service_account_secret_ref: Annotated[
        SecretKeySelector | None, Meta(description="Key of a service account.")
    ] = None
    hosted_zone_name: Annotated[str, Meta(description="Managed zone's name.")] = ""


class Cloudflare(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Cloudflare: exactly one of a token or a key with the account's e-mail."""

    email: Annotated[str, Meta(description="E-mail of the account; needed with a key.")] = ""
    api_key_secret_ref: Annotated[SecretKeySelector | None, Meta(description="Global API key.")] = (
        None
    )
    api_token_secret_ref: Annotated[
        SecretKeySelector | None, Meta(description="API token with Zone:Read and DNS:Edit.")
    ] = None


class DigitalOcean(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """DigitalOcean DNS."""

    token_secret_ref: Annotated[SecretKeySelector, Meta(description="API token.")]


class Route53KubernetesAuth(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Web identity by a ServiceAccount's token."""

    service_account_ref: Annotated[ServiceAccountRef, Meta(description="Whose token.")]


class Route53Auth(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Further ways to authenticate at AWS."""

    kubernetes: Annotated[Route53KubernetesAuth, Meta(description="By a ServiceAccount's token.")]


class Route53(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """AWS Route 53."""

    region: Annotated[str, Meta(description="Region of STS.")] = ""
    access_key_id: Annotated[str, Meta(description="Access key id.")] = field(
        default="", name="accessKeyID"
    )
    access_key_id_secret_ref: Annotated[
        SecretKeySelector | None, Meta(description="Access key id.")
    ] = field(default=None, name="accessKeyIDSecretRef")
    secret_access_key_secret_ref: Annotated[
        SecretKeySelector | None, Meta(description="Secret access key.")
    ] = None
    role: Annotated[str, Meta(description="Role to assume.")] = ""
    hosted_zone_id: Annotated[str, Meta(description="Zone; found by name where unset.")] = field(
        default="", name="hostedZoneID"
    )
    auth: Annotated[Route53Auth | None, Meta(description="Other authentication.")] = None


class AcmeDNS(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """An acme-dns server."""

    host: Annotated[str, Meta(description="Address of the server.")]
    account_secret_ref: Annotated[SecretKeySelector, Meta(description="JSON map of accounts.")]


class RFC2136(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Dynamic updates (RFC 2136), signed with TSIG (RFC 8945)."""

    nameserver: Annotated[str, Meta(description="Primary: host, host:port or [v6]:port.")]
    tsig_secret_secret_ref: Annotated[
        SecretKeySelector | None, Meta(description="TSIG key as base64.")
    ] = None
    tsig_key_name: Annotated[str, Meta(description="Name of the TSIG key.")] = ""
    tsig_algorithm: Annotated[
        str, Meta(description="HMACMD5 (default), HMACSHA1, HMACSHA256 or HMACSHA512.")
    ] = ""
    protocol: Annotated[str, Meta(description="UDP (default) or TCP.")] = ""


class WebhookSolver(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A solver outside, by cert-manager's webhook protocol."""

    group_name: Annotated[str, Meta(description="API group of the solver.")]
    solver_name: Annotated[str, Meta(description="Resource of the solver.")]
    config: Annotated[Any, Meta(description="Whatever the solver takes.")] = None


class DNS01(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A TXT record at _acme-challenge; exactly one provider."""

    cname_strategy: Annotated[
        CNAMEStrategy | None, Meta(description="Follow: write where a CNAME points.")
    ] = field(default=None, name="cnameStrategy")
    nameservers: Annotated[
        tuple[str, ...], Meta(description="Whom the check asks: host:port or https address.")
    ] = ()
    akamai: Annotated[Akamai | None, Meta(description="Akamai EdgeDNS.")] = None
    azure_dns: Annotated[AzureDNS | None, Meta(description="Azure DNS.")] = field(
        default=None, name="azureDNS"
    )
    cloud_dns: Annotated[CloudDNS | None, Meta(description="Google Cloud DNS.")] = field(
        default=None, name="cloudDNS"
    )
    cloudflare: Annotated[Cloudflare | None, Meta(description="Cloudflare.")] = None
    digitalocean: Annotated[DigitalOcean | None, Meta(description="DigitalOcean.")] = None
    route53: Annotated[Route53 | None, Meta(description="AWS Route 53.")] = None
    acme_dns: Annotated[AcmeDNS | None, Meta(description="acme-dns.")] = field(
        default=None, name="acmeDNS"
    )
    rfc2136: Annotated[RFC2136 | None, Meta(description="Dynamic updates.")] = None
    webhook: Annotated[WebhookSolver | None, Meta(description="A solver outside.")] = None


class TemplateMetadata(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Labels and annotations of an object that a solver creates."""

    annotations: Annotated[Mapping[str, str], Meta(description="Annotations.")] = field(
        default_factory=dict
    )
    labels: Annotated[Mapping[str, str], Meta(description="Labels.")] = field(default_factory=dict)


class SolverPodSpec(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What of a solver Pod can be set; objects of core/v1 are passed through."""

    node_selector: Annotated[Mapping[str, str], Meta(description="Node selector.")] = field(
        default_factory=dict
    )
    affinity: Annotated[Mapping[str, Any] | None, Meta(description="Affinity.")] = None
    tolerations: Annotated[tuple[Mapping[str, Any], ...], Meta(description="Tolerations.")] = ()
    priority_class_name: Annotated[str, Meta(description="Priority class.")] = ""
    service_account_name: Annotated[str, Meta(description="ServiceAccount.")] = ""
    image_pull_secrets: Annotated[
        tuple[LocalObjectReference, ...],
        Meta(
            description="Pull Secrets.",
            extra_json_schema={
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["name"],
            },
        ),
    ] = ()
    security_context: Annotated[
        Mapping[str, Any] | None, Meta(description="Security context of the Pod.")
    ] = None
    resources: Annotated[Mapping[str, Any] | None, Meta(description="Requests and limits.")] = None


class SolverPodTemplate(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Template of a solver Pod."""

    metadata: Annotated[TemplateMetadata | None, Meta(description="Metadata.")] = None
    spec: Annotated[SolverPodSpec | None, Meta(description="What can be set.")] = None


class SolverIngressTemplate(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Template of a solver Ingress."""

    metadata: Annotated[TemplateMetadata | None, Meta(description="Metadata.")] = None


class HTTP01Ingress(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """HTTP-01 by way of an Ingress."""

    service_type: Annotated[str, Meta(description="ClusterIP or NodePort.")] = ""
    ingress_class_name: Annotated[str, Meta(description="spec.ingressClassName.")] = ""
    class_: Annotated[str, Meta(description="Annotation kubernetes.io/ingress.class.")] = field(
        default="", name="class"
    )
    name: Annotated[str, Meta(description="An existing Ingress to edit.")] = ""
    pod_template: Annotated[SolverPodTemplate | None, Meta(description="Solver Pod.")] = None
    ingress_template: Annotated[
        SolverIngressTemplate | None, Meta(description="Solver Ingress.")
    ] = None


class ParentReference(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A Gateway or ListenerSet that an HTTPRoute belongs to."""

    name: Annotated[str, Meta(description="Name of the parent.")]
    group: Annotated[
        str | None,
        Meta(
            description="Group of the parent.",
            extra_json_schema={"default": "gateway.networking.k8s.io"},
        ),
    ] = None
    kind: Annotated[
        str | None,
        Meta(description="Kind of the parent.", extra_json_schema={"default": "Gateway"}),
    ] = None
    namespace: Annotated[str | None, Meta(description="Namespace of the parent.")] = None
    section_name: Annotated[str | None, Meta(description="Listener of the parent.")] = None
    port: Annotated[
        Annotated[int, Meta(ge=1, le=65535)] | None,
        Meta(description="Port of the parent.", extra_json_schema=INT32),
    ] = None


class HTTP01Gateway(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """HTTP-01 by way of an HTTPRoute."""

    service_type: Annotated[str, Meta(description="ClusterIP or NodePort.")] = ""
    labels: Annotated[Mapping[str, str], Meta(description="Labels of the route.")] = field(
        default_factory=dict
    )
    parent_refs: Annotated[
        tuple[ParentReference, ...], Meta(description="Parents of the route.")
    ] = ()
    pod_template: Annotated[SolverPodTemplate | None, Meta(description="Solver Pod.")] = None


class HTTP01(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An answer over HTTP on port 80; exactly one way."""

    ingress: Annotated[HTTP01Ingress | None, Meta(description="By an Ingress.")] = None
    gateway_http_route: Annotated[HTTP01Gateway | None, Meta(description="By an HTTPRoute.")] = (
        field(default=None, name="gatewayHTTPRoute")
    )


class ACMEChallengeSolver(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One solver: for which names, and how; exactly one of http01 and dns01."""

    selector: Annotated[SolverSelector | None, Meta(description="For which names.")] = None
    http01: Annotated[HTTP01 | None, Meta(description="HTTP-01.")] = None
    dns01: Annotated[DNS01 | None, Meta(description="DNS-01.")] = None
    wait_instead_of_self_check: Annotated[
        str | None, Meta(description="Wait this long, Go duration, instead of checking.")
    ] = None
