"""What may be reached: https to anywhere but link-local, plain http only to this machine.

A URL often comes from a stranger (an ACME directory names more URLs, a redirect names another), so
it is checked before anything is sent, and again with the addresses its name resolves to: a name
that points at 169.254.169.254 would hand out a cloud machine's credentials.
"""

import ipaddress
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import SplitResult, urlsplit

from certwright.base.evidence import printable
from certwright.base.problem import Stalled
from certwright.base.reason import Reason

Addresses = Mapping[str, tuple[str, int]]
"""Host names that are not asked of DNS, with the IP address and port to connect to instead."""

_METADATA = ipaddress.ip_address("fd00:ec2::254")  # AWS's, not link-local and yet the same danger


class ForbiddenAddress(Stalled):
    """The URL or the address its host resolves to is one that we never contact."""

    def __init__(self, message: str) -> None:
        super().__init__(
            Reason.INVALID_URL,
            message,
            remedy="Use an https URL of a host that is not link-local.",
        )


def check_url(url: str, addresses: Addresses | None = None) -> SplitResult:
    """Take a URL apart if it may be contacted.

    Raises:
        ForbiddenAddress: it is no http(s) URL, plain http to another machine, carries credentials,
            or its host is a link-local, multicast or unspecified address.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise ForbiddenAddress(f"not a URL: {printable(url, 200)!r}") from error
    if parts.scheme not in {"https", "http"} or not host:
        raise ForbiddenAddress(f"not an http(s) URL: {printable(url, 200)!r}")
    if parts.username is not None or parts.password is not None:
        raise ForbiddenAddress(f"the URL of {origin(url)} carries credentials")
    if is_forbidden(host):
        raise ForbiddenAddress(f"{origin(url)} is an address that is never contacted")
    if parts.scheme == "http" and not is_loopback(host, addresses):
        raise ForbiddenAddress(f"{origin(url)} is not https, and not on this machine")
    return parts


def origin(url: str) -> str:
    """Scheme, host and port of a URL, fit for a message: a path or a query may hold a secret."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port is not None else ""
    except ValueError:
        return "an unreadable URL"
    host = parts.hostname or ""
    return printable(f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{port}", 300)


def is_forbidden(host: str) -> bool:
    """Whether `host` is the text of an IP address that is never contacted; a name is not."""
    address = _parse(host)
    if address is None:
        return False
    return (
        address.is_link_local
        or address.is_multicast
        or address.is_unspecified
        or address == _METADATA
    )


def is_loopback(host: str, addresses: Addresses | None = None) -> bool:
    """Whether `host` is this machine: by address, `localhost` name (RFC 6761 §6.3) or map."""
    if addresses and host in addresses:
        host = addresses[host][0]
    address = _parse(host)
    if address is not None:
        return address.is_loopback
    name = host.rstrip(".").lower()
    return name == "localhost" or name.endswith(".localhost")


@lru_cache(maxsize=256)  # the same few hosts are asked again and again
def _parse(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
