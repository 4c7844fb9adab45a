"""What is done for an Order, one function per step: at the CA and in the store.

Every function is one action and at most one status write: placing an order and reading its
authorizations belong together, so do finalizing and fetching where the CA is quick.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from certwright.acme import order as acme_order
from certwright.acme.authorization import Authorization
from certwright.acme.certificate import choose_chain
from certwright.acme.identifier import Identifier
from certwright.acme.polling import next_wait
from certwright.acme.problem import AcmeProblem
from certwright.api.annotations import FAILURE_CLASS
from certwright.api.duration import parse_duration
from certwright.api.issuer import ACMEIssuer
from certwright.api.meta import Key
from certwright.api.order import ACMEAuthorization, ACMEChallenge, Order, OrderStatus, State
from certwright.base.clock import whole_seconds
from certwright.base.evidence import printable
from certwright.base.problem import Cause, Problem, Retryable, Stalled
from certwright.base.reason import Reason
from certwright.controllers.failure import CLEARED, Annotations, carried, described, failure
from certwright.controllers.world import World
from certwright.issuers.accounts import AcmeClient
from certwright.pki.csr import parse_csr
from certwright.policy.order import (
    Ask,
    Create,
    Delete,
    Download,
    Facts,
    Fail,
    Finalize,
    LookAgain,
    Place,
    ReadAuthorizations,
    after_asking,
    build_challenge,
    dns_identifiers,
    ip_identifiers,
)
from certwright.runtime.outcome import DONE, Outcome, normal
from certwright.runtime.view import View
from certwright.store.protocol import AlreadyExists

SPEAKER = "cert-manager-orders"
_SHORT = "shortlived"
_SPARE = 8
"""Authorizations that a CA may want beside two for each name."""
COMPLETED = "Order completed successfully"


class Work(Struct, frozen=True, kw_only=True):
    """What a step works with; `looks` and `placed` are `order.Means`'."""

    world: World
    view: View
    client: AcmeClient
    acme: ACMEIssuer
    facts: Facts
    looks: Counter[Key]
    placed: dict[str, OrderStatus]

    @property
    def order(self) -> Order:
        """The Order."""
        return self.facts.order

    @property
    def now(self) -> datetime:
        """This moment."""
        return self.world.clock.now()


async def act(work: Work, step: Place | ReadAuthorizations | Ask | Create) -> Outcome:
    """Do one step."""
    match step:
        case Place():
            return await _place(work)
        case ReadAuthorizations():
            return await _read_authorizations(work)
        case Create():
            return await _create(work, step)
        case Ask():
            return await _ask(work)
        case _:
            assert_never(step)


async def _place(work: Work) -> Outcome:
    """Place the order (compat-spec 6.3); ending here before the write costs one extra order."""
    uid = work.order.metadata.uid
    if uid in work.placed:
        return _outcome(work.placed[uid])
    spec = work.order.spec
    identifiers = (
        *(Identifier.dns(name) for name in dns_identifiers(spec)),
        *(Identifier.ip(address) for address in ip_identifiers(spec)),
    )
    not_after = None
    if spec.duration is not None:
        not_after = whole_seconds(work.now) + parse_duration(spec.duration)
    try:
        profile = spec.profile or await _profile_for(work, identifiers)
        remote = await work.client.new_order(
            identifiers, not_after=not_after, profile=profile, replaces=spec.replaces
        )
        _check_count(len(remote.authorizations), len(identifiers))
    except (AcmeProblem, Stalled) as problem:
        return _refused(work, problem, "Failed to create Order")
    placed = OrderStatus(
        url=remote.url,
        finalize_url=remote.finalize,
        authorizations=tuple(ACMEAuthorization(url=url) for url in remote.authorizations),
        state=_state(remote.status),
    )
    work.placed[uid] = placed
    try:
        return _outcome(await _with_authorizations(work, placed))
    except Problem:
        # the order's URL must not be lost; the next step reads what is missing
        return _outcome(placed)


def _check_count(authorizations: int, names: int) -> None:
    """Refuse an order that would publish records without end.

    The CA's policy says how many proofs it wants (RFC 8555 §7.1.3); known CAs want one for a name.

    Raises:
        Stalled: there are too many.
    """
    if authorizations > 2 * names + _SPARE:
        raise Stalled(
            Reason.INVALID_ORDER,
            f"the CA wants {authorizations} authorizations for {names} names",
            remedy="Check that the server's URL is that of a CA that you trust.",
        )


async def _profile_for(work: Work, identifiers: Sequence[Identifier]) -> str:
    """Choose what an IP address needs where nobody chose: CAs sign those for days only."""
    if all(one.type == "dns" for one in identifiers):
        return ""
    profiles = (await work.client.directory()).meta.profiles
    return _SHORT if _SHORT in profiles else ""


async def _read_authorizations(work: Work) -> Outcome:
    try:
        return _outcome(await _with_authorizations(work, work.order.status))
    except AcmeProblem as problem:
        return _refused(work, problem, "Failed to fetch authorization")


async def _with_authorizations(work: Work, status: OrderStatus) -> OrderStatus:
    unread = [one.url for one in status.authorizations if not one.identifier]
    answers = await asyncio.gather(
        *(work.client.authorization(url) for url in unread), return_exceptions=True
    )
    read: dict[str, ACMEAuthorization] = {}
    for url, answer in zip(unread, answers, strict=True):
        if isinstance(answer, BaseException):
            raise answer
        read[url] = _authorization(url, answer)
    filled = tuple(read.get(one.url, one) for one in status.authorizations)
    return replace(status, authorizations=filled)


def _authorization(url: str, remote: Authorization) -> ACMEAuthorization:
    return ACMEAuthorization(
        url=url,
        identifier=remote.identifier.value,
        wildcard=remote.wildcard,
        initial_state=_state(remote.status),
        challenges=tuple(
            ACMEChallenge(url=one.url, token=one.token, type=one.type)
            for one in remote.challenges
            if one.url and one.token
        ),
    )


async def _create(work: Work, step: Create) -> Outcome:
    """Make all missing Challenges, so that apex and wildcard are proven in one pass."""
    events = []
    for wanted in step.wanted:
        key = work.client.dns01_value(wanted.spec.token)
        challenge = build_challenge(work.order, replace(wanted.spec, key=key), wanted.name)
        try:
            await work.view.create(challenge, manager=SPEAKER)
        except AlreadyExists as error:
            raise Retryable(
                Reason.NOT_OURS,
                f"the Challenge {challenge.key} is there and is not owned by this Order",
                cause=Cause.TRANSPORT,
            ) from error
        text = f'Created Challenge resource "{wanted.name}" for domain "{wanted.spec.dns_name}"'
        events.append(normal(SPEAKER, Reason.CREATED, text))
    work.looks.pop(work.order.key, None)
    return Outcome(events=tuple(events))


async def delete_challenges(view: View, step: Delete) -> Outcome:
    """Delete Challenges; their finalizers see to the clean-up."""
    for challenge in step.challenges:
        if not challenge.metadata.deleting:
            await view.delete(challenge)
    return DONE


async def _ask(work: Work) -> Outcome:
    """Read the order at the CA and do what its state allows."""
    try:
        remote = await work.client.order(work.order.status.url)
    except AcmeProblem as problem:
        return _refused(work, problem, "Failed to retrieve Order resource")
    looks = work.looks[work.order.key]
    match answer := after_asking(work.facts, _state(remote.status), looks):
        case Finalize():
            return await _finalize(work, remote)
        case Download():
            return await _download(work, remote)
        case Fail():
            return _fail(work, remote, answer)
        case LookAgain():
            return _look_again(work, remote)
        case _:
            assert_never(answer)


async def _finalize(work: Work, remote: acme_order.Order) -> Outcome:
    """Send the CSR once; `Client.finalize` reads the order where no answer comes (design §7)."""
    try:
        seen = await work.client.finalize(remote, parse_csr(work.order.spec.request).der)
    except AcmeProblem as problem:
        return _refused(work, problem, "Failed to finalize Order")
    work.looks.pop(work.order.key, None)
    match _state(seen.status):
        case State.VALID:
            return await _download(work, seen)
        case State.INVALID:
            return _fail(work, seen, Fail(State.INVALID))
        case _:
            return _look_again(work, seen)


async def _download(work: Work, remote: acme_order.Order) -> Outcome:
    """Fetch the chain and settle the Order: one write from pending to valid."""
    preferred = work.acme.preferred_chain
    try:
        bundles = await work.client.certificate(remote.certificate, alternates=bool(preferred))
    except AcmeProblem as problem:
        return _refused(work, problem, "Failed to retrieve signed certificate")
    work.looks.pop(work.order.key, None)
    status = replace(
        work.order.status,
        finalize_url=remote.finalize,
        state=State.VALID,
        certificate=choose_chain(bundles, preferred),
        reason="",
    )
    return Outcome(
        status=status,
        manager=SPEAKER,
        annotations=CLEARED,
        events=(normal(SPEAKER, Reason.COMPLETE, COMPLETED),),
    )


def _look_again(work: Work, remote: acme_order.Order) -> Outcome:
    look = work.looks[work.order.key]
    work.looks[work.order.key] = look + 1
    wait = next_wait(
        look, now=work.now, retry_at=remote.retry_at, jitter=work.world.random.random()
    )
    return Outcome(again_at=work.now + wait)


def _refused(work: Work, problem: Problem, what: str) -> Outcome:
    """End the Order where the CA will say the same again; else let the back-off decide.

    cert-manager ends it on HTTP 429 too; here that only names a time (design §7).
    """
    if isinstance(problem, AcmeProblem) and (problem.is_bad_nonce() or not problem.is_refusal()):
        raise problem
    told = {**described(problem)}
    return _end(work, Fail(State.ERRORED, f"{what}: {problem.message}"), told)


def _fail(work: Work, remote: acme_order.Order, step: Fail) -> Outcome:
    """End the Order with what its Challenges saw, or else with what the CA says of it."""
    failed = [one for one in work.facts.challenges if one.status.state.failed]
    told = [carried(one) for one in failed if FAILURE_CLASS in one.metadata.annotations]
    if told:
        reasons = "; ".join(f"{one.spec.dns_name}: {one.status.reason}" for one in failed)
        return _end(work, Fail(step.state, step.reason or reasons), told[0])
    cause = Cause.VALIDATION if failed else Cause.POLICY
    reason = step.reason or (str(remote.error) if remote.error is not None else "")
    if not reason and remote.expires is not None and remote.expires <= work.now:
        # RFC 8555 §7.1.6: what is not done by then becomes invalid; nobody refused anything
        cause, reason = Cause.VALIDATION, f"it expired at {remote.expires:%Y-%m-%dT%H:%M:%SZ}"
    return _end(work, Fail(step.state, reason), failure(cause, document=remote.error))


def _end(work: Work, step: Fail, told: Annotations) -> Outcome:
    work.looks.pop(work.order.key, None)
    status = replace(
        work.order.status,
        state=step.state,
        reason=printable(step.reason),
        failure_time=whole_seconds(work.now),
    )
    return Outcome(status=status, manager=SPEAKER, annotations=told)


def _outcome(status: OrderStatus) -> Outcome:
    return Outcome(status=status, manager=SPEAKER, annotations=CLEARED)


def _state(word: str) -> State:
    """Return the CA's word; `deactivated`, `revoked` and unknown ones are `UNKNOWN`."""
    return State(word) if word in _WORDS else State.UNKNOWN


_WORDS: Sequence[str] = tuple(State)
