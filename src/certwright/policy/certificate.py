"""The one decision about a Certificate: which step comes next (design §6, compat-spec 3.3-3.10).

    rest ──finding──▶ Issuing=True ──▶ key ──▶ request ──▶ issued ──▶ target Secret ──▶ rest
      ▲                                          │
      └──────── back-off, Issuing=False ◀── failed or refused

Facts in, a step out; the controllers' modules carry it out. `certwright why` asks the same.
"""

from datetime import datetime, timedelta
from typing import TypeAlias

from msgspec import Struct

from certwright.api.annotations import CERTIFICATE_NAME, FAILED_WITH, TEMPORARY_CERTIFICATE
from certwright.api.certificate import ISSUING, Certificate, RotationPolicy
from certwright.api.conditions import find_condition, is_true
from certwright.api.issuer import AnyIssuer
from certwright.api.secret import SecretSummary
from certwright.base.reason import Reason
from certwright.pki.certificate import certificate_facts, key_matches
from certwright.pki.errors import PkiError
from certwright.policy.attempt import Attempt
from certwright.policy.checks import (
    Facts,
    Finding,
    first_finding,
    key_pair_is_valid,
    secret_exists,
    secret_has_data,
)
from certwright.policy.failure import Backoff, became_ready, fingerprint, next_attempt
from certwright.policy.mismatch import Fields, key_mismatches, request_mismatches
from certwright.policy.readiness import Readiness, assess
from certwright.policy.secret import maintenance_finding

DUPLICATE_RECHECK = timedelta(minutes=3)
LONGEST_PAUSE = timedelta(hours=1)


class Seen(Struct, frozen=True, kw_only=True):
    """All that a reconcile observed.

    Attributes:
        certificate: the resource.
        secret: its target Secret.
        attempts: the CertificateRequests that it controls.
        keys: the Secrets that it controls and that are labelled as next private keys.
        rivals: every other Certificate with the same target Secret.
        issuer: the one it refers to, where that is built in and there.
        credentials: the Secrets that the issuer names.
        backoff: how long failures wait.
        owner_wanted: whether the target Secret shall belong to the Certificate.
    """

    certificate: Certificate
    secret: SecretSummary | None = None
    attempts: tuple[Attempt, ...] = ()
    keys: tuple[SecretSummary, ...] = ()
    rivals: tuple[Certificate, ...] = ()
    issuer: AnyIssuer | None = None
    credentials: tuple[SecretSummary, ...] = ()
    backoff: Backoff = Backoff()
    owner_wanted: bool = False

    @property
    def next_revision(self) -> int:
        """The revision that the next issuance makes."""
        return (self.certificate.status.revision or 0) + 1

    def facts(self, now: datetime) -> Facts:
        """Return what the checks look at."""
        revision = self.certificate.status.revision
        found = self.of_revision(revision) if revision is not None else ()
        return Facts(
            certificate=self.certificate,
            secret=self.secret,
            current=found[0] if found else None,
            now=now,
        )

    def of_revision(self, revision: int) -> tuple[Attempt, ...]:
        """Return the attempts at a revision."""
        return tuple(one for one in self.attempts if one.revision == revision)


class StartIssuing(Struct, frozen=True):
    """Set Issuing=True and name the next private key's Secret."""

    finding: Finding


class NameKey(Struct, frozen=True):
    """Write the name of the next private key's Secret: `name`, or a new one where that is empty."""

    name: str = ""


class DeleteKeys(Struct, frozen=True):
    """Delete next private keys; `fields` differ from the spec where that is the reason."""

    keys: tuple[SecretSummary, ...]
    fields: Fields = ()


class MakeKey(Struct, frozen=True):
    """Store the next private key: the target's own where `reuse`, else a new one."""

    reuse: bool = False
    undecodable: bool = False


class KeyStuck(Struct, frozen=True):
    """rotationPolicy Never, and the key cannot be kept: a person must act."""

    fields: Fields


class DeleteRequests(Struct, frozen=True):
    """Delete CertificateRequests that are stale, or more than the history shall hold."""

    attempts: tuple[Attempt, ...]


class CreateRequest(Struct, frozen=True):
    """Ask for a certificate over the next private key."""

    revision: int


class Fail(Struct, frozen=True):
    """The attempt has failed: Issuing=False, and wait."""

    reason: str
    message: str
    attempt: Attempt


class Complete(Struct, frozen=True):
    """Write key and chain into the target Secret; the issuance is over."""

    attempt: Attempt


class IssueTemporary(Struct, frozen=True):
    """Fill the target Secret with a throw-away certificate while waiting."""

    attempt: Attempt


class Maintain(Struct, frozen=True):
    """Write the target Secret again from its own key and chain."""

    finding: Finding


class Rest(Struct, frozen=True):
    """Nothing to do but to keep the status true; look again at `again_at`."""

    again_at: datetime | None = None


Step: TypeAlias = (
    StartIssuing
    | NameKey
    | DeleteKeys
    | MakeKey
    | KeyStuck
    | DeleteRequests
    | CreateRequest
    | Fail
    | Complete
    | IssueTemporary
    | Maintain
    | Rest
)


def next_step(seen: Seen, now: datetime, readiness: Readiness | None = None) -> Step:
    """Pick the one step that moves a Certificate forward; the first that applies wins.

    `readiness` is what `assess` says of the same facts, where the caller has asked already.
    """
    readiness = readiness or assess(seen.facts(now))
    if is_true(seen.certificate.status.conditions, ISSUING):
        step = _key_step(seen) or _request_step(seen, readiness) or _issuing_step(seen, now)
        return step or Rest(_earliest(now, readiness.expiry))
    if seen.keys:
        return DeleteKeys(seen.keys)
    return _trigger_step(seen, now, readiness)


def _trigger_step(seen: Seen, now: datetime, readiness: Readiness) -> Step:
    owner = is_owner(seen)
    waits_until = waiting_until(seen, now)
    if waits_until is None and readiness.reissue is not None:
        waits_until = renewed_too_soon(seen, readiness, now)
    if readiness.reissue is not None and owner and waits_until is None:
        return StartIssuing(readiness.reissue)
    if excess := _excess(seen, readiness):
        return DeleteRequests(excess)
    wrong = maintenance_finding(seen.certificate, seen.secret, owner_wanted=seen.owner_wanted)
    if wrong is not None and owner:
        return Maintain(wrong)
    recheck = None if owner else now + DUPLICATE_RECHECK
    return Rest(_earliest(now, readiness.renewal_time, readiness.expiry, waits_until, recheck))


def renewed_too_soon(seen: Seen, readiness: Readiness, now: datetime) -> datetime | None:
    """Return until when a renewal waits that is due right after the last one; None if it may go.

    An issuer that hands out certificates which are old already would be asked without a pause. A
    tenth of the life, at most an hour, lies between two renewals.
    """
    finding, current = readiness.reissue, seen.facts(now).current
    begin, end = readiness.not_before, readiness.not_after
    created = current.request.metadata.creation_timestamp if current is not None else None
    if finding is None or finding.reason != Reason.RENEWING:
        return None
    if created is None or begin is None or end is None:
        return None
    until = created + min((end - begin) / 10, LONGEST_PAUSE)
    return until if until > now else None


def is_owner(seen: Seen) -> bool:
    """Whether the target Secret is this Certificate's, among all that name it (3.3 step 2)."""
    if not seen.rivals:
        return True
    mine = seen.certificate.metadata
    named = (
        seen.secret.metadata.annotations.get(CERTIFICATE_NAME) if seen.secret is not None else None
    )
    if named == mine.name:
        return True
    if any(named == rival.metadata.name for rival in seen.rivals):
        return False
    return all(_age(seen.certificate) < _age(rival) for rival in seen.rivals)


def _age(certificate: Certificate) -> tuple[str, str]:
    created = certificate.metadata.creation_timestamp
    return (created.isoformat() if created is not None else "", certificate.metadata.name)


def waiting_until(seen: Seen, now: datetime) -> datetime | None:
    """Return until when a failure keeps the Certificate from being issued; None where none does.

    The wait ends early when what the attempt depended on has changed: the spec, the issuer, the
    content of the Secrets that the issuer names.
    """
    until = next_attempt(seen.certificate, backoff=seen.backoff)
    failed = seen.certificate.status.last_failure_time
    if until is None or failed is None or until <= now:
        return None
    if any(_is_stale(one, seen) for one in seen.of_revision(seen.next_revision)):
        return None
    if seen.backoff.minimum is not None:  # cert-manager's way knows no other cause
        return until
    known = seen.certificate.metadata.annotations.get(FAILED_WITH)
    if known is not None and known != seen_fingerprint(seen):
        return None
    return None if became_ready(seen.issuer, failed) else until


def seen_fingerprint(seen: Seen) -> str:
    """Name what an attempt depends on now."""
    return fingerprint(seen.certificate, seen.issuer, seen.credentials)


def _is_stale(attempt: Attempt, seen: Seen) -> bool:
    spec = seen.certificate.spec
    return attempt.csr is None or bool(request_mismatches(attempt.request, attempt.csr, spec))


# What certificates-key-manager does: compat-spec 3.4.


def _key_step(seen: Seen) -> Step | None:
    wanted = seen.certificate.status.next_private_key_secret_name
    if not seen.keys:
        return _new_key_step(seen) if wanted else NameKey()
    if len(seen.keys) > 1:
        return DeleteKeys(tuple(key for key in seen.keys if key.metadata.name != wanted))
    key = seen.keys[0]
    if not wanted:
        return NameKey(key.metadata.name)
    if key.metadata.name != wanted or key.key_facts is None:
        return DeleteKeys(seen.keys)
    if fields := key_mismatches(key.key_facts, seen.certificate.spec):
        return DeleteKeys(seen.keys, fields)
    return None


def _new_key_step(seen: Seen) -> Step:
    spec, secret = seen.certificate.spec, seen.secret
    keep = spec.private_key is not None and spec.private_key.rotation_policy is RotationPolicy.NEVER
    if not keep or secret is None or not (secret.key_facts or secret.key_error):
        return MakeKey()
    if secret.key_facts is None:
        return MakeKey(undecodable=True)
    fields = key_mismatches(secret.key_facts, spec)
    return KeyStuck(fields) if fields else MakeKey(reuse=True)


# What certificates-request-manager and -revision-manager do: compat-spec 3.5 and 3.10.


def _request_step(seen: Seen, readiness: Readiness) -> Step | None:
    if unwanted := tuple(one for one in seen.attempts if _is_unwanted(one, seen)):
        return DeleteRequests(unwanted)
    if not seen.of_revision(seen.next_revision):
        return CreateRequest(seen.next_revision)
    excess = _excess(seen, readiness)
    return DeleteRequests(excess) if excess else None


def _is_unwanted(attempt: Attempt, seen: Seen) -> bool:
    if attempt.revision is None:
        return True
    if attempt.revision != seen.next_revision:
        return False
    key = seen.keys[0].key_facts
    if _is_stale(attempt, seen) or attempt.csr is None or key is None:
        return True
    return not key_matches(key, attempt.csr) or _failed_before(attempt, seen)


def _failed_before(attempt: Attempt, seen: Seen) -> bool:
    """Whether the attempt failed before this issuance began."""
    issuing = find_condition(seen.certificate.status.conditions, ISSUING)
    failed = attempt.request.status.failure_time
    since = issuing.last_transition_time if issuing is not None else None
    return attempt.failed and failed is not None and since is not None and failed < since


def _excess(seen: Seen, readiness: Readiness) -> tuple[Attempt, ...]:
    if readiness.finding is not None:
        return ()
    limit = seen.certificate.spec.revision_history_limit or 1
    numbered = [one for one in seen.attempts if one.revision is not None]
    numbered.sort(key=lambda one: one.revision or 0)
    return tuple(numbered[: max(0, len(numbered) - limit)])


# What certificates-issuing does: compat-spec 3.6.


def _issuing_step(seen: Seen, now: datetime) -> Step | None:
    attempts = seen.of_revision(seen.next_revision)
    if len(attempts) != 1:
        return None
    attempt = attempts[0]
    if refused := attempt.refused:
        return Fail(refused.reason, refused.message, attempt)
    ready = attempt.ready
    if ready is None:
        return None
    if ready.reason == Reason.FAILED:
        return Fail(ready.reason, ready.message, attempt)
    if ready.reason == Reason.ISSUED:
        wrong = _wrong_certificate(attempt, now)
        return Fail(Reason.INVALID_CERTIFICATE, wrong, attempt) if wrong else Complete(attempt)
    return IssueTemporary(attempt) if _wants_temporary(seen, now) else None


def _wrong_certificate(attempt: Attempt, now: datetime) -> str:
    try:
        found = certificate_facts(attempt.request.status.certificate)
    except PkiError as error:
        return f"Issuer returned an invalid certificate: failed to decode: {error}"
    if attempt.csr is None or found.spki_sha256 != attempt.csr.spki_sha256:
        return (
            "Issuer returned a certificate with a public key that does not match the CSR. This "
            "usually indicates a misconfigured issuer."
        )
    if found.not_after < now:
        return (
            f"Issuer returned an already expired certificate (notAfter: "
            f"{found.not_after:%Y-%m-%dT%H:%M:%SZ}). This usually indicates an expired CA "
            "certificate in the issuer."
        )
    return ""


def _wants_temporary(seen: Seen, now: datetime) -> bool:
    if seen.certificate.metadata.annotations.get(TEMPORARY_CERTIFICATE) != "true":
        return False
    checks = (secret_exists, secret_has_data, key_pair_is_valid)
    return first_finding(checks, seen.facts(now)) is not None


def _earliest(now: datetime, *moments: datetime | None) -> datetime | None:
    return min((moment for moment in moments if moment is not None and moment > now), default=None)
