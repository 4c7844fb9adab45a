"""Why a Certificate is issued again, or is not ready: small checks whose order is data.

Stands for cert-manager's policy chain (compat-spec 3.3): the trigger evaluates `REISSUE_CHECKS`,
readiness evaluates `READY_CHECKS`; the first finding wins.
"""

from collections.abc import Callable
from datetime import datetime

from msgspec import Struct

from certwright.api.annotations import CERTIFICATE_NAME, ISSUER_GROUP, ISSUER_KIND, ISSUER_NAME
from certwright.api.certificate import Certificate
from certwright.api.meta import IssuerReference
from certwright.api.secret import TLS_CERT, TLS_KEY, SecretSummary
from certwright.base.reason import Reason
from certwright.pki.certificate import key_matches
from certwright.policy.attempt import Attempt
from certwright.policy.mismatch import (
    certificate_mismatches,
    key_mismatches,
    listed,
    request_mismatches,
)
from certwright.policy.renewal import Renewal, renewal_of


class Facts(Struct, frozen=True, kw_only=True):
    """What the checks look at.

    Attributes:
        certificate: what is wanted.
        secret: the target Secret; None where there is none.
        current: the request that the Secret's certificate came from, if it is still there.
        now: the moment.
    """

    certificate: Certificate
    secret: SecretSummary | None
    current: Attempt | None
    now: datetime

    @property
    def renewal(self) -> Renewal:
        """When the certificate in the Secret is renewed."""
        found = self.secret.certificate if self.secret is not None else None
        if found is None:
            return Renewal(None)
        return renewal_of(self.certificate.spec, found.not_before, found.not_after)


class Finding(Struct, frozen=True):
    """A check that failed: one word and one sentence; `warning` is told beside it."""

    reason: Reason
    message: str
    warning: str = ""


Check = Callable[[Facts], Finding | None]


def secret_exists(facts: Facts) -> Finding | None:
    """The Secret named by `spec.secretName` is there."""
    if facts.secret is None:
        return Finding(Reason.DOES_NOT_EXIST, "Issuing certificate as Secret does not exist")
    return None


def secret_has_data(facts: Facts) -> Finding | None:
    """It holds a key and a certificate."""
    if facts.secret is None:
        return None
    if not facts.secret.has_data:
        missing = "any data"
    elif not facts.secret.has(TLS_KEY):
        missing = "a private key"
    elif not facts.secret.has(TLS_CERT):
        missing = "a certificate"
    else:
        return None
    return Finding(Reason.MISSING_DATA, f"Issuing certificate as Secret does not contain {missing}")


def key_pair_is_valid(facts: Facts) -> Finding | None:
    """Both can be read, and belong together."""
    secret = facts.secret
    if secret is None:
        return None
    if secret.key_facts is None:
        return Finding(
            Reason.INVALID_KEY_PAIR,
            f"Issuing certificate as Secret contains invalid private key data: {secret.key_error}",
        )
    if secret.certificate is None:
        return Finding(
            Reason.INVALID_CERTIFICATE,
            "Issuing certificate as Secret contains an invalid certificate: "
            f"{secret.certificate_error}",
        )
    if not key_matches(secret.key_facts, secret.certificate):
        return Finding(
            Reason.INVALID_KEY_PAIR,
            "Issuing certificate as Secret contains a private key that does not match the "
            "certificate",
        )
    return None


def issuer_is_unchanged(facts: Facts) -> Finding | None:
    """It was issued by the issuer that the spec names, as far as its annotations tell."""
    if facts.secret is None:
        return None
    wanted, annotations = facts.certificate.spec.issuer_ref, facts.secret.metadata.annotations
    if not {ISSUER_NAME, ISSUER_KIND, ISSUER_GROUP} & annotations.keys():
        default = IssuerReference(name=wanted.name)
        unchanged, found = wanted.same_as(default), IssuerReference(name="")
    else:
        found = IssuerReference(
            name=annotations.get(ISSUER_NAME, ""),
            kind=annotations.get(ISSUER_KIND, ""),
            group=annotations.get(ISSUER_GROUP, ""),
        )
        unchanged = wanted.same_as(found)
    if unchanged:
        return None
    before = f"{found.effective_kind}.{found.effective_group}/{found.name}"
    return Finding(
        Reason.INCORRECT_ISSUER,
        f'Issuing certificate as Secret was previously issued by "{before}"',
    )


def secret_is_our_own(facts: Facts) -> Finding | None:
    """It was not issued for another Certificate."""
    if facts.secret is None:
        return None
    name = facts.secret.metadata.annotations.get(CERTIFICATE_NAME)
    if name is None or name == facts.certificate.metadata.name:
        return None
    return Finding(
        Reason.INCORRECT_CERTIFICATE,
        f'Secret was issued for "{name}". If this message is not transient, you might have two '
        "conflicting Certificates pointing to the same secret.",
    )


def key_is_as_specified(facts: Facts) -> Finding | None:
    """The key has the algorithm and the size of the spec."""
    key = facts.secret.key_facts if facts.secret is not None else None
    fields = key_mismatches(key, facts.certificate.spec) if key is not None else ()
    if not fields:
        return None
    return Finding(
        Reason.SECRET_MISMATCH,
        f"Existing private key is not up to date for spec: {listed(fields)}",
    )


def key_is_that_of_request(facts: Facts) -> Finding | None:
    """The key is the one that the current request was made with."""
    key = facts.secret.key_facts if facts.secret is not None else None
    if facts.current is None or key is None:
        return None
    if facts.current.csr is None:
        return Finding(
            Reason.INVALID_CERTIFICATE_REQUEST,
            "Failed to decode the CSR of the current CertificateRequest: "
            f"{facts.current.csr_error}",
        )
    if key_matches(key, facts.current.csr):
        return None
    return Finding(
        Reason.SECRET_MISMATCH,
        "Secret contains a private key that does not match the current CertificateRequest",
    )


def request_is_as_specified(facts: Facts) -> Finding | None:
    """The current request asked for what the spec says."""
    current = facts.current
    if current is None or current.csr is None:
        return None
    fields = request_mismatches(current.request, current.csr, facts.certificate.spec)
    if not fields:
        return None
    return Finding(
        Reason.REQUEST_CHANGED,
        f"Fields on existing CertificateRequest resource not up to date: {listed(fields)}",
    )


def certificate_is_as_specified(facts: Facts) -> Finding | None:
    """Where the request is gone, the certificate's names are those of the spec."""
    found = facts.secret.certificate if facts.secret is not None else None
    if facts.current is not None or found is None:
        return None
    fields = certificate_mismatches(found, facts.certificate.spec)
    if not fields:
        return None
    return Finding(
        Reason.SECRET_MISMATCH,
        "Issuing certificate as Existing issued Secret is not up to date for spec: "
        f"{listed(fields)}",
    )


def not_due_for_renewal(facts: Facts) -> Finding | None:
    """The time of renewal has not come."""
    renewal = facts.renewal
    if renewal.at is None or facts.now < renewal.at:
        return None
    if renewal.error:
        return Finding(
            Reason.RENEWING,
            f"Renewing certificate without satisfying renewal windows at: {go_time(renewal.at)}",
            f"Renewing certificate without satisfying renewal windows due to {renewal.error}",
        )
    at = facts.certificate.status.renewal_time or renewal.at
    return Finding(
        Reason.RENEWING, f"Renewing certificate as renewal was scheduled at {go_time(at)}"
    )


def not_expired(facts: Facts) -> Finding | None:
    """The certificate's life has not ended."""
    found = facts.secret.certificate if facts.secret is not None else None
    if found is None or facts.now <= found.not_after:
        return None
    return Finding(
        Reason.EXPIRED, f"Certificate expired on {found.not_after:%a, %d %b %Y %H:%M:%S} UTC"
    )


def keystores_are_served(facts: Facts) -> Finding | None:
    """No keystore is asked for: they come later, and issuing does not wait for them."""
    stores = facts.certificate.spec.keystores
    asked = [
        path
        for path, one in (
            ("spec.keystores.jks", stores.jks if stores else None),
            ("spec.keystores.pkcs12", stores.pkcs12 if stores else None),
        )
        if one is not None and one.create
    ]
    if not asked:
        return None
    return Finding(
        Reason.NOT_SERVED,
        f"Key and chain are in the Secret as PEM, but not as a keystore: {', '.join(asked)} is "
        "not served yet",
    )


SPEC_CHECKS: tuple[Check, ...] = (
    secret_exists,
    secret_has_data,
    key_pair_is_valid,
    issuer_is_unchanged,
    secret_is_our_own,
    key_is_as_specified,
    key_is_that_of_request,
    request_is_as_specified,
    certificate_is_as_specified,
)
"""What both decisions below begin with."""
LIFE_CHECKS: tuple[Check, ...] = (not_expired, keystores_are_served)
"""What makes a Certificate unready without a reason to issue."""
REISSUE_CHECKS: tuple[Check, ...] = (*SPEC_CHECKS, not_due_for_renewal)
"""Decides whether to issue (certificates-trigger)."""
READY_CHECKS: tuple[Check, ...] = (*SPEC_CHECKS, *LIFE_CHECKS)
"""Decides whether the Certificate is ready (certificates-readiness)."""


def first_finding(checks: tuple[Check, ...], facts: Facts) -> Finding | None:
    """Return what the first failing check found."""
    return next((found for check in checks if (found := check(facts)) is not None), None)


def go_time(moment: datetime) -> str:
    """Write a moment as Go's time.Time prints it; part of messages."""
    return f"{moment:%Y-%m-%d %H:%M:%S} +0000 UTC"
