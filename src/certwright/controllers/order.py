"""Order: placed at the CA, proven by Challenges, finalized, fetched (compat-spec 3.15, 6.3, 6.4).

Stands for cert-manager's `orders`. The decisions are `policy.order`'s, what is done at the CA is
`order_steps`'. Waits for the CA are timers, not held reconciles.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from functools import partial

from msgspec import Struct

from certwright.api.certificate import Certificate
from certwright.api.issuer import ClusterIssuer, Issuer
from certwright.api.meta import Key
from certwright.api.order import Challenge, Order, OrderStatus
from certwright.api.secret import SecretSummary
from certwright.base.evidence import Evidence
from certwright.base.problem import Problem, Stalled, Waiting
from certwright.base.reason import Reason
from certwright.controllers import names
from certwright.controllers.account import account_client
from certwright.controllers.failure import described, next_attempt, rate_limited_until
from certwright.controllers.indexes import CHALLENGES_BY_OWNER, ORDERS_BY_ISSUER
from certwright.controllers.order_steps import SPEAKER, Work, act, delete_challenges
from certwright.controllers.references import (
    asked_again,
    find_issuer,
    orders_of,
    owner_key,
    owning_request,
    referring_to,
    using_secret,
)
from certwright.controllers.trust import Trust
from certwright.controllers.world import World
from certwright.policy.order import Delete, Distrust, Facts, Idle, NoSolver, next_step
from certwright.runtime.loop import Controller, Watch
from certwright.runtime.outcome import DONE, Outcome, again_at, warning
from certwright.runtime.view import View


def build_order_controller(world: World) -> Controller[Order]:
    """Build the controller of Orders."""
    return Controller(
        name="orders",
        stands_for=(names.ORDERS,),
        kind=Order,
        reconcile=partial(reconcile, Means(world, Counter(), {}, Trust())),
        failed=failed,
        watches=(
            Watch(Challenge, owner_key("Order")),
            Watch(Certificate, _keys_of, asked_again),
            Watch(Issuer, referring_to(ORDERS_BY_ISSUER)),
            Watch(ClusterIssuer, referring_to(ORDERS_BY_ISSUER)),
            Watch(SecretSummary, using_secret(ORDERS_BY_ISSUER, world.options)),
        ),
    )


def _keys_of(view: View, certificate: Certificate) -> Iterable[Key]:
    return (order.key for order in orders_of(view, certificate))


class Means(Struct, frozen=True):
    """What a reconcile is handed.

    Attributes:
        looks: polls since something was done, by Order.
        placed: what the CA gave for an Order, until the store has it: a store that refuses the
            write must not cost an order each time.
    """

    world: World
    looks: Counter[Key]
    placed: dict[str, OrderStatus]
    trust: Trust


async def reconcile(means: Means, view: View, key: Key) -> Outcome:
    """Move one Order one step forward."""
    order = view.get(Order, key)
    if order is None or order.metadata.deleting or order.status.state.failed:
        del means.looks[key]
        return DONE
    if order.status.url:
        means.placed.pop(order.metadata.uid, None)
    request = owning_request(view, order)
    if request is None and order.metadata.controller is not None:
        return DONE  # its owner is gone: it will be collected
    why = means.trust.distrust_of_order(order, request)
    if why:
        return _ignored(why)
    until = rate_limited_until(order, means.world.clock.now())
    return again_at(until) if until is not None else await _step(means, view, order)


async def _step(means: Means, view: View, order: Order) -> Outcome:
    issuer = find_issuer(view, order.spec.issuer_ref, order.metadata.namespace)
    if issuer is None or issuer.spec.acme is None:
        return DONE  # an event of the issuer brings us back
    facts = Facts(
        order=order,
        solvers=issuer.spec.acme.solvers,
        challenges=view.by(CHALLENGES_BY_OWNER, order.metadata.uid),
    )
    match step := next_step(facts):
        case Idle():
            return DONE
        case Distrust():
            return _ignored(step.why)
        case NoSolver():
            raise _no_solver(step)
        case Delete():
            return await delete_challenges(view, step)
        case _:
            work = Work(
                world=means.world,
                view=view,
                client=await account_client(means.world, view, issuer),
                acme=issuer.spec.acme,
                facts=facts,
                looks=means.looks,
                placed=means.placed,
            )
            return await act(work, step)


def failed(order: Order, problem: Problem, now: datetime) -> Outcome:
    """Show on an Order why it does not move; only the CA's refusals end it."""
    if isinstance(problem, Waiting):
        return DONE
    moment = next_attempt(problem, order.metadata.creation_timestamp, now)
    stalled = isinstance(problem, Stalled)
    events = (warning(SPEAKER, problem.reason, problem.message),) if stalled else ()
    return Outcome(
        manager=SPEAKER,
        annotations=described(problem, next_attempt=moment),
        events=events,
        again_at=moment,
    )


def _ignored(why: str) -> Outcome:
    return Outcome(events=(warning(SPEAKER, Reason.NOT_OURS, f"Order is ignored: {why}"),))


def _no_solver(step: NoSolver) -> Stalled:
    """Explain, name by name, why each solver does not fit; an edit of the issuer ends the wait."""
    reasons = "; ".join(
        choice.explanation
        if choice.solver is None
        else f"{choice.name}: solver {choice.place} uses {choice.type}, which is not served yet"
        for choice in step.choices
    )
    evidence = tuple(
        Evidence(choice.name, str(one)) for choice in step.choices for one in choice.considered
    )
    return Stalled(
        Reason.SOLVER,
        "Failed to determine a valid solver configuration for the set of domains on the Order:"
        f" {reasons}",
        evidence=evidence,
        remedy="Give the issuer a DNS-01 solver that fits these names.",
    )
