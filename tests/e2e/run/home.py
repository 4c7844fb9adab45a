"""A machine's certwright: folders, manifests, and the program as it is installed."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from cryptography import x509

PROGRAM = (sys.executable, "-m", "certwright")

ISSUERS = """\
apiVersion: cert-manager.io/v1
kind: ClusterIssuer
metadata: {name: self-signed}
spec: {selfSigned: {}}
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: root, namespace: kube-system}
spec:
  secretName: root
  isCA: true
  commonName: a root
  privateKey: {algorithm: ECDSA}
  issuerRef: {name: self-signed, kind: ClusterIssuer}
---
apiVersion: cert-manager.io/v1
kind: ClusterIssuer
metadata: {name: ca}
spec: {ca: {secretName: root}}
"""

CERTIFICATE = """\
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: %(name)s}
spec:
  secretName: %(name)s
  dnsNames: [%(names)s]
  privateKey: {algorithm: ECDSA}
  issuerRef: {name: ca, kind: ClusterIssuer}
"""


class Home:
    """The folders of one test."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.manifests = root / "manifests"
        self.out = root / "out"
        self.state = root / "state" / "certwright.db"
        self.log = root / "log"
        for folder in (self.manifests, self.state.parent):
            folder.mkdir(mode=0o755)
        self.write("issuers.yaml", ISSUERS)

    def write(self, name: str, text: str) -> Path:
        """Write a manifest as an editor does: beside, then in its place."""
        path = self.manifests / name
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
        fresh = path.with_name(f".{path.name}.new")
        fresh.write_text(text)
        fresh.chmod(0o644)
        return fresh.replace(path)

    def certificate(self, name: str, *names: str) -> None:
        """Write the manifest of a Certificate."""
        text = CERTIFICATE % {"name": name, "names": ", ".join(names or (f"{name}.example.com",))}
        self.write(f"{name}.yaml", text)

    def published(self, name: str, namespace: str = "default") -> x509.Certificate | None:
        """Return the certificate in OUT, if there is one."""
        path = self.out / namespace / name / "tls.crt"
        try:
            return x509.load_pem_x509_certificate(path.read_bytes())
        except FileNotFoundError:
            return None

    def command(self, *arguments: str, status: int = 0) -> str:
        """Run another command and return what it says on both streams."""
        answer = subprocess.run(
            [*PROGRAM, *arguments], capture_output=True, text=True, check=False, timeout=60
        )
        words = answer.stdout + answer.stderr
        assert answer.returncode == status, words
        return words

    @contextlib.contextmanager
    def running(self, *options: str) -> Iterator[subprocess.Popen[bytes]]:
        """Run the product until the end of the block."""
        process = self.start(*options)
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=20)

    def start(self, *options: str) -> subprocess.Popen[bytes]:
        """Start the product; the caller ends it."""
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [
                    *PROGRAM,
                    "run",
                    f"--directory={self.manifests}",
                    f"--state={self.state}",
                    f"--out={self.out}",
                    *options,
                ],
                stdout=log,
                stderr=log,
                cwd="/",
                env={**os.environ, "COVERAGE_PROCESS_START": ""},
            )

    def words(self) -> str:
        """Return all that was logged."""
        return self.log.read_text() if self.log.exists() else ""


def until(condition: Callable[[], object], home: Home, seconds: float = 20) -> None:
    """Wait until something is true; the log is in the failure."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s; the log:\n{home.words()}"
        time.sleep(0.02)  # noqa: TID251  # another process works


def names_of(certificate: x509.Certificate | None) -> list[str]:
    """Return the DNS names of a certificate."""
    if certificate is None:
        return []
    extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    return extension.value.get_values_for_type(x509.DNSName)
