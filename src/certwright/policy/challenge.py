"""The life of a Challenge: presented, seen from outside, accepted, cleaned up (compat-spec 3.16).

::

    new ──present──▶ presented ──all servers have it──▶ accepted ──▶ valid ──Order done──▶ clean up
                        └─ not all: look again soon; after the limit the CA is asked once anyway
                                                            └──▶ invalid, expired, errored ──▶ "

Design §8 in place of cert-manager's scheduler and its sleep of 60 s: Challenges of one name, also
apex and wildcard, are worked on side by side, and evidence decides when the CA is asked.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from certwright.api.duration import BadDurationError, format_duration, parse_duration
from certwright.api.order import (
    FINALIZER,
    LEGACY_FINALIZER,
    Challenge,
    ChallengeSpec,
    ChallengeStatus,
    Order,
    State,
)
from certwright.api.solver import ACMEChallengeSolver
from certwright.base.clock import whole_seconds
from certwright.policy.order import wanted_challenge
from certwright.policy.solver import choose_solver

VERIFIED = "Successfully authorized domain"
ACCEPT_PREFIX = "Error accepting challenge: "
FAILED_PREFIX = "Error accepting authorization: "

FIRST_LOOK = timedelta(milliseconds=100)
LONGEST_PAUSE = timedelta(seconds=5)
QUIET = timedelta(seconds=1)
"""A record that all servers have within this span never gets a waiting reason written."""


class Facts(Struct, frozen=True, kw_only=True):
    """What a decision needs.

    Attributes:
        order_over: the Order failed or is gone; one that is valid deletes its Challenges itself.
        accepted: this process told the CA to look.
        waited: since the answer was published.
        evidence_limit: after this long the CA is asked without full evidence.
    """

    challenge: Challenge
    order_over: bool
    accepted: bool
    waited: timedelta
    evidence_limit: timedelta


class AddFinalizer(Struct, frozen=True):
    """Make sure that a delete waits for the clean-up."""


class Present(Struct, frozen=True):
    """Publish the answer."""


class Check(Struct, frozen=True):
    """Ask the name servers, then decide by `after_checking`."""


class Accept(Struct, frozen=True):
    """Tell the CA to look; `doubt` says what evidence is missing."""

    doubt: str = ""


class Poll(Struct, frozen=True):
    """Ask the CA what it found."""


class Wait(Struct, frozen=True):
    """Look again at `until`; `reason` is for the status, empty to leave it."""

    until: datetime
    reason: str = ""


class CleanUp(Struct, frozen=True):
    """Take the answer back and let go."""


class Settle(Struct, frozen=True):
    """Say that nothing is going on any more."""


class Idle(Struct, frozen=True):
    """Nothing is to be done before something changes."""

    why: str


Step = AddFinalizer | Present | Check | Accept | Poll | Wait | CleanUp | Settle | Idle


def next_step(facts: Facts, now: datetime) -> Step:
    """Pick the one step that moves a Challenge forward; the first match wins (RFC 8555 §7.5.1)."""
    challenge, status = facts.challenge, facts.challenge.status
    if challenge.metadata.deleting or status.state.final:
        return _ended(facts)
    if FINALIZER not in challenge.metadata.finalizers:
        return AddFinalizer()
    if not status.presented or status.presented_at is None:
        return Present()
    if facts.accepted:
        return Poll()
    if challenge.spec.solver.wait_instead_of_self_check is not None:
        return _wait_instead(challenge, status.presented_at, now)
    return Check()


def _ended(facts: Facts) -> Step:
    challenge, status = facts.challenge, facts.challenge.status
    if not {FINALIZER, LEGACY_FINALIZER} & {*challenge.metadata.finalizers}:
        busy = status.processing or status.presented
        return Settle() if busy and not challenge.metadata.deleting else Idle("it has ended")
    if challenge.metadata.deleting or status.state.failed or facts.order_over:
        return CleanUp()
    return Idle("its Order deletes it when it is done")


def _wait_instead(challenge: Challenge, presented_at: datetime, now: datetime) -> Step:
    try:
        span = parse_duration(challenge.spec.solver.wait_instead_of_self_check or "0s")
    except BadDurationError:
        span = timedelta()
    until = presented_at + span
    if now >= until:
        return Accept()
    left = format_duration(timedelta(seconds=round((until - now).total_seconds())))
    kind = challenge.spec.type
    return Wait(until, f"Waiting {left} before accepting {kind} challenge without self-check")


def after_checking(facts: Facts, message: str, *, complete: bool, now: datetime) -> Accept | Wait:
    """Decide by what the name servers said.

    A check that cannot succeed (split horizon, an intercepted port 53) is bounded: the CA, whose
    view counts, is asked once anyway.

    Args:
        facts: as for `next_step`.
        message: what the servers said, one sentence.
        complete: whether all of them have the answer.
        now: this moment.
    """
    if complete:
        return Accept()
    if facts.waited >= facts.evidence_limit:
        return Accept(f"asked the CA without full evidence: {message}")
    left = facts.evidence_limit - facts.waited
    pause = min(max(facts.waited / 2, FIRST_LOOK), LONGEST_PAUSE, left)
    kind = facts.challenge.spec.type
    reason = f"Waiting for {kind} challenge propagation: {message}" if facts.waited > QUIET else ""
    return Wait(now + pause, reason)


# Trust (design §8).


def expected_spec(
    challenge: Challenge, order: Order, solvers: Sequence[ACMEChallengeSolver]
) -> ChallengeSpec | None:
    """Derive anew what a Challenge must say, its answer left out; None where nothing wants it."""
    for authorization in order.status.authorizations:
        if authorization.url != challenge.spec.authorization_url:
            continue
        choice = choose_solver(authorization, solvers, order.metadata.labels)
        if choice.solver is None:
            return None
        return wanted_challenge(order, authorization, choice).spec
    return None


# Statuses.


def presented(status: ChallengeStatus, now: datetime) -> ChallengeStatus:
    """Return the status after the answer was published."""
    return replace(
        status,
        processing=True,
        presented=True,
        presented_at=whole_seconds(now),
        state=State.PENDING,
        reason="",
    )


def ended(status: ChallengeStatus, state: State, reason: str) -> ChallengeStatus:
    """Return the status of a proof that came to its end."""
    return replace(status, state=state, reason=reason)


def settled(status: ChallengeStatus) -> ChallengeStatus:
    """Return the status after the clean-up; presentedAt stays."""
    return replace(status, processing=False, presented=False)


def retry_at(created: datetime | None, now: datetime) -> datetime:
    """Return when to try again what only a person, or time, can mend: ever more rarely.

    Needs no memory: the pause grows with the age, from 5 s to 30 min (compat-spec 9.5).
    """
    age = now - created if created is not None else timedelta()
    return now + min(max(age / 2, timedelta(seconds=5)), timedelta(minutes=30))
