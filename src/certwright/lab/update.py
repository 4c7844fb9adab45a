"""The server's side of dynamic updates: RFC 2136 §3, on a zone in memory.

Pure but for the zone, which is changed only after every check has passed: an update is done whole
or not at all. Who may send one is the name server's business.
"""

import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import dns.update
import msgspec

from certwright.lab.zone import Name, RdataType, Zone

Rcode = dns.rcode.Rcode
_META = frozenset({RdataType.ANY, RdataType.AXFR, RdataType.IXFR, RdataType.MAILA, RdataType.MAILB})
_AT_APEX = frozenset({RdataType.SOA, RdataType.NS})


class Updated(msgspec.Struct, frozen=True):
    """What came of an update: the code to answer, and one line per change that was made."""

    rcode: Rcode
    changes: tuple[str, ...] = ()


def apply_update(zone: Zone, update: dns.update.UpdateMessage) -> Updated:
    """Check the prerequisites and the update section, then change the zone."""
    for check, section in (
        (_prerequisite, update.prerequisite),
        (_prescan, update.update),
    ):
        for record in section:
            rcode = check(zone, record)
            if rcode is not Rcode.NOERROR:
                return Updated(rcode)
    if not _sets_are_equal(zone, update.prerequisite):
        return Updated(Rcode.NXRRSET)
    before = zone.serial
    changes = tuple(line for record in update.update for line in _apply(zone, record))
    if changes and zone.serial == before:
        zone.raise_serial()
    return Updated(Rcode.NOERROR, changes)


def _prerequisite(zone: Zone, record: dns.rrset.RRset) -> Rcode:
    """RFC 2136 §3.2, but for the comparison of values."""
    if record.ttl != 0:
        return Rcode.FORMERR
    if not record.name.is_subdomain(zone.apex):
        return Rcode.NOTZONE
    any_type = record.rdtype == RdataType.ANY
    types = zone.types_at(record.name)
    met = bool(types) if any_type else record.rdtype in types
    if record.deleting == dns.rdataclass.ANY and not met:
        return Rcode.NXDOMAIN if any_type else Rcode.NXRRSET
    if record.deleting == dns.rdataclass.NONE and met:
        return Rcode.YXDOMAIN if any_type else Rcode.YXRRSET
    if record.deleting is None and any_type:
        return Rcode.FORMERR
    return Rcode.NOERROR


def _sets_are_equal(zone: Zone, records: list[dns.rrset.RRset]) -> bool:
    """RFC 2136 §3.2.3: the values given for a set must be exactly those of the zone."""
    wanted: dict[tuple[Name, RdataType], set[object]] = {}
    for record in records:
        if record.deleting is None:
            wanted.setdefault((record.name, record.rdtype), set()).update(record)
    return all(
        (found := zone.at(name, rdtype)) is not None and set(found) == values
        for (name, rdtype), values in wanted.items()
    )


def _prescan(zone: Zone, record: dns.rrset.RRset) -> Rcode:
    """RFC 2136 §3.4.1: refuse the whole update for one wrong record."""
    if not record.name.is_subdomain(zone.apex):
        return Rcode.NOTZONE
    if record.deleting is not None and record.ttl != 0:
        return Rcode.FORMERR
    any_may_be_deleted = record.deleting == dns.rdataclass.ANY and record.rdtype == RdataType.ANY
    if record.rdtype in _META and not any_may_be_deleted:
        return Rcode.FORMERR
    return Rcode.NOERROR


def _apply(zone: Zone, record: dns.rrset.RRset) -> list[str]:
    """RFC 2136 §3.4.2: one record of the update section; what does not apply is skipped."""
    if record.deleting == dns.rdataclass.ANY:
        return _remove_types(zone, record)
    if record.deleting == dns.rdataclass.NONE:
        return _remove_records(zone, record)
    types = set(zone.types_at(record.name))
    alias = record.rdtype == RdataType.CNAME
    if (alias and types - {RdataType.CNAME}) or (not alias and RdataType.CNAME in types):
        return []  # §3.4.2.2: an alias has no neighbours
    if record.rdtype == RdataType.SOA and not _is_newer(zone, record):
        return []
    return [
        f"added {record.name} {record.ttl} {record.rdtype.name} {rdata}"
        for rdata in record
        if zone.add(record.name, record.ttl, rdata)
    ]


def _remove_types(zone: Zone, record: dns.rrset.RRset) -> list[str]:
    wanted = zone.types_at(record.name) if record.rdtype == RdataType.ANY else (record.rdtype,)
    kept = _AT_APEX if record.name == zone.apex else frozenset[RdataType]()
    return [
        f"removed {record.name} {rdtype.name}"
        for rdtype in wanted
        if rdtype not in kept and zone.remove_type(record.name, rdtype)
    ]


def _remove_records(zone: Zone, record: dns.rrset.RRset) -> list[str]:
    held = zone.at(record.name, record.rdtype)
    last_server = (
        record.name == zone.apex
        and record.rdtype == RdataType.NS
        and held is not None
        and len(held) == 1
    )
    if record.rdtype == RdataType.SOA or last_server:
        return []  # §3.4.2.4: a zone keeps its SOA and one NS
    return [
        f"removed {record.name} {record.rdtype.name} {rdata}"
        for rdata in record
        if zone.remove_record(record.name, rdata)
    ]


def _is_newer(zone: Zone, record: dns.rrset.RRset) -> bool:
    """RFC 1982 §3.2, on the apex only."""
    if record.name != zone.apex:
        return False
    serial = getattr(record[0], "serial", zone.serial)
    return 0 < (serial - zone.serial) % 2**32 < 2**31
