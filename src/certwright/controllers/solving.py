"""The solver for a Challenge, built from the issuer's words and its Secrets (compat-spec 6.9).

A solver is kept while issuer and Secrets stay the same: so its lock per zone holds between
Challenges, and no credential is read for each look at a name server.
"""

from collections import OrderedDict
from collections.abc import Mapping

import msgspec

from certwright.api.core import Secret
from certwright.api.issuer import AnyIssuer
from certwright.api.kinds import to_wire
from certwright.api.meta import Key, SecretKeySelector
from certwright.api.secret import SecretSummary
from certwright.api.solver import ACMEChallengeSolver
from certwright.base.problem import Stalled
from certwright.base.reason import Reason
from certwright.base.secret import Redacted
from certwright.controllers.account import namespace_of
from certwright.controllers.world import World
from certwright.runtime.view import View
from certwright.solvers.dns01 import secret_refs
from certwright.solvers.protocol import Solver

_KEPT = 500


class Solvers:
    """The solvers in use."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._known: OrderedDict[tuple[str, ...], Solver] = OrderedDict()

    async def of(self, view: View, issuer: AnyIssuer, config: ACMEChallengeSolver) -> Solver:
        """Return the solver that an issuer describes.

        Args:
            view: for its Secrets.
            issuer: whose credentials are used.
            config: one of the issuer's own solvers, never a Challenge's copy.

        Raises:
            Stalled: it cannot be built, or is not served yet.
        """
        if config.dns01 is None:
            raise Stalled(Reason.NOT_SERVED, "HTTP-01 solvers are not served yet")
        namespace = namespace_of(self._world, issuer)
        selectors = secret_refs(config.dns01)
        identity = (
            issuer.metadata.uid,
            msgspec.json.encode(to_wire(config.dns01)).decode(),
            *(_version(view, Key(namespace, one.name)) for one in selectors.values()),
        )
        solver = self._known.get(identity)
        if solver is None:
            credentials = await _credentials(view, namespace, selectors)
            # another Challenge may have been quicker meanwhile: its locks must be shared
            solver = self._known.get(identity)
            if solver is None:
                solver = self._known[identity] = self._world.build_solver(config.dns01, credentials)
            if len(self._known) > _KEPT:
                self._known.popitem(last=False)
        self._known.move_to_end(identity)
        return solver


def _version(view: View, key: Key) -> str:
    secret = view.get(SecretSummary, key)
    return "" if secret is None else f"{secret.metadata.uid}/{secret.metadata.resource_version}"


async def _credentials(
    view: View, namespace: str, selectors: Mapping[str, SecretKeySelector]
) -> dict[str, Redacted[bytes]]:
    found: dict[str, Redacted[bytes]] = {}
    for field, selector in selectors.items():
        secret = await view.live(Secret, Key(namespace, selector.name))
        value = secret.data.get(selector.key) if secret is not None else None
        if value is None:
            raise Stalled(
                Reason.SECRET_MISSING,
                f'the Secret "{namespace}/{selector.name}" has no data for key "{selector.key}"',
            )
        found[field] = Redacted(value)
    return found
