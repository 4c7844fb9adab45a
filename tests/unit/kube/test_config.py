"""Where the API server is and who we are to it."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from certwright.base.problem import Stalled
from certwright.base.secret import Redacted
from certwright.kube.config import (
    Impersonation,
    Material,
    find_config,
    load_in_cluster,
    load_kubeconfig,
)

SERVER = "https://api.example:6443"


def a_kubeconfig(
    path: Path,
    *,
    cluster: dict[str, Any] | None = None,
    user: dict[str, Any] | None = None,
    name: str = "home",
    namespace: str | None = None,
    current: str | None = None,
) -> Path:
    context = {"cluster": name, "user": name} | ({"namespace": namespace} if namespace else {})
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name if current is None else current,
        "clusters": [{"name": name, "cluster": {"server": SERVER} | (cluster or {})}],
        "users": [{"name": name, "user": user or {}}],
        "contexts": [{"name": name, "context": context}],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.encode(document))
    return path


def test_a_kubeconfig_names_server_user_and_namespace(tmp_path: Path) -> None:
    path = a_kubeconfig(tmp_path / "config", user={"token": "t"}, namespace="web")

    config = load_kubeconfig([path])

    assert config.cluster.server == SERVER
    assert config.user.token == Redacted("t")
    assert config.namespace == "web"


def test_the_namespace_is_default_where_none_is_named(tmp_path: Path) -> None:
    assert load_kubeconfig([a_kubeconfig(tmp_path / "config")]).namespace == "default"


def test_a_kubeconfig_is_yaml(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text(
        "apiVersion: v1\n"
        "current-context: a\n"
        "contexts:\n- name: a\n  context: {cluster: c, user: u}\n"
        f"clusters:\n- name: c\n  cluster:\n    server: {SERVER}\n"
        "    insecure-skip-tls-verify: true\n"
        "users:\n- name: u\n  user:\n    username: me\n    password: pass\n"
    )

    config = load_kubeconfig([path])

    assert config.cluster.skip_verify
    assert (config.user.username, config.user.password) == ("me", Redacted("pass"))


def test_the_first_of_several_files_wins_and_the_others_add(tmp_path: Path) -> None:
    first = a_kubeconfig(tmp_path / "a", name="one", user={"token": "first"})
    second = a_kubeconfig(tmp_path / "b", name="one", user={"token": "second"})
    third = a_kubeconfig(tmp_path / "c", name="two", user={"token": "third"})
    paths = [tmp_path / "missing", first, second, third]

    assert load_kubeconfig(paths).user.token == Redacted("first")
    assert load_kubeconfig(paths, context="two").user.token == Redacted("third")


def test_relative_paths_belong_to_the_file_that_names_them(tmp_path: Path) -> None:
    path = a_kubeconfig(
        tmp_path / "deep" / "config",
        cluster={"certificate-authority": "ca.pem"},
        user={"client-certificate": "/abs/me.crt", "client-key": "me.key", "tokenFile": "token"},
    )

    config = load_kubeconfig([path])

    folder = tmp_path / "deep"
    assert config.cluster.ca.path == folder / "ca.pem"
    assert config.user.certificate.path == Path("/abs/me.crt")
    assert config.user.key.path == folder / "me.key"
    assert config.user.token_file == folder / "token"


def test_data_wins_over_a_file(tmp_path: Path) -> None:
    cluster = {"certificate-authority": "ca.pem", "certificate-authority-data": "UEVN"}
    path = a_kubeconfig(tmp_path / "config", cluster=cluster)

    assert load_kubeconfig([path]).cluster.ca == Material(Redacted(b"PEM"))


def test_how_the_server_is_reached_is_read(tmp_path: Path) -> None:
    cluster = {"tls-server-name": "inner.example", "proxy-url": "http://proxy.example:3128"}
    path = a_kubeconfig(tmp_path / "config", cluster=cluster)

    found = load_kubeconfig([path]).cluster

    assert (found.server_name, found.proxy_url) == ("inner.example", "http://proxy.example:3128")


def test_impersonation_is_read(tmp_path: Path) -> None:
    user = {"as": "jane", "as-uid": "1", "as-groups": ["a", "b"], "as-user-extra": {"x/y": ["z"]}}
    path = a_kubeconfig(tmp_path / "config", user=user)

    assert load_kubeconfig([path]).user.impersonation == Impersonation(
        user="jane", uid="1", groups=("a", "b"), extra={"x/y": ("z",)}
    )


def test_a_plugin_is_read_with_what_it_is_told(tmp_path: Path) -> None:
    extension = {"name": "client.authentication.k8s.io/exec", "extension": {"audience": "x"}}
    plugin = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "./login",
        "args": ["a"],
        "env": [{"name": "N", "value": "v"}],
        "interactiveMode": "Never",
        "provideClusterInfo": True,
        "installHint": "get it",
    }
    path = a_kubeconfig(
        tmp_path / "config", cluster={"extensions": [extension]}, user={"exec": plugin}
    )

    config = load_kubeconfig([path])

    assert config.user.exec is not None
    assert config.user.exec.command == str(tmp_path / "login")
    assert config.user.exec.environment == (("N", "v"),)
    assert config.user.exec.provide_cluster_info
    assert config.cluster.extension == b'{"audience":"x"}'


EXEC = {"apiVersion": "client.authentication.k8s.io/v1", "command": "x"}


@pytest.mark.parametrize(
    ("cluster", "user", "word"),
    [
        ({"proxy-url": "socks5://proxy.example:1080"}, {}, "socks5"),
        ({"server": "api.example"}, {}, "http(s)"),
        ({"certificate-authority-data": "%%"}, {}, "base64"),
        ({}, {"auth-provider": {"name": "gcp"}}, "gcp"),
        ({}, {"exec": {**EXEC, "apiVersion": "client.authentication.k8s.io/v1alpha1"}}, "v1alpha1"),
        ({}, {"exec": EXEC}, "interactiveMode"),
        ({}, {"exec": {**EXEC, "interactiveMode": "Sometimes"}}, "Sometimes"),
        ({}, {"exec": {**EXEC, "command": ""}}, "command"),
    ],
)
def test_what_is_not_supported_says_so_and_what_to_do(
    tmp_path: Path, cluster: dict[str, Any], user: dict[str, Any], word: str
) -> None:
    path = a_kubeconfig(tmp_path / "config", cluster=cluster, user=user)

    with pytest.raises(Stalled) as refused:
        load_kubeconfig([path])

    assert word in refused.value.message
    assert refused.value.remedy


def test_a_context_that_is_not_there_names_those_that_are(tmp_path: Path) -> None:
    path = a_kubeconfig(tmp_path / "config", name="home")

    with pytest.raises(Stalled) as refused:
        load_kubeconfig([path], context="work")

    assert '"work"' in refused.value.message
    assert "home" in refused.value.remedy


@pytest.mark.parametrize("content", [b"{", b"- a", b"a: b: c"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "config"
    path.write_bytes(content)

    with pytest.raises(Stalled) as refused:
        load_kubeconfig([path])

    assert str(path) in refused.value.message


def test_no_file_at_all_is_said(tmp_path: Path) -> None:
    with pytest.raises(Stalled) as refused:
        load_kubeconfig([tmp_path / "config"])

    assert str(tmp_path / "config") in refused.value.message


def test_no_current_context_is_said(tmp_path: Path) -> None:
    with pytest.raises(Stalled) as refused:
        load_kubeconfig([a_kubeconfig(tmp_path / "config", current="")])

    assert "current-context" in refused.value.message


def a_service_account(folder: Path) -> Path:
    for name, content in {"token": "t", "ca.crt": "PEM", "namespace": "ours\n"}.items():
        (folder / name).write_text(content)
    return folder


def test_a_pod_finds_its_own_server(tmp_path: Path) -> None:
    environment = {"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"}

    config = load_in_cluster(environment, a_service_account(tmp_path))

    assert config.cluster.server == "https://[fd00::1]:443"
    assert config.cluster.ca.path == tmp_path / "ca.crt"
    assert config.user.token_file == tmp_path / "token"
    assert config.namespace == "ours"


def test_the_flag_wins_over_the_environment_and_that_over_the_home(tmp_path: Path) -> None:
    flag = a_kubeconfig(tmp_path / "flag", namespace="flag")
    named = a_kubeconfig(tmp_path / "named", namespace="named")
    a_kubeconfig(tmp_path / ".kube" / "config", namespace="home")
    environment = {"KUBECONFIG": f"{named}:{flag}"}

    by_flag = find_config(environment, home=tmp_path, kubeconfig=flag)
    by_environment = find_config(environment, home=tmp_path)
    by_home = find_config({}, home=tmp_path)

    found = [config.namespace for config in (by_flag, by_environment, by_home)]
    assert found == ["flag", "named", "home"]


def test_nothing_anywhere_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(Stalled) as refused:
        find_config({}, home=tmp_path)

    assert "--kubeconfig" in refused.value.remedy


def test_no_secret_shows_in_a_configuration(tmp_path: Path) -> None:
    user = {"token": "hunter2", "password": "hunter2", "client-key-data": "aHVudGVyMg=="}
    config = load_kubeconfig([a_kubeconfig(tmp_path / "config", user=user)])

    assert "hunter2" not in repr(config)
