"""A DNS-01 solver in memory: a set of records, and name servers that have them, or not yet."""

from msgspec import Struct, field

from certwright.api.solver import DNS01
from certwright.base.evidence import Evidence
from certwright.base.problem import Problem
from certwright.solvers.protocol import Presentation
from certwright.solvers.provider import Credentials


class Seen(Struct, frozen=True):
    """What was seen from outside."""

    complete: bool
    message: str = ""
    evidence: tuple[Evidence, ...] = ()


class FakeDns(Struct, kw_only=True):
    """The zone.

    Attributes:
        records: (name, value) of what is published.
        visible: whether the servers show what is published.
        failures: what the next calls of a verb raise.
        verbs: what was asked for, in order.
        built: credentials of the solvers that were built, in order.
    """

    records: set[tuple[str, str]] = field(default_factory=set)
    visible: bool = True
    failures: dict[str, list[Problem]] = field(default_factory=dict)
    verbs: list[str] = field(default_factory=list)
    built: list[dict[str, bytes]] = field(default_factory=list)

    def build(self, config: DNS01, credentials: Credentials) -> "FakeSolver":
        """As `World.build_solver`."""
        del config
        self.built.append({name: value.reveal() for name, value in credentials.items()})
        return FakeSolver(self)


class FakeSolver:
    """Writes into the zone."""

    def __init__(self, dns: FakeDns) -> None:
        self._dns = dns

    async def present(self, presentation: Presentation) -> None:
        self._called("present")
        self._dns.records.add((presentation.fqdn, presentation.value))

    async def check(self, presentation: Presentation) -> Seen:
        self._called("check")
        there = (presentation.fqdn, presentation.value) in self._dns.records
        if there and self._dns.visible:
            return Seen(complete=True)
        domain = presentation.domain
        return Seen(
            complete=False,
            message=f'DNS record for "{domain}" not yet propagated',
            evidence=(Evidence("ns2 (192.0.2.2:53)", "does not have it"),),
        )

    async def clean_up(self, presentation: Presentation) -> None:
        self._called("clean_up")
        self._dns.records.discard((presentation.fqdn, presentation.value))

    def _called(self, verb: str) -> None:
        self._dns.verbs.append(verb)
        waiting = self._dns.failures.get(verb)
        if waiting:
            raise waiting.pop(0)
