"""The lab as a person starts it: the installed program, its words, its folder, its children."""

import contextlib
import os
import pty
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from cryptography import x509

PROGRAM = (sys.executable, "-m", "certwright", "lab")
_EXAMPLES = Path(__file__).parents[3] / "examples" / "lab"
_TIMING = re.compile(r"^ *\d+\.\d{3} s", re.MULTILINE)
_SUMMARY = re.compile(r"\d+\.\d{3} s\.")


class Laboratory:
    """One lab of one test: a home and a folder of its own, and a range of ports."""

    def __init__(self, root: Path, base: int) -> None:
        self.base = base
        self.home = root / "home"
        self.home.mkdir()
        self.folder = root / "lab"
        self._words = root / "words"
        self._process: subprocess.Popen[bytes] | None = None

    def once(self, *options: str, status: int = 0) -> str:
        """Run it to the first page and return what it said on both streams."""
        answer = subprocess.run(
            self._command("--once", *options),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=100,
            env=self._environment(),
        )
        assert answer.returncode == status, answer.stdout
        return answer.stdout

    @contextlib.contextmanager
    def running(self, *options: str) -> Iterator[subprocess.Popen[bytes]]:
        """Run it in its folder until the end of the block."""
        with self._words.open("wb") as words:
            process = subprocess.Popen(
                self._command(f"--dir={self.folder}", *options),
                stdin=subprocess.DEVNULL,
                stdout=words,
                stderr=words,
                env=self._environment(),
            )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            process.wait(timeout=20)

    def at_terminal(self, *options: str, enter_after: str, ends_after: str) -> str:
        """Run it on a terminal: press Enter after one text and Ctrl-C after another."""
        pid, terminal = pty.fork()
        if pid == 0:  # the other side of the terminal
            os.execve(PROGRAM[0], self._command(*options), self._environment())
        words, pressed = "", 0
        with os.fdopen(terminal, "r+b", buffering=0) as screen, contextlib.suppress(OSError):
            while chunk := screen.read(65536):
                words += chunk.decode(errors="replace")
                if pressed == 0 and enter_after in words:
                    pressed = screen.write(b"\n")
                if pressed == 1 and ends_after in words:
                    pressed += screen.write(b"\x03")
        _, status = os.waitpid(pid, 0)
        assert os.waitstatus_to_exitcode(status) == 0, words
        return words

    @property
    def words(self) -> str:
        """What a running lab said so far."""
        return self._words.read_text() if self._words.exists() else ""

    def until(self, *texts: str, times: int = 1, seconds: float = 60) -> str:
        """Wait until each text was said so often; returns all that was said."""
        self.wait(lambda: all(self.words.count(text) >= times for text in texts), seconds)
        return self.words

    def wait(self, condition: Callable[[], object], seconds: float = 60) -> None:
        """Wait until something is true."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"not within {seconds} s:\n{self.words}"
            time.sleep(0.05)  # noqa: TID251  # another process works

    def prepare_ingress(self, old: str, new: str) -> None:
        """Put an Ingress of our own into the lab's folder before it starts."""
        manifests = self.folder / "manifests"
        manifests.mkdir(mode=0o700, parents=True)
        path = manifests / "ingress.yaml"
        path.write_text((_EXAMPLES / "ingress.yaml").read_text())
        self.edit_ingress(old, new)

    def edit_ingress(self, old: str, new: str) -> None:
        """Change the Ingress's file as an editor does: beside, then in its place."""
        path = self.folder / "manifests" / "ingress.yaml"
        text = path.read_text()
        assert old in text
        fresh = path.with_name(".ingress.new")
        fresh.write_text(text.replace(old, new, 1))
        fresh.chmod(0o600)
        fresh.replace(path)

    def served(self, host: str = "foo.demo.localhost") -> x509.Certificate:
        """Return the certificate that a verified handshake shows for `host`."""
        context = ssl.create_default_context(cafile=self.folder / "root.crt")
        address = ("127.0.0.1", self.base + 443)
        with (
            socket.create_connection(address, timeout=5) as raw,
            context.wrap_socket(raw, server_hostname=host) as secure,
        ):
            return x509.load_der_x509_certificate(secure.getpeercert(binary_form=True) or b"")

    def page(self, path: str = "/", host: str = "foo.demo.localhost") -> str:
        """Fetch a page with the command that the lab prints."""
        port = self.base + 443
        answer = subprocess.run(
            [
                *("curl", "--silent", "--show-error", "--include"),
                *("--resolve", f"{host}:{port}:127.0.0.1"),
                *("--cacert", self.folder / "root.crt"),
                f"https://{host}:{port}{path}",
            ],
            capture_output=True,
            text=True,
            check=True,
            timeout=20,
        )
        return answer.stdout

    def is_quiet(self) -> bool:
        """Whether nothing listens on the lab's ports any more."""
        return all(not _listens(self.base + offset) for offset in (0, 53, 443))

    def _command(self, *options: str) -> list[str]:
        return [*PROGRAM, f"--port-base={self.base}", *options]

    def _environment(self) -> dict[str, str]:
        desktop = ("DISPLAY", "WAYLAND_DISPLAY", "XDG_RUNTIME_DIR")
        kept = {name: value for name, value in os.environ.items() if name not in desktop}
        return kept | {"HOME": str(self.home)}


def normalised(words: str, base: int) -> str:
    """Replace what differs from run to run: times, serials, hashes, ports, places."""
    words = _SUMMARY.sub("0.000 s.", _TIMING.sub("   0.000 s", words))
    words = words.replace(str(base + 53), "14053").replace(str(base + 443), "14443")
    words = words.replace(str(base), "14000")
    words = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "DATE", words)
    words = re.sub(r"certificate [0-9A-F]{8,}", "certificate SERIAL", words)
    words = re.sub(r'TXT "[\w-]+"', 'TXT "VALUE"', words)
    return re.sub(r"(certificate-\d)-\d+", r"\1-HASH", words)


def descendants(pid: int) -> list[int]:
    """Return the processes below one, as long as it lives."""
    found: list[int] = []
    below: dict[int, list[int]] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = status.read_text().rpartition(")")[2].split()
            below.setdefault(int(fields[1]), []).append(int(status.parent.name))
    todo = [pid]
    while todo:
        children = below.get(todo.pop(), [])
        found += children
        todo += children
    return found


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be collected does not."""
    try:
        state = (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
