"""Faults of the connection to the CA, with a real TLS server on loopback."""

import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial

from aiohttp import web

from certwright.net.http import HttpClient
from certwright.net.tcp import free_port
from certwright.pki.certificate import KeyPair, Template, self_sign, sign_certificate
from certwright.pki.csr import Names, Request, Subject, build_csr
from certwright.pki.keys import Algorithm, encode_key, generate_key
from tests.builders import a_ca
from tests.fakes.acme_server import ORIGIN
from tests.faults.row import Row
from tests.faults.stage import Stage

ISSUER = "ClusterIssuer acme"
HOST = ORIGIN.removeprefix("https://")
_DAY = timedelta(days=1)


def a_root(stage: Stage, *, ago: timedelta = _DAY) -> KeyPair:
    """Return a root that begins `ago` and lives for nine days."""
    key = generate_key(Algorithm.ECDSA)
    csr = build_csr(Request(subject=Subject(common_name="Private root"), is_ca=True), key)
    begin = stage.world.clock.now() - ago
    template = Template(csr=csr, not_before=begin, duration=9 * _DAY, is_ca=True)
    return KeyPair(key, self_sign(template, key=key))


class Front:
    """TLS in front of the CA in memory; `show` changes whose certificate it has."""

    def __init__(self, stage: Stage, root: KeyPair, name: str = HOST) -> None:
        self.port = free_port()
        self._stage = stage
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.show(root, name)

    def show(self, root: KeyPair, name: str = HOST) -> None:
        """Have a certificate for `name`, signed by `root`, from the next connection on."""
        key = generate_key(Algorithm.ECDSA)
        csr = build_csr(Request(names=Names(dns=(name,)), encode_usages=False), key)
        begin = self._stage.world.clock.now() - timedelta(hours=1)
        template = Template(csr=csr, not_before=begin, duration=_DAY, usages=("server auth",))
        folder = self._stage.world.folder
        pem = sign_certificate(template, issuer=root) + encode_key(key)
        (folder / "front.pem").write_bytes(pem)
        self._context.load_cert_chain(folder / "front.pem")

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Serve until the end of the block."""
        server = web.Server(self._answer)
        runner = web.ServerRunner(server, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self.port, ssl_context=self._context).start()
        try:
            yield
        finally:
            await runner.cleanup()

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        url = f"{ORIGIN}{request.path_qs}"
        answer = await self._stage.ca.request(request.method, url, body=await request.read())
        return web.Response(status=answer.status, body=answer.body, headers=list(answer.headers))


def front(stage: Stage, root: KeyPair, name: str = HOST) -> Front:
    """Put TLS in front of the CA, and let the product connect to it."""
    shown = Front(stage, root, name)
    stage.services.append(shown.listening())
    stage.front = shown
    connect_to(stage, shown.port)
    return shown


def connect_to(stage: Stage, port: int) -> None:
    """Let the product find the CA's host at a port of loopback."""
    stage.world.connect = partial(HttpClient, addresses={HOST: ("127.0.0.1", port)})


async def bundle(stage: Stage, pem: bytes) -> None:
    """Give the issuer a CA bundle."""
    await stage.edit_acme(caBundle=base64.b64encode(pem).decode())


def wrong_bundle(stage: Stage) -> None:
    stage.root = a_root(stage)
    front(stage, stage.root)
    stage.with_acme(ca_bundle=a_ca("Another root").certificate)


def no_bundle(stage: Stage) -> None:
    stage.root = a_root(stage)
    front(stage, stage.root)


def expired_bundle(stage: Stage) -> None:
    old = a_root(stage, ago=10 * _DAY)
    stage.root = a_root(stage)
    front(stage, old)
    stage.with_acme(ca_bundle=old.certificate)


def other_name(stage: Stage) -> None:
    stage.root = a_root(stage)
    front(stage, stage.root, "other.example")
    stage.with_acme(ca_bundle=stage.root.certificate)


def spoilt_bundle(stage: Stage) -> None:
    stage.root = a_root(stage)
    front(stage, stage.root)
    stage.with_acme(ca_bundle=b"no certificate")


async def right_bundle(stage: Stage) -> None:
    await bundle(stage, stage.root.certificate)


async def new_root(stage: Stage) -> None:
    stage.front.show(stage.root)
    await right_bundle(stage)


async def right_name(stage: Stage) -> None:
    stage.front.show(stage.root)


def blocked(stage: Stage) -> None:
    stage.root = a_root(stage)
    shown = Front(stage, stage.root)
    stage.front = shown
    stage.with_acme(ca_bundle=stage.root.certificate)
    connect_to(stage, shown.port)


async def opened(stage: Stage) -> None:
    await stage.stack.enter_async_context(stage.front.listening())


ROWS = (
    Row(
        name="bundle-wrong",
        fault="The issuer's CA bundle is another CA's",
        prepare=wrong_bundle,
        mend=right_bundle,
        culprit=ISSUER,
        reason="ErrRegisterACMEAccount",
        says="certificate",
        remedy="caBundle",
        next=True,
        real=True,
    ),
    Row(
        name="bundle-missing",
        fault="The CA's server has a private root, and the issuer has no CA bundle",
        prepare=no_bundle,
        mend=right_bundle,
        culprit=ISSUER,
        reason="ErrRegisterACMEAccount",
        says="certificate",
        remedy="caBundle",
        next=True,
        real=True,
    ),
    Row(
        name="bundle-expired",
        fault="The root in the issuer's CA bundle has expired",
        prepare=expired_bundle,
        mend=new_root,
        culprit=ISSUER,
        reason="ErrRegisterACMEAccount",
        says="expired",
        remedy="caBundle",
        next=True,
        real=True,
    ),
    Row(
        name="bundle-unreadable",
        fault="The issuer's CA bundle holds no certificate",
        prepare=spoilt_bundle,
        mend=right_bundle,
        culprit=ISSUER,
        reason="InvalidConfig",
        says="caBundle|CA bundle",
        remedy="PEM certificates",
        real=True,
    ),
    Row(
        name="server-name",
        fault="The certificate of the CA's server is for another name",
        prepare=other_name,
        mend=right_name,
        culprit=ISSUER,
        reason="ErrRegisterACMEAccount",
        says="certificate|name",
        remedy="caBundle",
        next=True,
        real=True,
    ),
    Row(
        name="port-blocked",
        fault="The CA's port refuses connections",
        prepare=blocked,
        mend=opened,
        culprit=ISSUER,
        reason="ErrRegisterACMEAccount",
        says="Connect call failed",
        remedy="firewall",
        next=True,
        real=True,
    ),
)
