"""Requests to one API server: identity, patience, warnings; bytes in, bytes or an `ApiProblem` out.

Called by `kube.watch` and `kube.apply`. What may be tried again here is only what the server asked
for (Retry-After) or what a rotated identity explains (401); everything else goes to the caller.
"""

from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final
from urllib.parse import urlencode

import structlog
from msgspec import Struct, field

from certwright.base.clock import Clock
from certwright.base.evidence import printable
from certwright.kube.auth import Authenticator, Identity
from certwright.kube.config import Config
from certwright.kube.pace import Pace
from certwright.kube.plugin import ExecRunner
from certwright.kube.problem import parse_problem
from certwright.net.http import TIMEOUT, Response
from certwright.net.stream import Arriving, Channel, Headers, Link, Request, Tls

JSON: Final = "application/json"
_BODY_LIMIT: Final = 256 * 1024 * 1024  # a list without pages
_FAILURE_LIMIT: Final = 1024 * 1024
_UNAUTHORIZED: Final = 401
_FIRST_FAILURE: Final = 400
_BUSY: Final = frozenset({429, 503})
_TRIES: Final = 5
_LONGEST_WAIT: Final = timedelta(seconds=10)
"""Of one Retry-After. A caller that waited for minutes would act on what it saw before."""
_WARNINGS: Final = 500

log = structlog.get_logger(__name__)

Connect = Callable[[str, Tls, str], Link]
"""Opens the way to a server: URL, TLS, proxy (empty for that of the environment)."""


class Call(Struct, frozen=True, kw_only=True):
    """One request in the API's words."""

    method: str = "GET"
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    content_type: str = JSON
    accept: str = JSON
    timeout: timedelta = TIMEOUT


class _Lent(Struct):
    """Connections, and how many requests use them now."""

    channel: Link
    tls: Tls
    users: int = 0


class Rest:
    """An API server as one identity sees it.

    `lists_by_watch`: whether it has not yet been seen to be unable to (WatchList).
    """

    def __init__(
        self,
        config: Config,
        clock: Clock,
        runner: ExecRunner,
        *,
        pace: Pace | None = None,
        connect: Connect | None = None,
    ) -> None:
        self.config = config
        self.clock = clock
        self.lists_by_watch = True
        self._authenticator = Authenticator(config, clock, runner)
        self._pace = pace
        self._connect = connect or _connect
        self._current: _Lent | None = None
        self._warned: OrderedDict[str, None] = OrderedDict()

    async def request(self, call: Call) -> bytes:
        """Send one request and return the body of its answer.

        Raises:
            ApiProblem: the server refused.
            Retryable: there was no answer.
            Stalled: we cannot say who we are.
        """
        again_after_401 = self._authenticator.can_change
        for attempt in range(1, _TRIES + 1):
            if self._pace is not None:
                await self._pace.wait()
            identity = await self._authenticator.identity()
            async with self._connected(identity) as channel:
                answer = await channel.request(_request(call, identity))
            self._note_warnings(answer.headers)
            if answer.status < _FIRST_FAILURE:
                return answer.body
            if answer.status == _UNAUTHORIZED and again_after_401:
                again_after_401 = False
                self._authenticator.refused(identity)
                continue
            span = _asked_to_wait(answer)
            if span is None or attempt == _TRIES:
                raise parse_problem(answer.status, answer.body)
            await self.clock.sleep(span)
        raise AssertionError("the last try returns or raises")

    @asynccontextmanager
    async def stream(self, call: Call, *, quiet: timedelta) -> AsyncIterator[Arriving]:
        """Send one request and yield its answer while it arrives; `quiet` bounds its silence.

        Raises:
            ApiProblem: the server refused.
            Retryable: there was no answer in time.
            Stalled: we cannot say who we are.
        """
        for last in (not self._authenticator.can_change, True):
            if self._pace is not None:
                await self._pace.wait()
            identity = await self._authenticator.identity()
            async with (
                self._connected(identity) as channel,
                channel.stream(_request(call, identity), quiet=quiet) as answer,
            ):
                self._note_warnings(answer.headers)
                if answer.status == _UNAUTHORIZED and not last:
                    self._authenticator.refused(identity)
                    continue
                if answer.status >= _FIRST_FAILURE:
                    raise parse_problem(answer.status, await answer.read(_FAILURE_LIMIT))
                yield answer
                return

    async def aclose(self) -> None:
        """Close all connections; requests under way fail, later ones open new ones."""
        lent, self._current = self._current, None
        if lent is not None:
            await lent.channel.aclose()

    @asynccontextmanager
    async def _connected(self, identity: Identity) -> AsyncIterator[Link]:
        """Lend connections made as `identity` wants; outdated ones end with their last user."""
        if self._current is None or identity.tls != self._current.tls:
            cluster = self.config.cluster
            channel = self._connect(cluster.server, identity.tls, cluster.proxy_url)
            before, self._current = self._current, _Lent(channel, identity.tls)
            if before is not None and not before.users:
                await before.channel.aclose()
        lent = self._current
        lent.users += 1
        try:
            yield lent.channel
        finally:
            lent.users -= 1
            if lent is not self._current and not lent.users:
                await lent.channel.aclose()

    def _note_warnings(self, headers: Headers) -> None:
        for name, value in headers:
            if name.lower() != "warning":
                continue
            text = printable(value.partition('"')[2].rpartition('"')[0] or value, 500)
            if text not in self._warned:
                log.warning("the API server warns", text=text)
            self._warned[text] = None
            self._warned.move_to_end(text)
            if len(self._warned) > _WARNINGS:
                self._warned.popitem(last=False)


def _connect(server: str, tls: Tls, proxy: str) -> Link:
    return Channel(server, tls, proxy=proxy)


def _request(call: Call, identity: Identity) -> Request:
    headers = [*identity.pairs(), ("Accept", call.accept)]
    if call.body is not None:
        headers.append(("Content-Type", call.content_type))
    return Request(
        method=call.method,
        target=f"{call.path}?{urlencode(call.query)}" if call.query else call.path,
        headers=tuple(headers),
        body=call.body,
        timeout=call.timeout,
        limit_bytes=_BODY_LIMIT,
    )


def _asked_to_wait(answer: Response) -> timedelta | None:
    """Return how long the server wants us to wait; None where it does not say so."""
    if answer.status not in _BUSY:
        return None
    text = answer.header("Retry-After")
    if not text.isdecimal() or len(text) > 6:  # noqa: PLR2004  # days
        return None
    return min(timedelta(seconds=int(text)), _LONGEST_WAIT)
