"""Where the API server is and who we are to it, as `kubectl` finds both.

Called by `app`. A kubeconfig is read as client-go reads it: the files of `KUBECONFIG` are merged,
the first that says something wins, and a relative path belongs to the file that names it.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct, field

from certwright.api.reader import read_documents
from certwright.base.evidence import printable
from certwright.base.problem import Stalled
from certwright.base.reason import Reason
from certwright.base.secret import Redacted

SERVICE_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where Kubernetes puts a pod's token, CA and namespace."""
EXEC_EXTENSION: Final = "client.authentication.k8s.io/exec"
_KUBECONFIG_LIMIT: Final = 3 * 1024 * 1024


class Material(Struct, frozen=True):
    """Bytes from a configuration: given there, or in a file that may change meanwhile."""

    data: Redacted[bytes] = Redacted(b"")
    path: Path | None = None

    def __bool__(self) -> bool:
        return self.path is not None or bool(self.data.reveal())


class Cluster(Struct, frozen=True, kw_only=True):
    """An API server. `extension` is what a kubeconfig wants told to exec plugins, as JSON."""

    server: str
    server_name: str = ""
    ca: Material = Material()
    skip_verify: bool = False
    proxy_url: str = ""
    disable_compression: bool = False
    extension: bytes = b"null"


class Exec(Struct, frozen=True, kw_only=True):
    """A program that prints credentials (client.authentication.k8s.io, v1 or v1beta1)."""

    api_version: str
    command: str
    arguments: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    install_hint: str = ""
    provide_cluster_info: bool = False
    interactive_mode: str = "IfAvailable"


class Impersonation(Struct, frozen=True, kw_only=True):
    """Whose rights are used instead of our own."""

    user: str = ""
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


class User(Struct, frozen=True, kw_only=True):
    """How we say who we are; several of these may be combined as in client-go."""

    certificate: Material = Material()
    key: Material = Material()
    token: Redacted[str] = Redacted("")
    token_file: Path | None = None
    username: str = ""
    password: Redacted[str] = Redacted("")
    exec: Exec | None = None
    impersonation: Impersonation = Impersonation()


class Config(Struct, frozen=True, kw_only=True):
    """One server, one identity, and the namespace that is meant where none is said."""

    cluster: Cluster
    user: User = User()
    namespace: str = "default"


def find_config(
    environment: Mapping[str, str], *, home: Path, kubeconfig: Path | None = None, context: str = ""
) -> Config:
    """Find the configuration: the file given, `KUBECONFIG`, `~/.kube/config`, the pod's own.

    Raises:
        Stalled: there is none, or it cannot be used.
    """
    if kubeconfig is not None:
        return load_kubeconfig([kubeconfig], context=context)
    named = [Path(part) for part in environment.get("KUBECONFIG", "").split(":") if part]
    if named:
        return load_kubeconfig(named, context=context)
    usual = home / ".kube" / "config"
    if usual.is_file() and not (environment.get("KUBERNETES_SERVICE_HOST") and not context):
        return load_kubeconfig([usual], context=context)
    return load_in_cluster(environment)


def load_in_cluster(environment: Mapping[str, str], folder: Path = SERVICE_ACCOUNT) -> Config:
    """Read what Kubernetes gives to every pod.

    Raises:
        Stalled: this is no pod, or it has no service account.
    """
    host = environment.get("KUBERNETES_SERVICE_HOST", "")
    port = environment.get("KUBERNETES_SERVICE_PORT", "")
    token = folder / "token"
    if not host or not port or not token.is_file():
        raise _invalid(
            "no kubeconfig was found, and this is not a pod with a service account",
            "Name a kubeconfig with --kubeconfig or KUBECONFIG.",
        )
    namespace = folder / "namespace"
    ca = folder / "ca.crt"
    return Config(
        cluster=Cluster(
            server=f"https://{f'[{host}]' if ':' in host else host}:{port}",
            ca=Material(path=ca) if ca.is_file() else Material(),
        ),
        user=User(token_file=token),
        namespace=namespace.read_text().strip() if namespace.is_file() else "default",
    )


def load_kubeconfig(paths: Iterable[Path], *, context: str = "") -> Config:
    """Merge kubeconfig files and pick a context, the current one if none is named.

    Raises:
        Stalled: a file is unreadable, no file is there, or what the context names is missing or
            not supported.
    """
    merged = _merge(paths)
    name = context or merged.current
    if not name:
        raise _invalid("the kubeconfig has no current-context", "Name one with --context.")
    chosen = _named(merged.contexts, "context", name)[0]
    cluster = _cluster(*_named(merged.clusters, "cluster", _text(chosen, "cluster")))
    user_name = _text(chosen, "user")
    user = _user(*_named(merged.users, "user", user_name)) if user_name else User()
    return Config(cluster=cluster, user=user, namespace=_text(chosen, "namespace") or "default")


class _Merged(Struct):
    current: str = ""
    clusters: dict[str, tuple[dict[str, Any], Path]] = field(default_factory=dict)
    contexts: dict[str, tuple[dict[str, Any], Path]] = field(default_factory=dict)
    users: dict[str, tuple[dict[str, Any], Path]] = field(default_factory=dict)


def _merge(paths: Iterable[Path]) -> _Merged:
    merged, missing = _Merged(), []
    for path in paths:
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            missing.append(str(path))
            continue
        except OSError as error:
            raise _invalid(f"{path}: {error.strerror}", "Make the file readable.") from error
        if len(content) > _KUBECONFIG_LIMIT:
            raise _invalid(f"{path} is too large for a kubeconfig", "Name another file.")
        for document in read_documents(content):
            if document.faults or not isinstance(document.value, dict):
                rule = document.faults[0].rule if document.faults else "is no mapping"
                line = document.faults[0].line if document.faults else document.line
                raise _invalid(f"{path}:{line}: {printable(rule, 200)}", "Mend the file.")
            _add(merged, document.value, path.absolute().parent)
    if not (merged.clusters or merged.contexts) and missing:
        raise _invalid(f"there is no kubeconfig at {', '.join(missing)}", "Name another file.")
    return merged


def _add(merged: _Merged, document: Mapping[str, Any], folder: Path) -> None:
    merged.current = merged.current or _text(document, "current-context")
    for shelf, plural, singular in (
        (merged.clusters, "clusters", "cluster"),
        (merged.contexts, "contexts", "context"),
        (merged.users, "users", "user"),
    ):
        for entry in _list(document, plural):
            body = entry.get(singular) if isinstance(entry, dict) else None
            if isinstance(entry, dict) and entry.get("name"):
                shelf.setdefault(
                    str(entry["name"]), (body if isinstance(body, dict) else {}, folder)
                )


def _named(
    shelf: Mapping[str, tuple[dict[str, Any], Path]], what: str, name: str
) -> tuple[dict[str, Any], Path]:
    if name not in shelf:
        known = ", ".join(printable(one, 60) for one in sorted(shelf)[:10]) or "none"
        raise _invalid(
            f'the kubeconfig has no {what} "{printable(name, 100)}"', f"It knows: {known}."
        )
    return shelf[name]


def _cluster(entry: Mapping[str, Any], folder: Path) -> Cluster:
    server, proxy = _text(entry, "server"), _text(entry, "proxy-url")
    if not server.startswith(("https://", "http://")):
        raise _invalid(f'the server "{printable(server, 200)}" is no http(s) URL', "Mend `server`.")
    if proxy and not proxy.startswith(("https://", "http://")):
        raise _invalid(
            f"the proxy-url is a {printable(proxy.partition(':')[0], 20)} proxy; only HTTP proxies"
            " are supported",
            "Put an HTTP proxy in front of the SOCKS proxy, or reach the server by a tunnel"
            " (ssh -L) with tls-server-name.",
        )
    extensions = (one for one in _list(entry, "extensions") if isinstance(one, dict))
    extension = next(
        (one.get("extension") for one in extensions if one.get("name") == EXEC_EXTENSION), None
    )
    return Cluster(
        server=server,
        server_name=_text(entry, "tls-server-name"),
        ca=_material(entry, "certificate-authority", folder),
        skip_verify=entry.get("insecure-skip-tls-verify") is True,
        proxy_url=proxy,
        disable_compression=entry.get("disable-compression") is True,
        extension=msgspec.json.encode(extension),
    )


def _user(entry: Mapping[str, Any], folder: Path) -> User:
    if entry.get("auth-provider"):
        provider = entry["auth-provider"]
        name = printable(str(provider.get("name", "")), 40) if isinstance(provider, dict) else ""
        raise _invalid(
            f'the legacy auth-provider "{name}" is not supported, Kubernetes has removed it',
            "Use an exec plugin, such as kubelogin or gke-gcloud-auth-plugin.",
        )
    token_file = _text(entry, "tokenFile")
    extra = entry.get("as-user-extra")
    return User(
        certificate=_material(entry, "client-certificate", folder),
        key=_material(entry, "client-key", folder),
        token=Redacted(_text(entry, "token")),
        token_file=folder / token_file if token_file else None,
        username=_text(entry, "username"),
        password=Redacted(_text(entry, "password")),
        exec=_exec(entry["exec"], folder) if isinstance(entry.get("exec"), dict) else None,
        impersonation=Impersonation(
            user=_text(entry, "as"),
            uid=_text(entry, "as-uid"),
            groups=_texts(entry, "as-groups"),
            extra={str(name): _texts(extra, name) for name in extra}
            if isinstance(extra, dict)
            else {},
        ),
    )


def _exec(entry: Mapping[str, Any], folder: Path) -> Exec:
    version = _text(entry, "apiVersion")
    group, _, word = version.partition("/")
    if group != "client.authentication.k8s.io" or word not in {"v1", "v1beta1"}:
        raise _invalid(
            f'the exec plugin speaks "{printable(version, 60)}"',
            "Use a plugin of client.authentication.k8s.io/v1 or v1beta1.",
        )
    command = _text(entry, "command")
    if not command:
        raise _invalid("the exec plugin has no command", "Set `command`.")
    mode = _text(entry, "interactiveMode")
    if not mode and word == "v1":
        raise _invalid("the exec plugin has no interactiveMode", "Set it, v1 requires it.")
    if mode not in {"", "Never", "IfAvailable", "Always"}:
        raise _invalid(
            f'interactiveMode "{printable(mode, 40)}" is unknown',
            "Use Never, IfAvailable or Always.",
        )
    variables = (one for one in _list(entry, "env") if isinstance(one, dict))
    return Exec(
        api_version=version,
        # client-go's rule: a path with a slash belongs to the kubeconfig, a name to PATH
        command=str(folder / command) if "/" in command else command,
        arguments=_texts(entry, "args"),
        environment=tuple((_text(one, "name"), _text(one, "value")) for one in variables),
        install_hint=_text(entry, "installHint"),
        provide_cluster_info=entry.get("provideClusterInfo") is True,
        interactive_mode=mode or "IfAvailable",
    )


def _material(entry: Mapping[str, Any], name: str, folder: Path) -> Material:
    encoded, path = _text(entry, f"{name}-data"), _text(entry, name)
    if encoded:  # it wins over a file, as in client-go
        try:
            return Material(Redacted(msgspec.convert(encoded, bytes, strict=False)))
        except msgspec.ValidationError as error:
            raise _invalid(f"{name}-data is not base64", f"Mend `{name}-data`.") from error
    return Material(path=folder / path) if path else Material()


def _text(entry: Mapping[str, Any], name: str) -> str:
    value = entry.get(name)
    return "" if value is None else str(value)


def _list(entry: Mapping[str, Any], name: str) -> list[Any]:
    value = entry.get(name)
    return value if isinstance(value, list) else []


def _texts(entry: Mapping[str, Any], name: str) -> tuple[str, ...]:
    return tuple(str(one) for one in _list(entry, name))


def _invalid(message: str, remedy: str) -> Stalled:
    return Stalled(Reason.INVALID_CONFIG, message, remedy=remedy)
