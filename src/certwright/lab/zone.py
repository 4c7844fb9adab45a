"""A zone in memory and the answer it gives: the algorithm of RFC 1034 §4.3.2.

Pure: no sockets, no messages. Names below a cut are not answered but referred; names that only
exist because something lies below them (empty non-terminals) exist; `*` makes answers as RFC 4592
says. The differential test holds all of it against BIND.
"""

from collections.abc import Iterator

import dns.name
import dns.node
import dns.rdata
import dns.rdataclass
import dns.rdataset
import dns.rdatatype
import dns.rdtypes.ANY.CNAME
import dns.rdtypes.ANY.SOA
import dns.rrset
import dns.zone
import msgspec

Name = dns.name.Name
RdataType = dns.rdatatype.RdataType

_SERIAL_MODULUS = 2**32


class Found(msgspec.Struct, frozen=True):
    """The records that answer, under the name that was asked for; `alias` to go on with."""

    records: tuple[dns.rrset.RRset, ...]
    alias: Name | None = None


class NoData(msgspec.Struct, frozen=True):
    """The name exists, without records of that type (RFC 2308 §2.2)."""


class NoName(msgspec.Struct, frozen=True):
    """Nothing exists at or below the name (RFC 2308 §2.1)."""


class Referral(msgspec.Struct, frozen=True):
    """The name is below a cut: who to ask instead, and their addresses as far as known."""

    servers: dns.rrset.RRset
    glue: tuple[dns.rrset.RRset, ...]


Lookup = Found | NoData | NoName | Referral


class Zone:
    """Records under one apex; `parse` reads a zone file, `add` and the removers change it."""

    def __init__(self, apex: Name, nodes: dict[Name, dns.node.Node]) -> None:
        self.apex = apex
        self._nodes = nodes

    @classmethod
    def parse(cls, apex: str, text: str) -> "Zone":
        """Read a zone file (RFC 1035 §5).

        Raises:
            ValueError: it is malformed, or has no SOA and NS at its apex.
        """
        try:
            zone = dns.zone.from_text(text, origin=apex, relativize=False)
        except (dns.exception.DNSException, KeyError) as error:
            raise ValueError(f"the zone {apex} cannot be read: {error}") from error
        return cls(dns.name.from_text(apex).canonicalize(), dict(zone.nodes))

    @property
    def soa(self) -> dns.rrset.RRset:
        """The SOA record as an RRset."""
        found = self.at(self.apex, RdataType.SOA)
        if found is None:
            raise LookupError(f"zone {self.apex} lost its SOA record")
        return found

    @property
    def serial(self) -> int:
        """The serial of the SOA record."""
        return _soa(self.soa[0]).serial

    def negative_soa(self) -> dns.rrset.RRset:
        """The SOA record for a negative answer: its TTL says how long to remember (RFC 2308 §5)."""
        soa = self.soa
        soa.ttl = min(soa.ttl, _soa(soa[0]).minimum)
        return soa

    def at(self, name: Name, rdtype: RdataType) -> dns.rrset.RRset | None:
        """A copy of the records of exactly this name and type."""
        found = self._rdataset(name, rdtype)
        return _named(name, found) if found is not None else None

    def types_at(self, name: Name) -> tuple[RdataType, ...]:
        """Types that have records at exactly this name."""
        node = self._nodes.get(name)
        return tuple(rdataset.rdtype for rdataset in node) if node else ()

    def exists(self, name: Name) -> bool:
        """True if the name has records or something below it has (RFC 4592 §2.2.2)."""
        return name in self._nodes or any(other.is_subdomain(name) for other in self._nodes)

    def find(self, name: Name, rdtype: RdataType) -> Lookup:
        """Answer a question about a name at or below the apex."""
        cut = self._cut_above(name, rdtype)
        if cut is not None:
            return Referral(cut, tuple(self.addresses_for(cut)))
        if self.exists(name):
            return self._from_node(name, name, rdtype)
        wildcard = dns.name.from_text("*", self._closest_encloser(name))
        if self.exists(wildcard):
            return self._from_node(wildcard, name, rdtype)
        return NoName()

    def addresses_for(self, records: dns.rrset.RRset) -> Iterator[dns.rrset.RRset]:
        """Addresses this zone knows of the hosts that the records name."""
        for rdata in records:
            host = getattr(rdata, "target", None) or getattr(rdata, "exchange", None)
            for rdtype in (RdataType.A, RdataType.AAAA):
                found = self.at(host, rdtype) if isinstance(host, Name) else None
                if found is not None:
                    yield found

    def add(self, name: Name, ttl: int, rdata: dns.rdata.Rdata) -> bool:
        """Add one record; tell whether that changed anything. The TTL becomes that of its set."""
        held = self._rdataset(name, rdata.rdtype)
        if held is not None and rdata in held and held.ttl == ttl:
            return False
        single = rdata.rdtype in (RdataType.CNAME, RdataType.SOA)  # one of a kind
        others = [] if single or held is None else [other for other in held if other != rdata]
        self._put(name, dns.rdataset.from_rdata_list(ttl, [*others, rdata]))
        return True

    def remove_record(self, name: Name, rdata: dns.rdata.Rdata) -> bool:
        """Remove one record if it is there; tell whether it was."""
        rdataset = self._rdataset(name, rdata.rdtype)
        if rdataset is None or rdata not in rdataset:
            return False
        others = [other for other in rdataset if other != rdata]
        if not others:
            return self.remove_type(name, rdata.rdtype)
        self._put(name, dns.rdataset.from_rdata_list(rdataset.ttl, others))
        return True

    def remove_type(self, name: Name, rdtype: RdataType) -> bool:
        """Remove all records of one type at a name; tell whether there were any."""
        node = self._nodes.get(name)
        if node is None or node.get_rdataset(dns.rdataclass.IN, rdtype) is None:
            return False
        node.delete_rdataset(dns.rdataclass.IN, rdtype)
        if not node.rdatasets:
            del self._nodes[name]
        return True

    def raise_serial(self) -> None:
        """Move the serial forward by one, around zero (RFC 1982, RFC 2136 §3.6)."""
        soa = self.soa
        following = (_soa(soa[0]).serial + 1) % _SERIAL_MODULUS or 1
        self.add(self.apex, soa.ttl, soa[0].replace(serial=following))

    def _put(self, name: Name, rdataset: dns.rdataset.Rdataset) -> None:
        if name not in self._nodes:
            self._nodes[name] = _new_node()
        self._nodes[name].replace_rdataset(rdataset)

    def _rdataset(self, name: Name, rdtype: RdataType) -> dns.rdataset.Rdataset | None:
        node = self._nodes.get(name)
        return node.get_rdataset(dns.rdataclass.IN, rdtype) if node else None

    def _cut_above(self, name: Name, rdtype: RdataType) -> dns.rrset.RRset | None:
        """The topmost delegation at or above the name; DS is answered on this side of it."""
        for depth in range(len(self.apex) + 1, len(name) + 1):
            owner = Name(name.labels[-depth:])
            servers = self.at(owner, RdataType.NS)
            if servers is not None and not (owner == name and rdtype == RdataType.DS):
                return servers
        return None

    def _closest_encloser(self, name: Name) -> Name:
        while not self.exists(name):
            name = name.parent()
        return name

    def _from_node(self, source: Name, name: Name, rdtype: RdataType) -> Lookup:
        """Answer from the records of `source` under the name that was asked for."""
        node = self._nodes.get(source)
        if node is None:
            return NoData()
        alias = node.get_rdataset(dns.rdataclass.IN, RdataType.CNAME)
        if alias is not None and rdtype not in (RdataType.CNAME, RdataType.ANY):
            target = alias[0]
            if isinstance(target, dns.rdtypes.ANY.CNAME.CNAME):
                return Found((_named(name, alias),), target.target)
        if rdtype == RdataType.ANY:
            return Found(tuple(_named(name, rdataset) for rdataset in node))
        found = node.get_rdataset(dns.rdataclass.IN, rdtype)
        return Found((_named(name, found),)) if found is not None else NoData()


def _new_node() -> dns.node.Node:
    return dns.node.Node()  # type: ignore[no-untyped-call]  # the library left it out


def _named(name: Name, rdataset: dns.rdataset.Rdataset) -> dns.rrset.RRset:
    return dns.rrset.from_rdata_list(name, rdataset.ttl, list(rdataset))


def _soa(rdata: dns.rdata.Rdata) -> dns.rdtypes.ANY.SOA.SOA:
    if not isinstance(rdata, dns.rdtypes.ANY.SOA.SOA):
        raise TypeError("the record is no SOA record")
    return rdata
