"""What the name servers of the tests have in common: keys, a served zone, readiness."""

import base64
import hashlib
from collections.abc import Mapping

import msgspec

from certwright.base.problem import Problem
from certwright.base.secret import Redacted
from certwright.dns.answer import RdataType, build_query
from certwright.dns.exchange import Exchange
from certwright.dns.network import Address, SystemNetwork
from certwright.dns.update import TsigAlgorithm, TsigKey

KEYS: Mapping[TsigAlgorithm, TsigKey] = {
    algorithm: TsigKey(
        f"{algorithm.lower()}-key.",
        Redacted(hashlib.sha512(algorithm.encode()).digest()),
        algorithm,
    )
    for algorithm in TsigAlgorithm
}
"""One key per algorithm, each with its own name, since that is what servers look a key up by."""

ZONE = """
$TTL 300
@    SOA  ns1 admin 1 3600 600 86400 60
@    NS   ns1
ns1  A    127.0.0.1
www  A    192.0.2.1
_acme-challenge.foreign TXT "somebody else's"
"""


class NameServerUnderTest(msgspec.Struct, frozen=True):
    """A running name server: where it listens, and the apex of the zone it may be updated in."""

    name: str
    address: Address
    zone: str = "example.test."


def base64_text(key: TsigKey) -> str:
    return base64.b64encode(key.secret.reveal()).decode()


async def answers(address: Address, apex: str) -> bool:
    """Tell whether the server answers for the zone, over UDP and over TCP."""
    exchange = Exchange(SystemNetwork(), timeout_seconds=0.5)
    try:
        for tcp in (False, True):
            query = build_query(apex, RdataType.SOA, recursive=False)
            if not (await exchange.ask(query, address, tcp=tcp)).answer:
                return False
    except Problem:
        return False
    return True
