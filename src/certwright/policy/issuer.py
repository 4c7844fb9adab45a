"""What an issuer is, which Secrets it needs, and whether its account is settled (3.14, 6.1)."""

import base64
import hashlib
from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from urllib.parse import urlsplit

from msgspec import Struct, structs

from certwright.api.certificate import READY
from certwright.api.conditions import is_true, with_condition
from certwright.api.core import TLS_KEY
from certwright.api.issuer import (
    ACMEIssuer,
    ACMEIssuerStatus,
    AnyIssuer,
    Issuer,
    IssuerSpec,
    IssuerStatus,
)
from certwright.api.meta import Condition, ConditionStatus, SecretKeySelector
from certwright.base.reason import Reason
from certwright.pki.keys import Encoding, PrivateKey, der_of

_V2_OF_V1 = {
    "https://acme-v01.api.letsencrypt.org": "https://acme-v02.api.letsencrypt.org/directory",
    "https://acme-staging.api.letsencrypt.org": (
        "https://acme-staging-v02.api.letsencrypt.org/directory"
    ),
}


class IssuerType(StrEnum):
    """The types, by the name of the field that configures them."""

    ACME = "acme"
    CA = "ca"
    SELF_SIGNED = "selfSigned"
    VAULT = "vault"
    VENAFI = "venafi"


def issuer_type(spec: IssuerSpec) -> IssuerType | None:
    """Return the one configured type; None where there is none, or more than one."""
    configured = {
        IssuerType.ACME: spec.acme,
        IssuerType.CA: spec.ca,
        IssuerType.SELF_SIGNED: spec.self_signed,
        IssuerType.VAULT: spec.vault,
        IssuerType.VENAFI: spec.venafi,
    }
    found = [kind for kind, part in configured.items() if part is not None]
    return found[0] if len(found) == 1 else None


def resource_namespace(issuer: AnyIssuer, cluster_resources: str) -> str:
    """Return where an issuer's Secrets are (compat-spec 1.3).

    Args:
        issuer: an Issuer's are beside it.
        cluster_resources: the namespace of all ClusterIssuers' Secrets.
    """
    return issuer.metadata.namespace if isinstance(issuer, Issuer) else cluster_resources


def account_key_selector(acme: ACMEIssuer) -> SecretKeySelector:
    """Return where the account key is, the default key filled in."""
    selector = acme.private_key_secret_ref
    return structs.replace(selector, key=selector.key or TLS_KEY)


def solver_selectors(acme: ACMEIssuer) -> tuple[SecretKeySelector, ...]:
    """Return every credential that the DNS-01 solvers refer to, each once."""
    found = (
        selector
        for solver in acme.solvers
        if solver.dns01 is not None
        for selector in _selectors_in(solver.dns01)
    )
    return tuple(dict.fromkeys(found))


def secret_names(issuer: AnyIssuer) -> frozenset[str]:
    """Return the names of all Secrets whose change concerns an issuer (compat-spec 3.14)."""
    names: set[str] = set()
    if issuer.spec.ca is not None:
        names.add(issuer.spec.ca.secret_name)
    acme = issuer.spec.acme
    if acme is not None:
        names.add(acme.private_key_secret_ref.name)
        if acme.external_account_binding is not None:
            names.add(acme.external_account_binding.key_secret_ref.name)
        names.update(selector.name for selector in solver_selectors(acme))
    return frozenset(names)


def v1_endpoint(server: str) -> str:
    """Return the v2 directory of a server that still speaks draft ACME; empty for others."""
    return _V2_OF_V1.get(server.rstrip("/").removesuffix("/directory"), "")


def v1_message(server: str) -> str:
    """Say what to write instead (compat-spec 6.1)."""
    return (
        f"Your ACME server URL is set to a v1 endpoint ({server}). You should update the"
        f' spec.acme.server field to "{v1_endpoint(server)}"'
    )


def host_of(url: str) -> str:
    """Return host and port of a URL; empty where it is none."""
    try:
        return urlsplit(url).netloc.lower()
    except ValueError:
        return ""


def account_key_hash(key: PrivateKey) -> str:
    """Return what status.acme.lastPrivateKeyHash holds: base64 of the SHA-256 of the DER."""
    digest = hashlib.sha256(der_of(key, Encoding.PKCS1)).digest()
    return base64.b64encode(digest).decode("ascii")


def known_account(issuer: AnyIssuer, key_hash: str) -> str:
    """Return the account's URL if it is this key's, at this server; else empty."""
    status, acme = issuer.status.acme, issuer.spec.acme
    if status is None or acme is None or status.last_private_key_hash != key_hash:
        return ""
    return status.uri if host_of(status.uri) == host_of(acme.server) else ""


def is_registered(issuer: AnyIssuer, key_hash: str) -> bool:
    """Whether the CA need not be asked again (compat-spec 6.1 step 5)."""
    status, acme = issuer.status.acme, issuer.spec.acme
    return (
        acme is not None
        and status is not None
        and is_true(issuer.status.conditions, READY)
        and bool(known_account(issuer, key_hash))
        and status.last_registered_email == acme.email
    )


def contact_of(acme: ACMEIssuer) -> tuple[str, ...]:
    """Return the account's contact."""
    return (f"mailto:{acme.email.lower()}",) if acme.email else ()


class Readiness(Struct, frozen=True, kw_only=True):
    """What an issuer's Ready condition shall say; `account` None leaves the account's status."""

    ready: bool
    reason: str
    message: str = ""
    account: ACMEIssuerStatus | None = None


def with_readiness(issuer: AnyIssuer, wanted: Readiness, now: datetime) -> IssuerStatus:
    """Return the status of an issuer with its Ready condition set."""
    condition = Condition(
        type=READY,
        status=ConditionStatus.TRUE if wanted.ready else ConditionStatus.FALSE,
        reason=wanted.reason,
        message=wanted.message,
        observed_generation=issuer.metadata.generation,
    )
    return structs.replace(
        issuer.status,
        conditions=with_condition(issuer.status.conditions, condition, now),
        acme=issuer.status.acme if wanted.account is None else wanted.account,
    )


def not_served(kind: IssuerType) -> Readiness:
    """Tell that a type is admitted and does nothing yet."""
    return Readiness(
        ready=False,
        reason=Reason.NOT_SERVED,
        message=f"Issuers of the type {kind} are not served yet",
    )


def _selectors_in(part: Struct) -> Iterator[SecretKeySelector]:
    for name in part.__struct_fields__:
        value = getattr(part, name)
        if isinstance(value, SecretKeySelector):
            yield value
        elif isinstance(value, Struct):
            yield from _selectors_in(value)
