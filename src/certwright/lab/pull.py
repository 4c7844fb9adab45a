"""Certificates for handshakes: the edge asks, the Secret of the store answers.

The address is unguessable and only the edge knows it: whoever asks here gets private keys. It
answers for the hosts that an Ingress of the lab serves, and for nothing else.
"""

import secrets
from collections.abc import Iterable

from certwright.api.core import TLS_CERT, TLS_KEY, Ingress, Secret
from certwright.api.meta import Key
from certwright.base.secret import Redacted
from certwright.net.server import Reply, Request, Route, Server, serve
from certwright.store.protocol import NotFound, Store

_TOKEN_BYTES = 32
_NONE = Reply(status=204)
_REFUSED = Reply(status=403)


class Pull:
    """The running answerer; `use` gives it the store once there is one."""

    def __init__(self) -> None:
        self._path = f"/{secrets.token_urlsafe(_TOKEN_BYTES)}"
        self._permission = f"/{secrets.token_urlsafe(_TOKEN_BYTES)}"
        self._store: Store | None = None
        self._server: Server | None = None

    async def start(self) -> None:
        """Listen on a free port of loopback."""
        self._server = await serve(
            (
                Route("GET", self._path, self._certificate),
                Route("GET", self._permission, _refuse),
            )
        )

    def use(self, store: Store) -> None:
        """Answer from this store from now on."""
        self._store = store

    @property
    def certificate_url(self) -> Redacted[str]:
        """Where the edge gets certificates."""
        return Redacted(self._url + self._path)

    @property
    def permission_url(self) -> Redacted[str]:
        """Where the edge hears that it must not obtain certificates itself."""
        return Redacted(self._url + self._permission)

    async def aclose(self) -> None:
        """Stop listening; may be called twice."""
        server, self._server = self._server, None
        if server is not None:
            await server.aclose()

    @property
    def _url(self) -> str:
        if self._server is None:
            raise RuntimeError("not started")
        return self._server.url

    async def _certificate(self, request: Request) -> Reply:
        host = request.query.get("server_name", "").rstrip(".").lower()
        if self._store is None or not host:
            return _NONE
        key = find_secret((await self._store.list(Ingress)).items, host)
        if key is None:
            return _NONE
        try:
            secret = await self._store.get(Secret, key)
        except NotFound:
            return _NONE
        chain, private = secret.data.get(TLS_CERT, b""), secret.data.get(TLS_KEY, b"")
        if not chain or not private:
            return _NONE
        return Reply(body=chain + b"\n" + private, content_type="application/x-pem-file")


async def _refuse(request: Request) -> Reply:
    del request
    return _REFUSED


def find_secret(ingresses: Iterable[Ingress], host: str) -> Key | None:
    """Return the Secret that an Ingress names for a host; an exact host beats a wildcard."""
    for wanted in (host, f"*.{host.partition('.')[2]}"):
        for ingress in ingresses:
            for tls in ingress.spec.tls:
                if wanted in tls.hosts and tls.secret_name:
                    return Key(ingress.metadata.namespace, tls.secret_name)
    return None
