"""kube-apiserver alone, with RBAC and identities to choose from; nothing else of a cluster runs.

Without a controller-manager nothing is garbage collected (see `tests.fakes.collector`), and objects
may be put into namespaces that do not exist.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec

from certwright.api.crd.definitions import crds
from certwright.base.clock import Clock, SystemClock
from certwright.base.problem import Retryable
from certwright.base.secret import Redacted
from certwright.kube.config import Cluster, Config, Material, User
from certwright.kube.paths import APPLY
from certwright.kube.plugin import ProcessExecRunner
from certwright.kube.problem import ApiProblem
from certwright.kube.rest import Call, Rest
from certwright.net.http import HttpClient, Trust
from certwright.net.tcp import free_port
from certwright.pki.certificate import self_sign
from certwright.pki.csr import Request, Subject, build_csr
from certwright.pki.keys import Algorithm, encode_key, generate_key
from certwright.pki.signing import Template
from tests.integration.servers.etcd import etcd
from tests.integration.servers.process import serving
from tests.integration.servers.tls import loopback_tls
from tests.peers import require_peer

ADMIN = "admin"
HOLDER = "holder"
IDENTITIES: Mapping[str, tuple[str, ...]] = {
    ADMIN: ("system:masters",),
    "controller": ("certwright",),
    "tenant": ("tenants",),
    "nobody": (),
}
"""User names with their groups; the token of each is its name and "-token"."""
_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


class ApiServer(msgspec.Struct, frozen=True):
    """The running server; `home/holder.crt` and `.key` make a client known by certificate."""

    url: str
    ca_bundle: bytes
    home: Path
    pid: int = 0

    def config(self, user: str = ADMIN) -> Config:
        """How `user` talks to it."""
        return Config(
            cluster=Cluster(server=self.url, ca=Material(Redacted(self.ca_bundle))),
            user=User(token=Redacted(f"{user}-token")),
        )

    def rest(self, user: str = ADMIN, clock: Clock | None = None) -> Rest:
        """A client of `user`; the caller closes it."""
        return Rest(self.config(user), clock or SystemClock(), ProcessExecRunner({}))


@asynccontextmanager
async def api_server(
    folder: Path, *, flags: tuple[str, ...] = (), program: str = "kube-apiserver"
) -> AsyncIterator[ApiServer]:
    """Run etcd and an API server on free ports; ready with our CRDs installed."""
    async with etcd(folder) as storage, bare_api_server(folder, storage, flags, program) as server:
        await install_crds(server)
        yield server


@contextmanager
def api_server_for_a_session(folder: Path) -> Iterator[ApiServer]:
    """The same for a fixture that many event loops use."""
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        try:
            yield runner.run(stack.enter_async_context(api_server(folder)))
        finally:
            runner.run(stack.aclose())


@asynccontextmanager
async def bare_api_server(
    folder: Path, storage: str, flags: tuple[str, ...] = (), program: str = "kube-apiserver"
) -> AsyncIterator[ApiServer]:
    """Run an API server on a free port over a storage that is there already."""
    path = require_peer(program)
    port = free_port()
    home = folder / "apiserver"
    home.mkdir()
    tls = loopback_tls(home)
    accounts = home / "accounts.key"
    accounts.write_bytes(encode_key(generate_key(Algorithm.ECDSA)))
    tokens = home / "tokens.csv"
    tokens.write_text(
        "".join(
            f'{name}-token,{name},{name}-uid,"{",".join(groups)}"\n'
            for name, groups in IDENTITIES.items()
        )
    )
    argv = [
        str(path),
        f"--etcd-servers={storage}",
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        f"--secure-port={port}",
        f"--tls-cert-file={tls.certificate}",
        f"--tls-private-key-file={tls.key}",
        f"--client-ca-file={_holder(home)}",
        f"--token-auth-file={tokens}",
        "--authorization-mode=RBAC",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={accounts}",
        f"--service-account-signing-key-file={accounts}",
        "--service-cluster-ip-range=10.0.0.0/24",
        "--endpoint-reconciler-type=none",
        "--disable-admission-plugins=ServiceAccount,NamespaceLifecycle",
        *flags,
    ]
    server = ApiServer(f"https://127.0.0.1:{port}", tls.ca_bundle, home)
    async with serving(argv, home, _readiness(server)) as pid:
        yield msgspec.structs.replace(server, pid=pid)


def _holder(home: Path) -> Path:
    """Make somebody who is known by certificate; it is its own CA."""
    key = generate_key(Algorithm.ECDSA)
    subject = Subject(common_name=HOLDER, organizations=("system:masters",))
    template = Template(
        csr=build_csr(Request(subject=subject, encode_usages=False), key),
        not_before=SystemClock().now() - timedelta(hours=1),
        duration=timedelta(days=1),
        usages=("client auth", "digital signature"),
    )
    (home / "holder.key").write_bytes(encode_key(key))
    certificate = home / "holder.crt"
    certificate.write_bytes(self_sign(template, key=key))
    return certificate


def _readiness(server: ApiServer) -> Callable[[], Awaitable[bool]]:
    async def is_ready() -> bool:
        http = HttpClient(Trust(ca_bundle=server.ca_bundle))
        headers = {"Authorization": f"Bearer {ADMIN}-token"}
        try:
            answer = await http.request("GET", f"{server.url}/readyz", headers=headers)
        except Retryable:
            return False
        finally:
            await http.aclose()
        return answer.status == 200

    return is_ready


async def install_crds(server: ApiServer) -> None:
    """Install our CRDs, and wait until each is served."""
    rest = server.rest()
    try:
        for crd in crds():
            await _apply_crd(rest, crd)
        for crd in crds():
            await _until_served(rest, crd)
    finally:
        await rest.aclose()


async def _apply_crd(rest: Rest, crd: dict[str, Any]) -> None:
    await rest.request(
        Call(
            method="PATCH",
            path=f"{_CRDS}/{crd['metadata']['name']}",
            query={"fieldManager": "tests", "force": "true"},
            body=msgspec.json.encode(crd),
            content_type=APPLY,
        )
    )


async def _until_served(rest: Rest, crd: dict[str, Any]) -> None:
    spec = crd["spec"]
    path = f"/apis/{spec['group']}/{spec['versions'][0]['name']}/{spec['names']['plural']}"
    deadline = rest.clock.monotonic() + 20
    while True:
        try:
            await rest.request(Call(path=path))
        except ApiProblem:
            assert rest.clock.monotonic() < deadline, f"{path} is not served"
        else:
            return
        await rest.clock.sleep(timedelta(milliseconds=50))
