"""The failures of this room, as values: what a name server did, and who acts next."""

from certwright.base.evidence import Evidence, printable
from certwright.base.problem import Cause, Retryable, Stalled
from certwright.base.reason import Reason


class NameServerSilent(Retryable):
    """Nothing that could be understood came back from a name server."""

    def __init__(self, server: str, detail: str) -> None:
        super().__init__(
            Reason.CONNECTION_FAILED,
            f"name server {server} could not be asked: {printable(detail, 200)}",
            cause=Cause.TRANSPORT,
            evidence=(Evidence(server, printable(detail, 200)),),
            remedy="See whether the address is right and port 53 (UDP and TCP) is open towards it.",
        )
        self.server = server


class NameServerFailed(Retryable):
    """A name server answered a look-up with an error code."""

    def __init__(self, server: str, rcode: str, fqdn: str) -> None:
        super().__init__(
            Reason.SERVER_ERROR,
            f"NS {server} returned {rcode} for {fqdn}",  # compat-spec 6.8
            cause=Cause.SERVER,
            evidence=(Evidence(server, rcode),),
            remedy="See why that name server fails: often the zone's own servers do not answer it, "
            "or DNSSEC does not validate.",
        )
        self.server = server
        self.rcode = rcode


class ZoneNotFound(Retryable):
    """No name from `fqdn` upwards has a SOA record."""

    def __init__(self, fqdn: str) -> None:
        super().__init__(
            Reason.ZONE_NOT_FOUND,
            f"could not find the zone of {fqdn}: no name from it upwards has a SOA record",
            cause=Cause.SERVER,
            remedy="Create the zone and delegate it, or name resolvers that can see it.",
        )
        self.fqdn = fqdn


class CnameLoop(Retryable):
    """Aliases lead back to where they came from, or on without end."""

    def __init__(self, target: str, path: tuple[str, ...]) -> None:
        super().__init__(
            Reason.CNAME_LOOP,
            f"Found recursive CNAME record to {target} when looking up {path[0]}",
            cause=Cause.SERVER,
            evidence=(Evidence(path[0], " → ".join((*path, target))),),
            remedy="Remove one of these CNAME records.",
        )
        self.path = path


class UpdateRefused(Stalled):
    """A name server refused a dynamic update; a person must change the key or the server."""

    def __init__(self, *, server: str, zone: str, answer: str, remedy: str, reason: Reason) -> None:
        super().__init__(
            reason,
            f"name server {server} refused to update zone {zone}: {answer}",
            evidence=(Evidence(server, answer),),
            remedy=remedy,
        )
        self.server = server
        self.zone = zone
        self.rcode = answer


class BadSettings(Stalled):
    """What an issuer says about its name server cannot be used."""

    def __init__(
        self, message: str, remedy: str = "", *, reason: Reason = Reason.BAD_CONFIG
    ) -> None:
        super().__init__(reason, message, remedy=remedy)
