"""Which of an issuer's solvers proves a name, and why the others do not (compat-spec 6.5).

Called by the Order controller to make Challenges, by the Challenge controller to derive a solver
anew before each outside effect, and by `why`.
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from certwright.api.order import ACMEAuthorization, ACMEChallenge, ChallengeType
from certwright.api.solver import ACMEChallengeSolver, SolverSelector

NO_SOLVER = "no configured challenge solvers can be used for this challenge"

_WIRE = {ChallengeType.HTTP01: "http-01", ChallengeType.DNS01: "dns-01"}


class Match(Struct, frozen=True, order=True):
    """How well a selector fits; compared field by field, more is better."""

    names: int = 0
    zone_labels: int = 0
    labels: int = 0


class Considered(Struct, frozen=True, kw_only=True):
    """One solver of the issuer: its place in the list, how well it fits, or why it does not."""

    place: int
    match: Match | None
    why: str

    def __str__(self) -> str:
        return f"solver {self.place}: {self.why}"


class Choice(Struct, frozen=True, kw_only=True):
    """What was chosen for one authorization.

    Attributes:
        name: the identifier, with `*.` where it is a wildcard.
        solver: the chosen one; None where none fits.
        place: its place in the issuer's list, 0 being the first.
        type: of its challenge.
        challenge: the CA's offer that it answers.
        considered: every solver of the issuer with the reason for or against it.
    """

    name: str
    considered: tuple[Considered, ...]
    solver: ACMEChallengeSolver | None = None
    place: int = -1
    type: ChallengeType = ChallengeType.DNS01
    challenge: ACMEChallenge | None = None

    @property
    def explanation(self) -> str:
        """One sentence: who was chosen, or why nobody was."""
        reasons = "; ".join(map(str, self.considered)) or "the issuer has no solvers"
        if self.solver is None:
            return f"{NO_SOLVER}: {self.name} ({reasons})"
        return f"{self.name}: solver {self.place} is used ({reasons})"


def name_of(authorization: ACMEAuthorization) -> str:
    """Return the name as it was ordered, a wildcard with its `*.`."""
    prefix = "*." if authorization.wildcard else ""
    return prefix + authorization.identifier


def choose_solver(
    authorization: ACMEAuthorization,
    solvers: Sequence[ACMEChallengeSolver],
    labels: Mapping[str, str],
) -> Choice:
    """Choose the solver for one authorization.

    A solver without selector is the weakest; among equals the earlier one stays.

    Args:
        authorization: the CA's offer.
        solvers: of the issuer, in its order.
        labels: of the Order, which are the Certificate's.
    """
    name = name_of(authorization)
    offers = {challenge.type: challenge for challenge in authorization.challenges}
    considered = tuple(
        _consider(place, solver, _Asked(name, offers, labels))
        for place, solver in enumerate(solvers)
    )
    best: Considered | None = None
    for candidate in considered:
        if candidate.match is not None and (
            best is None or best.match is None or candidate.match > best.match
        ):
            best = candidate
    if best is None:
        return Choice(name=name, considered=considered)
    solver = solvers[best.place]
    kind = type_of(solver)
    return Choice(
        name=name,
        considered=considered,
        solver=solver,
        place=best.place,
        type=kind,
        challenge=offers[_WIRE[kind]],
    )


def type_of(solver: ACMEChallengeSolver) -> ChallengeType:
    """Return the type of challenge that a solver answers."""
    return ChallengeType.DNS01 if solver.dns01 is not None else ChallengeType.HTTP01


class _Asked(Struct, frozen=True):
    name: str
    offers: Mapping[str, ACMEChallenge]
    labels: Mapping[str, str]


def _consider(place: int, solver: ACMEChallengeSolver, asked: _Asked) -> Considered:
    wire = _WIRE[type_of(solver)]
    if solver.dns01 is None and solver.http01 is None:
        return Considered(place=place, match=None, why="it names neither http01 nor dns01")
    if wire not in asked.offers:
        # the CA offers only dns-01 for wildcards: this is how HTTP-01 is left out
        return Considered(place=place, match=None, why=f"the CA offers no {wire} challenge")
    if solver.selector is None:
        return Considered(place=place, match=Match(), why="it takes every name")
    why_not = _mismatch(solver.selector, asked.name, asked.labels)
    if why_not:
        return Considered(place=place, match=None, why=why_not)
    match = Match(
        int(bool(solver.selector.dns_names)),
        _zone_labels(solver.selector, asked.name),
        len(solver.selector.match_labels),
    )
    return Considered(place=place, match=match, why=_praise(match))


def _mismatch(selector: SolverSelector, name: str, labels: Mapping[str, str]) -> str:
    for key, value in selector.match_labels.items():
        if labels.get(key) != value:
            return f"the Certificate lacks the label {key}={value}"
    if selector.dns_names and name not in selector.dns_names:
        return f"{name} is not among its dnsNames"
    if selector.dns_zones and not _zone_labels(selector, name):
        return f"{name} is not in one of its dnsZones"
    return ""


def _praise(match: Match) -> str:
    parts = (
        "its dnsNames have the name" if match.names else "",
        f"its zone fits by {match.zone_labels} labels" if match.zone_labels else "",
        f"{match.labels} of its labels match" if match.labels else "",
    )
    return ", ".join(part for part in parts if part) or "its selector is empty"


def _zone_labels(selector: SolverSelector, name: str) -> int:
    """Count the labels of the longest zone that holds the name; 0 where none does."""
    wanted = name.removeprefix("*.").lower().split(".")
    counts = [0]
    for zone in selector.dns_zones:
        parts = zone.lower().strip(".").split(".")
        if wanted[-len(parts) :] == parts:
            counts.append(len(parts))
    return max(counts)
