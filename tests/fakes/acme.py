"""A CA in memory behind the issuers' seam: places, proves, signs; its failures are chosen."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct, field
from msgspec.structs import replace

from certwright.acme.account import Account
from certwright.acme.authorization import Authorization
from certwright.acme.challenge import Challenge, dns01_value
from certwright.acme.challenge import key_authorization as join
from certwright.acme.directory import Directory, Meta
from certwright.acme.identifier import Identifier
from certwright.acme.jws import AccountKey, ExternalAccount
from certwright.acme.order import Order
from certwright.acme.problem import NAMESPACE, ProblemDocument, Refusal, build_error
from certwright.base.problem import Problem
from certwright.issuers.accounts import AcmeClient, Identity
from certwright.pki.certificate import KeyPair, Template, sign_certificate
from certwright.pki.pem import encode_pem
from tests.builders import a_ca
from tests.fakes.clock import FakeClock

URL = "https://ca.example"
DNS = "dns-01"


def refusal(
    word: str, status: int = 400, *, detail: str = "no", retry_at: datetime | None = None
) -> Problem:
    """Build what the client raises when the CA refuses."""
    document = ProblemDocument(type=NAMESPACE + word, detail=detail, status=status)
    return build_error(Refusal(document=document, operation="it", url=URL, retry_at=retry_at))


class FakeCa(Struct, kw_only=True):
    """What a CA keeps, and what it shall do wrong.

    Attributes:
        failures: what the next calls of an operation raise, in order.
        verdict: status of an authorization once its challenge is accepted.
        outcome: status of an order after finalize.
        slow: an order stays `processing` for so many looks after finalize.
        calls: operations in their order.
    """

    clock: FakeClock
    pair: KeyPair = field(default_factory=a_ca)
    failures: dict[str, list[Problem]] = field(default_factory=lambda: defaultdict(list))
    verdict: str = "valid"
    outcome: str = "valid"
    slow: int = 0
    profiles: dict[str, str] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    orders: dict[str, Order] = field(default_factory=dict)
    authorizations: dict[str, Authorization] = field(default_factory=dict)
    chains: dict[str, bytes] = field(default_factory=dict)
    contact: tuple[str, ...] = ()
    account_exists: bool = False
    external: ExternalAccount | None = None

    def count(self, operation: str) -> int:
        return self.calls.count(operation)


class FakeAccounts:
    """Accounts whose clients all speak to one `FakeCa`."""

    def __init__(self, ca: FakeCa) -> None:
        self.ca = ca
        self._clients: dict[str, tuple[Identity, AcmeClient]] = {}

    def known(self, identity: Identity) -> AcmeClient | None:
        found = self._clients.get(identity.issuer_uid)
        return found[1] if found is not None and found[0] == identity else None

    def open(self, identity: Identity, key: AccountKey, account_url: str = "") -> AcmeClient:
        del account_url
        client = FakeClient(self.ca, key)
        self._clients[identity.issuer_uid] = (identity, client)
        return client

    def forget(self, issuer_uid: str) -> None:
        self._clients.pop(issuer_uid, None)


class FakeClient:
    """One account's view of the CA."""

    def __init__(self, ca: FakeCa, key: AccountKey) -> None:
        self._ca = ca
        self._key = key

    async def directory(self, *, fresh: bool = False) -> Directory:
        del fresh
        self._called("directory")
        return Directory(
            new_nonce="", new_account="", new_order="", meta=Meta(profiles=self._ca.profiles)
        )

    async def new_account(
        self,
        contact: Sequence[str] = (),
        *,
        terms_agreed: bool = False,
        external_account: ExternalAccount | None = None,
        only_existing: bool = False,
    ) -> Account:
        del only_existing
        self._called("newAccount")
        assert terms_agreed
        self._ca.external = external_account
        if not self._ca.account_exists:
            self._ca.account_exists, self._ca.contact = True, tuple(contact)
            return self._account(created=True)
        return self._account()

    async def account(self) -> Account:
        return self._account()

    async def update_account(self, contact: Sequence[str]) -> Account:
        self._called("updateAccount")
        self._ca.contact = tuple(contact)
        return self._account()

    async def new_order(
        self,
        identifiers: Sequence[Identifier],
        *,
        not_after: datetime | None = None,
        profile: str = "",
        replaces: str = "",
    ) -> Order:
        del replaces
        self._called("newOrder")
        url = f"{URL}/order/{len(self._ca.orders) + 1}"
        names = [one.value for one in identifiers]
        for name in names:
            self._ca.authorizations[f"{url}/{name}"] = _authorization(f"{url}/{name}", name)
        self._ca.orders[url] = Order(
            status="pending",
            finalize=f"{url}/finalize",
            identifiers=tuple(identifiers),
            authorizations=tuple(f"{url}/{name}" for name in names),
            not_after=not_after,
            profile=profile,
            url=url,
        )
        return self._ca.orders[url]

    async def order(self, url: str) -> Order:
        self._called("order")
        order = self._ca.orders[url]
        states = {self._ca.authorizations[one].status for one in order.authorizations}
        if order.status == "pending" and states == {"valid"}:
            order = replace(order, status="ready")
        elif order.status == "pending" and "invalid" in states:
            order = replace(order, status="invalid")
        elif order.status == "processing":
            self._ca.slow -= 1
            order = order if self._ca.slow > 0 else replace(order, status="valid")
        self._ca.orders[url] = order
        return order

    async def finalize(self, order: Order, csr_der: bytes) -> Order:
        self._called("finalize")
        url = f"{order.url}/certificate"
        csr = encode_pem("CERTIFICATE REQUEST", csr_der)
        template = Template(csr=csr, not_before=self._ca.clock.now())
        self._ca.chains.setdefault(url, sign_certificate(template, issuer=self._ca.pair))
        status = "processing" if self._ca.slow else self._ca.outcome
        error = ProblemDocument(type=f"{NAMESPACE}caa", detail="CAA forbids it", status=403)
        self._ca.orders[order.url] = replace(
            order, status=status, certificate=url, error=error if status == "invalid" else None
        )
        return self._ca.orders[order.url]

    async def certificate(self, url: str, *, alternates: bool = True) -> tuple[bytes, ...]:
        del alternates
        self._called("certificate")
        return (self._ca.chains[url] + self._ca.pair.certificate,)

    async def authorization(self, url: str) -> Authorization:
        self._called("authorization")
        return self._ca.authorizations[url]

    async def accept(self, challenge_url: str) -> Challenge:
        self._called("accept")
        url = challenge_url.removesuffix(f"/{DNS}")
        authorization = self._ca.authorizations[url]
        challenge = authorization.challenges[0]
        if authorization.status != "pending":
            raise refusal("malformed", detail="it is over")
        error = None
        if self._ca.verdict == "invalid":
            error = ProblemDocument(type=f"{NAMESPACE}dns", detail="no TXT record", status=400)
        challenge = replace(challenge, status=self._ca.verdict, error=error)
        self._ca.authorizations[url] = replace(
            authorization, status=self._ca.verdict, challenges=(challenge,)
        )
        return challenge

    def key_authorization(self, token: str) -> str:
        return join(token, self._key.thumbprint())

    def dns01_value(self, token: str) -> str:
        return dns01_value(self.key_authorization(token))

    def _account(self, *, created: bool = False) -> Account:
        return Account(
            status="valid", contact=self._ca.contact, url=f"{URL}/account/1", created=created
        )

    def _called(self, operation: str) -> None:
        self._ca.calls.append(operation)
        waiting = self._ca.failures[operation]
        if waiting:
            raise waiting.pop(0)


def _authorization(url: str, name: str) -> Authorization:
    # RFC 8555 §8: a wildcard can be proven by DNS alone
    kinds = (DNS,) if name.startswith("*.") else (DNS, "http-01")
    return Authorization(
        identifier=Identifier.dns(name.removeprefix("*.")),
        status="pending",
        wildcard=name.startswith("*."),
        url=url,
        challenges=tuple(
            Challenge(type=kind, url=f"{url}/{kind}", token=f"token{len(name)}", status="pending")
            for kind in kinds
        ),
    )
