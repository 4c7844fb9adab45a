"""A small internet without sockets: two name servers, a resolver that knows all, a second zone."""

from collections.abc import Mapping

from certwright.base.problem import Problem
from certwright.dns.exchange import Exchange
from certwright.dns.lookup import Resolver
from certwright.dns.network import Address
from certwright.lab.zone import Zone
from tests.fakes.clock import FakeClock
from tests.fakes.network import FakeNetwork

RESOLVER: Address = ("192.0.2.53", 53)
NS1: Address = ("192.0.2.1", 53)
NS2: Address = ("192.0.2.2", 53)
OTHER: Address = ("192.0.2.3", 53)

EXAMPLE = """
$TTL 300
@    SOA ns1 admin 7 3600 600 86400 60
@    NS  ns1
@    NS  ns2
ns1  A   192.0.2.1
ns2  A   192.0.2.2
"""
OTHER_ZONE = """
$TTL 300
@    SOA ns admin 3 3600 600 86400 60
@    NS  ns
ns   A   192.0.2.3
"""


def zone(records: str = "", apex: str = "example.test.") -> Zone:
    start = EXAMPLE if apex == "example.test." else OTHER_ZONE
    return Zone.parse(apex, f"{start}{records}\n")


class World:
    """`example` is what every server has; `second` what ns2 has instead, if given."""

    def __init__(self, example: str = "", *, second: str | None = None, other: str = "") -> None:
        ours, theirs = zone(example), zone(other, "other.test.")
        lagging = zone(second) if second is not None else ours
        self.network = FakeNetwork(
            {RESOLVER: [ours, theirs], NS1: [ours], NS2: [lagging], OTHER: [theirs]}
        )
        self.clock = FakeClock(auto=True)

    def resolver(
        self,
        *nameservers: str,
        recursive_only: bool = False,
        address_map: Mapping[Address, Address] | None = None,
    ) -> Resolver:
        return Resolver(
            nameservers or ("192.0.2.53:53",),
            exchange=Exchange(self.network, None, 0.05),
            clock=self.clock,
            address_map=address_map,
            recursive_only=recursive_only,
            system=("192.0.2.53:53",),
        )


def words_of(problem: Problem) -> str:
    return f"{problem.reason}: {problem.message}"
