"""Challenge: presented, seen, accepted, cleaned up (compat-spec 3.16; design §8).

Stands for cert-manager's `challenges`. The decisions are `policy.challenge`'s, what is done outside
is `challenge_steps`'.
"""

from collections.abc import Iterable
from datetime import datetime
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from certwright.api.certificate import Certificate
from certwright.api.issuer import ClusterIssuer, Issuer
from certwright.api.meta import Key
from certwright.api.order import Challenge, Order
from certwright.api.secret import SecretSummary
from certwright.base.problem import Problem, Stalled, Waiting
from certwright.base.reason import Reason
from certwright.controllers import names
from certwright.controllers.account import account_client, acme_of
from certwright.controllers.challenge_steps import SPEAKER, Proofs, Work, act
from certwright.controllers.clean_up import clean_up
from certwright.controllers.failure import described, next_attempt, rate_limited_until
from certwright.controllers.indexes import CHALLENGES_BY_ISSUER, CHALLENGES_BY_OWNER
from certwright.controllers.references import (
    asked_again,
    find_issuer,
    orders_of,
    owning_order,
    owning_request,
    referring_to,
    using_secret,
)
from certwright.controllers.solving import Solvers
from certwright.controllers.trust import Trust, distrust_of_challenge
from certwright.controllers.world import World
from certwright.policy.challenge import (
    ACCEPT_PREFIX,
    CleanUp,
    Facts,
    Idle,
    Settle,
    next_step,
    retry_at,
    settled,
)
from certwright.runtime.loop import Controller, Watch
from certwright.runtime.outcome import DONE, Outcome, again_at, warning
from certwright.runtime.view import View


def build_challenge_controller(world: World) -> Controller[Challenge]:
    """Build the controller of Challenges."""

    def owned(view: View, order: Order) -> Iterable[Key]:
        return (one.key for one in view.by(CHALLENGES_BY_OWNER, order.metadata.uid))

    def of_certificate(view: View, certificate: Certificate) -> Iterable[Key]:
        return (key for order in orders_of(view, certificate) for key in owned(view, order))

    return Controller(
        name="challenges",
        stands_for=(names.CHALLENGES,),
        kind=Challenge,
        reconcile=partial(reconcile, Means(world, Solvers(world), Proofs(), Trust())),
        failed=failed,
        watches=(
            Watch(Order, owned),
            Watch(Certificate, of_certificate, asked_again),
            Watch(Issuer, referring_to(CHALLENGES_BY_ISSUER)),
            Watch(ClusterIssuer, referring_to(CHALLENGES_BY_ISSUER)),
            Watch(SecretSummary, using_secret(CHALLENGES_BY_ISSUER, world.options)),
        ),
    )


class Means(Struct, frozen=True):
    """What a reconcile is handed besides the view."""

    world: World
    solvers: Solvers
    proofs: Proofs
    trust: Trust


async def reconcile(means: Means, view: View, key: Key) -> Outcome:
    """Move one Challenge one step forward."""
    world, proofs = means.world, means.proofs
    challenge = view.get(Challenge, key)
    if challenge is None:
        proofs.forget(key)
        return DONE
    now = world.clock.now()
    order = owning_order(view, challenge)
    proof = proofs.of(challenge)
    step = next_step(
        Facts(
            challenge=challenge,
            order_over=order is None or order.status.state.failed,
            accepted=proof.accepted,
            waited=proof.waited(challenge, now),
            evidence_limit=world.options.dns01_evidence_limit,
        ),
        now,
    )
    until = rate_limited_until(challenge, now)
    if until is not None and not challenge.metadata.deleting:
        return again_at(until)
    match step:
        case Idle():
            return DONE
        case Settle():
            return Outcome(status=settled(challenge.status), manager=SPEAKER)
        case CleanUp():
            proofs.forget(key)
            return await clean_up(world, means.solvers, view, challenge)
        case _:
            work = await _trusted(means, view, challenge)
            return await act(work, step) if isinstance(work, Work) else work


async def _trusted(  # noqa: PLR0911  # one guard a line
    means: Means, view: View, challenge: Challenge
) -> Work | Outcome:
    """Derive solver, account and answer anew; a Challenge that differs is ignored with an event."""
    world = means.world
    order = owning_order(view, challenge)
    if order is None and challenge.metadata.controller is not None:
        return DONE  # its owner is gone: it will be collected
    if order is None:
        return _ignored("it is not owned by an Order")
    request = owning_request(view, order)
    if request is None and order.metadata.controller is not None:
        return DONE
    why = means.trust.distrust_of_order(order, request)
    if why:
        return _ignored(f"of its Order: {why}")
    issuer = find_issuer(view, order.spec.issuer_ref, order.metadata.namespace)
    if issuer is None or issuer.spec.acme is None:
        return DONE  # an event of the issuer brings us back
    client = await account_client(world, view, issuer)
    answer = client.dns01_value(challenge.spec.token)
    why = distrust_of_challenge(challenge, order, acme_of(issuer), answer)
    if why:
        return _ignored(why)
    # equal to the issuer's own, as was just checked
    solver = await means.solvers.of(view, issuer, challenge.spec.solver)
    return Work(
        world=world,
        view=view,
        client=client,
        solver=solver,
        challenge=challenge,
        proof=means.proofs.of(challenge),
    )


def failed(challenge: Challenge, problem: Problem, now: datetime) -> Outcome:
    """Show on a Challenge why it does not move; only the CA ends it."""
    if isinstance(problem, Waiting):
        return DONE
    status = challenge.status
    if challenge.metadata.deleting or status.state.final:
        reason, prefix, text = Reason.CLEAN_UP_ERROR, "Error cleaning up challenge: ", ""
    elif status.presented:
        reason, prefix, text = Reason.FAILED, ACCEPT_PREFIX, ACCEPT_PREFIX
    else:
        reason, prefix, text = Reason.PRESENT_ERROR, "Error presenting challenge: ", ""
    created = challenge.metadata.creation_timestamp
    # a zone that is delegated tomorrow is no object whose change could be waited for
    moment = (
        retry_at(created, now)
        if isinstance(problem, Stalled)
        else next_attempt(problem, created, now)
    )
    return Outcome(
        status=replace(status, reason=f"{text}{problem.message}"),
        manager=SPEAKER,
        annotations=described(problem, next_attempt=moment),
        events=(warning(SPEAKER, reason, f"{prefix}{problem.message}"),),
        again_at=moment,
    )


def _ignored(why: str) -> Outcome:
    return Outcome(events=(warning(SPEAKER, Reason.NOT_OURS, f"Challenge is ignored: {why}"),))
