"""The ACME server in memory, with what CAs say when they do not want to, or cannot."""

from datetime import datetime, timedelta
from typing import Any

from certwright.base.clock import Clock
from certwright.net.http import Response
from certwright.pki.certificate import KeyPair
from tests.builders import a_ca
from tests.fakes.acme_server import (
    DIRECTORY,
    ERROR,
    ORIGIN,
    Account,
    AcmeServer,
    Authorization,
    Challenge,
    Lookup,
    Order,
    Refused,
    Signed,
)


class Refusal(Exception):  # noqa: N818  # words, not a failure of the test
    """What the server answers with at a place of its own, in place of what it would do."""

    def __init__(self, word: str, detail: str, status: int = 403, **headers: str) -> None:
        super().__init__(detail)
        self.refused = Refused(word, detail, status, **headers)


class Shifted:
    """A clock that is wrong by `span`."""

    def __init__(self, inner: Clock, span: timedelta) -> None:
        self.inner = inner
        self._span = span

    def now(self) -> datetime:
        """Return what it shows."""
        return self.inner.now() + self._span

    def monotonic(self) -> float:
        """Return the seconds of the right one."""
        return self.inner.monotonic()

    async def sleep(self, span: timedelta) -> None:
        """Wait by the right one."""
        await self.inner.sleep(span)


class MoodyCa(AcmeServer):
    """The server; each attribute is one way to be unwell, and may change at any time.

    Attributes:
        refusals: by the first part of the path (`new-order`, `finalize`, …).
        verdict: type and words of every validation; empty: it looks.
        page: what the directory is instead.
        foreign: what is handed out as certificate.
        shift: how wrong its clock is when it signs.
        order_error: an order fails with this at the end.
    """

    def __init__(self, clock: Clock, lookup: Lookup) -> None:
        super().__init__(clock, lookup)
        self.refusals: dict[str, Refusal] = {}
        self.verdict: tuple[str, str] | None = None
        self.page: bytes = b""
        self.foreign: bytes = b""
        self.order_error: dict[str, Any] | None = None
        self.shift = timedelta()

    async def request(self, method: str, url: str, **options: Any) -> Response:
        """Answer one request."""
        if self.page and url == DIRECTORY:
            return Response(200, (("Content-Type", "text/html"),), self.page, url)
        return await super().request(method, url, **options)

    async def _answer(
        self, method: str, url: str, body: bytes | None
    ) -> tuple[int, Any, dict[str, str]]:
        noun = url.removeprefix(ORIGIN).removeprefix("/").partition("/")[0]
        refusal = self.refusals.get(noun)
        if refusal is not None:
            raise refusal.refused
        answer = await super()._answer(method, url, body)
        if noun == "certificate" and self.foreign:
            return (answer[0], self.foreign, answer[2])
        return answer

    def _finalize(self, url: str, signed: Signed) -> tuple[int, Any, dict[str, str]]:
        self._clock = Shifted(self._clock, self.shift)
        try:
            return super()._finalize(url, signed)
        finally:
            self._clock = self._clock.inner

    def _shown(self, order: Order) -> dict[str, Any]:
        shown = super()._shown(order)
        if self.order_error is not None and shown["status"] == "ready":
            order.failed = True
            shown |= {"status": "invalid", "error": self.order_error}
        return shown

    async def _validate(
        self, account: Account, authorization: Authorization, challenge: Challenge
    ) -> None:
        if self.verdict is None:
            await super()._validate(account, authorization, challenge)
            return
        word, detail = self.verdict
        challenge.status = authorization.status = "invalid"
        challenge.error = {"type": ERROR + word, "detail": detail, "status": 403}

    def look_up_by(self, lookup: Lookup) -> None:
        """Ask another name server."""
        self._lookup = lookup

    def _authorize(self, account: Account, identifier: dict[str, str]) -> str:
        url = super()._authorize(account, identifier)
        web = Challenge(self._url("challenge"), self._token(), type="http-01")
        self.authorizations[url].challenges.append(web)
        return url

    def expire_orders(self) -> None:
        """Let all orders be too old."""
        for order in self.orders.values():
            order.expires = self._clock.now()

    def deactivate_accounts(self) -> None:
        """Close all accounts, as an operator of the CA would."""
        for account in self.accounts.values():
            account.status = "deactivated"

    def forget_accounts(self) -> None:
        """Lose all accounts, as a test CA that was set up anew."""
        self.accounts.clear()


def another_pair() -> KeyPair:
    """Return the key pair of a CA that nobody asked."""
    return a_ca("Somebody Else's CA")
