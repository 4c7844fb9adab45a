"""Who a real API server takes us for."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from certwright.base.clock import SystemClock
from certwright.base.problem import Retryable
from certwright.base.secret import Redacted
from certwright.kube.config import Config, Exec, Impersonation, Material, User, load_kubeconfig
from certwright.kube.plugin import ProcessExecRunner
from certwright.kube.problem import ApiProblem
from certwright.kube.rest import Call, Rest
from tests.integration.servers.apiserver import HOLDER, ApiServer

REVIEW = b'{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}'


async def whoami(config: Config) -> dict[str, Any]:
    """Ask the server who we are."""
    rest = Rest(config, SystemClock(), ProcessExecRunner({"PATH": "/usr/bin:/bin"}))
    try:
        body = await rest.request(
            Call(
                method="POST",
                path="/apis/authentication.k8s.io/v1/selfsubjectreviews",
                body=REVIEW,
            )
        )
    finally:
        await rest.aclose()
    found: dict[str, Any] = msgspec.json.decode(body)["status"]["userInfo"]
    return found


def as_user(server: ApiServer, user: User) -> Config:
    return msgspec.structs.replace(server.config(), user=user)


async def test_a_token_is_known(server: ApiServer) -> None:
    found = await whoami(server.config("tenant"))

    assert found["username"] == "tenant"
    assert "tenants" in found["groups"]


async def test_a_wrong_token_is_not(server: ApiServer) -> None:
    with pytest.raises(ApiProblem) as problem:
        await whoami(as_user(server, User(token=Redacted("wrong"))))

    assert problem.value.status == 401


@pytest.mark.parametrize("by", ["file", "data"])
async def test_a_client_certificate_is_known(server: ApiServer, by: str) -> None:
    files = [server.home / f"{HOLDER}.{suffix}" for suffix in ("crt", "key")]
    certificate, key = (
        Material(path=file) if by == "file" else Material(Redacted(file.read_bytes()))
        for file in files
    )

    found = await whoami(as_user(server, User(certificate=certificate, key=key)))

    assert found["username"] == HOLDER


async def test_somebody_else_is_impersonated(server: ApiServer) -> None:
    wanted = Impersonation(
        user="jane", uid="7", groups=("a", "b"), extra={"example.com/reason": ("x", "y")}
    )
    user = msgspec.structs.replace(server.config().user, impersonation=wanted)

    found = await whoami(as_user(server, user))

    assert (found["username"], found["uid"]) == ("jane", "7")
    assert {"a", "b"} <= set(found["groups"])
    assert found["extra"] == {"example.com/reason": ["x", "y"]}


@pytest.mark.parametrize("kind", ["token", "certificate"])
async def test_a_plugin_says_who_we_are(server: ApiServer, tmp_path: Path, kind: str) -> None:
    version = "client.authentication.k8s.io/v1"
    status = (
        {"token": "tenant-token"}
        if kind == "token"
        else {
            "clientCertificateData": (server.home / "holder.crt").read_text(),
            "clientKeyData": (server.home / "holder.key").read_text(),
        }
    )
    answer = {"apiVersion": version, "kind": "ExecCredential", "status": status}
    (tmp_path / "answer").write_bytes(msgspec.json.encode(answer))
    plugin = Exec(api_version=version, command="cat", arguments=(str(tmp_path / "answer"),))

    found = await whoami(as_user(server, User(exec=plugin)))

    assert found["username"] == ("tenant" if kind == "token" else HOLDER)


async def test_a_kubeconfig_leads_there(server: ApiServer, tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_bytes(server.ca_bundle)
    path = tmp_path / "config"
    path.write_text(
        "current-context: it\n"
        "contexts: [{name: it, context: {cluster: it, user: me}}]\n"
        "clusters:\n- name: it\n  cluster:\n"
        f"    server: {server.url}\n    certificate-authority: ca.crt\n"
        "users: [{name: me, user: {token: tenant-token}}]\n"
    )

    assert (await whoami(load_kubeconfig([path])))["username"] == "tenant"


@pytest.mark.parametrize(
    ("changes", "trusted"),
    [
        ({"ca": Material()}, False),
        ({"ca": Material(), "skip_verify": True}, True),
        ({"server_name": "localhost"}, True),
        ({"server_name": "other.example"}, False),
    ],
)
async def test_the_server_is_believed_by_its_certificate(
    server: ApiServer, changes: dict[str, Any], *, trusted: bool
) -> None:
    config = server.config()
    cluster = msgspec.structs.replace(config.cluster, **changes)
    asked = whoami(msgspec.structs.replace(config, cluster=cluster))

    if trusted:
        assert (await asked)["username"] == "admin"
    else:
        with pytest.raises(Retryable):
            await asked


async def test_a_proxy_is_used(server: ApiServer) -> None:
    tunnels: list[str] = []

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        tunnels.append(head.split(b"\r\n")[0].decode())
        writer.write(b"HTTP/1.1 403 No\r\n\r\n")
        await writer.drain()
        writer.close()

    listening = await asyncio.start_server(proxy, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    config = server.config()
    cluster = msgspec.structs.replace(config.cluster, proxy_url=f"http://127.0.0.1:{port}")

    async with listening:
        with pytest.raises(Retryable, match="proxy"):
            await whoami(msgspec.structs.replace(config, cluster=cluster))

    assert tunnels == [f"CONNECT {server.url.removeprefix('https://')} HTTP/1.1"]
