"""Who we say we are, request by request: tokens that rotate, certificates that are renewed.

Called by `kube.rest` before each request, and once more after a 401. Files are looked at again
after a while (a projected token lives an hour), programs when what they printed expires.
"""

import base64
from datetime import timedelta
from pathlib import Path
from typing import Final
from urllib.parse import quote

from msgspec import Struct

from certwright.base.clock import Clock
from certwright.base.problem import Stalled
from certwright.base.reason import Reason
from certwright.base.secret import Redacted
from certwright.kube.config import Config, Impersonation, Material, User
from certwright.kube.plugin import ExecPlugin, ExecRunner
from certwright.net.http import Trust
from certwright.net.stream import Headers, Tls

LOOK_AGAIN: Final = timedelta(minutes=1)
"""How long a file's content is believed."""


_Parts = tuple[bytes, bytes, bytes, str]
"""CA bundle, client certificate, its key, bearer token."""


class Identity(Struct, frozen=True):
    """What one request carries: its headers, and how its connection is made."""

    headers: Redacted[str]
    tls: Tls

    def pairs(self) -> Headers:
        """Return the headers as they are sent."""
        lines = (line.partition(": ") for line in self.headers.reveal().split("\n"))
        return tuple((name, value) for name, _, value in lines if name)


class Watched:
    """The content of a file, read again once a minute."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._content: bytes | None = None
        self._read_at = 0.0

    def content(self) -> bytes:
        """Return what the file says; what it said before, where it cannot be read just now.

        Raises:
            Stalled: it could never be read.
        """
        now = self._clock.monotonic()
        if self._content is None or now - self._read_at >= LOOK_AGAIN.total_seconds():
            self._read_at = now
            try:
                self._content = self._path.read_bytes()
            except OSError as error:
                if self._content is None:
                    raise Stalled(
                        Reason.INVALID_CONFIG,
                        f"{self._path}: {error.strerror}",
                        remedy="Make the file readable, or mend the kubeconfig.",
                    ) from error
        return self._content

    def forget(self) -> None:
        """Read it again next time."""
        self._read_at = float("-inf")


class Authenticator:
    """All of a configuration's ways to say who we are."""

    def __init__(self, config: Config, clock: Clock, runner: ExecRunner) -> None:
        self._config = config
        user = config.user
        self._ca = _reader(config.cluster.ca, clock)
        self._certificate = _reader(user.certificate, clock)
        self._key = _reader(user.key, clock)
        self._token_file = Watched(user.token_file, clock) if user.token_file else None
        self._plugin = ExecPlugin(user.exec, config.cluster, clock, runner) if user.exec else None
        self._files = [
            one
            for one in (self._ca, self._certificate, self._key, self._token_file)
            if isinstance(one, Watched)
        ]
        self._fixed = _impersonation(user.impersonation)
        self._last: Identity | None = None
        self._parts: _Parts = (b"", b"", b"", "")

    async def identity(self) -> Identity:
        """Return what the next request carries.

        Raises:
            Stalled: a file cannot be read, or the exec plugin failed.
        """
        certificate, key, ca = (_content(one) for one in (self._certificate, self._key, self._ca))
        token = self._config.user.token.reveal()
        if self._token_file is not None:  # it wins over `token`, as in client-go
            token = self._token_file.content().decode("ascii", "replace").strip()
        elif self._plugin is not None and not token:
            printed = await self._plugin.credentials(ca)
            token = printed.token.reveal()
            if printed.certificate:
                certificate, key = printed.certificate, printed.key.reveal()
        parts = (ca, certificate, key, token)
        if self._last is None or parts != self._parts:
            self._last, self._parts = self._build(parts), parts
        return self._last

    def _build(self, parts: _Parts) -> Identity:
        ca, certificate, key, token = parts
        cluster, user = self._config.cluster, self._config.user
        trust = Trust(ca_bundle=ca or None, skip_verify=cluster.skip_verify)
        tls = Tls(trust, cluster.server_name, certificate, Redacted(key))
        return Identity(Redacted(_authorization(user, token) + self._fixed), tls)

    def refused(self, used: Identity) -> None:
        """Take note of a 401: fetch everything anew before the next request.

        Many requests may learn at once that one token is too old; only the first is news.
        """
        if used != self._last:
            return
        self._last = None
        for file in self._files:
            file.forget()
        if self._plugin is not None:
            self._plugin.forget()

    @property
    def can_change(self) -> bool:
        """Whether another try after a 401 could be another identity."""
        return self._token_file is not None or self._plugin is not None


def _reader(material: Material, clock: Clock) -> Watched | Material:
    return Watched(material.path, clock) if material.path is not None else material


def _content(source: Watched | Material) -> bytes:
    return source.content() if isinstance(source, Watched) else source.data.reveal()


def _authorization(user: User, token: str) -> str:
    if token:
        return f"Authorization: Bearer {token}\n"
    if user.username:
        both = f"{user.username}:{user.password.reveal()}".encode()
        return f"Authorization: Basic {base64.b64encode(both).decode()}\n"
    return ""


def _impersonation(wanted: Impersonation) -> str:
    lines = [f"Impersonate-User: {wanted.user}"] if wanted.user else []
    lines += [f"Impersonate-Uid: {wanted.uid}"] if wanted.uid else []
    lines += [f"Impersonate-Group: {group}" for group in wanted.groups]
    lines += [
        f"Impersonate-Extra-{quote(name, safe='')}: {value}"
        for name, values in wanted.extra.items()
        for value in values
    ]
    return "".join(f"{line}\n" for line in lines)
