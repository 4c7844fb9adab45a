"""The lab's name server: questions and updates of whoever finds its port."""

from collections.abc import Callable, Mapping

import dns.exception
import dns.message
import dns.name
import dns.tsig
import dns.update

from certwright.lab.nameserver import _observed
from certwright.lab.respond import respond
from certwright.lab.zone import Zone
from tests.fuzz.laws import check_text
from tests.integration.servers.names import ZONE

KEY = dns.tsig.Key("key.", b"a secret of thirty-two octets ...", dns.tsig.HMAC_SHA256)
_CLIENT = ("127.0.0.1", 1)


def _zones() -> dict[dns.name.Name, Zone]:
    zone = Zone.parse("example.test.", ZONE)
    return {zone.apex: zone}


def _answered(wire: bytes) -> None:
    for tcp in (False, True):
        reply = respond(wire, _zones(), {KEY.name: KEY}, tcp=tcp)
        if reply is None:
            continue
        assert reply.wire[:2] == wire[:2]
        assert len(reply.wire) <= (65535 if tcp else 1232)
        seen = _observed(reply, _CLIENT, tcp=tcp)
        for text in (seen.name, seen.rdtype, seen.rcode, *seen.changes):
            check_text(text)


def question(data: bytes) -> None:
    """Any message."""
    _answered(data)


def signed(data: bytes) -> None:
    """The same message signed by somebody who has the key: updates get further so."""
    try:
        message = dns.message.from_wire(data, keyring=False, ignore_trailing=True)
        message.flags &= ~0x8000
        message.use_tsig(KEY)
        wire = message.to_wire()
    except (dns.exception.DNSException, ValueError):
        return
    _answered(wire)
    _answered(wire + b"more")


TARGETS: Mapping[str, Callable[[bytes], None]] = {
    "nameserver_question": question,
    "nameserver_signed": signed,
}
