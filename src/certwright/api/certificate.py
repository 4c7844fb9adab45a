"""Certificate: what a person wants signed, for which names, into which Secret (compat-spec 1.1)."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct, field

from certwright.api.meta import (
    CONDITIONS,
    DURATION,
    INT32,
    Condition,
    IssuerReference,
    Resource,
    SecretKeySelector,
    Time,
)
from certwright.pki import keys, usages

ISSUING = "Issuing"
READY = "Ready"


class RotationPolicy(StrEnum):
    """Whether a re-issuance gets a new private key."""

    NEVER = "Never"
    ALWAYS = "Always"


class RenewalPolicy(StrEnum):
    """Whether a certificate is renewed by time at all."""

    RENEW_BEFORE = "RenewBefore"
    DISABLED = "Disabled"


class OutputFormat(StrEnum):
    """Further forms of key and chain in the target Secret."""

    DER = "DER"
    COMBINED_PEM = "CombinedPEM"


KeyAlgorithm = keys.Algorithm
KeyEncoding = keys.Encoding
SignatureAlgorithm = keys.SignatureAlgorithm
KeyUsage = usages.Usage
"""The words of the wire have one home, the room that gives them their meaning."""


class X509Subject(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The distinguished name apart from the common name."""

    organizations: Annotated[tuple[str, ...], Meta(description="O values.")] = ()
    countries: Annotated[tuple[str, ...], Meta(description="C values.")] = ()
    organizational_units: Annotated[tuple[str, ...], Meta(description="OU values.")] = ()
    localities: Annotated[tuple[str, ...], Meta(description="L values.")] = ()
    provinces: Annotated[tuple[str, ...], Meta(description="ST values.")] = ()
    street_addresses: Annotated[tuple[str, ...], Meta(description="STREET values.")] = ()
    postal_codes: Annotated[tuple[str, ...], Meta(description="POSTALCODE values.")] = ()
    serial_number: Annotated[str, Meta(description="SERIALNUMBER value.")] = ""


class OtherName(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A SAN otherName with a UTF8String value, such as a Microsoft UPN."""

    oid: Annotated[str, Meta(description="Dotted object identifier of the name's type.")] = ""
    utf8_value: Annotated[str, Meta(description="The value.")] = field(default="", name="utf8Value")


class PrivateKeySpec(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What key is generated, and when it is replaced."""

    rotation_policy: Annotated[
        RotationPolicy | None,
        Meta(description="Always (the default): a new key with each issuance. Never: keep it."),
    ] = None
    algorithm: Annotated[KeyAlgorithm | None, Meta(description="RSA where unset.")] = None
    size: Annotated[
        int, Meta(description="Bits: RSA 2048 to 8192, ECDSA 256, 384 or 521; 0 is the default.")
    ] = 0
    encoding: Annotated[KeyEncoding | None, Meta(description="PKCS1 where unset.")] = None


class SecretTemplate(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Labels and annotations that the target Secret gets."""

    annotations: Annotated[
        Mapping[str, str], Meta(description="Annotations for the target Secret.")
    ] = field(default_factory=dict)
    labels: Annotated[Mapping[str, str], Meta(description="Labels for the target Secret.")] = field(
        default_factory=dict
    )


class JKSKeystore(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A Java keystore in the target Secret (not served yet)."""

    create: Annotated[bool, Meta(description="Whether keystore.jks is made.")]
    alias: Annotated[str | None, Meta(description="Alias of the key; certificate if unset.")] = None
    password_secret_ref: Annotated[
        SecretKeySelector | None, Meta(description="Where the password stands.")
    ] = None
    password: Annotated[str | None, Meta(description="The password itself.")] = None


class PKCS12Profile(StrEnum):
    """Encryption of a PKCS#12 file."""

    LEGACY_RC2 = "LegacyRC2"
    LEGACY_DES = "LegacyDES"
    MODERN_2023 = "Modern2023"
    MODERN_2026 = "Modern2026"


class PKCS12Keystore(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A PKCS#12 keystore in the target Secret (not served yet)."""

    create: Annotated[bool, Meta(description="Whether keystore.p12 is made.")]
    profile: Annotated[PKCS12Profile | None, Meta(description="LegacyRC2 where unset.")] = None
    password_secret_ref: Annotated[
        SecretKeySelector | None, Meta(description="Where the password stands.")
    ] = None
    password: Annotated[str | None, Meta(description="The password itself.")] = None


class CertificateKeystores(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Keystores beside PEM."""

    jks: Annotated[JKSKeystore | None, Meta(description="Java keystore.")] = None
    pkcs12: Annotated[PKCS12Keystore | None, Meta(description="PKCS#12 file.")] = None


class AdditionalOutputFormat(Struct, frozen=True, kw_only=True, rename="camel"):
    """One further form."""

    type: Annotated[OutputFormat, Meta(description="DER: key.der. CombinedPEM: tls-combined.pem.")]


class NameConstraintItem(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Name spaces of one side of the constraints (RFC 5280 §4.2.1.10)."""

    dns_domains: Annotated[tuple[str, ...], Meta(description="DNS domains.")] = field(
        default=(), name="dnsDomains"
    )
    ip_ranges: Annotated[tuple[str, ...], Meta(description="CIDR ranges.")] = field(
        default=(), name="ipRanges"
    )
    email_addresses: Annotated[tuple[str, ...], Meta(description="Mailboxes or hosts.")] = field(
        default=(), name="emailAddresses"
    )
    uri_domains: Annotated[tuple[str, ...], Meta(description="URI domains.")] = field(
        default=(), name="uriDomains"
    )


class NameConstraints(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What a CA may sign for; only with isCA."""

    critical: Annotated[bool, Meta(description="Whether the extension is critical.")] = False
    permitted: Annotated[NameConstraintItem | None, Meta(description="Allowed names.")] = None
    excluded: Annotated[NameConstraintItem | None, Meta(description="Forbidden names.")] = None


class RenewalWindow(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A recurring span of time in which renewals may happen."""

    cron: Annotated[str, Meta(min_length=1, description="When the window opens; five fields.")]
    window_duration: Annotated[
        str,
        Meta(
            pattern=r"^([0-9]+(\.[0-9]+)?(s|m|h))+$",
            description="How long it stays open, as a Go duration.",
        ),
    ]
    timezone: Annotated[
        Annotated[str, Meta(min_length=1)] | None,
        Meta(description="IANA zone of the cron; UTC where unset."),
    ] = None


class Renewal(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """When renewals happen beyond renewBefore."""

    policy: Annotated[
        RenewalPolicy | None, Meta(description="RenewBefore, or Disabled for never by time.")
    ] = None
    windows: Annotated[
        tuple[RenewalWindow, ...], Meta(description="Renewals are delayed into these windows.")
    ] = ()


class CertificateSpec(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """What is wanted (compat-spec 1.1.1)."""

    secret_name: Annotated[str, Meta(description="Secret that receives key and chain.")]
    issuer_ref: Annotated[IssuerReference, Meta(description="Who signs.")]
    common_name: Annotated[str, Meta(description="Common name, at most 64 bytes.")] = ""
    dns_names: Annotated[tuple[str, ...], Meta(description="DNS names, in this order.")] = ()
    ip_addresses: Annotated[tuple[str, ...], Meta(description="IP addresses.")] = ()
    uris: Annotated[tuple[str, ...], Meta(description="URIs.")] = ()
    email_addresses: Annotated[tuple[str, ...], Meta(description="Bare e-mail addresses.")] = ()
    other_names: Annotated[tuple[OtherName, ...] | None, Meta(description="otherName SANs.")] = None
    subject: Annotated[X509Subject | None, Meta(description="Rest of the subject.")] = None
    literal_subject: Annotated[
        str, Meta(description="The whole subject as RFC 4514 text; excludes the other two.")
    ] = ""
    duration: Annotated[
        str | None,
        Meta(
            description="Requested lifetime as a Go duration; 2160h where unset.",
            extra_json_schema=DURATION,
        ),
    ] = None
    renew_before: Annotated[
        str | None,
        Meta(
            description="Renew this long before expiry, as a Go duration.",
            extra_json_schema=DURATION,
        ),
    ] = None
    renew_before_percentage: Annotated[
        int | None,
        Meta(
            description="Renew when this percentage of the life is left.",
            extra_json_schema=INT32,
        ),
    ] = None
    renewal: Annotated[Renewal | None, Meta(description="Policy and windows of renewals.")] = None
    is_ca: Annotated[bool, Meta(description="Ask for a CA certificate.")] = field(
        default=False, name="isCA"
    )
    usages: Annotated[
        tuple[KeyUsage, ...],
        Meta(description="Key usages; digital signature and key encipherment where empty."),
    ] = ()
    encode_usages_in_request: Annotated[
        bool | None, Meta(description="Put usages into the CSR; true where unset.")
    ] = None
    private_key: Annotated[PrivateKeySpec | None, Meta(description="The private key.")] = None
    signature_algorithm: Annotated[
        SignatureAlgorithm | None, Meta(description="How the CSR is signed.")
    ] = None
    secret_template: Annotated[
        SecretTemplate | None, Meta(description="Metadata for the target Secret.")
    ] = None
    keystores: Annotated[CertificateKeystores | None, Meta(description="Keystores.")] = None
    additional_output_formats: Annotated[
        tuple[AdditionalOutputFormat, ...], Meta(description="Further forms of key and chain.")
    ] = ()
    name_constraints: Annotated[
        NameConstraints | None, Meta(description="Constraints of a CA certificate.")
    ] = None
    revision_history_limit: Annotated[
        int | None,
        Meta(
            description="How many CertificateRequests are kept; 1 where unset.",
            extra_json_schema=INT32,
        ),
    ] = None


class SuggestedWindow(Struct, frozen=True, kw_only=True, rename="camel"):
    """The CA's wish when to renew (RFC 9773)."""

    start: Annotated[Time, Meta(description="Begin of the window.")]
    end: Annotated[Time, Meta(description="End of the window.")]


class RenewalInformation(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """What the CA last said about renewal (RFC 9773)."""

    suggested_window: Annotated[SuggestedWindow | None, Meta(description="The window.")] = None
    explanation_url: Annotated[str, Meta(description="Why, for people.")] = field(
        default="", name="explanationURL"
    )
    last_checked: Annotated[Time | None, Meta(description="When it was last asked.")] = None
    next_check: Annotated[Time | None, Meta(description="When it is asked again.")] = None
    last_error: Annotated[str, Meta(description="What went wrong when it was last asked.")] = ""


class CertificateACMEStatus(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """ACME's part of the status."""

    ari: Annotated[RenewalInformation | None, Meta(description="Renewal information.")] = None


class CertificateStatus(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What is (compat-spec 1.1.2)."""

    conditions: Annotated[
        tuple[Condition, ...], Meta(description="Ready and Issuing.", extra_json_schema=CONDITIONS)
    ] = ()
    last_failure_time: Annotated[Time | None, Meta(description="Last failed issuance.")] = None
    not_before: Annotated[Time | None, Meta(description="Begin of the certificate's life.")] = None
    not_after: Annotated[Time | None, Meta(description="End of the certificate's life.")] = None
    renewal_time: Annotated[Time | None, Meta(description="When it is renewed.")] = None
    revision: Annotated[int | None, Meta(description="Issuances so far; 1 after the first.")] = None
    next_private_key_secret_name: Annotated[
        str, Meta(description="Secret with the key of the issuance under way.")
    ] = ""
    failed_issuance_attempts: Annotated[
        int | None, Meta(description="Failures since the last success.")
    ] = None
    acme: Annotated[CertificateACMEStatus | None, Meta(description="ACME's part.")] = None


class Certificate(Resource, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A certificate that shall exist and stay fresh."""

    spec: CertificateSpec
    status: CertificateStatus = CertificateStatus()
