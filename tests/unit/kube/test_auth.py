"""Who we say we are, request by request."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from certwright.base.problem import Stalled
from certwright.base.secret import Redacted
from certwright.kube.config import Cluster, Config, Exec, Impersonation, User
from certwright.kube.plugin import ProcessExecRunner, Ran
from certwright.kube.problem import ApiProblem
from certwright.kube.rest import Call
from certwright.net.http import Response
from certwright.net.stream import Request
from tests.fakes.api_link import URL, FakeLink, Said, a_config, a_rest, refused, said
from tests.fakes.clock import FakeClock

V1 = "client.authentication.k8s.io/v1"
OK = said({})


class Plugins:
    """A runner that prints what a test says."""

    def __init__(self, *outputs: Any, has_terminal: bool = False, code: int = 0) -> None:
        self.has_terminal = has_terminal
        self.told: list[dict[str, Any]] = []
        self.interactive: list[bool] = []
        self._outputs = list(outputs)
        self._code = code

    async def run(
        self,
        argv: tuple[str, ...],
        environment: Mapping[str, str],
        *,
        interactive: bool,
        timeout: timedelta,  # noqa: ASYNC109  # the protocol's
    ) -> Ran:
        assert argv
        assert timeout
        self.told.append(msgspec.json.decode(environment["KUBERNETES_EXEC_INFO"]))
        self.interactive.append(interactive)
        await asyncio.sleep(0)  # noqa: TID251  # lets others ask meanwhile
        output = self._outputs.pop(0)
        return Ran(self._code, output if isinstance(output, bytes) else msgspec.json.encode(output))


class Revoking(FakeLink):
    """Refuses one token, after a moment."""

    def __init__(self, revoked: str) -> None:
        super().__init__([])
        self._revoked = revoked

    async def request(self, request: Request) -> Response:
        is_revoked = ("Authorization", self._revoked) in request.headers
        await asyncio.sleep(0)  # noqa: TID251  # lets others ask meanwhile
        self.answers.append(refused(401) if is_revoked else OK)
        return await super().request(request)


def printed(api_version: str = V1, **status: str) -> dict[str, Any]:
    return {"apiVersion": api_version, "kind": "ExecCredential", "status": status}


def an_exec(**more: Any) -> Exec:
    return Exec(**({"api_version": V1, "command": "login"} | more))


def by_plugin(plugins: Plugins, link: FakeLink, clock: FakeClock | None = None, **more: Any) -> Any:
    config = a_config(User(exec=an_exec(**more)))
    return a_rest(link, config=config, runner=plugins, clock=clock or FakeClock(auto=True))


async def test_a_token_is_sent() -> None:
    link = FakeLink([OK])

    await a_rest(link).request(Call(path="/x"))

    assert link.sent("Authorization") == ["Bearer secret"]


async def test_a_name_and_a_password_are_sent() -> None:
    link = FakeLink([OK])
    user = User(username="me", password=Redacted("pass"))

    await a_rest(link, config=a_config(user)).request(Call(path="/x"))

    assert link.sent("Authorization") == ["Basic bWU6cGFzcw=="]


async def test_somebody_is_impersonated_in_every_respect() -> None:
    link = FakeLink([OK])
    wanted = Impersonation(user="jane", uid="1", groups=("a", "b"), extra={"x.y/z": ("v",)})

    await a_rest(link, config=a_config(User(impersonation=wanted))).request(Call(path="/x"))

    assert [pair for pair in link.asked[0].headers if pair[0].startswith("Impersonate")] == [
        ("Impersonate-User", "jane"),
        ("Impersonate-Uid", "1"),
        ("Impersonate-Group", "a"),
        ("Impersonate-Group", "b"),
        ("Impersonate-Extra-x.y%2Fz", "v"),
    ]


async def test_a_token_file_is_read_again_after_a_minute(tmp_path: Path) -> None:
    token, clock, link = tmp_path / "token", FakeClock(), FakeLink([OK, OK, OK])
    rest = a_rest(link, config=a_config(User(token_file=token)), clock=clock)

    for content, span in (("one\n", 59), ("two\n", 1), ("two", 0)):
        token.write_text(content)
        await rest.request(Call(path="/x"))
        clock.advance(timedelta(seconds=span))

    assert link.sent("Authorization") == ["Bearer one", "Bearer one", "Bearer two"]


async def test_a_token_file_is_read_again_once_after_a_401(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("old")
    link = FakeLink([OK, refused(401), OK, refused(401), refused(401)])
    rest = a_rest(link, config=a_config(User(token_file=token)))
    await rest.request(Call(path="/x"))

    token.write_text("new")
    await rest.request(Call(path="/x"))
    with pytest.raises(ApiProblem):
        await rest.request(Call(path="/x"))

    assert link.sent("Authorization")[1:3] == ["Bearer old", "Bearer new"]
    assert len(link.asked) == 5


async def test_a_fixed_token_is_not_tried_twice() -> None:
    link = FakeLink([refused(401, "Unauthorized")])

    with pytest.raises(ApiProblem) as problem:
        await a_rest(link).request(Call(path="/x"))

    assert problem.value.status == 401


async def test_a_token_file_that_is_gone_for_a_moment_keeps_its_content(tmp_path: Path) -> None:
    token, clock, link = tmp_path / "token", FakeClock(), FakeLink([OK, OK])
    token.write_text("one")
    rest = a_rest(link, config=a_config(User(token_file=token)), clock=clock)
    await rest.request(Call(path="/x"))

    token.unlink()
    clock.advance(timedelta(minutes=2))
    await rest.request(Call(path="/x"))

    assert link.sent("Authorization") == ["Bearer one", "Bearer one"]


async def test_a_token_file_that_never_was_is_named(tmp_path: Path) -> None:
    rest = a_rest(FakeLink([]), config=a_config(User(token_file=tmp_path / "token")))

    with pytest.raises(Stalled) as problem:
        await rest.request(Call(path="/x"))

    assert str(tmp_path / "token") in problem.value.message


async def test_a_plugin_runs_once_for_all_that_wait() -> None:
    plugins, link = Plugins(printed(token="t")), FakeLink([OK] * 5)
    rest = by_plugin(plugins, link)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(5):
            tasks.create_task(rest.request(Call(path="/x")))

    assert link.sent("Authorization") == ["Bearer t"] * 5


async def test_a_plugin_runs_again_when_what_it_printed_expires() -> None:
    clock = FakeClock()
    first = printed(token="one", expirationTimestamp="2026-01-01T01:00:00Z")
    plugins, link = Plugins(first, printed(token="two")), FakeLink([OK] * 3)
    rest = by_plugin(plugins, link, clock)

    for minutes in (59, 1, 0):
        await rest.request(Call(path="/x"))
        clock.advance(timedelta(minutes=minutes))

    assert link.sent("Authorization") == ["Bearer one", "Bearer one", "Bearer two"]


async def test_a_plugin_runs_again_once_when_many_are_refused() -> None:
    plugins = Plugins(printed(token="one"), printed(token="two"))
    link = Revoking(revoked="Bearer one")
    rest = by_plugin(plugins, link)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(3):
            tasks.create_task(rest.request(Call(path="/x")))

    assert len(plugins.told) == 2
    assert link.sent("Authorization").count("Bearer two") == 3


async def test_a_certificate_of_a_plugin_makes_new_connections() -> None:
    first = printed(
        clientCertificateData="C1", clientKeyData="K1", expirationTimestamp="2026-01-01T01:00:00Z"
    )
    plugins = Plugins(first, printed(clientCertificateData="C2", clientKeyData="K2"))
    clock, link = FakeClock(), FakeLink([OK, OK, OK])
    rest = by_plugin(plugins, link, clock)

    for minutes in (0, 61, 0):
        await rest.request(Call(path="/x"))
        clock.advance(timedelta(minutes=minutes))

    assert [(tls.certificate, tls.key) for tls in link.tls] == [
        (b"C1", Redacted(b"K1")),
        (b"C2", Redacted(b"K2")),
    ]
    assert link.closed == 1


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
async def test_a_plugin_is_told_its_cluster_if_it_wants_to_know(version: str) -> None:
    api_version = f"client.authentication.k8s.io/{version}"
    plugins, link = Plugins(printed(api_version, token="t")), FakeLink([OK])
    plugin = an_exec(api_version=api_version, provide_cluster_info=True)
    cluster = Cluster(server=URL, server_name="inner", extension=b'{"a":1}')
    config = Config(cluster=cluster, user=User(exec=plugin))

    await a_rest(link, config=config, runner=plugins).request(Call(path="/x"))

    assert plugins.told == [
        {
            "apiVersion": api_version,
            "kind": "ExecCredential",
            "spec": {
                "interactive": False,
                "cluster": {"server": URL, "tls-server-name": "inner", "config": {"a": 1}},
            },
        }
    ]


@pytest.mark.parametrize(
    ("mode", "has_terminal", "asks"),
    [("Never", True, False), ("IfAvailable", True, True), ("IfAvailable", False, False),
     ("Always", True, True)],
)  # fmt: skip
async def test_a_plugin_asks_a_person_where_it_may_and_can(
    mode: str, *, has_terminal: bool, asks: bool
) -> None:
    plugins = Plugins(printed(token="t"), has_terminal=has_terminal)

    await by_plugin(plugins, FakeLink([OK]), interactive_mode=mode).request(Call(path="/x"))

    assert plugins.interactive == [asks]
    assert plugins.told[0]["spec"]["interactive"] is asks


async def test_a_plugin_that_must_ask_is_not_started_where_nobody_is() -> None:
    rest = by_plugin(Plugins(), FakeLink([]), interactive_mode="Always")

    with pytest.raises(Stalled):
        await rest.request(Call(path="/x"))


@pytest.mark.parametrize(
    "output",
    [
        b"hello",
        printed("client.authentication.k8s.io/v1beta1", token="t"),
        printed(),
        printed(clientCertificateData="C"),
        {"apiVersion": V1},
    ],
)
async def test_a_plugin_that_prints_nonsense_is_named_without_its_output(output: Any) -> None:
    rest = by_plugin(Plugins(output), FakeLink([]), install_hint="get it from there")

    with pytest.raises(Stalled) as problem:
        await rest.request(Call(path="/x"))

    assert "login" in problem.value.message
    assert "hello" not in problem.value.message
    assert problem.value.remedy == "get it from there"


async def test_a_plugin_that_fails_is_said() -> None:
    rest = by_plugin(Plugins(b"", code=3), FakeLink([]))

    with pytest.raises(Stalled, match="code 3"):
        await rest.request(Call(path="/x"))


async def test_a_real_plugin_is_run(tmp_path: Path) -> None:
    program = tmp_path / "login"
    answer = msgspec.json.encode(printed(token="of-$N")).decode().replace("$N", "'$N'")
    program.write_text(f"#!/bin/sh\necho '{answer}'\n")
    program.chmod(0o700)
    link = FakeLink([OK])
    user = User(exec=an_exec(command=str(program), environment=(("N", "v"),)))

    rest = a_rest(link, config=a_config(user), runner=ProcessExecRunner({"PATH": "/usr/bin:/bin"}))
    await rest.request(Call(path="/x"))

    assert link.sent("Authorization") == ["Bearer of-v"]


async def test_a_plugin_that_is_not_there_says_how_to_get_it(tmp_path: Path) -> None:
    user = User(exec=an_exec(command=str(tmp_path / "login"), install_hint="get it"))

    with pytest.raises(Stalled) as problem:
        await a_rest(FakeLink([]), config=a_config(user)).request(Call(path="/x"))

    assert problem.value.remedy == "get it"


async def test_no_secret_shows_in_a_failure() -> None:
    link = FakeLink([Said(status=500, chunks=(b"<html>Bearer secret</html>",))])

    with pytest.raises(ApiProblem) as problem:
        await a_rest(link).request(Call(path="/x"))

    assert "secret" not in problem.value.message
