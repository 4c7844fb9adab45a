"""What the tour is made of: observations of the store, the name server and the site."""

from typing import Any

from msgspec import Struct

from certwright.lab.nameserver import Observation
from certwright.runtime.cache import Observed


class ResourceSeen(Struct, frozen=True):
    """A resource came, changed or went. `at`: monotonic seconds, as in all of these.

    `was_there`: it is only new to us, since it is older than this run of the lab.
    """

    change: Observed[Any]
    at: float
    was_there: bool = False


class MessageSeen(Struct, frozen=True):
    """The name server answered a message; of the CA's, or of the controllers'."""

    message: Observation
    by_ca: bool
    at: float


class PageSeen(Struct, frozen=True):
    """The site was visited over verified TLS; or could not be, then `problem` says why."""

    url: str
    at: float
    served_serial: int = 0
    stored_serial: int = 0
    problem: str = ""

    @property
    def is_good(self) -> bool:
        """The page came, with the certificate that the Secret holds."""
        return not self.problem and self.served_serial == self.stored_serial


Seen = ResourceSeen | MessageSeen | PageSeen


def serial_text(serial: int) -> str:
    """Return a serial number as `openssl x509 -serial` and browsers show it: whole octets."""
    return serial.to_bytes((serial.bit_length() + 7) // 8 or 1, "big").hex().upper()
