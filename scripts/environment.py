"""Make `.venv` hold what a lock file says; called by scripts/environment, needs only Python.

A bare environment gets uv by the pip that comes with Python, and uv installs the rest, both from
lock files with hashes: a third of the time pip takes alone. What this machine lacks is said first,
before anything is fetched.
"""

import fcntl
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMPS = VENV / ".locked"
PYTHON = VENV / "bin" / "python"
UV = VENV / "bin" / "uv"
UV_LOCK = ROOT / "requirements" / "uv.txt"
INCLUDES = {"run": ("run",), "dev": ("dev", "run")}

# Where every locked package has a wheel: the CEL library has none for musl, cryptography none for
# Macs with Intel processors.
PROCESSORS = {"linux": ("x86_64", "aarch64"), "darwin": ("arm64",)}


@dataclass(frozen=True)
class Machine:
    """What decides whether the locked packages can be installed here."""

    system: str
    processor: str
    libc: str
    has_ensurepip: bool
    version: str


@dataclass(frozen=True)
class Lack:
    """Something this machine lacks, and what helps."""

    error: str
    hint: str


def this_machine() -> Machine:
    """Look at the machine and the Python that run this."""
    return Machine(
        system=sys.platform,
        processor=platform.machine(),
        libc=find_libc(),
        has_ensurepip=find_spec("ensurepip") is not None,
        version=f"{sys.version_info.major}.{sys.version_info.minor}",
    )


def find_libc() -> str:
    """Name the C library of this Python; only glibc answers the question."""
    try:
        return (os.confstr("CS_GNU_LIBC_VERSION") or "musl").split()[0]
    except (OSError, ValueError):
        return "musl"


def find_lack(machine: Machine) -> Lack | None:
    """Say the first thing that would make the installation fail; None when there is none."""
    processors = PROCESSORS.get(machine.system, ())
    if machine.processor not in processors:
        return Lack(
            f"there are no packages for {machine.system} on {machine.processor}",
            "use Linux (x86_64, aarch64) or macOS (arm64); on Windows, WSL",
        )
    if machine.system == "linux" and machine.libc != "glibc":
        return Lack(
            f"this Python runs on {machine.libc}, for which some packages have no wheels",
            "use a distribution with glibc (Debian, Ubuntu, Fedora …) "
            "or an image such as python:3.12-slim",
        )
    if not machine.has_ensurepip:
        return Lack(
            "this Python has no ensurepip, so it cannot make an environment",
            f"Debian, Ubuntu: apt install python{machine.version}-venv",
        )
    return None


def bundled_pip() -> Path | None:
    """Find the pip that Python carries along; run from its wheel it needs no installation."""
    spec = find_spec("ensurepip")
    folders = [Path(sysconfig.get_config_var("WHEEL_PKG_DIR") or "")]
    if spec is not None and spec.origin is not None:
        folders.append(Path(spec.origin).parent / "_bundled")
    found = [wheel for folder in folders for wheel in sorted(folder.glob("pip-*.whl"))]
    return found[0].resolve() if found else None


def make_venv() -> None:
    """Make an environment that holds the locked uv."""
    run(sys.executable, "-m", "venv", "--without-pip", "--clear", str(VENV))
    install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
    install += ["--no-deps", "--only-binary", ":all:", "--require-hashes", "-r", str(UV_LOCK)]
    pip = bundled_pip()
    if pip is None:
        run(str(PYTHON), "-m", "ensurepip")
        run(str(PYTHON), *install)
    else:
        run(str(PYTHON), *install, environment={"PYTHONPATH": str(pip)})


def install_locked(name: str) -> None:
    """Install the packages of a lock file and, editable, the project itself."""
    install = (str(UV), "pip", "install", "--quiet", "--python", str(PYTHON), "--no-deps")
    lock = ROOT / "requirements" / f"{name}.txt"
    run(*install, "--only-binary", ":all:", "--require-hashes", "--requirement", str(lock))
    # hatchling is among the locked packages: nothing else is fetched to build with.
    run(*install, "--no-build-isolation", "--editable", str(ROOT))


def is_stamped(name: str) -> bool:
    """Whether the environment was made from the files as they are now."""
    pairs = {f"{name}.txt": ROOT / "requirements" / f"{name}.txt"}
    pairs["pyproject.toml"] = ROOT / "pyproject.toml"
    return all(
        (STAMPS / stamp).is_file() and (STAMPS / stamp).read_bytes() == source.read_bytes()
        for stamp, source in pairs.items()
    )


def stamp(name: str) -> None:
    """Note what the environment was made from."""
    shutil.rmtree(STAMPS, ignore_errors=True)
    STAMPS.mkdir()
    for included in INCLUDES[name]:
        shutil.copyfile(ROOT / "requirements" / f"{included}.txt", STAMPS / f"{included}.txt")
    shutil.copyfile(ROOT / "pyproject.toml", STAMPS / "pyproject.toml")


@contextmanager
def alone() -> Iterator[None]:
    """Let no two of these run at a time; the lock goes with the process, however it ends."""
    descriptor = os.open(ROOT / "scripts", os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def run(*command: str, environment: dict[str, str] | None = None) -> None:
    """Run a command to its end, in an environment that no other project has a say in."""
    kept = {k: v for k, v in os.environ.items() if k not in {"PYTHONPATH", "PYTHONHOME"}}
    subprocess.run(command, env=kept | (environment or {}), check=True)  # noqa: S603 - our own words


def say(text: str) -> None:
    """Tell the person what goes on; standard output belongs to the command they called."""
    sys.stderr.write(f"scripts/environment: {text}\n")


def main(name: str) -> int:
    """Bring `.venv` up to the lock file `name`."""
    lack = find_lack(this_machine())
    if lack is not None:
        say(f"error: {lack.error}")
        say(f"hint: {lack.hint}")
        return 1
    with alone():
        if is_stamped(name):
            return 0
        begin = time.monotonic()
        say(f"installing the packages of requirements/{name}.txt into .venv")
        try:
            if not (UV.is_file() and PYTHON.is_file()):
                make_venv()
            install_locked(name)
        except subprocess.CalledProcessError as failure:
            say(f"error: `{' '.join(failure.cmd[:4])} …` ended with {failure.returncode}")
            say("hint: what it said is above; a second run goes on where this one stopped")
            return 1
        stamp(name)
        say(f"ready after {time.monotonic() - begin:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
