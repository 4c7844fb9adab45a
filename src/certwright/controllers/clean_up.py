"""The end of a Challenge: its answer taken back, its finalizer off (compat-spec 3.16, 9.3).

By then Order and CertificateRequest are often collected already. So the solver is one that the
Issuer has now, never the Challenge's copy, and the answer is the account key's: a forged Challenge
moves nothing that its Issuer could not have published.
"""

from msgspec.structs import replace

from certwright.api.issuer import AnyIssuer
from certwright.api.order import FINALIZER, LEGACY_FINALIZER, Challenge
from certwright.api.solver import ACMEChallengeSolver
from certwright.base.problem import Problem, Retryable
from certwright.base.reason import Reason
from certwright.controllers.account import account_client
from certwright.controllers.challenge_steps import SPEAKER, presentation_of
from certwright.controllers.indexes import CHALLENGES_BY_OWNER
from certwright.controllers.references import find_issuer, owning_order
from certwright.controllers.solving import Solvers
from certwright.controllers.world import World
from certwright.policy.challenge import settled
from certwright.policy.solver import choose_solver
from certwright.runtime.outcome import DONE, Outcome, warning
from certwright.runtime.view import View
from certwright.solvers.protocol import Presentation, Solver


async def clean_up(world: World, solvers: Solvers, view: View, challenge: Challenge) -> Outcome:
    """Take the answer back, then let go of the Challenge.

    Where nothing can be taken back any more, because issuer, solver or credentials are gone, the
    finalizer comes off all the same, with an event that says what may be left.

    Raises:
        Problem: the answer could not be taken back; it is tried again.
    """
    try:
        solver, presentation = await _derived(world, solvers, view, challenge)
    except Retryable:
        raise
    except Problem as problem:
        text = f"Error cleaning up challenge: {problem.message}; its record may be left"
        if challenge.status.reason != text:  # first it is said, for then the Challenge is gone
            return Outcome(
                status=replace(challenge.status, reason=text),
                manager=SPEAKER,
                events=(warning(SPEAKER, Reason.CLEAN_UP_ERROR, text),),
            )
    else:
        if not _is_shared(view, challenge):
            await solver.clean_up(presentation)
    ours = {FINALIZER, LEGACY_FINALIZER}
    kept = [one for one in challenge.metadata.finalizers if one not in ours]
    await view.patch(
        challenge,
        {"metadata": {"finalizers": kept}},
        manager=SPEAKER,
        version=challenge.metadata.resource_version,
    )
    if challenge.metadata.deleting:
        return DONE
    return Outcome(status=settled(challenge.status), manager=SPEAKER)


def _is_shared(view: View, challenge: Challenge) -> bool:
    """Whether another Challenge needs the same record: the issuer's solver was edited meanwhile."""
    owner = challenge.metadata.controller
    siblings = view.by(CHALLENGES_BY_OWNER, owner.uid) if owner is not None else ()
    return any(
        (one.spec.dns_name, one.spec.token) == (challenge.spec.dns_name, challenge.spec.token)
        and one.metadata.uid != challenge.metadata.uid
        and not one.metadata.deleting
        and not one.status.state.final
        for one in siblings
    )


async def _derived(
    world: World, solvers: Solvers, view: View, challenge: Challenge
) -> tuple[Solver, Presentation]:
    issuer = find_issuer(view, challenge.spec.issuer_ref, challenge.metadata.namespace)
    if issuer is None:
        raise Problem(Reason.ISSUER_NOT_FOUND, "its issuer is gone")
    config = _own_solver(view, issuer, challenge)
    if config is None:
        raise Problem(Reason.INVALID_SOLVER, "its issuer no longer has this solver")
    client = await account_client(world, view, issuer)
    return await solvers.of(view, issuer, config), presentation_of(challenge, client)


def _own_solver(view: View, issuer: AnyIssuer, challenge: Challenge) -> ACMEChallengeSolver | None:
    """Find the issuer's own solver: the one copied, else the one now chosen for the name."""
    mine = issuer.spec.acme.solvers if issuer.spec.acme is not None else ()
    for solver in mine:
        if solver == challenge.spec.solver:
            return solver
    order = owning_order(view, challenge)
    for authorization in order.status.authorizations if order is not None else ():
        if order is not None and authorization.url == challenge.spec.authorization_url:
            return choose_solver(authorization, mine, order.metadata.labels).solver
    return None
