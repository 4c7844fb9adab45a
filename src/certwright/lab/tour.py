"""From observations to the lines of the tour; pure.

A round begins when an Ingress comes or changes, or when a Certificate is issued again, and ends
with the page. Each observation adds no line, one, or several; `Progress` is all that is remembered.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from certwright.api.certificate import Certificate
from certwright.api.conditions import find_condition, is_true
from certwright.api.core import Ingress
from certwright.api.issuer import ClusterIssuer
from certwright.api.meta import Condition, ConditionStatus, Resource
from certwright.api.order import Challenge, Order, State
from certwright.api.request import CertificateRequest
from certwright.api.secret import SecretSummary
from certwright.lab.seen import MessageSeen, PageSeen, ResourceSeen, Seen, serial_text


class Step(StrEnum):
    """The stations from Ingress to page, in their order, and the issuer's own."""

    ISSUER = "Issuer"
    INGRESS = "Ingress"
    CERTIFICATE = "Certificate"
    REQUEST = "CertificateRequest"
    ORDER = "Order"
    CHALLENGE = "Challenge"
    RECORD = "TXT record"
    LOOKUP = "CA's look-up"
    SECRET = "Secret"  # noqa: S105  # the kind
    PAGE = "HTTPS page"


class Mood(StrEnum):
    """How a line is to be taken."""

    NEWS = "news"
    GOOD = "good"
    BAD = "bad"


class Line(Struct, frozen=True):
    """One line of the tour; `seconds` since its round began."""

    step: Step
    mood: Mood
    text: str
    seconds: float


class Progress(Struct, frozen=True, kw_only=True):
    """How far the tour is.

    Attributes:
        began: when the round began, monotonic seconds; None before the first.
        number: rounds so far, this one included.
        open: the page of this round has not been seen yet.
        ready: the Certificate says so.
        told: what need not be told again in this round.
        lines: those of this round.
    """

    began: float | None = None
    number: int = 0
    open: bool = False
    ready: bool = False
    told: frozenset[str] = frozenset()
    lines: tuple[Line, ...] = ()

    @property
    def last_step(self) -> Step:
        """The station furthest on the way that was reached in this round."""
        order = list(Step)
        return max((line.step for line in self.lines), key=order.index, default=Step.INGRESS)

    @property
    def is_stored(self) -> bool:
        """A certificate came into its Secret in this round."""
        return any(line.step is Step.SECRET for line in self.lines)

    @property
    def trouble(self) -> Line | None:
        """The last line, if it is a bad one."""
        last = self.lines[-1] if self.lines else None
        return last if last is not None and last.mood is Mood.BAD else None


Told = tuple[Step, Mood, str]


def advance(progress: Progress, seen: Seen) -> tuple[Progress, tuple[Line, ...]]:
    """Take in one observation; returns the new progress and the lines to show now."""
    if _begins_round(progress, seen):
        progress = Progress(began=seen.at, number=progress.number + 1, open=True)
    began = seen.at if progress.began is None else progress.began
    fresh, told = [], set(progress.told)
    for step, mood, text in _tell(seen):
        if f"{step}{text}" not in told:
            told.add(f"{step}{text}")
            fresh.append(Line(step, mood, text, max(0.0, seen.at - began)))
    # a visit that was under way when the round began tells of the certificate before
    closed = isinstance(seen, PageSeen) and seen.is_good and progress.is_stored
    progress = replace(
        progress,
        told=frozenset(told),
        lines=(*progress.lines, *fresh),
        open=progress.open and not closed,
        ready=_is_ready(progress, seen),
    )
    return progress, tuple(fresh)


def _begins_round(progress: Progress, seen: Seen) -> bool:
    if not isinstance(seen, ResourceSeen):
        return False
    before, after = seen.change.before, seen.change.after
    if isinstance(after, Ingress):
        return before is None or _wishes(before) != _wishes(after)
    if (
        isinstance(after, Certificate)
        and before is not None
        and (progress.is_stored or not progress.open)
    ):
        return not is_true(before.status.conditions, "Issuing") and is_true(
            after.status.conditions, "Issuing"
        )
    return False


def _is_ready(progress: Progress, seen: Seen) -> bool:
    if isinstance(seen, ResourceSeen) and isinstance(seen.change.after, Certificate):
        return _is_settled(seen.change.after)
    return progress.ready


def _tell(seen: Seen) -> Iterator[Told]:
    match seen:
        case ResourceSeen():
            before, after = seen.change.before, seen.change.after
            kind = type(seen.change.resource)
            tell = None if seen.was_there and kind not in _TOLD_AGAIN else _TELLERS.get(kind)
            if tell is not None and after is not None:
                yield from tell(before, after)
            elif isinstance(before, Ingress):
                yield Step.INGRESS, Mood.NEWS, f"{before.key} is gone"
        case MessageSeen():
            yield from _tell_message(seen)
        case PageSeen():
            yield _tell_page(seen)


def _tell_ingress(before: Ingress | None, after: Ingress) -> Iterator[Told]:
    if before is not None and _wishes(before) == _wishes(after):
        return
    hosts = ", ".join(host for tls in after.spec.tls for host in tls.hosts)
    issuer = after.metadata.annotations.get("cert-manager.io/cluster-issuer", "no issuer")
    verb = "applied" if before is None else "changed"
    yield Step.INGRESS, Mood.NEWS, f"{after.key} {verb}: {hosts} by {issuer}"


def _tell_certificate(before: Certificate | None, after: Certificate) -> Iterator[Told]:
    now = after.status.conditions
    was = () if before is None else before.status.conditions
    if before is None:
        yield Step.CERTIFICATE, Mood.NEWS, f"{after.key} created: {', '.join(after.spec.dns_names)}"
    elif before.spec != after.spec:
        yield Step.CERTIFICATE, Mood.NEWS, f"{after.key} changed: {_names(after)}"
    issuing = find_condition(now, "Issuing")
    if is_true(now, "Issuing") and not is_true(was, "Issuing") and issuing is not None:
        yield Step.CERTIFICATE, Mood.NEWS, f"to be issued, {issuing.reason}: {issuing.message}"
    failed = after.status.last_failure_time
    earlier = before.status.last_failure_time if before is not None else None
    if failed is not None and failed != earlier and issuing is not None:
        yield Step.CERTIFICATE, Mood.BAD, f"{issuing.reason}: {issuing.message}"
    if _is_settled(after) and not (before is not None and _is_settled(before)):
        until, renewal = after.status.not_after, after.status.renewal_time
        yield Step.CERTIFICATE, Mood.GOOD, f"ready until {_utc(until)}, renews at {_utc(renewal)}"


def _tell_request(before: CertificateRequest | None, after: CertificateRequest) -> Iterator[Told]:
    if before is None:
        yield Step.REQUEST, Mood.NEWS, f"{after.key} created"
    ready = find_condition(after.status.conditions, "Ready")
    if after.status.certificate and not (before is not None and before.status.certificate):
        yield Step.REQUEST, Mood.NEWS, f"{after.key} signed"
    elif ready is not None and ready.reason in {"Failed", "Denied"}:
        yield Step.REQUEST, Mood.BAD, f"{ready.reason}: {ready.message}"


def _tell_order(before: Order | None, after: Order) -> Iterator[Told]:
    if before is None:
        yield Step.ORDER, Mood.NEWS, f"{after.key} created"
    state = after.status.state
    if before is None or before.status.state is not state:
        if state.failed:
            yield Step.ORDER, Mood.BAD, f"{state.value}: {after.status.reason}"
        elif state in {State.READY, State.VALID}:
            yield Step.ORDER, Mood.NEWS, f"{after.key} {state.value}"


def _tell_challenge(before: Challenge | None, after: Challenge) -> Iterator[Told]:
    name = f"{'*.' if after.spec.wildcard else ''}{after.spec.dns_name}"
    if before is None:
        yield Step.CHALLENGE, Mood.NEWS, f"{after.spec.type.value} for {name}"
    was, now = (None if before is None else before.status), after.status
    if now.state is State.VALID and (was is None or was.state is not State.VALID):
        yield Step.CHALLENGE, Mood.NEWS, f"{name} proven"
    elif now.state.failed:
        yield Step.CHALLENGE, Mood.BAD, f"{name} {now.state.value}: {now.reason}"
    elif now.reason and (was is None or was.reason != now.reason) and not now.presented:
        yield Step.CHALLENGE, Mood.BAD, f"{name}: {now.reason}"


def _tell_secret(before: SecretSummary | None, after: SecretSummary) -> Iterator[Told]:
    now, was = after.certificate, None if before is None else before.certificate
    if now is not None and (was is None or was.serial != now.serial):
        yield Step.SECRET, Mood.NEWS, f"{after.key} holds certificate {serial_text(now.serial)}"


def _tell_issuer(before: ClusterIssuer | None, after: ClusterIssuer) -> Iterator[Told]:
    was = None if before is None else find_condition(before.status.conditions, "Ready")
    now = find_condition(after.status.conditions, "Ready")
    if now is None or (was is not None and _gist(was) == _gist(now)):
        return
    mood = Mood.NEWS if now.status is ConditionStatus.TRUE else Mood.BAD
    yield Step.ISSUER, mood, ": ".join(filter(None, (f"{after.key} {now.reason}", now.message)))


def _tell_message(seen: MessageSeen) -> Iterator[Told]:
    message = seen.message
    if seen.by_ca:
        if message.rdtype == "TXT":
            yield Step.LOOKUP, Mood.NEWS, f"the CA asks for {message.name} TXT: {message.rcode}"
    elif message.is_update and message.rcode != "NOERROR":
        yield Step.RECORD, Mood.BAD, f"the name server refuses the update: {message.rcode}"
    elif message.is_update:
        for change in message.changes:
            yield Step.RECORD, Mood.NEWS, change


def _tell_page(seen: PageSeen) -> Told:
    if seen.problem:
        return Step.PAGE, Mood.BAD, f"{seen.url}: {seen.problem}"
    served = serial_text(seen.served_serial)
    if not seen.is_good:
        text = f"serves certificate {served}, the Secret holds {serial_text(seen.stored_serial)}"
        return Step.PAGE, Mood.BAD, f"{seen.url} {text}"
    return Step.PAGE, Mood.GOOD, f"{seen.url} over verified TLS, with certificate {served}"


def _is_settled(certificate: Certificate) -> bool:
    conditions = certificate.status.conditions
    return is_true(conditions, "Ready") and not is_true(conditions, "Issuing")


def _utc(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment is not None else "an unknown time"


def _wishes(ingress: Ingress) -> tuple[object, ...]:
    return (ingress.spec, ingress.metadata.annotations)


def _names(certificate: Certificate) -> str:
    names = ", ".join(certificate.spec.dns_names)
    return f"{names} by {certificate.spec.issuer_ref.name}"


def _gist(condition: Condition) -> tuple[str, str, str]:
    return (condition.status, condition.reason, condition.message)


_TELLERS: Mapping[type[Resource], Callable[[Any, Any], Iterator[Told]]] = {
    Ingress: _tell_ingress,
    Certificate: _tell_certificate,
    CertificateRequest: _tell_request,
    Order: _tell_order,
    Challenge: _tell_challenge,
    SecretSummary: _tell_secret,
    ClusterIssuer: _tell_issuer,
}
_TOLD_AGAIN = frozenset({Ingress, SecretSummary})
"""Kinds that are told also when they are older than this run of the lab."""
