"""The lab's ACME CA and HTTPS edge: one Caddy process, configured on standard input.

Its administration is off, its CA is kept out of the system's trust store, and every handshake of
the site asks us for the certificate (`lab/pull.py`): what the controllers put into a Secret is
what the next visitor sees.
"""

import asyncio
import shutil
import sys
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from certwright.base.clock import Clock
from certwright.base.problem import Retryable, Stalled
from certwright.base.reason import Reason
from certwright.base.secret import Redacted
from certwright.lab.child import Child, Command
from certwright.lab.ports import Ports
from certwright.net.http import HttpClient, Trust
from certwright.net.tcp import LOOPBACK, is_listening

DOMAIN = "demo.localhost"
ACME_HOST = f"acme.{DOMAIN}"
DEFAULT_LIFETIME = timedelta(days=90)
SHORTEST_LIFETIME = timedelta(minutes=5)
"""Below that Caddy's CA does not start."""
_LABELS = 4
_STEP = timedelta(milliseconds=15)
_READY_SECONDS = 15


class Wiring(Struct, frozen=True, kw_only=True):
    """What the process is told.

    Attributes:
        folder: for its state; made with access for this user alone.
        ports: where it listens.
        resolver_port: the name server that the CA asks.
        backend_port: where the site's requests go.
        pull: where handshakes get their certificate, `http://127.0.0.1:PORT/SECRET`.
        permission: answers that no certificate is to be obtained, and is as secret.
        lifetime: of the certificates that the CA signs.
    """

    folder: Path
    ports: Ports
    resolver_port: int
    backend_port: int
    pull: Redacted[str]
    permission: Redacted[str]
    lifetime: timedelta = DEFAULT_LIFETIME

    @property
    def root(self) -> Path:
        """Where the certificate of the CA's root is."""
        return self.folder / "ca" / "pki" / "authorities" / "local" / "root.crt"


class Edge:
    """The running process; the CA can be taken away and brought back (`--break ca`)."""

    def __init__(self, wiring: Wiring, clock: Clock) -> None:
        self._wiring = wiring
        self._clock = clock
        self._child: Child | None = None

    async def start(self, *, with_ca: bool = True) -> None:
        """Start it, in place of the one before; returns when it answers.

        Raises:
            Stalled: there is no caddy program, or it does not start.
        """
        await self.aclose()
        wiring = self._wiring
        config = msgspec.json.encode(caddy_config(wiring, with_ca=with_ca))
        self._child = child = await Child.start(
            Command(
                argv=(find_caddy(), "run", "--config", "-"),
                home=wiring.folder / "home",
                said=config,
                log=wiring.folder / "caddy.log",
                secrets=(wiring.pull, wiring.permission),
            )
        )
        try:
            async with asyncio.timeout(_READY_SECONDS):
                while not await self._is_ready(with_ca=with_ca):
                    if child.has_ended:
                        raise _did_not_start(child, wiring)
                    await self._clock.sleep(_STEP)
        except TimeoutError as error:
            raise _did_not_start(child, wiring) from error

    async def aclose(self) -> None:
        """End it; may be called twice."""
        child, self._child = self._child, None
        if child is not None:
            await child.aclose()

    async def _is_ready(self, *, with_ca: bool) -> bool:
        ports = self._wiring.ports
        if not self._wiring.root.is_file() or not await is_listening(ports.edge):
            return False
        if not with_ca:
            return True
        trust = Trust(ca_bundle=await asyncio.to_thread(self._wiring.root.read_bytes))
        http = HttpClient(trust, addresses={ACME_HOST: (LOOPBACK, ports.acme)})
        try:
            with suppress(Retryable):  # it listens before it has a certificate of its own
                return (await http.request("GET", directory_url(ports))).status == 200  # noqa: PLR2004  # OK
            return False
        finally:
            await http.aclose()


def directory_url(ports: Ports) -> str:
    """Return the address of the CA's directory (RFC 8555 §7.1.1)."""
    return f"https://{ACME_HOST}:{ports.acme}/acme/local/directory"


def find_caddy() -> str:
    """Return the path of the program: that of our environment, else any.

    Raises:
        Stalled: there is none.
    """
    ours = Path(sys.executable).with_name("caddy")
    found = str(ours) if ours.is_file() else shutil.which("caddy")
    if found is None:
        raise Stalled(
            Reason.INVALID_CONFIG,
            "the lab's CA and HTTPS edge is Caddy, which is not installed",
            remedy="pip install 'certwright[lab]'",
        )
    return found


def caddy_config(wiring: Wiring, *, with_ca: bool = True) -> dict[str, Any]:
    """Build Caddy's configuration."""
    servers = {"edge": _edge_server(wiring)}
    if with_ca:
        servers["acme"] = _acme_server(wiring)
    local_ca = {
        "name": "certwright lab",
        "root_common_name": "certwright lab root",
        "intermediate_common_name": "certwright lab CA",
        "install_trust": False,  # the system's trust store stays as it is
        "intermediate_lifetime": "26280h",
    }
    return {
        "admin": {"disabled": True, "config": {"persist": False}},
        "logging": {"logs": {"default": {"level": "WARN"}}},
        "storage": {"module": "file_system", "root": str(wiring.folder / "ca")},
        "apps": {
            "pki": {"certificate_authorities": {"local": local_ca}},
            "tls": _tls(wiring),
            "http": {"grace_period": "200ms", "servers": servers},
        },
    }


def _tls(wiring: Wiring) -> dict[str, Any]:
    internal = [{"module": "internal", "ca": "local"}]
    pulled = {
        "get_certificate": [{"via": "http", "url": wiring.pull.reveal()}],
        "on_demand": True,
        # Where we have no certificate Caddy would ask a public CA for one, by default. It is
        # refused permission, and would only find its own CA.
        "issuers": internal,
    }
    refusal = {"module": "http", "endpoint": wiring.permission.reveal()}
    return {
        "certificates": {"automate": [ACME_HOST]},
        "automation": {
            "policies": [{"subjects": [ACME_HOST], "issuers": internal}, pulled],
            "on_demand": {"permission": refusal},
        },
    }


def _acme_server(wiring: Wiring) -> dict[str, Any]:
    ca = {
        "handler": "acme_server",
        "ca": "local",
        "lifetime": f"{int(wiring.lifetime.total_seconds())}s",
        "challenges": ["dns-01"],
        "policy": {"allow_wildcard_names": True},
        "resolvers": [f"udp/{LOOPBACK}:{wiring.resolver_port}"],
    }
    return {
        "listen": [f"{LOOPBACK}:{wiring.ports.acme}"],
        "protocols": ["h1", "h2"],
        "automatic_https": {"disable": True},
        "tls_connection_policies": [{"default_sni": ACME_HOST}],
        "routes": [{"match": [{"host": [ACME_HOST]}], "handle": [ca]}],
    }


def _edge_server(wiring: Wiring) -> dict[str, Any]:
    backend = {
        "handler": "reverse_proxy",
        "upstreams": [{"dial": f"{LOOPBACK}:{wiring.backend_port}"}],
    }
    return {
        "listen": [f"{LOOPBACK}:{wiring.ports.edge}"],
        "protocols": ["h1", "h2"],
        "automatic_https": {"disable": True},
        # handshakes for other names end at once
        "tls_connection_policies": [{"match": {"sni": _names_below(DOMAIN)}}],
        "routes": [{"handle": [backend]}],
    }


def _names_below(domain: str) -> list[str]:
    return [f"{'*.' * labels}{domain}" for labels in range(1, _LABELS + 1)]


def _did_not_start(child: Child, wiring: Wiring) -> Stalled:
    why = child.last_words or "it said nothing"
    return Stalled(
        Reason.INVALID_CONFIG,
        f"the lab's CA and HTTPS edge (caddy) did not start: {why}",
        remedy=f"look into {wiring.folder / 'caddy.log'}",
    )
