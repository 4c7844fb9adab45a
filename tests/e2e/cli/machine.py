"""A machine with certwright on it, and transcripts: a command, what it prints, its exit code."""

import contextlib
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

PROGRAM = (sys.executable, "-m", "certwright")
_VARYING = (
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"), "TIME"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC"), "DAY"),
    (re.compile(r"\((in [0-9dhms]+|now)\)"), "(SPAN)"),
    (re.compile(r"process \d+, started [^)]*"), "process PID, started AGO"),
    (re.compile(r"\b(89d|90d|59d|60d)\b"), "DAYS"),
    (re.compile(r" +$", re.MULTILINE), ""),
)

WELL = """\
apiVersion: cert-manager.io/v1
kind: Issuer
metadata: {name: self-signed}
spec: {selfSigned: {}}
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: root}
spec:
  secretName: root
  isCA: true
  commonName: a root
  privateKey: {algorithm: ECDSA}
  issuerRef: {name: self-signed}
---
apiVersion: cert-manager.io/v1
kind: Issuer
metadata: {name: ca}
spec: {ca: {secretName: root}}
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: web, labels: {app: web}}
spec:
  secretName: web-tls
  dnsNames: [www.example.com, example.com]
  privateKey: {algorithm: ECDSA}
  issuerRef: {name: ca}
"""

TROUBLED = """\
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: typo}
spec:
  secretName: typo-tls
  dnsNames: [typo.example.com]
  privateKey: {algorithm: ECDSA}
  issuerRef: {name: selfsigned}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: site, annotations: {cert-manger.io/issuer: ca}}
spec: {tls: [{hosts: [site.example.com], secretName: site-tls}]}
"""

BROKEN = """\
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: broken}
spec: {secretName: broken-tls, dnsNames: [broken.example.com]}
"""


class Said(Struct, frozen=True):
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        """Standard output, what varies masked."""
        return masked(self.out)


def masked(text: str) -> str:
    for pattern, word in _VARYING:
        text = pattern.sub(word, text)
    return text


class Machine:
    """Folders, manifests, and the installed program."""

    def __init__(self, root: Path) -> None:
        root.chmod(0o755)
        self.manifests, self.out = root / "manifests", root / "out"
        self.state, self.log = root / "state" / "certwright.db", root / "log"
        for folder in (self.manifests, self.state.parent):
            folder.mkdir(mode=0o755)

    def write(self, name: str, text: str) -> None:
        path = self.manifests / name
        path.write_text(text)
        path.chmod(0o644)

    def say(self, *words: str) -> Said:
        """Run one command on the state file."""
        done = subprocess.run(
            [*PROGRAM, words[0], "--state", str(self.state), *words[1:]],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return Said(done.returncode, done.stdout, done.stderr)

    @contextlib.contextmanager
    def running(self) -> Iterator[int]:
        """Run `certwright run` until the end of the block; give its process number."""
        command = [*PROGRAM, "run", "--directory", str(self.manifests), "--out", str(self.out)]
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [*command, "--state", str(self.state)], stdout=log, stderr=log
            )
        try:
            yield process.pid
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(10)

    def until(self, words: tuple[str, ...], wanted: str) -> Said:
        """Say it again until the answer has a text."""
        deadline = time.monotonic() + 45
        while True:
            said = self.say(*words)
            if wanted in said.out:
                return said
            if time.monotonic() > deadline:
                raise AssertionError(f"no {wanted!r}: {said}\n{self.log.read_text()[-3000:]}")
