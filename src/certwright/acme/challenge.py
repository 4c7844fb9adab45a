"""Challenges and what answers them (RFC 8555 §7.1.5, §8)."""

import base64
import hashlib
import re
from datetime import datetime
from enum import StrEnum

import msgspec

from certwright.acme.problem import ProblemDocument
from certwright.base.problem import Cause, Retryable
from certwright.base.reason import Reason


class ChallengeType(StrEnum):
    """The types that this program can answer; an authorization may offer others."""

    HTTP_01 = "http-01"
    DNS_01 = "dns-01"


class ChallengeStatus(StrEnum):
    """The statuses that RFC 8555 §7.1.6 knows; a challenge may bear another text."""

    PENDING = "pending"
    PROCESSING = "processing"
    VALID = "valid"
    INVALID = "invalid"


class Challenge(msgspec.Struct, frozen=True, kw_only=True):
    """One way to prove an identifier. Its `type` and `status` are texts: unknown ones are kept."""

    type: str
    url: str = ""
    token: str = ""
    status: str = ""
    validated: datetime | None = None
    error: ProblemDocument | None = None
    retry_at: datetime | None = msgspec.field(name="certwright:retryAt", default=None)


def key_authorization(token: str, thumbprint: str) -> str:
    """Join token and account key (RFC 8555 §8.1); the content of an HTTP-01 answer.

    Raises:
        Retryable: the token has letters that RFC 8555 forbids. It becomes part of a path.
    """
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,512}", token):
        raise Retryable(
            Reason.SERVER_ERROR,
            "the CA sent a challenge whose token is not base64url (RFC 8555 §8.1)",
            cause=Cause.SERVER,
        )
    return f"{token}.{thumbprint}"


def dns01_value(authorization: str) -> str:
    """Content of the TXT record: SHA-256 of the key authorization, base64url (RFC 8555 §8.4)."""
    digest = hashlib.sha256(authorization.encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")
