"""A namespace on a real API server, and the installed program that serves it."""

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any, TypeVar

from cryptography import x509
from msgspec import Struct

from certwright.api.certificate import Certificate
from certwright.api.conditions import find_condition
from certwright.api.core import Event, Ingress, Secret
from certwright.api.issuer import Issuer
from certwright.api.kinds import Document, decode, find_kind
from certwright.api.lease import Lease
from certwright.api.meta import Key, Resource
from certwright.api.order import Challenge, Order
from certwright.api.request import CertificateRequest
from certwright.api.text import to_yaml
from certwright.base.clock import SystemClock
from certwright.store.kube import KubeStore
from certwright.store.protocol import NotFound, StoreProblem
from tests.integration.servers.apiserver import ADMIN, ApiServer

R = TypeVar("R", bound=Resource)
PROGRAM = (sys.executable, "-m", "certwright")
CLUSTER = "kube-system"
USER = "kubectl-client-side-apply"


class Place(Struct):
    """A test's own part of the cluster, seen by its administrator."""

    server: ApiServer
    store: KubeStore
    folder: Path
    namespace: str
    clock: SystemClock
    stack: AsyncExitStack

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def kubeconfig(self, user: str = ADMIN) -> Path:
        """Write the configuration with which `user` reaches the server."""
        path, bundle = self.folder / f"{user}.kubeconfig", self.folder / "ca.pem"
        bundle.write_bytes(self.server.ca_bundle)
        cluster = {"server": self.server.url, "certificate-authority": str(bundle)}
        path.write_text(
            to_yaml(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "current-context": "here",
                    "clusters": [{"name": "here", "cluster": cluster}],
                    "users": [{"name": user, "user": {"token": f"{user}-token"}}],
                    "contexts": [{"name": "here", "context": {"cluster": "here", "user": user}}],
                }
            )
        )
        return path

    def run(self, *options: str, status: int = 0) -> str:
        """Run the program to its end, and return what it says on both streams."""
        answer = subprocess.run(
            self._command(options, ADMIN), capture_output=True, text=True, check=False, timeout=60
        )
        words = answer.stdout + answer.stderr
        assert answer.returncode == status, words
        return words

    def say(self, *words: str, status: int = 0) -> tuple[str, str]:
        """Run another command against the place; what it says on stdout and on stderr."""
        command = [*PROGRAM, *words, f"--kubeconfig={self.kubeconfig()}", "-n", self.namespace]
        answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert answer.returncode == status, answer.stdout + answer.stderr
        return answer.stdout, answer.stderr

    def _command(self, options: tuple[str, ...], user: str) -> list[str]:
        return [
            *PROGRAM,
            "run",
            f"--kubeconfig={self.kubeconfig(user)}",
            f"--leader-election-namespace={self.namespace}",
            "--metrics-listen-address=0",  # several run at once
            "--internal-healthz-listen-address=0",
            *options,
        ]

    def start(self, *options: str, user: str = ADMIN) -> subprocess.Popen[bytes]:
        """Start the program; it is ended with the place."""
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                self._command(options, user),
                stdout=log,
                stderr=log,
                cwd="/",
                env={**os.environ, "COVERAGE_PROCESS_START": ""},
            )
        self.stack.callback(_end, process)
        return process

    def words(self) -> str:
        """All that was logged."""
        return self.log.read_text() if self.log.exists() else ""

    async def until(self, holds: Callable[[], Awaitable[Any]], seconds: float = 30) -> Any:
        """Wait until something is there, and return it; the log is in the failure."""
        deadline = self.clock.monotonic() + seconds
        while True:
            try:
                found = await holds()
            except (NotFound, StoreProblem):
                found = None
            if found:
                return found
            assert self.clock.monotonic() < deadline, f"not in {seconds} s; log:\n{self.words()}"
            await self.clock.sleep(timedelta(milliseconds=50))

    async def create(self, document: Document) -> Resource:
        """Create an object as a user; it goes into the place unless it says where."""
        return await self.store.create(self.read(document), manager=USER)

    def read(self, document: Document) -> Resource:
        """Return the object of a manifest; it is of this place unless it says where."""
        kind = find_kind(document["apiVersion"], document["kind"])
        assert kind is not None
        metadata = dict(document["metadata"])
        if kind.namespaced:
            metadata.setdefault("namespace", self.namespace)
        return decode({**document, "metadata": metadata}, kind.type)

    async def get(self, kind: type[R], name: str) -> R:
        return await self.store.get(kind, Key(self.namespace, name))

    async def ready(self, name: str, revision: int, seconds: float = 30) -> Certificate:
        """Wait until a Certificate is Ready and has been issued so often."""

        async def is_ready() -> Certificate | None:
            found = await self.get(Certificate, name)
            condition = find_condition(found.status.conditions, "Ready")
            done = condition is not None and condition.status == "True"
            rests = find_condition(found.status.conditions, "Issuing") is None
            return found if done and rests and found.status.revision == revision else None

        found: Certificate = await self.until(is_ready, seconds)
        return found

    async def leaf(self, secret: str) -> x509.Certificate:
        """Return the certificate in a Secret."""
        found = await self.get(Secret, secret)
        return x509.load_pem_x509_certificate(found.data["tls.crt"])

    async def events(self) -> list[tuple[str, str]]:
        """Reasons and speakers of all events here, in the order of writing."""
        listing = await self.store.list(Event, namespace=self.namespace)
        told = sorted(listing.items, key=lambda one: int(one.metadata.resource_version))
        return [(one.reason, one.source.component) for one in told]


@asynccontextmanager
async def a_place(server: ApiServer, folder: Path, *, namespace: str) -> AsyncIterator[Place]:
    """Make a place; afterwards nothing of it is there for the next one to find."""
    async with KubeStore.open(server.rest(), random=Random(1)) as store:
        async with AsyncExitStack() as stack:
            yield Place(server, store, folder, namespace, SystemClock(), stack)
        with suppress(StoreProblem):  # a test may have ended the server
            for kind in (Ingress, Certificate, CertificateRequest, Order, Challenge, Issuer, Lease):
                await _clear(store, kind, namespace)


async def _clear(store: KubeStore, kind: type[Resource], namespace: str) -> None:
    for one in (await store.list(kind, namespace=namespace)).items:
        with suppress(NotFound):  # whoever owned it is gone
            if one.metadata.finalizers:
                patch = {"metadata": {"finalizers": None}}
                await store.patch(kind, one.key, patch, manager=USER)
            await store.delete(kind, one.key)


def names_of(certificate: x509.Certificate) -> list[str]:
    """Return the DNS names of a certificate."""
    extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    return extension.value.get_values_for_type(x509.DNSName)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGCONT)
    process.terminate()
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise
