"""Issuer and ClusterIssuer: whether they can sign (compat-spec 3.14).

Stands for cert-manager's `issuers` and `clusterissuers`. The ACME account has its own module,
`acme_issuer`.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import TypeVar

from msgspec.structs import replace

from certwright.api.certificate import READY, Certificate
from certwright.api.conditions import find_condition
from certwright.api.core import Secret
from certwright.api.issuer import AnyIssuer, ClusterIssuer, Issuer
from certwright.api.meta import Key
from certwright.api.secret import SecretSummary
from certwright.base.problem import Problem, Retryable
from certwright.base.reason import Reason
from certwright.controllers.account import namespace_of
from certwright.controllers.acme_issuer import set_up_acme
from certwright.controllers.failure import CLEARED, described, next_attempt
from certwright.controllers.references import asked_again, issuers_using
from certwright.controllers.world import World
from certwright.issuers.ca import read_key_pair
from certwright.pki.certificate import certificate_facts
from certwright.pki.errors import PkiError
from certwright.policy.issuer import (
    IssuerType,
    Readiness,
    issuer_type,
    not_served,
    with_readiness,
)
from certwright.runtime.loop import Controller, Watch
from certwright.runtime.outcome import DONE, Outcome, Report, normal, warning
from certwright.runtime.view import View

I = TypeVar("I", Issuer, ClusterIssuer)  # noqa: E741  # the kind of issuer

_SPEAKERS = {Issuer: "cert-manager-issuers", ClusterIssuer: "cert-manager-clusterissuers"}
_VERIFIED = "Signing CA verified"
_KEY_PAIR = "Error getting keypair for CA issuer"


def build_issuer_controllers(
    world: World,
) -> tuple[Controller[Issuer], Controller[ClusterIssuer]]:
    """Build the controllers of Issuers and of ClusterIssuers."""
    return _build(world, Issuer, "issuers"), _build(world, ClusterIssuer, "clusterissuers")


def _build(world: World, kind: type[I], name: str) -> Controller[I]:
    def using_secret(view: View, secret: SecretSummary) -> Iterable[Key]:
        found = issuers_using(view, secret.key, world.options)
        return (issuer.key for issuer in found if isinstance(issuer, kind))

    def targeting(view: View, certificate: Certificate) -> Iterable[Key]:
        # an account key that becomes a Certificate's target is refused
        target = Key(certificate.metadata.namespace, certificate.spec.secret_name)
        found = issuers_using(view, target, world.options)
        return (one.key for one in found if isinstance(one, kind) and one.spec.acme is not None)

    def meant(_view: View, certificate: Certificate) -> Iterable[Key]:
        reference = certificate.spec.issuer_ref
        if reference.is_built_in and reference.effective_kind == kind.__name__:
            namespace = certificate.metadata.namespace if kind.__name__ == "Issuer" else ""
            yield Key(namespace, reference.name)

    uids: dict[Key, str] = {}

    async def step(view: View, key: Key) -> Outcome:
        issuer = view.get(kind, key)
        if issuer is None or issuer.metadata.deleting:
            world.accounts.forget(uids.pop(key, ""))
            return DONE
        uids[key] = issuer.metadata.uid
        return await reconcile(world, view, issuer)

    return Controller(
        name=name,
        stands_for=(name,),
        kind=kind,
        reconcile=step,
        failed=failed,
        watches=(
            Watch(SecretSummary, using_secret),
            Watch(Certificate, targeting),
            Watch(Certificate, meant, asked_again),
        ),
    )


async def reconcile(world: World, view: View, issuer: AnyIssuer) -> Outcome:
    """Find out whether one issuer can sign."""
    now = world.clock.now()
    match issuer_type(issuer.spec):
        case IssuerType.ACME:
            return await set_up_acme(world, view, issuer, speaker_of(issuer))
        case IssuerType.CA:
            return await _set_up_ca(world, view, issuer)
        case IssuerType.SELF_SIGNED:
            return _ready(issuer, Readiness(ready=True, reason=Reason.IS_READY), now)
        case None:
            message = "exactly one issuer type must be configured"
            wanted = Readiness(ready=False, reason=Reason.INVALID_CONFIG, message=message)
            return _ready(issuer, wanted, now)
        case other:
            return _ready(issuer, not_served(other), now)


def failed(issuer: AnyIssuer, problem: Problem, now: datetime) -> Outcome:
    """Show on an issuer why it cannot sign; what is worth another try gets a second event."""
    speaker = speaker_of(issuer)
    events = [warning(speaker, problem.reason, problem.message)]
    if isinstance(problem, Retryable):
        text = f"Error initializing issuer: {problem.message}"
        events.append(warning(speaker, Reason.ERR_INIT_ISSUER, text))
    wanted = Readiness(ready=False, reason=problem.reason, message=problem.message)
    moment = next_attempt(problem, None, now)
    return replace(
        _ready(issuer, wanted, now, *events), annotations=described(problem, next_attempt=moment)
    )


def speaker_of(issuer: AnyIssuer) -> str:
    """Name who speaks about an issuer."""
    return _SPEAKERS[type(issuer)]


async def _set_up_ca(world: World, view: View, issuer: AnyIssuer) -> Outcome:
    """Check a CA's key pair; its expiry is not looked at (compat-spec 10)."""
    now, speaker = world.clock.now(), speaker_of(issuer)
    name = issuer.spec.ca.secret_name if issuer.spec.ca is not None else ""
    where = Key(namespace_of(world, issuer), name)
    secret = await view.live(Secret, where)
    reason = Reason.ERR_GET_KEY_PAIR
    text = "" if secret is not None else f'secret "{where.name}" not found'
    if secret is not None:
        try:
            pair = read_key_pair(secret)
            if not certificate_facts(pair.certificate).is_ca:
                reason, text = Reason.ERR_INVALID_KEY_PAIR, "certificate is not a CA"
        except PkiError as error:
            text = str(error)
    if text:
        message = f"{_KEY_PAIR}: {text}"
        wanted = Readiness(ready=False, reason=reason, message=message)
        return _ready(issuer, wanted, now, warning(speaker, reason, message))
    verified = Readiness(ready=True, reason=Reason.KEY_PAIR_VERIFIED, message=_VERIFIED)
    ready = find_condition(issuer.status.conditions, READY)
    if ready is not None and ready.reason == Reason.KEY_PAIR_VERIFIED:
        return _ready(issuer, verified, now)  # told before, maybe by cert-manager
    return _ready(issuer, verified, now, normal(speaker, Reason.KEY_PAIR_VERIFIED, _VERIFIED))


def _ready(issuer: AnyIssuer, wanted: Readiness, now: datetime, *events: Report) -> Outcome:
    return Outcome(
        status=with_readiness(issuer, wanted, now),
        manager=speaker_of(issuer),
        annotations=CLEARED,
        events=events,
    )
