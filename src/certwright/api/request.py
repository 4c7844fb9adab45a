"""CertificateRequest: one attempt at having one CSR signed (compat-spec 1.2)."""

from collections.abc import Mapping
from typing import Annotated

from msgspec import Meta, Struct, field

from certwright.api.certificate import KeyUsage
from certwright.api.meta import CONDITIONS, Condition, IssuerReference, Resource, Time

APPROVED = "Approved"
DENIED = "Denied"
INVALID_REQUEST = "InvalidRequest"


class CertificateRequestSpec(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What shall be signed, by whom; immutable."""

    request: Annotated[bytes, Meta(description="The CSR as PEM.")]
    issuer_ref: Annotated[IssuerReference, Meta(description="Who signs.")]
    duration: Annotated[str | None, Meta(description="Requested lifetime, Go duration.")] = None
    is_ca: Annotated[bool, Meta(description="Ask for a CA certificate.")] = field(
        default=False, name="isCA"
    )
    usages: Annotated[tuple[KeyUsage, ...], Meta(description="Key usages.")] = ()
    username: Annotated[str, Meta(description="Who created the request.")] = ""
    uid: Annotated[str, Meta(description="The creator's uid.")] = ""
    groups: Annotated[tuple[str, ...], Meta(description="The creator's groups.")] = ()
    extra: Annotated[
        Mapping[str, tuple[str, ...]], Meta(description="Further facts on the creator.")
    ] = field(default_factory=dict)


class CertificateRequestStatus(
    Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True
):
    """What came of it."""

    conditions: Annotated[
        tuple[Condition, ...],
        Meta(description="Approved, Denied, InvalidRequest, Ready.", extra_json_schema=CONDITIONS),
    ] = ()
    certificate: Annotated[bytes, Meta(description="The signed chain, leaf first, PEM.")] = b""
    ca: Annotated[bytes, Meta(description="The CA certificate as PEM, if known.")] = b""
    failure_time: Annotated[Time | None, Meta(description="When it failed for good.")] = None


class CertificateRequest(Resource, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One attempt at a signature."""

    spec: CertificateRequestSpec
    status: CertificateRequestStatus = CertificateRequestStatus()
