"""What DNS-01 needs of whoever hosts a zone, and what such a provider is built from."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Protocol
from weakref import WeakValueDictionary

import msgspec

from certwright.api.solver import DNS01
from certwright.base.clock import Clock
from certwright.base.problem import Stalled
from certwright.base.reason import Reason
from certwright.base.secret import Redacted
from certwright.dns.lookup import Resolver
from certwright.net.http import Http

TTL_SECONDS = 60
"""Of the TXT records that providers write (compat-spec 6.9)."""

Credentials = Mapping[str, Redacted[bytes]]
"""Values of Secrets, by the wire name of the field that refers to them."""


class Provider(Protocol):
    """Hosts zones; both verbs are idempotent, and match a record by name *and* value."""

    async def add_txt(self, fqdn: str, value: str) -> None:
        """Put a TXT record with `value` at `fqdn`; others at that name stay.

        Raises:
            Stalled: the zone is not ours, or the credentials were refused.
            Retryable: the provider could not be reached, failed, or asked for fewer requests.
        """

    async def remove_txt(self, fqdn: str, value: str) -> None:
        """Remove the TXT record with `value` at `fqdn`; others stay; none is no error.

        Raises:
            Stalled: the zone is not ours, or the credentials were refused.
            Retryable: the provider could not be reached, failed, or asked for fewer requests.
        """


class Surroundings(msgspec.Struct, frozen=True):
    """What a provider may use of the world."""

    resolver: Resolver
    http: Http
    clock: Clock


Build = Callable[[DNS01, Credentials, Surroundings], Provider]


class ZoneLocks:
    """One lock per zone, held by a provider: changes to one zone follow each other."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def of(self, zone: str) -> asyncio.Lock:
        """The lock of `zone`; it lives as long as somebody holds or awaits it."""
        lock = self._locks.get(zone)
        if lock is None:
            lock = self._locks[zone] = asyncio.Lock()
        return lock


def require_text(credentials: Credentials, field: str) -> Redacted[str]:
    """A credential that goes into a header: one line of visible ASCII, trimmed.

    Raises:
        Stalled: it was not handed in, is empty, or has other characters.
    """
    value = credentials.get(field)
    if value is None:
        raise Stalled(Reason.SECRET_MISSING, f"the Secret that {field} names was not found")
    # no "from": the error of the decoder would quote the secret
    text = value.reveal().strip().decode("ascii", "replace")
    if not text or not all("!" <= character <= "~" for character in text):
        raise Stalled(
            Reason.SECRET_INVALID_DATA,
            f"the value of the Secret that {field} names is empty or not one line of visible ASCII",
        )
    return Redacted(text)
