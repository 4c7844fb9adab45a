"""One Certificate's chain, object by object, in the order of `cmctl status certificate`."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from msgspec import Struct

from certwright.api.certificate import Certificate
from certwright.api.core import Event
from certwright.api.meta import Condition, Resource
from certwright.api.order import Challenge, Order
from certwright.api.secret import SecretSummary
from certwright.cli.output import table
from certwright.policy.explain import explain
from certwright.policy.explain_text import render, rough
from certwright.policy.explanation import Chain, Explanation
from certwright.store.protocol import Store


class Told(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One event."""

    type: str
    reason: str
    source: str
    message: str
    last: datetime | None = None


class Described(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One object with its state: what it says of itself, and what was told of it."""

    kind: str
    name: str
    namespace: str = ""
    facts: dict[str, str] = {}
    conditions: tuple[Condition, ...] = ()
    events: tuple[Told, ...] = ()


class Description(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A chain; what is missing is None or empty."""

    certificate: Described
    dns_names: tuple[str, ...]
    explanation: Explanation
    issuer: Described | None = None
    secret: Described | None = None
    request: Described | None = None
    order: Described | None = None
    challenges: tuple[Described, ...] = ()
    is_acme: bool = False
    issuer_kind: str = ""
    issuer_name: str = ""
    secret_name: str = ""
    not_before: datetime | None = None
    not_after: datetime | None = None
    renewal_time: datetime | None = None


async def describe(store: Store, chain: Chain, now: datetime) -> Description:
    """Gather what is shown of a chain."""
    certificate = chain.seen.certificate
    events = await _events(store, certificate.metadata.namespace)
    link, status, spec = chain.link, certificate.status, certificate.spec
    order = link.order if link is not None else None
    issuer = chain.issuer
    if issuer is not None and not issuer.metadata.namespace:
        events |= await _events(store, "default")  # where events of cluster-wide objects are
    return Description(
        certificate=_certificate(certificate, events),
        dns_names=spec.dns_names,
        explanation=explain(chain, now),
        issuer=_conditioned(type(issuer).__name__, issuer, events) if issuer is not None else None,
        secret=_secret(chain.seen.secret, events) if chain.seen.secret is not None else None,
        request=_conditioned("CertificateRequest", link.attempt.request, events)
        if link is not None
        else None,
        order=_order(order, events) if order is not None else None,
        challenges=tuple(_challenge(one, events) for one in link.challenges) if link else (),
        is_acme=issuer is not None and issuer.spec.acme is not None,
        issuer_kind=spec.issuer_ref.effective_kind,
        issuer_name=spec.issuer_ref.name,
        secret_name=spec.secret_name,
        not_before=status.not_before,
        not_after=status.not_after,
        renewal_time=status.renewal_time,
    )


async def _events(store: Store, namespace: str) -> dict[str, list[Event]]:
    found: dict[str, list[Event]] = {}
    for event in (await store.list(Event, namespace=namespace)).items:
        found.setdefault(event.involved_object.uid, []).append(event)
    return found


def _told(resource: Resource, events: dict[str, list[Event]]) -> tuple[Told, ...]:
    found = events.get(resource.metadata.uid, [])
    found.sort(key=lambda one: int(one.metadata.resource_version or 0))
    return tuple(
        Told(
            type=one.type,
            reason=one.reason,
            source=one.source.component or one.reporting_component,
            message=one.message,
            last=one.last_timestamp,
        )
        for one in found
    )


def _certificate(certificate: Certificate, events: dict[str, list[Event]]) -> Described:
    created = certificate.metadata.creation_timestamp
    return Described(
        kind="Certificate",
        name=certificate.metadata.name,
        namespace=certificate.metadata.namespace,
        facts={"Created at": _moment(created)},
        conditions=certificate.status.conditions,
        events=_told(certificate, events),
    )


def _conditioned(kind: str, resource: Resource, events: dict[str, list[Event]]) -> Described:
    conditions: tuple[Condition, ...] = getattr(resource, "status").conditions  # noqa: B009  # not every kind has one
    return Described(
        kind=kind,
        name=resource.metadata.name,
        namespace=resource.metadata.namespace,
        conditions=conditions,
        events=_told(resource, events),
    )


def _secret(secret: SecretSummary, events: dict[str, list[Event]]) -> Described:
    found, key = secret.certificate, secret.key_facts
    facts = {"Error": secret.certificate_error or secret.key_error}
    if found is not None:
        facts = {
            "Issuer Common Name": found.issuer_common_name,
            "Public Key Algorithm": f"{key.algorithm} {key.size or ''}".strip() if key else "",
            "Subject Key ID": _hex(found.subject_key_id),
            "Authority Key ID": _hex(found.authority_key_id),
            "Serial Number": f"{found.serial:x}",
            **facts,
        }
    return Described(
        kind="Secret",
        name=secret.metadata.name,
        namespace=secret.metadata.namespace,
        facts={name: text for name, text in facts.items() if text},
        events=_told(secret, events),
    )


def _order(order: Order, events: dict[str, list[Event]]) -> Described:
    status = order.status
    facts = {"State": f"{status.state or 'new'}, Reason: {status.reason}"}
    for number, one in enumerate(status.authorizations):
        name = f"*.{one.identifier}" if one.wildcard else one.identifier
        facts[f"Authorization {number}"] = f"{name}, Initial State: {one.initial_state or ''}"
    if status.failure_time is not None:
        facts["FailureTime"] = _moment(status.failure_time)
    return Described(
        kind="Order",
        name=order.metadata.name,
        namespace=order.metadata.namespace,
        facts=facts,
        events=_told(order, events),
    )


def _challenge(challenge: Challenge, events: dict[str, list[Event]]) -> Described:
    spec, status = challenge.spec, challenge.status
    return Described(
        kind="Challenge",
        name=challenge.metadata.name,
        namespace=challenge.metadata.namespace,
        facts={
            "Name": challenge.metadata.name,
            "Type": str(spec.type),
            "Token": spec.token,
            "Key": spec.key,
            "State": str(status.state),
            "Reason": status.reason,
            "Processing": str(status.processing).lower(),
            "Presented": str(status.presented).lower(),
        },
        events=_told(challenge, events),
    )


# Lines.


def certificate_lines(shown: Description, now: datetime) -> Iterator[str]:
    """Write a chain for people; labels and order are cmctl's (compat-spec 8)."""
    certificate = shown.certificate
    yield f"Name: {certificate.name}"
    yield f"Namespace: {certificate.namespace}"
    yield from _facts(certificate, "")
    yield from _conditions(certificate, "")
    yield "DNS Names:"
    yield from (f"- {name}" for name in shown.dns_names)
    yield from _event_lines(certificate, "", now)
    yield from _issuer_lines(shown, now)
    yield from _secret_lines(shown, now)
    yield f"Not Before: {_moment(shown.not_before)}"
    yield f"Not After: {_moment(shown.not_after)}"
    yield f"Renewal Time: {_moment(shown.renewal_time)}"
    yield from _request_lines(shown, now)
    if shown.is_acme:
        yield from _acme_lines(shown, now)
    yield "Why:"
    yield from (f"  {line}" for line in render(shown.explanation, now))


def _issuer_lines(shown: Description, now: datetime) -> Iterator[str]:
    if shown.issuer is None:
        yield f"Issuer: {shown.issuer_kind} {shown.issuer_name} not found"
        return
    yield "Issuer:"
    yield f"  Name: {shown.issuer.name}"
    yield f"  Kind: {shown.issuer.kind}"
    yield from _conditions(shown.issuer, "  ")
    yield from _event_lines(shown.issuer, "  ", now)


def _secret_lines(shown: Description, now: datetime) -> Iterator[str]:
    if shown.secret is None:
        yield f"Secret: {shown.secret_name} not found"
        return
    yield "Secret:"
    yield f"  Name: {shown.secret.name}"
    yield from _facts(shown.secret, "  ")
    yield from _event_lines(shown.secret, "  ", now)


def _request_lines(shown: Description, now: datetime) -> Iterator[str]:
    if shown.request is None:
        yield "No CertificateRequest found for this Certificate"
        return
    yield "CertificateRequest:"
    yield f"  Name: {shown.request.name}"
    yield f"  Namespace: {shown.request.namespace}"
    yield from _conditions(shown.request, "  ")
    yield from _event_lines(shown.request, "  ", now)


def _acme_lines(shown: Description, now: datetime) -> Iterator[str]:
    if shown.order is None:
        yield "No Order found for this Certificate"
    else:
        yield "Order:"
        yield f"  Name: {shown.order.name}"
        yield from _facts(shown.order, "  ")
        yield from _event_lines(shown.order, "  ", now)
    if not shown.challenges:
        yield "No Challenges found for this Certificate"
        return
    yield "Challenges:"
    for one in shown.challenges:
        yield "- " + ", ".join(f"{name}: {text}" for name, text in one.facts.items())


def _facts(one: Described, indent: str) -> Iterable[str]:
    return (f"{indent}{name}: {text}" for name, text in one.facts.items())


def _conditions(one: Described, indent: str) -> Iterator[str]:
    yield f"{indent}Conditions:"
    if not one.conditions:
        yield f"{indent}  No Conditions set"
    for condition in one.conditions:
        yield (
            f"{indent}  {condition.type}: {condition.status}, Reason: {condition.reason}, "
            f"Message: {condition.message}"
        )


def _event_lines(one: Described, indent: str, now: datetime) -> Iterator[str]:
    if not one.events:
        yield f"{indent}Events:  <none>"
        return
    yield f"{indent}Events:"
    rows = [("Type", "Reason", "Age", "From", "Message")]
    for event in one.events:
        age = rough(now - event.last) if event.last is not None and event.last < now else "0s"
        rows.append((event.type, event.reason, age, event.source, event.message))
    yield from (f"{indent}  {line}" for line in table(rows))


def _moment(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}" if moment is not None else "<none>"


def _hex(octets: bytes | None) -> str:
    return octets.hex() if octets is not None else ""
