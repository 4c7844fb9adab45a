"""Exec plugins: programs that print credentials (client.authentication.k8s.io, v1 and v1beta1).

Called by `kube.auth`. What a program printed is used until it expires or the server refuses it;
however many requests wait, it runs once.
"""

import asyncio
import os
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

import msgspec
from msgspec import Struct

from certwright.base.clock import Clock
from certwright.base.evidence import printable
from certwright.base.problem import Stalled
from certwright.base.reason import Reason
from certwright.base.secret import Redacted
from certwright.kube.config import Cluster, Exec

_TIMEOUT: Final = timedelta(seconds=60)
_ASKING_TIMEOUT: Final = timedelta(minutes=10)  # a person types a password
_OUTPUT_LIMIT: Final = 1024 * 1024


class Printed(Struct, frozen=True):
    """What a plugin printed."""

    token: Redacted[str] = Redacted("")
    certificate: bytes = b""
    key: Redacted[bytes] = Redacted(b"")
    expires: datetime | None = None


class Ran(Struct, frozen=True):
    """How a program ended, and what it printed."""

    code: int
    output: bytes


class ExecRunner(Protocol):
    """Starts a plugin; a test hands in its own."""

    @property
    def has_terminal(self) -> bool:
        """Whether a person could be asked."""

    async def run(
        self,
        argv: tuple[str, ...],
        environment: Mapping[str, str],
        *,
        interactive: bool,
        timeout: timedelta,  # noqa: ASYNC109  # kept inside by asyncio.timeout
    ) -> Ran:
        """Run a program to its end; `environment` is added to our own.

        Raises:
            FileNotFoundError: there is no such program.
            OSError: it cannot be started.
            TimeoutError: it was killed since it took too long.
        """


class ProcessExecRunner:
    """Starts real programs. What they say on stderr goes where ours goes, as with kubectl."""

    def __init__(self, environment: Mapping[str, str], *, has_terminal: bool = False) -> None:
        self._environment = environment
        self.has_terminal = has_terminal

    async def run(
        self,
        argv: tuple[str, ...],
        environment: Mapping[str, str],
        *,
        interactive: bool,
        timeout: timedelta,  # noqa: ASYNC109  # kept inside by asyncio.timeout
    ) -> Ran:
        """Run a program to its end; see `ExecRunner.run`."""
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=None if interactive else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            env={**self._environment, **environment},
        )
        try:
            async with asyncio.timeout(timeout.total_seconds()):
                output, _ = await process.communicate()
        except BaseException:  # also when we are cancelled: it does not outlive us
            if process.returncode is None:
                process.kill()
                await process.wait()
            raise
        return Ran(process.returncode or 0, output)


class ExecPlugin:
    """One user's plugin."""

    def __init__(self, exec_: Exec, cluster: Cluster, clock: Clock, runner: ExecRunner) -> None:
        self._exec = exec_
        self._cluster = cluster
        self._clock = clock
        self._runner = runner
        self._printed: Printed | None = None
        self._lock = asyncio.Lock()

    async def credentials(self, ca: bytes) -> Printed:
        """Return what is valid now; runs the program where nothing is.

        Args:
            ca: the server's CA bundle, told to a plugin that wants to know its cluster.

        Raises:
            Stalled: the program is missing, failed, or printed something unusable.
        """
        async with self._lock:
            if self._printed is None or self._has_expired(self._printed):
                self._printed = None
                self._printed = await self._run(ca)
            return self._printed

    def forget(self) -> None:
        """Run it again next time: the server refused what it printed."""
        self._printed = None

    def _has_expired(self, printed: Printed) -> bool:
        return printed.expires is not None and self._clock.now() >= printed.expires

    async def _run(self, ca: bytes) -> Printed:
        mode, terminal = self._exec.interactive_mode, self._runner.has_terminal
        if mode == "Always" and not terminal:
            raise self._unusable("wants to ask a person, and there is no terminal")
        interactive = terminal and mode != "Never"
        told = self._told(ca, interactive=interactive)
        variables = dict(self._exec.environment)
        variables["KUBERNETES_EXEC_INFO"] = msgspec.json.encode(told).decode()
        try:
            ran = await self._runner.run(
                (self._exec.command, *self._exec.arguments),
                variables,
                interactive=interactive,
                timeout=_ASKING_TIMEOUT if interactive else _TIMEOUT,
            )
        except FileNotFoundError as error:
            raise self._unusable("is not there") from error
        except TimeoutError as error:
            raise self._unusable("took too long") from error
        except OSError as error:
            text = printable(error.strerror or type(error).__name__, 100)
            raise self._unusable(f"cannot be started: {text}") from error
        if ran.code:
            raise self._unusable(f"ended with code {ran.code}")
        return self._parse(ran.output)

    def _told(self, ca: bytes, *, interactive: bool) -> dict[str, Any]:
        spec: dict[str, Any] = {"interactive": interactive}
        if self._exec.provide_cluster_info:
            cluster = self._cluster
            facts = {
                "server": cluster.server,
                "tls-server-name": cluster.server_name,
                "insecure-skip-tls-verify": cluster.skip_verify,
                "certificate-authority-data": ca,
                "proxy-url": cluster.proxy_url,
                "disable-compression": cluster.disable_compression,
                "config": msgspec.json.decode(cluster.extension),
            }
            spec["cluster"] = {name: fact for name, fact in facts.items() if fact}
        return {"apiVersion": self._exec.api_version, "kind": "ExecCredential", "spec": spec}

    def _parse(self, output: bytes) -> Printed:
        try:
            if len(output) > _OUTPUT_LIMIT:
                raise self._unusable("printed too much")
            answer = msgspec.json.decode(output, type=_Answer)
        except msgspec.MsgspecError as error:
            raise self._unusable("printed no ExecCredential") from error
        if answer.api_version != self._exec.api_version:
            said = printable(answer.api_version, 60)
            raise self._unusable(f"answered in {said}, not in {self._exec.api_version}")
        status = answer.status
        if bool(status.client_certificate_data) != bool(status.client_key_data):
            raise self._unusable("printed a certificate without a key, or a key without one")
        if not status.token and not status.client_certificate_data:
            raise self._unusable("printed neither a token nor a certificate")
        return Printed(
            Redacted(status.token),
            status.client_certificate_data.encode(),
            Redacted(status.client_key_data.encode()),
            status.expiration_timestamp,
        )

    def _unusable(self, what: str) -> Stalled:
        name = printable(os.path.basename(self._exec.command), 80)  # noqa: PTH119  # of a text
        return Stalled(
            Reason.INVALID_CONFIG,
            f"the kubeconfig's exec plugin {name} {what}",
            remedy=printable(self._exec.install_hint, 500) or "Run it by hand to see why.",
        )


class _AnswerStatus(Struct, frozen=True, rename="camel"):
    token: str = ""
    client_certificate_data: str = ""
    client_key_data: str = ""
    expiration_timestamp: datetime | None = None


class _Answer(Struct, frozen=True, rename="camel"):
    status: _AnswerStatus
    api_version: str = ""
