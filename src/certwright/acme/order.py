r"""Orders (RFC 8555 §7.1.3, §7.4).

::

    pending --all authorizations valid--> ready --finalize--> processing --issued--> valid
       \_______________________________\_____________________\---any error--> invalid
"""

from datetime import datetime
from enum import StrEnum

import msgspec

from certwright.acme.identifier import Identifier
from certwright.acme.problem import ProblemDocument


class OrderStatus(StrEnum):
    """The statuses that RFC 8555 §7.1.6 knows; an order may bear another text."""

    PENDING = "pending"
    READY = "ready"
    PROCESSING = "processing"
    VALID = "valid"
    INVALID = "invalid"


SETTLED = frozenset({OrderStatus.VALID, OrderStatus.INVALID})
"""Nothing changes any more."""


class Order(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An order as the CA sees it; `retry_at` is when it asks us to look again."""

    status: str
    finalize: str
    identifiers: tuple[Identifier, ...] = ()
    authorizations: tuple[str, ...] = ()
    certificate: str = ""
    expires: datetime | None = None
    not_before: datetime | None = None
    not_after: datetime | None = None
    profile: str = ""
    replaces: str = ""
    error: ProblemDocument | None = None
    url: str = msgspec.field(name="certwright:url", default="")
    retry_at: datetime | None = msgspec.field(name="certwright:retryAt", default=None)


class NewOrder(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The payload of newOrder; `replaces` is of RFC 9773 §5."""

    identifiers: tuple[Identifier, ...]
    not_before: datetime | None = None
    not_after: datetime | None = None
    profile: str = ""
    replaces: str = ""


class Finalize(msgspec.Struct, frozen=True):
    """The payload of finalize: the CSR as base64url of its DER (RFC 8555 §7.4)."""

    csr: str
