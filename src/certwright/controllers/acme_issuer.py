"""An ACME issuer's account: key, credentials, registration (compat-spec 6.1).

Each reconcile does one thing: make the key, or settle the account with the CA. Problems are raised
and become Ready=False; a `Stalled` waits for the issuer or one of its Secrets to change.
"""

from msgspec.structs import replace

from certwright.acme.jws import ExternalAccount
from certwright.acme.problem import AcmeProblem
from certwright.api.annotations import MANAGED_BY_LABEL
from certwright.api.core import TYPE_OPAQUE, Secret
from certwright.api.issuer import ACMEIssuer, ACMEIssuerStatus, AnyIssuer
from certwright.api.meta import Key, ObjectMeta
from certwright.api.solver import ACMEChallengeSolver
from certwright.base.problem import Problem, Retryable, Stalled, Waiting
from certwright.base.reason import Reason
from certwright.controllers.account import (
    acme_of,
    key_conflict,
    namespace_of,
    open_account,
    read_account_key,
)
from certwright.controllers.failure import CLEARED
from certwright.controllers.world import World
from certwright.issuers.accounts import AcmeClient
from certwright.net.guard import ForbiddenAddress, check_url
from certwright.pki.errors import PkiError
from certwright.pki.keys import Algorithm, encode_key
from certwright.policy.issuer import (
    Readiness,
    account_key_hash,
    account_key_selector,
    contact_of,
    is_registered,
    solver_selectors,
    v1_endpoint,
    v1_message,
    with_readiness,
)
from certwright.runtime.outcome import Outcome
from certwright.runtime.view import View
from certwright.store.protocol import AlreadyExists

REGISTERED = "The ACME account was registered with the ACME server"


async def set_up_acme(world: World, view: View, issuer: AnyIssuer, speaker: str) -> Outcome:
    """Do the next thing for an account."""
    acme = acme_of(issuer)
    if v1_endpoint(acme.server):
        raise Stalled(Reason.INVALID_CONFIG, v1_message(acme.server))
    conflict = key_conflict(world, view, issuer)
    if conflict:
        remedy = "Give the account a Secret of its own."
        raise Stalled(Reason.INVALID_CONFIG, conflict, remedy=remedy)
    where = Key(namespace_of(world, issuer), acme.private_key_secret_ref.name)
    if await view.live(Secret, where) is None:
        return await _make_key(world, view, issuer, speaker)
    await _check_solvers(view, acme, where.namespace)
    _check_url(acme.server)
    secret, key = await read_account_key(world, view, issuer)
    key_hash = account_key_hash(key)
    client = open_account(world, issuer, secret, key)
    account = issuer.status.acme
    if not is_registered(issuer, key_hash):
        bound = await _external_account(view, acme, where.namespace)
        account = await _register(client, acme, bound)
        account = replace(account, last_private_key_hash=key_hash)
    wanted = Readiness(
        ready=True, reason=Reason.ACME_ACCOUNT_REGISTERED, message=REGISTERED, account=account
    )
    status = with_readiness(issuer, wanted, world.clock.now())
    return Outcome(status=status, manager=speaker, annotations=CLEARED)


async def _make_key(world: World, view: View, issuer: AnyIssuer, speaker: str) -> Outcome:
    """Make an account key: ES256, not RSA (design §7); never deleted, owned by nobody."""
    acme = acme_of(issuer)
    selector = account_key_selector(acme)
    where = Key(namespace_of(world, issuer), selector.name)
    if acme.disable_account_key_generation:
        raise Waiting(
            Reason.ERR_VERIFY_ACME_ACCOUNT,
            "Failed to verify ACME account: the ACME issuer config has"
            " 'disableAccountKeyGeneration' set to true, but the secret was not found:"
            f' secret "{where.name}" not found',
        )
    key = await world.make_key(Algorithm.ECDSA, 256)
    labels = {MANAGED_BY_LABEL: "cert-manager"}
    secret = Secret(
        metadata=ObjectMeta(namespace=where.namespace, name=where.name, labels=labels),
        type=TYPE_OPAQUE,
        data={selector.key: encode_key(key)},
    )
    try:
        await view.create(secret, manager=speaker)
    except AlreadyExists:
        return Outcome(again_at=world.clock.now())  # somebody brought one in this moment
    known = issuer.status.acme
    if known is None or not known.uri:
        return Outcome()  # the new Secret brings us back
    return Outcome(
        status=replace(issuer.status, acme=replace(known, uri="")),
        manager=speaker,
    )


async def _check_solvers(view: View, acme: ACMEIssuer, namespace: str) -> None:
    """Refuse solvers whose credentials are not there (compat-spec 6.1 step 3)."""
    problems: list[str] = []
    for selector in solver_selectors(acme):
        secret = await view.live(Secret, Key(namespace, selector.name))
        if secret is None:
            problems.append(f'secret "{selector.name}" not found')
        elif selector.key and not secret.data.get(selector.key):
            problems.append(f'secret "{selector.name}" has no data for key "{selector.key}"')
    problems += [text for solver in acme.solvers if (text := _shape_problem(solver))]
    if problems:
        raise Stalled(Reason.INVALID_SOLVER, "; ".join(problems))


def _shape_problem(solver: ACMEChallengeSolver) -> str:
    return "no solver type configured" if solver.dns01 is None and solver.http01 is None else ""


def _check_url(server: str) -> None:
    try:
        check_url(server)
    except ForbiddenAddress as error:
        raise Stalled(
            Reason.INVALID_URL, f"Failed to parse existing ACME server URI: {error.message}"
        ) from error


async def _external_account(view: View, acme: ACMEIssuer, namespace: str) -> ExternalAccount | None:
    binding = acme.external_account_binding
    if binding is None:
        return None
    where = Key(namespace, binding.key_secret_ref.name)
    secret = await view.live(Secret, where)
    text = secret.data.get(binding.key_secret_ref.key, b"") if secret is not None else b""
    if not text:
        raise Stalled(
            Reason.ERR_REGISTER_ACME_ACCOUNT,
            f"failed to retrieve External Account Binding from secret: {where} has no data for"
            f' key "{binding.key_secret_ref.key}"',
        )
    try:
        return ExternalAccount.from_text(binding.key_id, text.decode("ascii", "replace"))
    except PkiError as error:
        raise Stalled(
            Reason.ERR_REGISTER_ACME_ACCOUNT,
            f"failed to decode external account binding key data: {error}",
        ) from error


async def _register(
    client: AcmeClient, acme: ACMEIssuer, bound: ExternalAccount | None
) -> ACMEIssuerStatus:
    contact = contact_of(acme)
    try:
        account = await client.new_account(contact, terms_agreed=True, external_account=bound)
    except Problem as problem:
        prefix = "Failed to register ACME account: "
        raise _shown(problem, Reason.ERR_REGISTER_ACME_ACCOUNT, prefix) from problem
    # RFC 8555 §7.3.1: an account that was there comes back unchanged
    if not account.created and account.contact != contact:
        try:
            await client.update_account(contact)
        except Problem as problem:
            prefix = "Failed to update ACME account:"
            raise _shown(problem, Reason.ERR_UPDATE_ACME_ACCOUNT, prefix) from problem
    return ACMEIssuerStatus(uri=account.url, last_registered_email=acme.email)


def _shown(problem: Problem, reason: Reason, prefix: str) -> Problem:
    """Say what was tried; a CA's refusal is not tried again (compat-spec 6.1 step 7)."""
    message = prefix + problem.message
    refused = isinstance(problem, AcmeProblem) and problem.is_refusal()
    if isinstance(problem, Retryable) and not refused:
        return Retryable(
            reason,
            message,
            cause=problem.cause,
            not_before=problem.not_before,
            evidence=problem.evidence,
            remedy=problem.remedy,
        )
    return Stalled(reason, message, evidence=problem.evidence, remedy=problem.remedy)
