"""Name servers as options and issuers write them: `host:port`, or `https://…` (RFC 8484).

Pure. The order of precedence between the places where resolvers may be written is here too.
"""

import ipaddress
from collections.abc import Sequence
from urllib.parse import urlsplit

import msgspec

from certwright.dns.name import BadName, canonical

PORT = 53
PUBLIC = ("8.8.8.8:53", "8.8.4.4:53")
"""Asked when nobody named a resolver (compat-spec 6.8)."""

_LAST_PORT = 65535


class BadServer(ValueError):  # noqa: N818  # what was found
    """The text names no name server."""


class Server(msgspec.Struct, frozen=True, gc=False):
    """One name server: `host` (a name without the final dot, or an IP) and `port`, or a `url`."""

    host: str = ""
    port: int = PORT
    url: str = ""

    @property
    def is_literal(self) -> bool:
        """True where nothing has to be looked up before it can be asked."""
        return bool(self.url) or is_address(self.host)

    def __str__(self) -> str:
        if self.url:
            return self.url
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_server(text: str) -> Server:
    """Read `host`, `host:port`, `[v6]`, `[v6]:port`, a bare IPv6 address, or `https://…`.

    Raises:
        BadServer: it is none of these.
    """
    text = text.strip()
    if text.startswith("https://"):
        try:
            host = urlsplit(text).hostname
        except ValueError as error:
            raise BadServer(f"{text!r} is not a URL") from error
        if not host:
            raise BadServer(f"{text!r} names no host")
        return Server(url=text)
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or not is_address(host) or (rest and not rest.startswith(":")):
            raise BadServer(f"{text!r} is not a name server: write [address]:port")
        return Server(host=host, port=_port(rest[1:], text))
    if is_address(text):
        return Server(host=text)
    host, _, port = text.partition(":")
    try:
        host = canonical(host).rstrip(".") if not is_address(host) else host
    except BadName as error:
        raise BadServer(f"{text!r} is not a name server: write host:port") from error
    if not host:
        raise BadServer("the name of a name server is empty")
    return Server(host=host, port=_port(port, text))


def choose_nameservers(
    solver: Sequence[str], option: Sequence[str], system: Sequence[str]
) -> tuple[str, ...]:
    """Pick the resolvers to use: the solver's own, the option's, the system's, or public ones."""
    for choice in (solver, option, system):
        if choice:
            return tuple(choice)
    return PUBLIC


def is_address(text: str) -> bool:
    """Tell whether `text` is an IP address rather than a name."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _port(text: str, whole: str) -> int:
    if not text:
        return PORT
    if not text.isascii() or not text.isdigit() or not 0 < int(text) <= _LAST_PORT:
        raise BadServer(f"{whole!r} has no valid port")
    return int(text)
