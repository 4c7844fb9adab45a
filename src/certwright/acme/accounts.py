"""The account's half of the client: to make, read, change and end it (RFC 8555 §7.3)."""

from collections.abc import Sequence

import msgspec

from certwright.acme.account import (
    Account,
    AccountUpdate,
    Deactivation,
    KeyChange,
    NewAccount,
)
from certwright.acme.answers import location, read_account, read_orders
from certwright.acme.directory import Directory
from certwright.acme.jws import AccountKey, ExternalAccount
from certwright.acme.links import links
from certwright.acme.transport import Signer, Transport
from certwright.base.clock import Clock
from certwright.base.problem import Stalled
from certwright.base.reason import Reason
from certwright.net.http import Http, Response

_MAX_PAGES = 1000


class AccountClient:
    """Requests about one account; `certwright.acme.client.Client` adds those about orders.

    Args:
        directory_url: of the CA.
        key: the account's; `roll_key` replaces it.
        http: sends the requests; several clients may share it.
        clock: for Retry-After and the polls.
        account_url: of the account, where it is known; else it is asked for when first needed.
        transport: of the same CA, to share its directory, nonces and connection slots.
    """

    def __init__(
        self,
        directory_url: str,
        key: AccountKey,
        http: Http,
        clock: Clock,
        *,
        account_url: str = "",
        transport: Transport | None = None,
    ) -> None:
        self._transport = transport or Transport(directory_url, http, clock)
        self._clock = clock
        self._key = key
        self._account_url = account_url

    @property
    def account_url(self) -> str:
        """The account's URL; empty until it is known."""
        return self._account_url

    @property
    def key(self) -> AccountKey:
        """The key that signs."""
        return self._key

    async def directory(self, *, fresh: bool = False) -> Directory:
        """Return the CA's directory (RFC 8555 §7.1.1)."""
        return await self._transport.directory(fresh=fresh)

    async def new_account(
        self,
        contact: Sequence[str] = (),
        *,
        terms_agreed: bool = False,
        external_account: ExternalAccount | None = None,
        only_existing: bool = False,
    ) -> Account:
        """Make an account for this key, or find the one it has.

        The CA returns an existing account unchanged: compare its contact and update it.

        Args:
            contact: URLs such as `mailto:me@example.com`.
            terms_agreed: to the terms of the directory's `meta.terms_of_service`.
            external_account: credentials of a customer of the CA (§7.3.4).
            only_existing: make none; the CA then refuses with `accountDoesNotExist` (§7.3.1).
        """
        url = (await self.directory()).new_account
        payload = NewAccount(
            contact=tuple(contact),
            terms_of_service_agreed=terms_agreed,
            only_return_existing=only_existing,
            external_account_binding=(
                external_account.bind(self._key, url) if external_account else msgspec.UNSET
            ),
        )
        answer = await self._transport.post(
            url, msgspec.json.encode(payload), signer=Signer(self._key), operation="newAccount"
        )
        self._account_url = location(answer, "newAccount")
        return read_account(answer, self._account_url)

    async def account(self) -> Account:
        """Read the account."""
        url = await self._own_url()
        return read_account(await self._post(url, b"", "account"), url)

    async def update_account(self, contact: Sequence[str]) -> Account:
        """Replace the contact (§7.3.2)."""
        return await self._change_account(AccountUpdate(contact=tuple(contact)))

    async def deactivate_account(self) -> Account:
        """End the account, for ever (§7.3.6)."""
        return await self._change_account(Deactivation())

    async def roll_key(self, new_key: AccountKey) -> None:
        """Give the account a new key and sign with it from now on (§7.3.5).

        Keep `new_key` before calling: after a call without answer either key may be the account's;
        `new_account(only_existing=True)` with the new one tells.
        """
        url = (await self.directory()).key_change
        if not url:
            raise unsupported("key rollover")
        payload = KeyChange(account=await self._own_url(), old_key=self._key.public_jwk())
        inner = new_key.sign(msgspec.json.encode(payload), jwk=new_key.public_jwk(), url=url)
        await self._post(url, inner, "keyChange")
        self._key = new_key

    async def orders(self, limit: int = 1000) -> tuple[str, ...]:
        """URLs of the account's orders, page by page, at most `limit` (§7.1.2.1)."""
        pages = [(await self.account()).orders]
        if not pages[0]:
            raise unsupported("a list of orders")
        found: dict[str, None] = {}
        for url in pages:  # grows while it is walked
            answer = await self._post(url, b"", "orders")
            found.update(dict.fromkeys(read_orders(answer)))
            following = [page for page in links(answer, "next") if page not in pages]
            if len(found) >= limit or len(pages) >= _MAX_PAGES:
                break
            pages += following[:1]
        return tuple(found)[:limit]

    async def _signer(self) -> Signer:
        return Signer(self._key, await self._own_url())

    async def _own_url(self) -> str:
        if not self._account_url:
            await self.new_account(only_existing=True)
        return self._account_url

    async def _post(
        self, url: str, payload: bytes, operation: str, *, accept: str = ""
    ) -> Response:
        signer = await self._signer()
        return await self._transport.post(
            url, payload, signer=signer, operation=operation, accept=accept
        )

    async def _change_account(self, payload: AccountUpdate | Deactivation) -> Account:
        url = await self._own_url()
        return read_account(await self._post(url, msgspec.json.encode(payload), "account"), url)


def unsupported(what: str) -> Stalled:
    """Build the error for a part of RFC 8555 that this CA leaves out."""
    return Stalled(Reason.REFUSED, f"the CA does not support {what}")
