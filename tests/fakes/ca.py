"""An ACME CA that answers by a script, without any network; it is an `Http` of its own."""

import base64
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import msgspec

from certwright.base.problem import Cause, Retryable
from certwright.net.http import Response

ORIGIN = "https://ca.example"
DIRECTORY = f"{ORIGIN}/directory"
ACCOUNT = f"{ORIGIN}/account/1"
PROBLEM = "urn:ietf:params:acme:error:"


class Seen(msgspec.Struct, frozen=True):
    """A request as it arrived, with its JWS taken apart."""

    method: str
    url: str
    headers: Mapping[str, str]
    protected: dict[str, Any]
    payload: Any


class ScriptedCa:
    """Answers each URL with the next reply of its script; the last reply repeats.

    A reply is a `Response`, or None for a connection that breaks without an answer. Nonces and a
    directory are there from the start; every answer brings a nonce.
    """

    def __init__(self, **directory: Any) -> None:
        self.seen: list[Seen] = []
        self._nonces = 0
        self._script: dict[str, list[Response | None]] = {}
        urls = {
            "newNonce": f"{ORIGIN}/nonce",
            "newAccount": f"{ORIGIN}/new-account",
            "newOrder": f"{ORIGIN}/new-order",
            "revokeCert": f"{ORIGIN}/revoke",
            "keyChange": f"{ORIGIN}/key-change",
        }
        self.on(DIRECTORY, reply({**urls, **directory}))
        self.on(f"{ORIGIN}/nonce", reply(status=204))
        self.on(f"{ORIGIN}/new-account", reply({"status": "valid"}, location=ACCOUNT))

    def on(self, url: str, *replies: Response | None) -> None:
        """Set the replies of a URL."""
        self._script[url] = list(replies)

    def posts(self, url: str = "") -> list[Seen]:
        """Signed requests so far, to one URL or to all."""
        posts = [seen for seen in self.seen if seen.method == "POST"]
        return [seen for seen in posts if not url or seen.url == url]

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout: timedelta = timedelta(seconds=1),  # noqa: ASYNC109  # as in Http
        limit_bytes: int = 0,
    ) -> Response:
        del timeout, limit_bytes
        self.seen.append(_take_apart(method, url, headers or {}, body))
        script = self._script.get(url) or [refusal("malformed", status=404)]
        answer = script.pop(0) if len(script) > 1 else script[0]
        if answer is None:
            raise Retryable("ConnectionFailed", "no answer", cause=Cause.TRANSPORT)
        self._nonces += 1
        fresh = (("Replay-Nonce", f"nonce-{self._nonces}"),)
        has_own = bool(answer.header("Replay-Nonce")) or "x-no-nonce" in dict(answer.headers)
        pairs = answer.headers if has_own else answer.headers + fresh
        return Response(answer.status, pairs, answer.body, url)


def reply(
    content: Any = None, *, status: int = 200, location: str = "", **headers: str | tuple[str, ...]
) -> Response:
    """Build an answer: bytes as they are, anything else as JSON; `Retry_After` names a header."""
    body = content if isinstance(content, bytes) else msgspec.json.encode(content)
    pairs = [("Content-Type", "application/json")] if "Content_Type" not in headers else []
    if location:
        pairs.append(("Location", location))
    for name, value in headers.items():
        values = (value,) if isinstance(value, str) else value
        pairs += [(name.replace("_", "-"), each) for each in values]
    return Response(status, tuple(pairs), body, "")


def refusal(word: str, *, status: int = 400, detail: str = "no", **headers: str) -> Response:
    """Build a problem document of ACME's type `word`."""
    document = {"type": PROBLEM + word, "detail": detail}
    return reply(document, status=status, Content_Type="application/problem+json", **headers)


def decode_base64url(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _take_apart(method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Seen:
    if not body:
        return Seen(method, url, headers, {}, None)
    jws = msgspec.json.decode(body, type=dict[str, str])
    protected = msgspec.json.decode(decode_base64url(jws["protected"]))
    payload = decode_base64url(jws["payload"])
    return Seen(method, url, headers, protected, msgspec.json.decode(payload) if payload else "")
