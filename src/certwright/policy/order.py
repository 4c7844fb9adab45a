"""The life of an Order: placed, its names proven, finalized, fetched (compat-spec 3.15, 6.2-6.4).

::

    new ──place──▶ pending ──Challenges valid──▶ ready ──finalize──▶ processing ──▶ valid ──download
     └───────────────┴──────────────────────────────┴───────────────────┴──▶ invalid, errored

What the CA says is asked for when a decision needs it (`Ask`), not copied into the status at every
turn: `after_asking` then decides, so the way from pending to valid is one write.
"""

import re
from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from certwright.api.conditions import is_true
from certwright.api.issuer import ACMEIssuer
from certwright.api.kinds import owner_reference, to_wire
from certwright.api.meta import ObjectMeta
from certwright.api.order import (
    FINALIZER,
    ACMEAuthorization,
    Challenge,
    ChallengeSpec,
    ChallengeType,
    Order,
    OrderSpec,
    State,
)
from certwright.api.request import APPROVED, CertificateRequest
from certwright.api.solver import ACMEChallengeSolver
from certwright.pki.csr import CsrFacts
from certwright.policy.naming import computed_name, order_name
from certwright.policy.solver import Choice, choose_solver, name_of

_FQDN = re.compile(r"(\*\.)?([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9-]{1,63}")


# From a CertificateRequest to its Order.


def name_problem(csr: CsrFacts) -> str:
    """Say what is wrong with the names of a CSR for ACME; empty where nothing is."""
    name = csr.common_name
    if not name or name in csr.dns or name in csr.ips:
        return ""
    return (
        f"The CSR PEM requests a commonName that is not present in the list of dnsNames or"
        f" ipAddresses. If a commonName is set, ACME requires that the value is also present there:"
        f' "{name}" does not exist in {[*csr.dns, *csr.ips]}'
    )


def build_order(request: CertificateRequest, csr: CsrFacts, acme: ACMEIssuer) -> Order:
    """Return the Order for a request (compat-spec 6.2)."""
    spec = OrderSpec(
        request=request.spec.request,
        issuer_ref=request.spec.issuer_ref,
        common_name=csr.common_name,
        dns_names=csr.dns,
        ip_addresses=csr.ips,
        profile=acme.profile,
        duration=request.spec.duration if acme.enable_duration_feature else None,
    )
    return Order(
        metadata=ObjectMeta(
            name=order_name(request.metadata.name, to_wire(spec)),
            namespace=request.metadata.namespace,
            labels=request.metadata.labels,
            annotations=request.metadata.annotations,
            owner_references=(owner_reference(request),),
        ),
        spec=spec,
    )


def distrust_of_order(order: Order, request: CertificateRequest | None, csr: CsrFacts) -> str:
    """Say why an Order is not one that we made; empty where it is (design §8).

    An Order borrows its issuer's account and credentials, so it must be what an approved request
    asked for. Profile and duration are the issuer's at that time and are not compared.
    """
    controller = order.metadata.controller
    if request is None or controller is None or controller.uid != request.metadata.uid:
        return "it is not owned by a CertificateRequest"
    if not is_true(request.status.conditions, APPROVED):
        return "its CertificateRequest is not approved"
    spec = order.spec
    same = (
        spec.request == request.spec.request
        and spec.issuer_ref == request.spec.issuer_ref
        and spec.common_name == csr.common_name
        and spec.dns_names == csr.dns
        and spec.ip_addresses == csr.ips
    )
    return "" if same else "it asks for something else than its CertificateRequest"


def dns_identifiers(spec: OrderSpec) -> tuple[str, ...]:
    """Return the DNS names to order, sorted, each once (compat-spec 6.3)."""
    names = {*spec.dns_names}
    if _FQDN.fullmatch(spec.common_name) and spec.common_name not in spec.ip_addresses:
        names.add(spec.common_name)
    return tuple(sorted(names))


def ip_identifiers(spec: OrderSpec) -> tuple[str, ...]:
    """Return the IP addresses to order, sorted, each once."""
    return tuple(sorted({*spec.ip_addresses}))


# From an Order to its Challenges.


class Wanted(Struct, frozen=True, kw_only=True):
    """A Challenge that an authorization needs; its answer is not filled in yet."""

    name: str
    spec: ChallengeSpec


def wanted_challenge(order: Order, authorization: ACMEAuthorization, choice: Choice) -> Wanted:
    """Return the Challenge for an authorization and the solver chosen for it."""
    if choice.solver is None or choice.challenge is None:
        raise ValueError("no solver was chosen")
    spec = ChallengeSpec(
        url=choice.challenge.url,
        authorization_url=authorization.url,
        dns_name=authorization.identifier,
        wildcard=bool(authorization.wildcard),
        type=choice.type,
        token=choice.challenge.token,
        key="",
        solver=choice.solver,
        issuer_ref=order.spec.issuer_ref,
    )
    return Wanted(name=computed_name(order.metadata.name, _go_order(spec)), spec=spec)


def build_challenge(order: Order, spec: ChallengeSpec, name: str) -> Challenge:
    """Return the Challenge, its finalizer on it from the first moment."""
    return Challenge(
        metadata=ObjectMeta(
            name=name,
            namespace=order.metadata.namespace,
            finalizers=(FINALIZER,),
            owner_references=(owner_reference(order),),
        ),
        spec=spec,
    )


def _go_order(spec: ChallengeSpec) -> dict[str, Any]:
    wire = to_wire(spec)
    fields = ("url", "authorizationURL", "dnsName", "wildcard", "type", "token", "key")
    first = {field: wire.get(field, False) for field in fields}
    return {**first, "solver": wire["solver"], "issuerRef": wire["issuerRef"]}


# Decisions.


class Facts(Struct, frozen=True, kw_only=True):
    """What a decision needs: the Order, its issuer's solvers, the Challenges that it owns."""

    order: Order
    solvers: Sequence[ACMEChallengeSolver]
    challenges: Sequence[Challenge]


class Place(Struct, frozen=True):
    """Place the order at the CA and read its authorizations."""


class ReadAuthorizations(Struct, frozen=True):
    """Read what an interrupted `Place` left unread."""


class Ask(Struct, frozen=True):
    """Read the order at the CA, then decide by `after_asking`."""


class Create(Struct, frozen=True):
    """Make the Challenges that are missing, all together: they are proven side by side."""

    wanted: tuple[Wanted, ...]


class Delete(Struct, frozen=True):
    """Delete Challenges that are done, or that nobody wants any more."""

    challenges: tuple[Challenge, ...]


class NoSolver(Struct, frozen=True):
    """Some name cannot be proven with the issuer's solvers; a person must change them."""

    choices: tuple[Choice, ...]


class Distrust(Struct, frozen=True):
    """The status names what was never ordered: somebody else wrote it."""

    why: str


class Idle(Struct, frozen=True):
    """Nothing is to be done before something changes."""

    why: str


Step = Place | ReadAuthorizations | Ask | Create | Delete | NoSolver | Distrust | Idle


def next_step(facts: Facts) -> Step:
    """Pick the one step that moves an Order forward; the first match wins (compat-spec 3.15)."""
    order, status = facts.order, facts.order.status
    if order.metadata.deleting or status.state.failed:
        return Idle("it has ended")
    if not status.url:
        return Place()
    if any(not authorization.identifier for authorization in status.authorizations):
        return ReadAuthorizations()
    if status.state is State.VALID and status.certificate:
        return Delete(tuple(facts.challenges)) if _alive(facts.challenges) else Idle("it is done")
    if not status.finalize_url or status.state is not State.PENDING:
        return Ask()
    return _prove(facts)


def _prove(facts: Facts) -> Step:
    order = facts.order
    ordered = {name.lower() for name in dns_identifiers(order.spec) + ip_identifiers(order.spec)}
    open_ = [one for one in order.status.authorizations if one.initial_state is not State.VALID]
    strange = [name_of(one) for one in open_ if name_of(one).lower() not in ordered]
    if strange:
        return Distrust(f"its status has authorizations for names not ordered: {strange}")
    choices = [choose_solver(one, facts.solvers, order.metadata.labels) for one in open_]
    unusable = tuple(one for one in choices if not is_served(one))
    if unusable:
        return NoSolver(unusable)
    wanted = [
        wanted_challenge(order, authorization, choice)
        for authorization, choice in zip(open_, choices, strict=True)
    ]
    return _reconcile_challenges(wanted, facts.challenges)


def _reconcile_challenges(wanted: Sequence[Wanted], challenges: Sequence[Challenge]) -> Step:
    there = {challenge.metadata.name for challenge in challenges}
    missing = tuple(one for one in wanted if one.name not in there)
    if missing:
        return Create(missing)
    names = {one.name for one in wanted}
    leftover = tuple(one for one in challenges if one.metadata.name not in names)
    if _alive(leftover):
        return Delete(leftover)
    states = [one.status.state for one in challenges if one.metadata.name in names]
    if not any(state.failed for state in states) and not all(state.final for state in states):
        return Idle("its Challenges are not done")
    return Ask()


def is_served(choice: Choice) -> bool:
    """Whether a solver was chosen that can do its work: HTTP-01 cannot yet."""
    return choice.solver is not None and choice.type is ChallengeType.DNS01


def _alive(challenges: Sequence[Challenge]) -> bool:
    return any(not challenge.metadata.deleting for challenge in challenges)


class Finalize(Struct, frozen=True):
    """Send the CSR (RFC 8555 §7.4: only a ready order may be finalized)."""


class Download(Struct, frozen=True):
    """Fetch the certificate and settle the Order."""


class Fail(Struct, frozen=True):
    """Settle the Order as the CA did, or as errored where the CA goes on without us."""

    state: State
    reason: str = ""


class LookAgain(Struct, frozen=True):
    """The CA is busy, or has not noticed yet: ask again soon."""


Answer = Finalize | Download | Fail | LookAgain

MAX_LOOKS = 8
"""Looks at an order that stays pending although a Challenge failed, before it is given up."""


def after_asking(facts: Facts, remote: State, looks: int) -> Answer:
    """Decide by what the CA says of the order now.

    Args:
        facts: as for `next_step`.
        remote: the CA's word; one that RFC 8555 does not know is `State.UNKNOWN`.
        looks: at the order without anything else done.
    """
    match remote:
        case State.READY:
            return Finalize()
        case State.VALID:
            return Download()
        case State.INVALID | State.EXPIRED | State.ERRORED:
            return Fail(State.INVALID)
        case _:
            broken = [one for one in facts.challenges if one.status.state.failed]
            if broken and remote is State.PENDING and looks >= MAX_LOOKS:
                return Fail(State.ERRORED, _broken(broken[0]))
            return LookAgain()


def _broken(challenge: Challenge) -> str:
    status = challenge.status
    return f'Challenge "{challenge.metadata.name}" is in "{status.state}" state: {status.reason}'
