"""A DNS message in, a DNS message out: what the lab's name server says. No sockets.

RFC 1035 (questions, aliases), RFC 2308 (negative answers), RFC 6891 (EDNS0), RFC 2136 (updates),
RFC 8945 (signatures).
"""

import struct
from collections.abc import Mapping

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.TSIG
import dns.renderer
import dns.rrset
import dns.tsig
import dns.update
import msgspec

from certwright.lab.update import Updated, apply_update
from certwright.lab.zone import Found, Lookup, Name, NoData, NoName, RdataType, Referral, Zone

UDP_PAYLOAD = 1232
"""Bytes of UDP that pass everywhere without fragments (DNS flag day 2020)."""
_PLAIN_UDP = 512
_HEADER_BYTES = 12
_MAX_RESTARTS = 16
_QR = 0x8000
_NO_QUERY = frozenset({RdataType.AXFR, RdataType.IXFR})

Zones = Mapping[Name, Zone]
Keys = Mapping[Name, dns.tsig.Key]


class Reply(msgspec.Struct, frozen=True):
    """The answer's bytes, and what it was about."""

    wire: bytes
    rcode: dns.rcode.Rcode
    name: str = ""
    rdtype: str = ""
    is_update: bool = False
    changes: tuple[str, ...] = ()


def respond(wire: bytes, zones: Zones, keys: Keys, *, tcp: bool) -> Reply | None:
    """Answer one message; None for what deserves no answer (no header, or itself an answer)."""
    if len(wire) < _HEADER_BYTES or struct.unpack_from("!H", wire, 2)[0] & _QR:
        return None
    query = _read(wire, keys)
    if isinstance(query, Reply):
        return query
    if isinstance(query, dns.update.UpdateMessage) and query.edns <= 0:
        return _update(query, zones, tcp=tcp)
    return _finish(query, _answer(query, zones), tcp=tcp)


def _read(wire: bytes, keys: Keys) -> dns.message.Message | Reply:
    """Parse the message and verify its signature; what is wrong with either is a reply."""
    try:
        return dns.message.from_wire(wire, keyring=dict(keys))
    except (dns.message.UnknownTSIGKey, dns.tsig.BadKey, dns.tsig.BadAlgorithm):
        return _refuse_signature(wire, dns.rcode.BADKEY)
    except dns.tsig.BadSignature:
        return _refuse_signature(wire, dns.rcode.BADSIG)
    except dns.tsig.BadTime:
        return _refuse_signature(wire, dns.rcode.BADTIME)
    except (dns.exception.DNSException, ValueError):
        return _malformed(wire)


def _answer(query: dns.message.Message, zones: Zones) -> dns.message.Message:
    """Answer a question, or say with which error it is not answered."""
    if query.edns > 0:
        return _response_to(query, dns.rcode.BADVERS)
    if query.opcode() != dns.opcode.QUERY:
        return _response_to(query, dns.rcode.NOTIMP)
    if len(query.question) != 1:
        return _response_to(query, dns.rcode.FORMERR)
    question = query.question[0]
    zone = _zone_for(question.name, question.rdtype, zones)
    in_class = question.rdclass in (dns.rdataclass.IN, dns.rdataclass.ANY)
    if zone is None or not in_class or question.rdtype in _NO_QUERY:
        return _response_to(query, dns.rcode.REFUSED)
    return _walk(query, zone, zones)


def _walk(query: dns.message.Message, zone: Zone, zones: Zones) -> dns.message.Message:
    """Follow the question through its zone, alias by alias (RFC 1034 §4.3.2).

    Aliases into another zone are left to the asker, as every server of only one of the two would.
    """
    response = _response_to(query, dns.rcode.NOERROR)
    rdtype = query.question[0].rdtype
    name: Name | None = query.question[0].name
    seen: set[Name] = set()
    while name is not None and _zone_for(name, rdtype, zones) is zone:
        if name in seen or len(seen) > _MAX_RESTARTS:
            response.set_rcode(dns.rcode.SERVFAIL)  # it never ends
            break
        seen.add(name)
        name = _add(response, zone, zone.find(name, rdtype))
    return response


def _add(response: dns.message.Message, zone: Zone, found: Lookup) -> Name | None:
    """Put what was found into the response; returns the alias to go on with."""
    match found:
        case Referral():
            response.authority.append(found.servers)
            response.additional.extend(found.glue)
            return None
        case Found():
            response.flags |= dns.flags.AA
            response.answer.extend(found.records)
            for records in found.records:
                response.additional.extend(zone.addresses_for(records))
            return found.alias
        case NoData() | NoName():
            response.flags |= dns.flags.AA
            response.authority.append(zone.negative_soa())
            if isinstance(found, NoName):
                response.set_rcode(dns.rcode.NXDOMAIN)
            return None


def _update(update: dns.update.UpdateMessage, zones: Zones, *, tcp: bool) -> Reply:
    if len(update.zone) != 1:
        return _finish(update, _response_to(update, dns.rcode.FORMERR), tcp=tcp)
    zone = zones.get(update.zone[0].name)
    if zone is None or update.zone[0].rdclass != dns.rdataclass.IN:
        done = Updated(dns.rcode.NOTAUTH)
    elif not update.had_tsig:
        done = Updated(dns.rcode.REFUSED)  # RFC 2136 §3.3: who may is ours to say
    else:
        done = apply_update(zone, update)
    reply = _finish(update, _response_to(update, done.rcode), tcp=tcp)
    return msgspec.structs.replace(reply, changes=done.changes, is_update=True)


def _response_to(query: dns.message.Message, rcode: dns.rcode.Rcode) -> dns.message.Message:
    response = dns.message.make_response(query, our_payload=UDP_PAYLOAD)
    response.question = response.question[:1]  # of several, none is answered; all may not fit
    response.set_rcode(rcode)
    return response


def _finish(query: dns.message.Message, response: dns.message.Message, *, tcp: bool) -> Reply:
    """Write the response, cut to what the way back can carry (RFC 2181 §9)."""
    # RFC 6891 §6.2.3: a payload below 512 means 512; without EDNS it is 0 here
    limit = 65535 if tcp else min(max(query.payload, _PLAIN_UDP), UDP_PAYLOAD)
    try:
        wire = response.to_wire(max_size=limit)
    except dns.exception.TooBig:
        response.answer, response.authority, response.additional = [], [], []
        response.flags |= dns.flags.TC
        wire = response.to_wire(max_size=limit)
    if not query.question:
        return Reply(wire, response.rcode())
    question = query.question[0]
    rdtype = RdataType.to_text(question.rdtype)
    return Reply(wire, response.rcode(), name=question.name.to_text(), rdtype=rdtype)


def _refuse_signature(wire: bytes, error: dns.rcode.Rcode) -> Reply:
    """Say which part of the signature is wrong, itself unsigned (RFC 8945 §5.2)."""
    try:
        query = dns.message.from_wire(wire, keyring=False)
    except (dns.exception.DNSException, ValueError):
        return _malformed(wire)  # what follows the signature was not looked at before
    theirs = query.tsig[0] if query.tsig else None
    response = _response_to(query, dns.rcode.NOTAUTH)
    if isinstance(theirs, dns.rdtypes.ANY.TSIG.TSIG) and query.keyname is not None:
        mine = theirs.replace(mac=b"", error=error, other=b"", original_id=query.id)
        response.tsig = dns.rrset.from_rdata(query.keyname, 0, mine)
    reply = _finish(query, response, tcp=True)
    is_update = isinstance(query, dns.update.UpdateMessage)
    return msgspec.structs.replace(reply, is_update=is_update)


def _malformed(wire: bytes) -> Reply:
    """Answer what could not be parsed with its id and an error (RFC 1035 §4.1.1)."""
    number, flags = struct.unpack_from("!HH", wire)
    kept = flags & 0x7900  # opcode and RD
    header = struct.pack("!6H", number, _QR | kept | dns.rcode.FORMERR, 0, 0, 0, 0)
    return Reply(header, dns.rcode.FORMERR)


def _zone_for(name: Name, rdtype: RdataType, zones: Zones) -> Zone | None:
    """The deepest of our zones that holds the name; a DS record belongs to the parent's side."""
    above = name
    if rdtype == RdataType.DS and name in zones and len(name) > 1:
        parent = _zone_for(name.parent(), RdataType.NS, zones)
        if parent is not None:
            return parent
    while above not in zones:
        if len(above) <= 1:
            return None
        above = above.parent()
    return zones[above]
