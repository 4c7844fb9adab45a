"""Authorizations: an identifier and the ways to prove it (RFC 8555 §7.1.4, §7.5)."""

from datetime import datetime
from enum import StrEnum

import msgspec

from certwright.acme.challenge import Challenge, ChallengeStatus
from certwright.acme.identifier import Identifier


class AuthorizationStatus(StrEnum):
    """The statuses that RFC 8555 §7.1.6 knows; an authorization may bear another text."""

    PENDING = "pending"
    VALID = "valid"
    INVALID = "invalid"
    DEACTIVATED = "deactivated"
    EXPIRED = "expired"
    REVOKED = "revoked"


class Authorization(msgspec.Struct, frozen=True, kw_only=True):
    """An authorization; if `wildcard`, the identifier lacks its `*.` (RFC 8555 §7.1.4)."""

    identifier: Identifier
    status: str
    challenges: tuple[Challenge, ...] = ()
    expires: datetime | None = None
    wildcard: bool = False
    url: str = msgspec.field(name="certwright:url", default="")
    retry_at: datetime | None = msgspec.field(name="certwright:retryAt", default=None)

    def challenge(self, kind: str) -> Challenge | None:
        """Return the challenge of a type, or None if the CA offers none."""
        return next((offer for offer in self.challenges if offer.type == kind), None)

    @property
    def failed_attempt(self) -> Challenge | None:
        """A challenge that was tried, failed, and may be accepted again, or None.

        Some CAs (smallstep's, so Caddy's too) leave authorization and challenge pending then; one
        that goes on trying by itself says `processing` (RFC 8555 §8.2).
        """
        if self.status != AuthorizationStatus.PENDING:
            return None
        pending = (offer for offer in self.challenges if offer.status == ChallengeStatus.PENDING)
        return next((offer for offer in pending if offer.error), None)


class NewAuthorization(msgspec.Struct, frozen=True):
    """The payload of newAuthz (RFC 8555 §7.4.1)."""

    identifier: Identifier
