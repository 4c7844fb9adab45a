"""Asks resolvers: which zone a name is in, where its aliases lead, what a server has.

`Resolver` is built by `app` with the resolvers in force; a solver with resolvers of its own gets
another view from `with_nameservers`. Positive SOA and NS answers are kept for their TTL, per
instance. Rules: compat-spec 6.8; RFC 1034 §3.6.2 (aliases), RFC 4592 (wildcards).
"""

from collections.abc import Iterable, Mapping

import msgspec

from certwright.base.clock import Clock
from certwright.base.problem import Retryable
from certwright.dns.answer import Answer, RdataType, build_query, serial_of
from certwright.dns.exchange import Exchange
from certwright.dns.name import beside, canonical, parents
from certwright.dns.network import Address
from certwright.dns.problem import CnameLoop, NameServerFailed, NameServerSilent, ZoneNotFound
from certwright.dns.server import PORT, PUBLIC, Server, is_address, parse_server

MAX_HOPS = 10
"""CNAME records followed from one name."""
MAX_NAMESERVERS = 20
MAX_ADDRESSES = 8
MAX_CACHED = 1000

WILDCARD_PROBE = "_certwright-wildcard-probe"
"""A label nobody has: if it has the same alias as its neighbour, a wildcard made both."""


class Zone(msgspec.Struct, frozen=True, gc=False):
    """A zone as resolvers see it; names are absolute and in lower case."""

    apex: str
    nameservers: tuple[str, ...]
    serial: int


class _Cached(msgspec.Struct, frozen=True, gc=False):
    until: float
    values: tuple[str, ...]


class Resolver:
    """Looks names up by the given resolvers, in order, the next one when one fails.

    Args:
        nameservers: `host:port` or `https://…`.
        exchange: how messages travel.
        clock: for the lives of cached answers.
        address_map: replaces any (host or IP, port) that would be asked; hosts in lower case
            without the final dot. The lab and tests cannot bind port 53, yet walk the real path.
        system: resolvers of the machine, for the names of configured servers.
        recursive_only: propagation asks these resolvers instead of the zone's own servers.
    """

    def __init__(
        self,
        nameservers: Iterable[str],
        *,
        exchange: Exchange,
        clock: Clock,
        address_map: Mapping[Address, Address] | None = None,
        system: Iterable[str] = PUBLIC,
        recursive_only: bool = False,
    ) -> None:
        self.servers = tuple(parse_server(text) for text in nameservers)
        self.recursive_only = recursive_only
        self.exchange = exchange
        self._clock = clock
        self._address_map = dict(address_map or {})
        self._system = tuple(parse_server(text) for text in system)
        self._cache: dict[tuple[str, str], _Cached] = {}

    def with_nameservers(self, nameservers: Iterable[str]) -> "Resolver":
        """Return a view by other resolvers, which propagation then asks directly (compat 6.8)."""
        return Resolver(
            nameservers,
            exchange=self.exchange,
            clock=self._clock,
            address_map=self._address_map,
            system=[str(server) for server in self._system],
            recursive_only=True,
        )

    async def zone_of(self, fqdn: str) -> Zone:
        """Find the zone that holds `fqdn`, by SOA queries from it upwards.

        NXDOMAIN, an alias, and an answer without SOA lead one label up.

        Raises:
            ZoneNotFound: the top was reached.
            NameServerFailed: every resolver answered with another error.
            NameServerSilent: no resolver answered.
        """
        for name in parents(canonical(fqdn)):
            soa = await self._cached(name, RdataType.SOA)
            if soa:
                servers = await self._cached(name, RdataType.NS)
                return Zone(name, tuple(sorted(servers))[:MAX_NAMESERVERS], serial_of(soa[0]))
        raise ZoneNotFound(canonical(fqdn))

    async def follow_cname(self, fqdn: str) -> tuple[str, ...]:
        """Follow the aliases of `fqdn`; the last name of the path is where a record belongs.

        An alias that a wildcard makes for any name is not followed: it was not put there for this
        name, and goes away once the name itself has a record (RFC 4592 §2.2.1).

        Raises:
            CnameLoop: the aliases lead back, or go on for more than `MAX_HOPS` names.
            Retryable: no resolver knows.
        """
        path = [canonical(fqdn)]
        while target := await self._alias_of(path[-1]):
            if await self._alias_of(beside(path[-1], WILDCARD_PROBE)) == target:
                break
            if target in path or len(path) > MAX_HOPS:
                raise CnameLoop(target, tuple(path))
            path.append(target)
        return tuple(path)

    async def txt(self, fqdn: str, at: Address | Server) -> Answer:
        """Ask one server for the TXT records of `fqdn`.

        An address is taken for the zone's own server and asked without recursion; a `Server` is a
        resolver.

        Raises:
            Retryable: the server did not answer.
        """
        if isinstance(at, Server):
            return await self._ask_server(fqdn, RdataType.TXT, at)
        query = build_query(fqdn, RdataType.TXT, recursive=False)
        return Answer(str(Server(*at)), await self.exchange.ask(query, at))

    async def serial(self, apex: str, at: Address) -> int | None:
        """Ask one server of a zone for the zone's serial; None if it does not say."""
        query = build_query(apex, RdataType.SOA, recursive=False)
        try:
            answer = Answer(str(Server(*at)), await self.exchange.ask(query, at))
        except Retryable:
            return None
        values = answer.values(apex, RdataType.SOA)
        return serial_of(values[0]) if values else None

    async def addresses_of(
        self, host: str, port: int = PORT, *, via: Iterable[Server] | None = None
    ) -> tuple[Address, ...]:
        """Addresses of a name server, IPv4 first, after the address map.

        Args:
            host: a name or an IP address.
            port: the port it is asked at.
            via: resolvers that know the name; without them, the resolvers of this view.

        Raises:
            NameServerSilent: the name has no address, or no resolver answered.
        """
        host = host.rstrip(".").lower()
        mapped = self._address_map.get((host, port))
        if mapped is not None:
            return (mapped,)
        if host == "localhost":  # RFC 6761 §6.3: never asked for
            host = "127.0.0.1"
        if is_address(host):
            return (self._address_map.get((host, port), (host, port)),)
        found: list[Address] = []
        for rdtype in (RdataType.A, RdataType.AAAA):
            answer = await self._ask(canonical(host), rdtype, self._askable(via))
            values = answer.values(answer.path(host)[-1], rdtype)
            found.extend((text, port) for text in values)
        if not found:
            raise NameServerSilent(host, "its name has no address")
        return tuple(self._address_map.get(pair, pair) for pair in found[:MAX_ADDRESSES])

    async def addresses_of_configured(self, server: Server) -> tuple[Address, ...]:
        """Addresses of a server that an issuer or an option names: asks the machine's resolvers.

        Raises:
            NameServerSilent: the name has no address, or no resolver answered.
        """
        return await self.addresses_of(server.host, server.port, via=self._system)

    def _askable(self, via: Iterable[Server] | None) -> tuple[Server, ...]:
        """Those that need no look-up themselves; else the machine's own resolvers."""
        chosen = tuple(
            server
            for server in (self.servers if via is None else via)
            if server.is_literal or (server.host, server.port) in self._address_map
        )
        return chosen or tuple(server for server in self._system if server.is_literal)

    async def _alias_of(self, name: str) -> str:
        answer = await self._ask(name, RdataType.CNAME, self.servers)
        _require_known(answer, name)
        return answer.alias(name)

    async def _cached(self, name: str, rdtype: RdataType) -> tuple[str, ...]:
        key = (name, rdtype.name)
        now = self._clock.monotonic()
        kept = self._cache.get(key)
        if kept is not None and kept.until > now:
            return kept.values
        answer = await self._ask(name, rdtype, self.servers)
        _require_known(answer, name)
        values = answer.values(name, rdtype)
        self._cache.pop(key, None)
        if values:
            while len(self._cache) >= MAX_CACHED:
                del self._cache[next(iter(self._cache))]  # the oldest
            self._cache[key] = _Cached(now + answer.ttl_seconds(name, rdtype), values)
        return values

    async def _ask(self, name: str, rdtype: RdataType, servers: Iterable[Server]) -> Answer:
        """Ask servers in order until one knows; else the last error code, else the last failure."""
        failure: Retryable = NameServerSilent("(none)", "no resolver is configured")
        unknowing: Answer | None = None
        for server in servers:
            try:
                answer = await self._ask_server(name, rdtype, server)
            except Retryable as error:
                failure = error
                continue
            if answer.is_known:
                return answer
            unknowing = answer
        if unknowing is not None:
            return unknowing
        raise failure

    async def _ask_server(self, name: str, rdtype: RdataType, server: Server) -> Answer:
        query = build_query(name, rdtype, recursive=True)
        if server.url:
            return Answer(str(server), await self.exchange.ask_over_https(query, server.url))
        failure: Retryable = NameServerSilent(str(server), "it has no address")
        for address in await self.addresses_of_configured(server):
            try:
                return Answer(str(server), await self.exchange.ask(query, address))
            except Retryable as error:
                failure = error
        raise failure


def _require_known(answer: Answer, name: str) -> None:
    # an alias is knowledge of this name; the code may be about where it leads
    if not answer.is_known and not answer.alias(name):
        raise NameServerFailed(answer.server, answer.rcode, name)
