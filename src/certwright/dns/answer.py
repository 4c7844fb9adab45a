"""What a DNS answer says, read out of the message: values, aliases, lives, error words. Pure."""

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.CNAME
import dns.rdtypes.ANY.NS
import dns.rdtypes.ANY.SOA
import dns.rdtypes.ANY.TXT
import dns.rrset
import msgspec

from certwright.base.evidence import printable
from certwright.dns.name import canonical

EDNS_PAYLOAD = 4096
"""Bytes of a UDP answer we take (compat-spec 6.8)."""
MAX_VALUES = 100
"""Records of one answer that are looked at."""
MAX_PATH = 20
"""Aliases of one answer that are followed."""
_LONGEST = 3000
"""Characters of a record: two names of 255 octets, each written as four, and some numbers."""

RdataType = dns.rdatatype.RdataType


class Answer(msgspec.Struct, frozen=True):
    """An answer that belongs to its question, and who gave it."""

    server: str
    message: dns.message.Message

    @property
    def rcode(self) -> str:
        """The error word: `NOERROR`, `NXDOMAIN`, `SERVFAIL` …."""
        return dns.rcode.to_text(self.message.rcode())

    @property
    def is_authoritative(self) -> bool:
        """The AA bit: the server holds the zone itself (RFC 1035 §4.1.1)."""
        return bool(self.message.flags & dns.flags.AA)

    @property
    def is_known(self) -> bool:
        """True when the server knows: there is something, or there is nothing (NXDOMAIN)."""
        return self.message.rcode() in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN)

    def values(self, name: str, rdtype: RdataType) -> tuple[str, ...]:
        """Texts of the records of exactly this name and type."""
        found = self._find(name, rdtype)
        return tuple(_text(rdata) for rdata in list(found)[:MAX_VALUES]) if found else ()

    def alias(self, name: str) -> str:
        """Target of the CNAME record of `name`; empty without one."""
        return next(iter(self.values(name, RdataType.CNAME)), "")

    def path(self, name: str) -> tuple[str, ...]:
        """`name` and the names that its aliases lead to within this answer.

        It ends at a loop, and after `MAX_PATH` aliases.
        """
        path = [canonical(name)]
        while len(path) <= MAX_PATH and (target := self.alias(path[-1])) and target not in path:
            path.append(target)
        return tuple(path)

    def ttl_seconds(self, name: str, rdtype: RdataType) -> int:
        """How long those records may be kept."""
        found = self._find(name, rdtype)
        return int(found.ttl) if found else 0

    def _find(self, name: str, rdtype: RdataType) -> dns.rrset.RRset | None:
        return self.message.get_rrset(
            self.message.sections[1], dns.name.from_text(name), dns.rdataclass.IN, rdtype
        )


def build_query(name: str, rdtype: RdataType, *, recursive: bool) -> dns.message.QueryMessage:
    """A question with EDNS0; `recursive` asks a resolver, without it a zone's own server."""
    query = dns.message.make_query(name, rdtype, use_edns=0, payload=EDNS_PAYLOAD)
    if not recursive:
        query.flags &= ~dns.flags.RD
    return query


def serial_of(soa: str) -> int:
    """Serial out of the text of a SOA record."""
    return int(soa.split()[2])


def _text(rdata: dns.rdata.Rdata) -> str:
    match rdata:
        case dns.rdtypes.ANY.TXT.TXT():
            return printable(b"".join(rdata.strings).decode("utf-8", "backslashreplace"))
        case dns.rdtypes.ANY.CNAME.CNAME() | dns.rdtypes.ANY.NS.NS():
            return canonical(rdata.target.to_text())
        case _:
            return printable(rdata.to_text(), _LONGEST)
