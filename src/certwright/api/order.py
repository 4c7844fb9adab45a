"""Order and Challenge: an issuance at an ACME server, and its proofs (compat-spec 1.4, 1.5)."""

from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct, field

from certwright.api.meta import IssuerReference, Resource, Time
from certwright.api.solver import ACMEChallengeSolver

FINALIZER = "acme.cert-manager.io/finalizer"
LEGACY_FINALIZER = "finalizer.acme.cert-manager.io"


class State(StrEnum):
    """State of an order, authorization or challenge; the empty word is unknown."""

    UNKNOWN = ""
    VALID = "valid"
    READY = "ready"
    PENDING = "pending"
    PROCESSING = "processing"
    INVALID = "invalid"
    EXPIRED = "expired"
    ERRORED = "errored"

    @property
    def failed(self) -> bool:
        """It ended without success."""
        return self in {State.INVALID, State.EXPIRED, State.ERRORED}

    @property
    def final(self) -> bool:
        """It ended."""
        return self.failed or self is State.VALID


class ChallengeType(StrEnum):
    """How ownership is proven."""

    HTTP01 = "HTTP-01"
    DNS01 = "DNS-01"


class OrderSpec(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What is ordered; `request` is immutable."""

    request: Annotated[bytes, Meta(description="The CSR as PEM.")]
    issuer_ref: Annotated[IssuerReference, Meta(description="The ACME issuer.")]
    common_name: Annotated[str, Meta(description="Common name of the CSR.")] = ""
    dns_names: Annotated[tuple[str, ...], Meta(description="DNS names of the CSR.")] = ()
    ip_addresses: Annotated[tuple[str, ...], Meta(description="IP addresses of the CSR.")] = ()
    duration: Annotated[str | None, Meta(description="Lifetime asked for, Go duration.")] = None
    profile: Annotated[str, Meta(description="The CA's profile to use.")] = ""
    replaces: Annotated[str, Meta(description="ARI identifier of the replaced one.")] = ""


class ACMEChallenge(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A challenge as the server offered it."""

    url: Annotated[str, Meta(description="Address of the challenge.")]
    token: Annotated[str, Meta(description="Token to build the key from.")]
    type: Annotated[str, Meta(description="The server's word, such as dns-01.")]


class ACMEAuthorization(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """An authorization as the server offered it."""

    url: Annotated[str, Meta(description="Address of the authorization.")]
    identifier: Annotated[str, Meta(description="The name, without *. of a wildcard.")] = ""
    wildcard: Annotated[bool | None, Meta(description="Whether it is for *.identifier.")] = None
    initial_state: Annotated[
        State | None, Meta(description="The state when it was first fetched.")
    ] = None
    challenges: Annotated[
        tuple[ACMEChallenge, ...], Meta(description="The challenges on offer.")
    ] = ()


class OrderStatus(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Where the order stands."""

    url: Annotated[str, Meta(description="Address of the order.")] = ""
    finalize_url: Annotated[str, Meta(description="Where it is finalized.")] = field(
        default="", name="finalizeURL"
    )
    authorizations: Annotated[
        tuple[ACMEAuthorization, ...], Meta(description="What must be proven.")
    ] = ()
    certificate: Annotated[bytes, Meta(description="The signed chain as PEM.")] = b""
    state: Annotated[State, Meta(description="State of the order.")] = State.UNKNOWN
    reason: Annotated[str, Meta(description="Why it is in that state.")] = ""
    failure_time: Annotated[Time | None, Meta(description="When it failed.")] = None


class Order(Resource, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One order at an ACME server (RFC 8555 §7.1.3)."""

    spec: OrderSpec
    status: OrderStatus = OrderStatus()


class ChallengeSpec(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """What is to be proven and how; immutable."""

    url: Annotated[str, Meta(description="Address of the challenge.")]
    authorization_url: Annotated[str, Meta(description="Address of its authorization.")] = field(
        name="authorizationURL"
    )
    dns_name: Annotated[str, Meta(description="The name, without *. of a wildcard.")]
    type: Annotated[ChallengeType, Meta(description="HTTP-01 or DNS-01.")]
    token: Annotated[str, Meta(description="Token of the challenge.")]
    key: Annotated[str, Meta(description="The answer: TXT value, or key authorization.")]
    solver: Annotated[ACMEChallengeSolver, Meta(description="Copy of the chosen solver.")]
    issuer_ref: Annotated[IssuerReference, Meta(description="The ACME issuer.")]
    wildcard: Annotated[bool, Meta(description="Whether it is for *.dnsName.")] = False


class ChallengeStatus(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Where the proof stands."""

    processing: Annotated[bool, Meta(description="It is being worked on.")] = False
    presented: Annotated[bool, Meta(description="The answer was published.")] = False
    presented_at: Annotated[Time | None, Meta(description="When it was published.")] = None
    reason: Annotated[str, Meta(description="Why it is in that state.")] = ""
    state: Annotated[State, Meta(description="State of the challenge.")] = State.UNKNOWN


class Challenge(Resource, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One proof of ownership (RFC 8555 §8)."""

    spec: ChallengeSpec
    status: ChallengeStatus = ChallengeStatus()
