"""The client of one account at one CA; what the room offers to others.

Nothing here knows of Kubernetes, a store or a file, so it serves as a library:

    http = HttpClient(Trust(), user_agent="me/1.0")
    client = Client(url, AccountKey.generate(), http, SystemClock())
    await client.new_account(("mailto:me@example.com",), terms_agreed=True)
    order = await client.new_order((Identifier.dns("example.com"),))
    for url in order.authorizations:
        authorization = await client.authorization(url)
        challenge = authorization.challenge("dns-01")
        ...  # publish client.dns01_value(challenge.token) at _acme-challenge.example.com
        await client.accept(challenge.url)
        await client.poll_authorization(authorization)
    order = await client.finalize(await client.order(order.url), csr_der)
    order = await client.poll_order(order)
    chain = choose_chain(await client.certificate(order.certificate), "ISRG Root X1")

Every method is one request (besides nonces), except the polls, `finalize` (which may read the order
after a finalize without answer) and `certificate` (one request per chain). None sleeps but the
polls, and those hold no connection meanwhile. Each raises `AcmeProblem` when the CA refuses,
`Retryable` with cause TRANSPORT when nothing answers, and `ForbiddenAddress` when the CA names a
URL that is not https (http on loopback is allowed) or is a link-local address. A URL on *another*
host than the directory's is allowed, as RFC 8555 does: CAs serve certificates from elsewhere.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

import msgspec

from certwright.acme import challenge as challenges
from certwright.acme.account import Deactivation
from certwright.acme.accounts import AccountClient, unsupported
from certwright.acme.answers import location, read_authorization, read_challenge, read_order
from certwright.acme.authorization import Authorization, AuthorizationStatus, NewAuthorization
from certwright.acme.certificate import PEM_CHAIN, Revocation, base64url, parse_bundle
from certwright.acme.challenge import Challenge
from certwright.acme.directory import Directory
from certwright.acme.identifier import Identifier
from certwright.acme.jws import AccountKey
from certwright.acme.links import links
from certwright.acme.order import Finalize, NewOrder, Order, OrderStatus
from certwright.acme.pace import Pace
from certwright.acme.problem import AcmeProblem
from certwright.acme.transport import Signer
from certwright.base.evidence import Evidence, printable
from certwright.base.problem import Cause, Retryable, Stalled
from certwright.base.reason import Reason

PATIENCE = timedelta(minutes=2)
"""How long a poll goes on (compat-spec 9.5)."""
_MAX_ALTERNATES = 10
_FORBIDDEN = 403
_SERVER_ERROR = 500


class Client(AccountClient):
    """Requests of one account at one CA."""

    # Orders (RFC 8555 §7.4)

    async def new_order(
        self,
        identifiers: Sequence[Identifier],
        *,
        not_after: datetime | None = None,
        profile: str = "",
        replaces: str = "",
    ) -> Order:
        """Place an order.

        Args:
            identifiers: what the certificate shall name.
            not_after: the wanted end; many CAs refuse any.
            profile: one of the directory's `meta.profiles`; empty for the CA's choice.
            replaces: RFC 9773 §4.1 identifier of the certificate that this one renews. Left out
                when the CA has no renewal information, and once it refuses it.

        Raises:
            Stalled: the CA has no such profile; it was not asked.
        """
        directory = await self.directory()
        if profile and profile not in directory.meta.profiles:
            raise _no_profile(profile, directory)
        payload = NewOrder(
            identifiers=tuple(identifiers),
            not_after=not_after,
            profile=profile,
            replaces=replaces if directory.renewal_info else "",
        )
        try:
            return await self._place(directory.new_order, payload)
        except AcmeProblem as error:
            if not payload.replaces or not _refuses_replaces(error):
                raise
        return await self._place(directory.new_order, msgspec.structs.replace(payload, replaces=""))

    async def order(self, url: str) -> Order:
        """Read an order."""
        answer = await self._post(url, b"", "order")
        return read_order(answer, url, self._transport.retry_at(answer))

    async def poll_order(
        self,
        order: Order,
        *,
        leaving: Collection[str] = (OrderStatus.PROCESSING,),
        patience: timedelta = PATIENCE,
    ) -> Order:
        """Read an order again and again until its status is none of `leaving`.

        Raises:
            Waiting: `patience` is over; it says when to look again.
        """
        pace = Pace(self._clock, patience, f"the order is {order.status}")
        while order.status in leaving:
            await pace.pause(order.retry_at)
            order = await self.order(order.url)
        return order

    async def finalize(self, order: Order, csr_der: bytes) -> Order:
        """Hand in the CSR of a ready order; sent once, whatever happens.

        When no answer comes, the CA fails, or says the order is not ready, the order is read
        instead: if the first try arrived, it is on its way (design §7).
        """
        payload = msgspec.json.encode(Finalize(base64url(csr_der)))
        try:
            answer = await self._post(order.finalize, payload, "finalize")
        except (AcmeProblem, Retryable) as error:
            if not _may_have_arrived(error):
                raise
            seen = await self.order(order.url)
            if seen.status in {OrderStatus.PENDING, OrderStatus.READY}:
                raise
            return seen
        return read_order(answer, order.url, self._transport.retry_at(answer))

    # Authorizations and challenges (RFC 8555 §7.5)

    async def new_authorization(self, identifier: Identifier) -> Authorization:
        """Ask for an authorization before there is an order (§7.4.1); few CAs offer it."""
        url = (await self.directory()).new_authz
        if not url:
            raise unsupported("authorizations ahead of an order")
        payload = msgspec.json.encode(NewAuthorization(identifier=identifier))
        answer = await self._post(url, payload, "newAuthz")
        made = location(answer, "newAuthz")
        return read_authorization(answer, made, self._transport.retry_at(answer))

    async def authorization(self, url: str) -> Authorization:
        """Read an authorization."""
        return await self._read_authorization(url, b"")

    async def deactivate_authorization(self, url: str) -> Authorization:
        """Give an authorization up; a pending one then fails its order (§7.5.2)."""
        return await self._read_authorization(url, msgspec.json.encode(Deactivation()))

    async def poll_authorization(
        self, authorization: Authorization, *, patience: timedelta = PATIENCE
    ) -> Authorization:
        """Read an authorization again and again until it is settled.

        That is when it is no longer pending, or has a `failed_attempt`, with which nothing happens
        any more until a challenge is accepted again.

        Raises:
            Waiting: `patience` is over; it says when to look again.
        """
        pace = Pace(self._clock, patience, "the authorization is pending")
        while authorization.status == AuthorizationStatus.PENDING:
            await pace.pause(authorization.retry_at)
            authorization = await self.authorization(authorization.url)
            if authorization.failed_attempt:
                break
        return authorization

    async def accept(self, challenge_url: str) -> Challenge:
        """Tell the CA that a challenge's answer is in place (§7.5.1)."""
        return await self._read_challenge(challenge_url, b"{}")

    async def challenge(self, url: str) -> Challenge:
        """Read a challenge."""
        return await self._read_challenge(url, b"")

    def key_authorization(self, token: str) -> str:
        """Join a challenge's token and this account's key (§8.1)."""
        return challenges.key_authorization(token, self._key.thumbprint())

    def dns01_value(self, token: str) -> str:
        """Content of the TXT record that answers a dns-01 challenge (§8.4)."""
        return challenges.dns01_value(self.key_authorization(token))

    # Certificates (RFC 8555 §7.4.2, §7.6)

    async def certificate(self, url: str, *, alternates: bool = True) -> tuple[bytes, ...]:
        """Download the PEM chains of a certificate, the CA's default first.

        An alternate that the CA does not hand out is passed over: it must not cost the default.
        """
        answer = await self._post(url, b"", "certificate", accept=PEM_CHAIN)
        bundles = [parse_bundle(answer.body)]
        others = links(answer, "alternate") if alternates else ()
        for other in others[:_MAX_ALTERNATES]:
            try:
                chain = await self._post(other, b"", "certificate", accept=PEM_CHAIN)
            except AcmeProblem as error:
                if error.is_rate_limited():
                    raise
                continue
            bundles.append(parse_bundle(chain.body))
        return tuple(bundles)

    async def revoke(
        self,
        certificate_der: bytes,
        reason: int | None = None,
        *,
        certificate_key: AccountKey | None = None,
    ) -> None:
        """Revoke a certificate; one that is revoked already counts as done.

        Args:
            certificate_der: the leaf.
            reason: a `RevocationReason`, or None to give none.
            certificate_key: the certificate's own key signs instead of the account's (§7.6), which
                works without any account.
        """
        url = (await self.directory()).revoke_cert
        if not url:
            raise unsupported("revocation")
        payload = Revocation(certificate=base64url(certificate_der), reason=reason)
        signer = Signer(certificate_key) if certificate_key else await self._signer()
        try:
            await self._transport.post(
                url, msgspec.json.encode(payload), signer=signer, operation="revokeCert"
            )
        except AcmeProblem as error:
            if not error.is_type("alreadyRevoked"):
                raise

    async def _place(self, url: str, payload: NewOrder) -> Order:
        answer = await self._post(url, msgspec.json.encode(payload), "newOrder")
        return read_order(answer, location(answer, "newOrder"), self._transport.retry_at(answer))

    async def _read_authorization(self, url: str, payload: bytes) -> Authorization:
        answer = await self._post(url, payload, "authorization")
        return read_authorization(answer, url, self._transport.retry_at(answer))

    async def _read_challenge(self, url: str, payload: bytes) -> Challenge:
        answer = await self._post(url, payload, "challenge")
        return read_challenge(answer, url, self._transport.retry_at(answer))


def _may_have_arrived(error: Retryable | AcmeProblem) -> bool:
    if isinstance(error, AcmeProblem):
        # RFC 8555 §7.4: a finalize that arrived twice is refused with orderNotReady (403)
        return error.document.status == _FORBIDDEN or error.document.status >= _SERVER_ERROR
    return error.cause in {Cause.TRANSPORT, Cause.SERVER}


def _refuses_replaces(error: AcmeProblem) -> bool:
    # RFC 9773 §5; a CA without the field's support may call the order malformed
    return error.is_type("alreadyReplaced") or (
        error.is_type("malformed") and "replace" in error.document.detail.lower()
    )


def _no_profile(profile: str, directory: Directory) -> Stalled:
    offered = ", ".join(sorted(directory.meta.profiles)) or "none"
    return Stalled(
        Reason.INVALID_ORDER,
        f"the CA does not offer the profile {profile!r}",
        evidence=(Evidence("profiles on offer", printable(offered, 500)),),
        remedy="Choose a profile that the CA offers, or none.",
    )
