"""A Certificate's life: observe all, decide one step, carry it out, report.

    trigger ─▶ keys ─▶ requests ─▶ (issuer signs) ─▶ issuing ─▶ rest, maintenance, renewal
      ▲                                                 │
      └───────────────── failure and back-off ◀─────────┘

Stands for eight controllers of cert-manager; each step's module names its own. The decision is
`policy.certificate.next_step`.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import assert_never

from msgspec.structs import replace

from certwright.api.certificate import READY, Certificate
from certwright.api.conditions import with_condition
from certwright.api.meta import Condition, ConditionStatus, Key
from certwright.base.problem import Problem
from certwright.controllers import names
from certwright.controllers.certificate.issuing import complete, fail, issue_temporary
from certwright.controllers.certificate.keys import delete_keys, key_stuck, make_key, name_key
from certwright.controllers.certificate.maintenance import maintain
from certwright.controllers.certificate.observe import (
    certificate_watches,
    observe_certificate,
    target_key,
)
from certwright.controllers.certificate.requests import create_request, delete_requests
from certwright.controllers.certificate.trigger import start_issuing
from certwright.controllers.certificate.turn import READINESS, Turn
from certwright.controllers.world import World
from certwright.policy.certificate import (
    Complete,
    CreateRequest,
    DeleteKeys,
    DeleteRequests,
    Fail,
    IssueTemporary,
    KeyStuck,
    Maintain,
    MakeKey,
    NameKey,
    Rest,
    StartIssuing,
    Step,
    next_step,
)
from certwright.policy.readiness import assess
from certwright.runtime.loop import Controller
from certwright.runtime.outcome import DONE, Outcome
from certwright.runtime.view import View


def build_certificate_controller(world: World) -> Controller[Certificate]:
    """Build the controller of Certificates."""
    return Controller(
        name="certificates",
        stands_for=names.CERTIFICATES,
        kind=Certificate,
        watches=certificate_watches(world.options),
        reconcile=partial(reconcile, world),
        failed=failed,
    )


async def reconcile(world: World, view: View, key: Key) -> Outcome:
    """Move one Certificate one step forward."""
    certificate = view.get(Certificate, key)
    if certificate is not None:
        await view.complete(target_key(certificate))  # it may be a Secret that somebody else made
    seen = observe_certificate(view, key, world.options)
    if seen is None:
        return DONE
    now = world.clock.now()
    readiness = assess(seen.facts(now))
    turn = Turn(world=world, view=view, seen=seen, now=now, readiness=readiness)
    step = next_step(seen, now, readiness)
    if STANDS_FOR[type(step)] not in world.options.controllers:
        return DONE
    return await carry_out(turn, step)


STANDS_FOR: Mapping[type[Step], str] = {
    StartIssuing: "certificates-trigger",
    NameKey: "certificates-key-manager",
    DeleteKeys: "certificates-key-manager",
    MakeKey: "certificates-key-manager",
    KeyStuck: "certificates-key-manager",
    DeleteRequests: "certificates-request-manager",
    CreateRequest: "certificates-request-manager",
    Fail: "certificates-issuing",
    Complete: "certificates-issuing",
    IssueTemporary: "certificates-issuing",
    Maintain: "certificates-issuing",
    Rest: "certificates-readiness",
}
"""Which of cert-manager's controllers would take each step."""


async def carry_out(turn: Turn, step: Step) -> Outcome:  # noqa: C901, PLR0911, PLR0912  # a table
    """Carry out one step."""
    match step:
        case StartIssuing():
            return start_issuing(turn, step)
        case NameKey():
            return name_key(turn, step)
        case DeleteKeys():
            return await delete_keys(turn, step)
        case MakeKey():
            return await make_key(turn, step)
        case KeyStuck():
            return key_stuck(turn, step)
        case DeleteRequests():
            return await delete_requests(turn, step)
        case CreateRequest():
            return await create_request(turn, step)
        case Fail():
            return fail(turn, step)
        case Complete():
            return await complete(turn, step)
        case IssueTemporary():
            return await issue_temporary(turn, step)
        case Maintain():
            return await maintain(turn, step)
        case Rest():
            return turn.report(again_at=step.again_at)
        case _:
            assert_never(step)


def failed(certificate: Certificate, problem: Problem, now: datetime) -> Outcome:
    """Show a problem as Ready=False."""
    condition = Condition(
        type=READY,
        status=ConditionStatus.FALSE,
        reason=problem.reason,
        message=problem.message,
        observed_generation=certificate.metadata.generation,
    )
    conditions = with_condition(certificate.status.conditions, condition, now)
    return Outcome(status=replace(certificate.status, conditions=conditions), manager=READINESS)
