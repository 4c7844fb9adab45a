"""What `--break` breaks, and how it heals: one part each of the way to the certificate."""

from collections.abc import Sequence
from enum import StrEnum

from msgspec import Struct

from certwright.dns.update import TsigKey
from certwright.lab.edge import Edge
from certwright.lab.nameserver import NameServer
from certwright.lab.place import new_key
from certwright.lab.zone import Zone


class Part(StrEnum):
    """A part that can be broken."""

    TSIG = "tsig"
    ZONE = "zone"
    CA = "ca"

    @property
    def broken(self) -> str:
        """What is wrong then."""
        return _BROKEN[self]

    @property
    def healed(self) -> str:
        """What is right again."""
        return _HEALED[self]


_BROKEN = {
    Part.TSIG: "the name server was given another TSIG key than the issuer",
    Part.ZONE: "the name server no longer serves the zone",
    Part.CA: "the CA is down",
}
_HEALED = {
    Part.TSIG: "the name server has the issuer's TSIG key again",
    Part.ZONE: "the name server serves the zone again",
    Part.CA: "the CA is up again",
}


class Works(Struct, frozen=True):
    """The parts of a running lab."""

    edge: Edge
    names: Sequence[NameServer]
    zone: Zone
    key: TsigKey

    async def start(self, broken: Part | None) -> None:
        """Start the edge and give the name servers what they serve, but for the broken part."""
        self._set_names(broken)
        await self.edge.start(with_ca=broken is not Part.CA)

    async def heal(self, part: Part) -> None:
        """Make a broken part whole."""
        self._set_names(None)
        if part is Part.CA:
            await self.edge.start()

    def _set_names(self, broken: Part | None) -> None:
        for server in self.names:
            server.set_zones(() if broken is Part.ZONE else (self.zone,))
            server.set_keys((new_key() if broken is Part.TSIG else self.key,))
