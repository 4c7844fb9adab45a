"""Visits to the lab's site as a browser makes them, over verified TLS."""

import asyncio
import ssl
from contextlib import suppress

from certwright.api.core import CA_CERT, TLS_CERT, Secret
from certwright.base.clock import Clock
from certwright.base.problem import Problem
from certwright.lab.ports import Ports
from certwright.lab.seen import PageSeen
from certwright.net.http import HttpClient, Trust, ssl_context
from certwright.net.tcp import LOOPBACK
from certwright.pki.certificate import certificate_facts

_TIMEOUT_SECONDS = 5
_OK = 200


def site_url(host: str, ports: Ports) -> str:
    """Return the address of a host's page."""
    return f"https://{host}:{ports.edge}/"


async def visit(host: str, secret: Secret, ports: Ports, *, root: bytes, clock: Clock) -> PageSeen:
    """Fetch the page of `host` and compare the certificate with the Secret's.

    Trusted are the lab's root and the Secret's own `ca.crt` (another issuer may have signed).
    """
    url = site_url(host, ports)
    try:
        stored = certificate_facts(secret.data.get(TLS_CERT, b"")).serial
        trust = Trust(ca_bundle=root + b"\n" + secret.data.get(CA_CERT, b""))
        served = await _served_serial(host, ports, trust)
        problem = await _fetch(url, host, ports, trust=trust)
    except (Problem, OSError, ValueError) as error:
        return PageSeen(url, clock.monotonic(), problem=str(error) or type(error).__name__)
    return PageSeen(url, clock.monotonic(), served, stored, problem)


async def _fetch(url: str, host: str, ports: Ports, *, trust: Trust) -> str:
    http = HttpClient(trust, addresses={host: (LOOPBACK, ports.edge)})
    try:
        answer = await http.request("GET", url)
    finally:
        await http.aclose()
    return "" if answer.status == _OK else f"the site answers {answer.status}"


async def _served_serial(host: str, ports: Ports, trust: Trust) -> int:
    """Return the serial of the certificate that a verified handshake shows."""
    async with asyncio.timeout(_TIMEOUT_SECONDS):
        _, writer = await asyncio.open_connection(
            LOOPBACK, ports.edge, ssl=ssl_context(trust), server_hostname=host
        )
    try:
        tls: ssl.SSLObject = writer.get_extra_info("ssl_object")
        der = tls.getpeercert(binary_form=True) or b""
        return certificate_facts(ssl.DER_cert_to_PEM_cert(der).encode()).serial
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
