"""Options of a process, read once at its edge and handed in from there.

`cli` fills a `Settings` from flags; this is the only module that looks at the environment and at
the machine's resolver configuration. Flags that cert-manager has keep its names (compat-spec 7.1).
"""

import grp
import os
import socket
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from msgspec import Struct, field
from msgspec.structs import replace

from certwright.api.duration import BadDurationError, parse_duration
from certwright.base.problem import Stalled
from certwright.base.reason import Reason
from certwright.controllers.names import choose_controllers
from certwright.controllers.options import Options
from certwright.dns.network import Address
from certwright.files.export import Rights
from certwright.kube.config import Cluster, Config, find_config
from certwright.net.guard import Addresses
from certwright.runtime.leader import Election

__all__ = [
    "ClusterSettings",
    "Election",  # commands fill these without seeing the rooms
    "Options",
    "Settings",
    "choose_controllers",
    "credentials_from_environment",
    "environment",
    "find_cluster",
    "leader_identity",
    "parse_rights",
    "parse_span",
    "system_resolvers",
]

_MODE_LIMIT = 0o777


class Ways(Struct, frozen=True, kw_only=True):
    """What the controllers are told, and the ways to the outside.

    Attributes:
        resolvers: the machine's resolvers as `host:port`.
        name_servers: what is asked instead of a name server (host or IP, port); the lab and tests
            cannot bind port 53, yet walk the real path.
        hosts: host names of HTTP servers with the IP address and port to connect to instead.
        metrics_address: where /metrics is served, host:port; empty or `0` for nowhere.
        health_address: where /livez and /readyz are served.
    """

    options: Options = Options()
    resolvers: tuple[str, ...] = ()
    name_servers: Mapping[Address, Address] = field(default_factory=dict)
    hosts: Addresses = field(default_factory=dict)
    metrics_address: str = ""
    health_address: str = ""


class Settings(Ways, frozen=True, kw_only=True):
    """What one process works on, on a machine.

    Attributes:
        state: the SQLite file.
        directory: the folder of manifests; None: none is read.
        out: the folder that Secrets are brought out to; None: none is.
        hook: command line run after exports changed; empty for none.
        credentials_directory: files that become Secrets (systemd's convention).
    """

    state: Path
    directory: Path | None = None
    out: Path | None = None
    rights: Rights = Rights()
    hook: str = ""
    hook_limit: timedelta = timedelta(seconds=60)
    credentials_directory: Path | None = None


class ClusterSettings(Ways, frozen=True, kw_only=True):
    """What one process works on, in a cluster.

    Attributes:
        config: the API server, and who we are there.
        election: how the leader is chosen; None: nobody asks.
        namespace: the only one that is served; empty for all.
        requests_per_second: of the API server, at most; 0: the server decides.
        burst: how many of them at once.
        allow_unserved: start although there are objects that are not served; they are left alone.
        health_timeout: how long past its lease a leader counts as alive.
    """

    config: Config
    election: Election | None = None
    namespace: str = ""
    requests_per_second: float = 0
    burst: int = 0
    allow_unserved: bool = False
    health_timeout: timedelta = timedelta(seconds=20)


def find_cluster(kubeconfig: Path | None, context: str, master: str) -> Config:
    """Find the API server as kubectl does; `master` replaces its URL.

    Raises:
        Stalled: there is no usable configuration.
    """
    try:
        config = find_config(os.environ, home=Path.home(), kubeconfig=kubeconfig, context=context)
    except Stalled:
        if not master:
            raise
        config = Config(cluster=Cluster(server=master))
    return replace(config, cluster=replace(config.cluster, server=master or config.cluster.server))


def environment() -> Mapping[str, str]:
    """Return the environment that programs which we start inherit."""
    return os.environ


def leader_identity() -> str:
    """Return the name under which this process holds the lease: cert-manager's."""
    return f"{socket.gethostname()}-external-cert-manager-controller"


def system_resolvers(path: Path = Path("/etc/resolv.conf")) -> tuple[str, ...]:
    """Return the `nameserver` lines of resolv.conf(5) as `host:port`; maybe none."""
    try:
        lines = path.read_text("utf-8", "replace").splitlines()
    except OSError:
        return ()
    words = (line.split() for line in lines)
    hosts = [found[1] for found in words if len(found) > 1 and found[0] == "nameserver"]
    return tuple(f"[{host}]:53" if ":" in host else f"{host}:53" for host in hosts)


def credentials_from_environment() -> Path | None:
    """Return the folder that systemd names for LoadCredential=, if it runs us."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY", "")
    return Path(folder) if folder else None


def parse_rights(mode: str, group: str) -> Rights:
    """Read `--out-mode` (octal) and `--out-group` (name or number).

    Raises:
        Stalled: the mode is no mode or opens private keys to everybody, or there is no such group.
    """
    try:
        bits = int(mode, 8)
    except ValueError:
        bits = -1
    if not 0 <= bits <= _MODE_LIMIT or bits & 0o007:
        raise Stalled(
            Reason.UNSAFE_FILES,
            f"--out-mode {mode!r} is no octal mode that keeps others out, such as 0640",
        )
    return Rights(mode=bits, group=_group_id(group) if group else None)


def parse_span(flag: str, text: str) -> timedelta:
    """Read a flag's duration, `60s` or `1h30m`.

    Raises:
        Stalled: it is none, or not positive.
    """
    try:
        span = parse_duration(text)
    except BadDurationError as error:
        raise Stalled(Reason.INVALID_CONFIG, f"{flag}: {error}") from error
    if span <= timedelta():
        raise Stalled(Reason.INVALID_CONFIG, f"{flag}: {text!r} is not a positive duration")
    return span


def _group_id(group: str) -> int:
    if group.isdecimal():
        return int(group)
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError as error:
        raise Stalled(Reason.INVALID_CONFIG, f"--out-group: no group {group!r}") from error
