"""Issuer and ClusterIssuer: who signs, and how (compat-spec 1.3)."""

from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct, field

from certwright.api.meta import CONDITIONS, Condition, Resource, SecretKeySelector
from certwright.api.solver import ACMEChallengeSolver, ServiceAccountRef


class ExternalAccountBinding(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Binds the ACME account to an account elsewhere (RFC 8555 §7.3.4)."""

    key_id: Annotated[str, Meta(description="Identifier of the key at the CA.")] = field(
        name="keyID"
    )
    key_secret_ref: Annotated[
        SecretKeySelector, Meta(description="MAC key, unpadded url-safe base64.")
    ]
    key_algorithm: Annotated[
        str | None,
        Meta(
            description="Deprecated and ignored: HS256 is used.",
            extra_json_schema={"enum": ["HS256", "HS384", "HS512"]},
        ),
    ] = None


class RenewalInformationSource(StrEnum):
    """Where the CA's wishes on renewal come from."""

    ARI = "ARI"
    NONE = "None"


class ACMEIssuer(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """An account at an ACME server."""

    server: Annotated[str, Meta(description="Address of the directory.")]
    private_key_secret_ref: Annotated[
        SecretKeySelector, Meta(description="Where the account key is kept; made if missing.")
    ]
    email: Annotated[str, Meta(description="Contact of the account.")] = ""
    preferred_chain: Annotated[
        str, Meta(max_length=64, description="Issuer CN of the wanted chain's last certificate.")
    ] = ""
    ca_bundle: Annotated[bytes, Meta(description="PEM roots to trust for the server.")] = b""
    skip_tls_verify: Annotated[bool, Meta(description="Do not verify the server.")] = field(
        default=False, name="skipTLSVerify"
    )
    external_account_binding: Annotated[
        ExternalAccountBinding | None, Meta(description="External account.")
    ] = None
    disable_account_key_generation: Annotated[
        bool, Meta(description="Never make the account key; it must be there.")
    ] = False
    enable_duration_feature: Annotated[
        bool, Meta(description="Send notAfter, where the CA takes it.")
    ] = False
    profile: Annotated[str, Meta(description="Profile of the CA to use.")] = ""
    renewal_information_source: Annotated[
        RenewalInformationSource | None,
        Meta(description="ARI where unset.", extra_json_schema={"default": "ARI"}),
    ] = None
    solvers: Annotated[
        tuple[ACMEChallengeSolver, ...], Meta(description="How ownership is proven.")
    ] = ()


class CAIssuer(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Signs with a key pair of a Secret."""

    secret_name: Annotated[str, Meta(description="Secret with tls.crt and tls.key.")] = field(
        name="secretName"
    )
    crl_distribution_points: Annotated[tuple[str, ...], Meta(description="CRL addresses.")] = field(
        default=(), name="crlDistributionPoints"
    )
    ocsp_servers: Annotated[tuple[str, ...], Meta(description="OCSP addresses.")] = field(
        default=(), name="ocspServers"
    )
    issuing_certificate_urls: Annotated[
        tuple[str, ...], Meta(description="Where the CA's certificate is.")
    ] = field(default=(), name="issuingCertificateURLs")


class SelfSignedIssuer(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Signs each certificate with its own key."""

    crl_distribution_points: Annotated[tuple[str, ...], Meta(description="CRL addresses.")] = ()


class VaultAppRole(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """AppRole authentication."""

    path: Annotated[str, Meta(description="Mount path.")]
    role_id: Annotated[str, Meta(description="Role id.")]
    secret_ref: Annotated[SecretKeySelector, Meta(description="Secret id.")]


class VaultClientCertificate(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """TLS client authentication."""

    mount_path: Annotated[str, Meta(description="Mount path.")] = ""
    secret_name: Annotated[str, Meta(description="Secret with the key pair.")] = ""
    name: Annotated[str, Meta(description="Role.")] = ""


class VaultKubernetes(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Authentication by a ServiceAccount's token."""

    role: Annotated[str, Meta(description="Role.")]
    mount_path: Annotated[str, Meta(description="Mount path.")] = ""
    secret_ref: Annotated[SecretKeySelector | None, Meta(description="A token.")] = None
    service_account_ref: Annotated[
        ServiceAccountRef | None, Meta(description="Whose token is requested.")
    ] = None


class VaultAWS(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Authentication by an AWS identity."""

    role: Annotated[str, Meta(min_length=1, description="Role.")]
    mount_path: Annotated[str, Meta(description="Mount path.")] = ""
    region: Annotated[str, Meta(description="Region of STS.")] = ""
    service_account_ref: Annotated[
        ServiceAccountRef | None, Meta(description="Whose token is requested.")
    ] = None
    iam_role_arn: Annotated[str, Meta(description="Role to assume.")] = ""
    vault_header_value: Annotated[str, Meta(description="Server id header.")] = ""


class VaultAuth(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """How to authenticate at Vault; exactly one."""

    token_secret_ref: Annotated[SecretKeySelector | None, Meta(description="A token.")] = None
    app_role: Annotated[VaultAppRole | None, Meta(description="AppRole.")] = None
    client_certificate: Annotated[
        VaultClientCertificate | None, Meta(description="TLS client certificate.")
    ] = None
    kubernetes: Annotated[VaultKubernetes | None, Meta(description="ServiceAccount token.")] = None
    aws: Annotated[VaultAWS | None, Meta(description="AWS identity.")] = None


class VaultIssuer(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A Vault or OpenBao PKI mount (not served yet)."""

    auth: Annotated[VaultAuth, Meta(description="How to authenticate.")]
    server: Annotated[str, Meta(description="Address of the server.")]
    path: Annotated[str, Meta(description="Sign path, such as pki/sign/role.")]
    namespace: Annotated[str, Meta(description="Vault namespace.")] = ""
    server_name: Annotated[str, Meta(description="TLS server name.")] = ""
    ca_bundle: Annotated[bytes, Meta(description="PEM roots to trust.")] = b""
    ca_bundle_secret_ref: Annotated[
        SecretKeySelector | None, Meta(description="PEM roots to trust.")
    ] = None
    client_cert_secret_ref: Annotated[
        SecretKeySelector | None, Meta(description="TLS client certificate.")
    ] = None
    client_key_secret_ref: Annotated[
        SecretKeySelector | None, Meta(description="TLS client key.")
    ] = None


class VenafiTPP(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """CyberArk Certificate Manager, self-hosted."""

    url: Annotated[str, Meta(description="Address of the server.")]
    credentials_ref: Annotated[SecretKeySelector, Meta(description="Credentials.")]
    ca_bundle: Annotated[bytes, Meta(description="PEM roots to trust.")] = b""
    ca_bundle_secret_ref: Annotated[
        SecretKeySelector | None, Meta(description="PEM roots to trust.")
    ] = None


class VenafiCloud(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """CyberArk Certificate Manager, SaaS."""

    api_token_secret_ref: Annotated[SecretKeySelector, Meta(description="API key.")]
    url: Annotated[str, Meta(description="Address of the service.")] = ""


class VenafiNGTS(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Next-generation trust security."""

    tsg_id: Annotated[str, Meta(description="Tenant service group.")] = field(name="tsgID")
    credentials_ref: Annotated[SecretKeySelector, Meta(description="Credentials.")]
    url: Annotated[str, Meta(description="Address of the service.")] = ""
    token_endpoint: Annotated[str, Meta(description="Where tokens come from.")] = ""


class VenafiIssuer(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """CyberArk Certificate Manager (not served yet)."""

    zone: Annotated[str, Meta(description="Policy folder or application.")]
    tpp: Annotated[VenafiTPP | None, Meta(description="Self-hosted.")] = None
    cloud: Annotated[VenafiCloud | None, Meta(description="SaaS.")] = None
    ngts: Annotated[VenafiNGTS | None, Meta(description="Next generation.")] = None


class IssuerSpec(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Exactly one type."""

    acme: Annotated[ACMEIssuer | None, Meta(description="An ACME server.")] = None
    ca: Annotated[CAIssuer | None, Meta(description="A key pair of a Secret.")] = None
    vault: Annotated[VaultIssuer | None, Meta(description="Vault.")] = None
    self_signed: Annotated[SelfSignedIssuer | None, Meta(description="Self-signed.")] = field(
        default=None, name="selfSigned"
    )
    venafi: Annotated[VenafiIssuer | None, Meta(description="CyberArk.")] = None


class ACMEIssuerStatus(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The account."""

    uri: Annotated[str, Meta(description="Address of the account.")] = ""
    last_registered_email: Annotated[str, Meta(description="Contact at the CA.")] = field(
        default="", name="lastRegisteredEmail"
    )
    last_private_key_hash: Annotated[str, Meta(description="Hash of the account key.")] = field(
        default="", name="lastPrivateKeyHash"
    )


class IssuerStatus(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Whether it can sign."""

    conditions: Annotated[
        tuple[Condition, ...], Meta(description="Ready.", extra_json_schema=CONDITIONS)
    ] = ()
    acme: Annotated[ACMEIssuerStatus | None, Meta(description="The account.")] = None


class Issuer(Resource, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Signs for its own namespace."""

    spec: IssuerSpec
    status: IssuerStatus = IssuerStatus()


class ClusterIssuer(Resource, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Signs for all namespaces; its Secrets are in the cluster resource namespace."""

    spec: IssuerSpec
    status: IssuerStatus = IssuerStatus()


AnyIssuer = Issuer | ClusterIssuer
