"""The ACME account of an issuer, derived from Issuer and Secret by whoever needs it first.

A key that is also a Certificate's target or a CA's would sign strangers' requests, or be replaced
under the account: it is refused.
"""

from certwright.acme.jws import AccountKey
from certwright.api.core import Secret
from certwright.api.issuer import ACMEIssuer, AnyIssuer
from certwright.api.meta import Key
from certwright.api.secret import SecretSummary
from certwright.base.problem import Stalled, Waiting
from certwright.base.reason import Reason
from certwright.controllers.indexes import (
    CERTIFICATES_BY_SECRET,
)
from certwright.controllers.references import issuers_using
from certwright.controllers.world import World
from certwright.issuers.accounts import AcmeClient, Identity, trust_of
from certwright.pki.errors import PkiError
from certwright.pki.keys import PrivateKey, parse_key
from certwright.policy.issuer import (
    account_key_hash,
    account_key_selector,
    known_account,
    resource_namespace,
)
from certwright.runtime.view import View


def namespace_of(world: World, issuer: AnyIssuer) -> str:
    """Return where the issuer's Secrets are."""
    return resource_namespace(issuer, world.options.cluster_resource_namespace)


def acme_of(issuer: AnyIssuer) -> ACMEIssuer:
    """Return the ACME part of an issuer.

    Raises:
        Stalled: it is of another type.
    """
    if issuer.spec.acme is None:
        raise Stalled(Reason.INVALID_CONFIG, f"the issuer {issuer.metadata.name} is not ACME")
    return issuer.spec.acme


def key_conflict(world: World, view: View, issuer: AnyIssuer) -> str:
    """Say why the account's Secret must not be used; empty where it may."""
    where = Key(namespace_of(world, issuer), acme_of(issuer).private_key_secret_ref.name)
    what = f'the Secret "{where}" of the account key'
    for certificate in view.by(CERTIFICATES_BY_SECRET, str(where)):
        return f"{what} is the target of Certificate {certificate.key}"
    for other in issuers_using(view, where, world.options):
        if other.spec.ca is not None and other.spec.ca.secret_name == where.name:
            return f"{what} is the CA key pair of the issuer {other.key}"
    return ""


async def read_account_key(
    world: World, view: View, issuer: AnyIssuer
) -> tuple[Secret, PrivateKey]:
    """Read the account key.

    Raises:
        Waiting: the Secret is not there.
        Stalled: it holds no key, or must not be used.
    """
    selector = account_key_selector(acme_of(issuer))
    where = Key(namespace_of(world, issuer), selector.name)
    conflict = key_conflict(world, view, issuer)
    if conflict:
        raise Stalled(Reason.INVALID_CONFIG, conflict, remedy="Give the account its own Secret.")
    secret = await view.live(Secret, where)
    if secret is None:
        raise Waiting(Reason.SECRET_MISSING, f'the account key Secret "{where}" is not there')
    try:
        return secret, parse_key(secret.data.get(selector.key, b""))
    except PkiError as error:
        raise _invalid(error) from error


async def account_client(world: World, view: View, issuer: AnyIssuer) -> AcmeClient:
    """Return the client of an issuer's account; only the first call reads the key.

    Raises:
        Waiting: the account's Secret is not there, or the issuer has not registered this key yet.
        Stalled: the account key or the CA bundle cannot be used.
    """
    acme = acme_of(issuer)
    where = Key(namespace_of(world, issuer), acme.private_key_secret_ref.name)
    summary = view.get(SecretSummary, where)
    if summary is not None and not key_conflict(world, view, issuer):
        found = world.accounts.known(_identity(issuer, summary))
        if found is not None:
            return found
    secret, key = await read_account_key(world, view, issuer)
    if not known_account(issuer, account_key_hash(key)):
        raise Waiting(Reason.ISSUER_NOT_READY, "the issuer has not registered its account key yet")
    return open_account(world, issuer, secret, key)


def open_account(world: World, issuer: AnyIssuer, secret: Secret, key: PrivateKey) -> AcmeClient:
    """Make the client for a key that was just read."""
    account_url = known_account(issuer, account_key_hash(key))
    selector = account_key_selector(acme_of(issuer))
    try:
        account_key = AccountKey.from_pem(secret.data[selector.key])
    except PkiError as error:
        raise _invalid(error) from error
    return world.accounts.open(_identity(issuer, secret), account_key, account_url)


def _invalid(error: PkiError) -> Stalled:
    return Stalled(Reason.ERR_VERIFY_ACME_ACCOUNT, f"Account private key is invalid: {error}")


def _identity(issuer: AnyIssuer, secret: Secret | SecretSummary) -> Identity:
    acme = acme_of(issuer)
    status = issuer.status.acme
    return Identity(
        issuer_uid=issuer.metadata.uid,
        server=acme.server,
        trust=trust_of(acme),
        account_url=status.uri if status is not None else "",
        key_version=f"{secret.metadata.uid}/{secret.metadata.resource_version}",
    )
