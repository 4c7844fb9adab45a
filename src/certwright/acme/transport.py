"""How a signed request reaches the CA: connection slot, nonce, signature, answer (RFC 8555 §6).

Replay safety: a request is one call of `post`; it is repeated only when the CA says `badNonce`,
that is, when it has done nothing. A request without an answer is never sent again from here.
"""

import asyncio
import re
from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar

import msgspec

from certwright.acme.directory import Directory
from certwright.acme.jws import AccountKey
from certwright.acme.polling import parse_retry_after
from certwright.acme.problem import AcmeProblem, Refusal, build_error, parse_problem
from certwright.base.clock import Clock
from certwright.base.evidence import printable
from certwright.base.problem import Cause, Retryable
from certwright.base.reason import Reason
from certwright.net.http import Http, Response

MAX_BAD_NONCES = 10
"""Signatures after the first that one request gets."""
MAX_JSON = 1024 * 1024
"""Octets of an answer that is read as JSON; an order of 1,000 names has a tenth of them."""
_KEPT_NONCES = 64
_DIRECTORY_LIFE = timedelta(hours=1)
_JOSE = {"Content-Type": "application/jose+json", "Accept-Language": "en"}
_SUCCESS = range(200, 300)

T = TypeVar("T")


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """One request as it went: what for, where to, and how it ended.

    `status` is 0 where nothing answered.
    """

    operation: str
    method: str
    url: str
    status: int
    seconds: float


def _unheard(_exchange: Exchange) -> None:
    """Nobody wants to know."""


class Signer(msgspec.Struct, frozen=True):
    """Who signs: a key, by the URL of its account, or by itself where it has none (§6.2)."""

    key: AccountKey
    account_url: str = ""

    def sign(self, payload: bytes, url: str, nonce: str) -> bytes:
        """Build the body of one request."""
        who: dict[str, Any] = (
            {"kid": self.account_url} if self.account_url else {"jwk": self.key.public_jwk()}
        )
        return self.key.sign(payload, **who, nonce=nonce, url=url)


class Transport:
    """One CA's directory, nonces and connection slots; shared by all accounts at that CA.

    A connection slot is taken first and a nonce second, so that 2000 requests in flight need no
    more fresh nonces than there are slots: every answer, errors too, brings the next one.
    """

    def __init__(
        self,
        directory_url: str,
        http: Http,
        clock: Clock,
        *,
        slots: int = 16,
        told: Callable[[Exchange], None] = _unheard,
    ) -> None:
        self.directory_url = directory_url
        self.clock = clock
        self._http = http
        self._told = told
        self._slots = asyncio.Semaphore(slots)
        self._nonces: deque[str] = deque(maxlen=_KEPT_NONCES)
        self._directory: Directory | None = None
        self._directory_end = 0.0
        self._directory_lock = asyncio.Lock()

    async def directory(self, *, fresh: bool = False) -> Directory:
        """Return the CA's directory; fetched again after an hour, or if it shall be `fresh`."""
        async with self._directory_lock:
            is_old = self.clock.monotonic() >= self._directory_end
            if self._directory is None or is_old or fresh:
                answer = await self._get(self.directory_url, "directory")
                self._directory = decode(answer, Directory, "directory")
                self._directory_end = self.clock.monotonic() + _DIRECTORY_LIFE.total_seconds()
            return self._directory

    async def post(
        self, url: str, payload: bytes, *, signer: Signer, operation: str, accept: str = ""
    ) -> Response:
        """Send one signed request; an empty payload is a POST-as-GET (§6.3).

        Raises:
            AcmeProblem: the CA refused or failed.
            Retryable: nothing answered (cause TRANSPORT).
        """
        new_nonce = (await self.directory()).new_nonce
        headers = _JOSE | ({"Accept": accept} if accept else {})
        async with self._slots:
            nonce = self._nonces.pop() if self._nonces else await self._fresh_nonce(new_nonce)
            refused = 0
            while True:
                body = signer.sign(payload, url, nonce)
                answer = await self._send(url, operation, headers=headers, body=body)
                nonce = _nonce_of(answer)
                error = None if answer.status in _SUCCESS else self._error(answer, operation)
                if error is None or not error.is_bad_nonce() or refused == MAX_BAD_NONCES:
                    break
                refused += 1
                # §6.5: the error brings the nonce to try again with
                nonce = nonce or await self._fresh_nonce(new_nonce)
            if nonce:
                self._nonces.append(nonce)
            if error is not None:
                raise error
            return answer

    def retry_at(self, answer: Response) -> datetime | None:
        """Return the moment at which an answer asks us to come back."""
        return parse_retry_after(answer.header("Retry-After"), self.clock.now())

    async def _fresh_nonce(self, url: str) -> str:
        # GET and not HEAD: some proxies drop headers of an answer without a body (§7.2 allows both)
        nonce = _nonce_of(await self._get(url, "newNonce"))
        if not nonce:
            raise bad_answer("newNonce", "it bears no nonce")
        return nonce

    async def _get(self, url: str, operation: str) -> Response:
        answer = await self._send(url, operation, headers={"Accept-Language": "en"})
        if answer.status not in _SUCCESS:
            raise self._error(answer, operation)
        return answer

    async def _send(
        self, url: str, operation: str, *, headers: Mapping[str, str], body: bytes | None = None
    ) -> Response:
        began, status = self.clock.monotonic(), 0
        method = "GET" if body is None else "POST"
        try:
            answer = await self._http.request(method, url, headers=headers, body=body)
            status = answer.status
            return answer
        finally:
            self._told(
                Exchange(
                    operation=operation,
                    method=method,
                    url=url,
                    status=status,
                    seconds=self.clock.monotonic() - began,
                )
            )

    def _error(self, answer: Response, operation: str) -> AcmeProblem:
        return build_error(
            Refusal(
                document=parse_problem(answer.body, answer.status, answer.header("Content-Type")),
                operation=operation,
                url=answer.url,
                location=printable(answer.header("Location"), 500),
                retry_at=self.retry_at(answer),
            )
        )


def decode(answer: Response, kind: type[T], operation: str) -> T:
    """Read the JSON of an answer; unknown fields are passed over, and `null` is as good as none.

    Raises:
        Retryable: it is none, or lacks what RFC 8555 requires (cause SERVER).
    """
    if len(answer.body) > MAX_JSON:
        raise bad_answer(operation, f"it has {len(answer.body)} bytes, more than {MAX_JSON}")
    try:
        try:
            return msgspec.json.decode(answer.body, type=kind)
        except msgspec.ValidationError:
            # Servers written in Go say null for an empty list.
            return msgspec.convert(_without_nulls(msgspec.json.decode(answer.body)), kind)
    except (ValueError, RecursionError) as error:
        raise bad_answer(operation, printable(str(error), 200)) from error


def bad_answer(operation: str, text: str) -> Retryable:
    """Build the error for an answer that makes no sense."""
    return Retryable(
        Reason.SERVER_ERROR,
        f"the CA's answer to {operation} cannot be used: {text}",
        cause=Cause.SERVER,
        remedy="Check that the server's URL is that of an ACME directory (RFC 8555).",
    )


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(part) for name, part in value.items() if part is not None}
    if isinstance(value, list):
        return [_without_nulls(part) for part in value]
    return value


def _nonce_of(answer: Response) -> str:
    nonce = answer.header("Replay-Nonce")
    # §6.5.1: a nonce that is not base64url is ignored
    return nonce if re.fullmatch(r"[A-Za-z0-9_-]{1,1024}", nonce) else ""
