"""The way to an API server that answers what a test says, and writes down what it was asked."""

from collections import deque
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import timedelta
from random import Random
from typing import Any

import msgspec

from certwright.base.clock import Clock
from certwright.base.problem import Cause, Retryable
from certwright.base.secret import Redacted
from certwright.kube.config import Cluster, Config, User
from certwright.kube.plugin import ExecRunner, ProcessExecRunner
from certwright.kube.rest import Rest
from certwright.net.http import Response
from certwright.net.stream import Arriving, Headers, Request, Tls
from tests.fakes.clock import FakeClock

_PATIENCE = 20
URL = "https://api.example"


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """One answer; its body arrives in chunks, and `breaks` off at its end if it should."""

    status: int = 200
    headers: Headers = ()
    chunks: tuple[bytes, ...] = ()
    breaks: bool = False


def said(document: Any, status: int = 200, headers: Headers = ()) -> Said:
    """An answer with a JSON body."""
    return Said(status=status, headers=headers, chunks=(msgspec.json.encode(document),))


def refused(status: int, reason: str = "", headers: Headers = ()) -> Said:
    """An answer that says no."""
    document = {"kind": "Status", "reason": reason, "message": f"it is {reason}", "code": status}
    return said(document, status, headers)


def lines(*frames: Any, breaks: bool = False) -> Said:
    """The answer to a watch, one chunk a line."""
    chunks = tuple(msgspec.json.encode(frame) + b"\n" for frame in frames)
    return Said(chunks=chunks, breaks=breaks)


class FakeLink:
    """Answers in the order of `answers`; a request too many is no answer.

    Looks whether the server has come as far as a watch are answered apart, by `look_back`.
    """

    def __init__(self, answers: Iterable[Said], *, look_back: Said | None = None) -> None:
        self.answers = deque(answers)
        self.look_back = look_back or said({})
        self.looked_back = 0
        self._lost = 0
        self.asked: list[Request] = []
        self.tls: list[Tls] = []
        self.closed = 0

    def __call__(self, _server: str, tls: Tls, _proxy: str) -> "FakeLink":
        self.tls.append(tls)
        return self

    async def request(self, request: Request) -> Response:
        if "limit=1&" in request.target:
            self.looked_back += 1
            answer = self.look_back
        else:
            answer = self._next(request)
        return Response(answer.status, answer.headers, b"".join(answer.chunks), URL)

    @asynccontextmanager
    async def stream(self, request: Request, *, quiet: timedelta) -> AsyncIterator[Arriving]:
        assert quiet > timedelta()
        yield _Streamed(self._next(request))

    async def aclose(self) -> None:
        self.closed += 1

    def sent(self, name: str) -> list[str]:
        """The values of one header, request by request; empty where it was not sent."""
        return [dict(one.headers).get(name, "") for one in self.asked]

    def _next(self, request: Request) -> Said:
        self.asked.append(request)
        if not self.answers:
            self._lost += 1
            assert self._lost < _PATIENCE, "it is asked for ever"
            raise lost()
        return self.answers.popleft()


class _Streamed:
    def __init__(self, answer: Said) -> None:
        self.status = answer.status
        self.headers = answer.headers
        self._answer = answer

    async def chunks(self) -> AsyncIterator[bytes]:
        for chunk in self._answer.chunks:
            yield chunk
        if self._answer.breaks:
            raise lost()

    async def read(self, limit_bytes: int) -> bytes:
        body = b"".join(self._answer.chunks)
        assert len(body) <= limit_bytes
        return body


def lost() -> Retryable:
    """The problem of a connection that is gone."""
    return Retryable("ConnectionFailed", "it is gone", cause=Cause.TRANSPORT)


def a_config(user: User | None = None) -> Config:
    """A configuration with a token."""
    return Config(cluster=Cluster(server=URL), user=user or User(token=Redacted("secret")))


def a_rest(
    link: FakeLink,
    *,
    config: Config | None = None,
    clock: Clock | None = None,
    runner: ExecRunner | None = None,
) -> Rest:
    """A client over the fake link; time passes by itself."""
    return Rest(
        config or a_config(),
        clock or FakeClock(auto=True),
        runner or ProcessExecRunner({}),
        connect=link,
    )


def a_random() -> Random:
    """The same numbers each time."""
    return Random(1)
