"""What every issuer offers: a request in; a chain, "not yet" or a problem out.

Called by the CertificateRequest controller for an approved request whose issuer is ready. How a
problem is shown is decided by its class (compat-spec 3.13): `Waiting` and `Retryable` leave the
request Pending, anything else fails it for good.
"""

from collections.abc import Awaitable, Callable
from typing import Protocol

from msgspec import Struct

from certwright.api.core import Secret
from certwright.api.meta import Key, Resource
from certwright.api.request import CertificateRequest
from certwright.base.problem import Waiting

ReadSecret = Callable[[Key], Awaitable[Secret | None]]
"""Reads a Secret's bytes; None where it is not there."""


class Signed(Struct, frozen=True, kw_only=True):
    """A signed certificate.

    Attributes:
        chain: PEM, the leaf first.
        ca: PEM of the root-most certificate known; empty where none is.
        warnings: (reason, message) of events that do not stop the issuance.
    """

    chain: bytes
    ca: bytes = b""
    warnings: tuple[tuple[str, str], ...] = ()


class NotYet(Waiting):
    """Waiting, with one sentence for the condition and another for the event.

    Attributes:
        event: what just happened; `message` is what is waited for.
        source: what is waited for; its account of failures is passed on.
    """

    def __init__(
        self, reason: str, message: str, *, event: str = "", source: Resource | None = None
    ) -> None:
        super().__init__(reason, message)
        self.event = event or message
        self.source = source


class SigningIssuer(Protocol):
    """Signs requests; may be called again for one request until it answers with a chain."""

    async def sign(self, request: CertificateRequest) -> Signed:
        """Return the chain for a request.

        Raises:
            Waiting: not yet; the reason is the event's word.
            Retryable: not yet, and worth asking again after a back-off.
            Stalled: never for this request.
        """
