"""The three ports a person meets in the lab, all of them counted from one base."""

import socket

from msgspec import Struct

from certwright.base.problem import Stalled
from certwright.base.reason import Reason
from certwright.net.tcp import LOOPBACK, is_port_free

BASE = 14000
_LOWEST, _HIGHEST = 1024, 65535 - 443


class Ports(Struct, frozen=True):
    """Where the lab listens on loopback; what only its parts need takes any free port."""

    base: int = BASE

    @property
    def acme(self) -> int:
        """The ACME CA, HTTPS."""
        return self.base

    @property
    def dns(self) -> int:
        """The name server, UDP and TCP."""
        return self.base + 53

    @property
    def edge(self) -> int:
        """The site, HTTPS."""
        return self.base + 443


def require_free(ports: Ports) -> None:
    """Check that the lab can listen where it wants to.

    Raises:
        Stalled: a port is taken or out of range; the text names it and the part that needs it.
    """
    if not _LOWEST <= ports.base <= _HIGHEST:
        raise Stalled(
            Reason.INVALID_CONFIG,
            f"--port-base {ports.base} is out of range",
            remedy=f"choose one from {_LOWEST} to {_HIGHEST}",
        )
    needed = ((ports.acme, "the ACME CA"), (ports.dns, "the name server"), (ports.edge, "the site"))
    for port, part in needed:
        free = is_port_free(port) and (port != ports.dns or _is_datagram_free(port))
        if not free:
            raise Stalled(
                Reason.INVALID_CONFIG,
                f"port {port} of {LOOPBACK} is taken; {part} of the lab needs it",
                remedy=f"end the program that uses it, or try --port-base {_other(ports.base)}",
            )


def _is_datagram_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def _other(base: int) -> int:
    return base + 1000 if base + 1000 <= _HIGHEST else BASE
