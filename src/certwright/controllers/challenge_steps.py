"""What is done for a Challenge, one function per step: at the DNS provider and at the CA."""

from datetime import datetime, timedelta
from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from certwright.acme.authorization import Authorization
from certwright.acme.polling import next_wait
from certwright.acme.problem import AcmeProblem
from certwright.api.meta import Key
from certwright.api.order import FINALIZER, LEGACY_FINALIZER, Challenge, State
from certwright.base.evidence import Evidence, printable
from certwright.base.problem import Cause, Problem, Stalled
from certwright.base.reason import Reason
from certwright.controllers.failure import CLEARED, described, failure
from certwright.controllers.world import World
from certwright.dns.name import BadName, challenge_name
from certwright.issuers.accounts import AcmeClient
from certwright.policy.challenge import (
    ACCEPT_PREFIX,
    FAILED_PREFIX,
    VERIFIED,
    Accept,
    AddFinalizer,
    Check,
    Facts,
    Poll,
    Present,
    Wait,
    after_checking,
    ended,
    presented,
)
from certwright.runtime.outcome import Outcome, normal, warning
from certwright.runtime.view import View
from certwright.solvers.protocol import Presentation, Report, Solver

SPEAKER = "cert-manager-challenges"

_PRESENT_AGAIN = timedelta(seconds=20)
_STARTED = "Challenge scheduled for processing"


class Proof:
    """What this process remembers of one Challenge; lost without harm.

    Attributes:
        presented_at: when it was published, to the microsecond.
        renewed_at: when it was published last.
        accepted: the CA was told to look.
        looks: polls since then.
        evidence: what the name servers said last.
    """

    def __init__(self) -> None:
        self.presented_at: datetime | None = None
        self.renewed_at: datetime | None = None
        self.accepted = False
        self.looks = 0
        self.evidence: tuple[Evidence, ...] = ()

    def waited(self, challenge: Challenge, now: datetime) -> timedelta:
        """Return the span since the answer was published."""
        since = self.presented_at or challenge.status.presented_at
        return now - since if since is not None else timedelta()


class Proofs:
    """The proofs under way, by Challenge."""

    def __init__(self) -> None:
        self._known: dict[Key, tuple[str, Proof]] = {}

    def of(self, challenge: Challenge) -> Proof:
        """Return what is known of a Challenge; one that was made anew starts anew."""
        known = self._known.get(challenge.key)
        if known is None or known[0] != challenge.metadata.uid:
            known = self._known[challenge.key] = (challenge.metadata.uid, Proof())
        return known[1]

    def forget(self, key: Key) -> None:
        """Forget one that is over."""
        self._known.pop(key, None)


class Work(Struct, frozen=True, kw_only=True):
    """What a step works with; solver, client and answer were derived anew."""

    world: World
    view: View
    client: AcmeClient
    solver: Solver
    challenge: Challenge
    proof: Proof

    @property
    def now(self) -> datetime:
        """This moment."""
        return self.world.clock.now()


Step = AddFinalizer | Present | Check | Accept | Poll | Wait


async def act(work: Work, step: Step) -> Outcome:
    """Do one step."""
    match step:
        case AddFinalizer():
            return await _add_finalizer(work)
        case Present():
            return await _present(work)
        case Check():
            return await _check(work)
        case Accept():
            return await _accept(work, step)
        case Poll():
            return await _poll(work)
        case Wait():
            return _wait(work, step)
        case _:
            assert_never(step)


def presentation_of(challenge: Challenge, client: AcmeClient) -> Presentation:
    """Return what a solver publishes; the answer is derived from the account key.

    Raises:
        Stalled: with the challenge's label in front, the name is longer than a name can be.
    """
    domain = challenge.spec.dns_name
    try:
        fqdn = challenge_name(domain)
    except BadName as error:
        raise Stalled(
            Reason.INVALID_ORDER,
            f"no TXT record can prove {printable(domain)}: {error}",
            remedy="Ask for a shorter name.",
        ) from error
    return Presentation(
        domain=domain,
        wildcard=challenge.spec.wildcard,
        fqdn=fqdn,
        value=client.dns01_value(challenge.spec.token),
        token=challenge.spec.token,
        key_authorization=client.key_authorization(challenge.spec.token),
    )


async def _add_finalizer(work: Work) -> Outcome:
    """Put our finalizer on, by server-side apply; the one of old versions is replaced."""
    challenge = await work.view.apply(
        Challenge,
        work.challenge.key,
        {
            "apiVersion": "acme.cert-manager.io/v1",
            "kind": "Challenge",
            "metadata": {"finalizers": [FINALIZER]},
        },
        manager=SPEAKER,
    )
    if LEGACY_FINALIZER in challenge.metadata.finalizers:
        kept = [one for one in challenge.metadata.finalizers if one != LEGACY_FINALIZER]
        await work.view.patch(
            challenge,
            {"metadata": {"finalizers": kept}},
            manager=SPEAKER,
            version=challenge.metadata.resource_version,
        )
    return Outcome()


async def _present(work: Work) -> Outcome:
    """Publish the answer."""
    challenge = work.challenge
    await work.solver.present(presentation_of(challenge, work.client))
    now = work.proof.presented_at = work.now
    text = f"Presented challenge using {challenge.spec.type} challenge mechanism"
    return Outcome(
        status=presented(challenge.status, now),
        manager=SPEAKER,
        annotations=CLEARED,
        events=(
            normal(SPEAKER, Reason.STARTED, _STARTED),
            normal(SPEAKER, Reason.PRESENTED, text),
        ),
    )


async def _check(work: Work) -> Outcome:
    """Ask every name server once; accept at once when all have the answer."""
    report = await work.solver.check(presentation_of(work.challenge, work.client))
    work.proof.evidence = report.evidence
    facts = Facts(
        challenge=work.challenge,
        order_over=False,
        accepted=False,
        waited=work.proof.waited(work.challenge, work.now),
        evidence_limit=work.world.options.dns01_evidence_limit,
    )
    message = "" if report.complete else await _doubt(work, report)
    step = after_checking(facts, message, complete=report.complete, now=work.now)
    return await _accept(work, step) if isinstance(step, Accept) else _wait(work, step)


async def _doubt(work: Work, report: Report) -> str:
    """Say who lacks the answer; now and then it is published again, for somebody may remove it."""
    proof, texts = work.proof, [report.message, *map(str, report.evidence)]
    last = proof.renewed_at or proof.presented_at or work.challenge.status.presented_at
    if last is not None and work.now - last >= _PRESENT_AGAIN:
        proof.renewed_at = work.now
        try:
            await work.solver.present(presentation_of(work.challenge, work.client))
        except Problem as problem:
            texts.append(f"publishing it again failed: {problem.message}")
    return "; ".join(texts)


def _wait(work: Work, step: Wait) -> Outcome:
    status = work.challenge.status
    return Outcome(
        status=replace(status, reason=step.reason) if step.reason else None,
        manager=SPEAKER,
        again_at=step.until,
    )


async def _accept(work: Work, step: Accept) -> Outcome:
    """Tell the CA to look; where it refuses, what it thinks of the authorization decides."""
    try:
        await work.client.accept(work.challenge.spec.url)
    except AcmeProblem as problem:
        if problem.is_bad_nonce() or not problem.is_refusal():
            raise
        return await _refused(work, problem)
    work.proof.accepted, work.proof.looks = True, 0
    status = work.challenge.status
    wait = next_wait(0, now=work.now, jitter=work.world.random.random())
    return Outcome(
        status=replace(status, reason=step.doubt) if step.doubt else None,
        manager=SPEAKER,
        again_at=work.now + wait,
    )


async def _refused(work: Work, problem: AcmeProblem) -> Outcome:
    """Accepting was refused: it may have been done before, or the authorization is over."""
    authorization = await work.client.authorization(work.challenge.spec.authorization_url)
    if authorization.status in {State.VALID, State.INVALID}:
        return _judge(work, authorization)
    state = State.EXPIRED if problem.is_type("malformed") else State.ERRORED
    return Outcome(
        status=ended(work.challenge.status, state, f"{ACCEPT_PREFIX}{problem.message}"),
        manager=SPEAKER,
        annotations=described(problem),
        events=(warning(SPEAKER, Reason.FAILED, f"{ACCEPT_PREFIX}{problem.message}"),),
    )


async def _poll(work: Work) -> Outcome:
    """Ask the CA what it found."""
    authorization = await work.client.authorization(work.challenge.spec.authorization_url)
    if authorization.status not in {State.PENDING, State.PROCESSING}:
        return _judge(work, authorization)
    work.proof.looks += 1
    wait = next_wait(
        work.proof.looks,
        now=work.now,
        retry_at=authorization.retry_at,
        jitter=work.world.random.random(),
    )
    return Outcome(again_at=work.now + wait)


def _judge(work: Work, authorization: Authorization) -> Outcome:
    """End the proof as the CA did."""
    challenge = work.challenge
    domain, kind = challenge.spec.dns_name, challenge.spec.type
    if authorization.status == State.VALID:
        return Outcome(
            status=ended(challenge.status, State.VALID, VERIFIED),
            manager=SPEAKER,
            annotations=CLEARED,
            events=(
                normal(
                    SPEAKER,
                    Reason.DOMAIN_VERIFIED,
                    f'Domain "{domain}" verified with "{kind}" validation',
                ),
            ),
        )
    document = next((one.error for one in authorization.challenges if one.error), None)
    said = str(document) if document else f"the authorization is {authorization.status}"
    # RFC 8555 §7.1.6: deactivated, revoked and expired ones can no longer be proven
    state = State.INVALID if authorization.status == State.INVALID else State.EXPIRED
    return Outcome(
        status=ended(challenge.status, state, f"{FAILED_PREFIX}{said}"),
        manager=SPEAKER,
        annotations=failure(Cause.VALIDATION, evidence=work.proof.evidence, document=document),
        events=(
            warning(SPEAKER, Reason.FAILED, f"Accepting challenge authorization failed: {said}"),
        ),
    )
