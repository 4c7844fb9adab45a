"""Dynamic updates (RFC 2136) signed with TSIG, to a name server of the user (compat-spec 6.9)."""

from certwright.api.solver import DNS01, RFC2136
from certwright.base.evidence import printable
from certwright.base.problem import Stalled
from certwright.base.reason import Reason
from certwright.dns.lookup import Resolver
from certwright.dns.problem import BadSettings
from certwright.dns.server import BadServer, Server, parse_server
from certwright.dns.update import Transport, TsigKey, Updater, parse_tsig_key
from certwright.solvers.provider import (
    TTL_SECONDS,
    Credentials,
    Provider,
    Surroundings,
    ZoneLocks,
)

_SECRET = "tsigSecretSecretRef"  # noqa: S105  # the name of a field


class Rfc2136Provider:
    """Sends one update per value; the zone is found by SOA look-ups."""

    def __init__(self, updater: Updater, resolver: Resolver) -> None:
        self._updater = updater
        self._resolver = resolver
        self._locks = ZoneLocks()

    async def add_txt(self, fqdn: str, value: str) -> None:
        """Add the value; see `Provider.add_txt`."""
        zone = (await self._resolver.zone_of(fqdn)).apex
        async with self._locks.of(zone):
            await self._updater.add_txt(zone, fqdn, value, ttl_seconds=TTL_SECONDS)

    async def remove_txt(self, fqdn: str, value: str) -> None:
        """Delete the value; see `Provider.remove_txt`."""
        zone = (await self._resolver.zone_of(fqdn)).apex
        async with self._locks.of(zone):
            await self._updater.delete_txt(zone, fqdn, value)


def build(config: DNS01, credentials: Credentials, around: Surroundings) -> Provider:
    """Make the provider out of `dns01.rfc2136`.

    Raises:
        Stalled: the server, the key or the protocol cannot be used.
    """
    settings = config.rfc2136 or RFC2136(nameserver="")
    updater = Updater(
        server=_server(settings.nameserver),
        resolver=around.resolver,
        key=_key(settings, credentials),
        transport=_transport(settings.protocol),
    )
    return Rfc2136Provider(updater, around.resolver)


def _server(text: str) -> Server:
    try:
        server = parse_server(text)
    except BadServer as error:
        raise BadSettings(f"rfc2136.nameserver: {error}") from error
    if server.url:
        raise BadSettings("rfc2136.nameserver is a host with an optional port, not a URL")
    return server


def _key(settings: RFC2136, credentials: Credentials) -> TsigKey | None:
    if bool(settings.tsig_key_name) != (settings.tsig_secret_secret_ref is not None):
        raise BadSettings("rfc2136 needs both tsigKeyName and tsigSecretSecretRef, or neither")
    if not settings.tsig_key_name:
        return None
    secret = credentials.get(_SECRET)
    if secret is None:
        raise Stalled(Reason.SECRET_MISSING, f"the Secret that {_SECRET} names was not found")
    return parse_tsig_key(settings.tsig_key_name, secret, settings.tsig_algorithm)


def _transport(word: str) -> Transport:
    try:
        return Transport(word or Transport.UDP)
    except ValueError as error:
        text = f"rfc2136.protocol {printable(word, 20)} is neither UDP nor TCP"
        raise BadSettings(text) from error
