"""scripts/environment says what a machine lacks before it fetches anything."""

import subprocess
from dataclasses import replace
from pathlib import Path
from shutil import copytree

import pytest

from scripts.environment import Machine, find_lack
from tests.unit.house.tree import ROOT

GOOD = Machine(system="linux", processor="x86_64", libc="glibc", has_ensurepip=True, version="3.12")


@pytest.mark.parametrize(
    "machine",
    [
        GOOD,
        replace(GOOD, processor="aarch64"),
        replace(GOOD, system="darwin", processor="arm64", libc="none"),
    ],
)
def test_a_machine_with_wheels_for_everything_lacks_nothing(machine: Machine) -> None:
    assert find_lack(machine) is None


@pytest.mark.parametrize(
    ("machine", "error", "hint"),
    [
        (replace(GOOD, libc="musl"), "musl", "glibc"),
        (replace(GOOD, has_ensurepip=False), "ensurepip", "apt install python3.12-venv"),
        (replace(GOOD, system="win32", processor="AMD64"), "win32", "WSL"),
        (replace(GOOD, system="darwin"), "darwin on x86_64", "arm64"),
    ],
)
def test_what_a_machine_lacks_is_said_with_what_helps(
    machine: Machine, error: str, hint: str
) -> None:
    lack = find_lack(machine)

    assert lack is not None
    assert error in lack.error
    assert hint in lack.hint


def test_a_python_that_is_too_old_is_said_with_what_helps(tmp_path: Path) -> None:
    copytree(ROOT / "scripts", tmp_path / "scripts")
    old = tmp_path / "bin"
    old.mkdir()
    _program(old / "python3", 'case "$1" in --version) echo Python 3.9.2 ;; *) exit 1 ;; esac')
    _program(old / "dirname", 'echo "${2%/*}"')

    answer = subprocess.run(
        ["/bin/sh", tmp_path / "scripts" / "environment", "run"],
        env={"PATH": str(old)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert answer.returncode == 1
    assert "no Python of version 3.11 or newer (python3 is Python 3.9.2)" in answer.stderr
    assert "hint: install one" in answer.stderr
    assert not (tmp_path / ".venv").exists()


def _program(path: Path, body: str) -> None:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
