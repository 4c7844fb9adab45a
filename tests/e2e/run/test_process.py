"""The process: one per state and output, quick to stop, and nothing lost when it is killed."""

import asyncio
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from certwright.api.core import Secret
from certwright.base.clock import SystemClock
from certwright.store.sqlite.store import SqliteStore
from tests.e2e.run.home import Home, until


def test_a_stop_takes_less_than_two_seconds(home: Home) -> None:
    home.certificate("web")
    process = home.start()
    until(lambda: home.published("web"), home)

    process.send_signal(signal.SIGTERM)
    process.wait(timeout=2)

    assert process.returncode == 0


def test_a_second_process_on_the_state_says_so_and_ends(home: Home) -> None:
    with home.running() as first:
        until(lambda: '"running"' in home.words(), home)
        second = home.start(f"--out={home.root}/elsewhere")
        second.wait(timeout=20)

        assert second.returncode == 1
        (error,) = [one for one in home.words().splitlines() if "certwright: error" in one]
        assert str(first.pid) in error


def test_a_second_process_on_the_output_says_so_and_ends(home: Home) -> None:
    with home.running():
        until(lambda: '"running"' in home.words(), home)
        other = home.state.parent / "other.db"
        second = home.start(f"--state={other}")
        second.wait(timeout=20)

    assert second.returncode == 1
    assert "another certwright writes to" in home.words()


def test_the_files_of_the_state_are_private(home: Home) -> None:
    home.certificate("web")

    with home.running():
        until(lambda: home.published("web"), home)
        modes = {path.name: path.stat().st_mode & 0o077 for path in home.state.parent.iterdir()}

    assert set(modes.values()) == {0}


def test_a_foreign_file_is_not_taken_for_a_state_file(home: Home) -> None:
    home.state.write_text("my only copy of something")
    home.state.chmod(0o600)

    process = home.start()
    process.wait(timeout=20)

    assert process.returncode == 1
    assert "certwright: error" in home.words()
    assert home.state.read_text() == "my only copy of something"


def test_a_hook_runs_with_the_names_and_again_until_it_succeeds(home: Home) -> None:
    hook = home.root / "hook"
    seen = home.root / "seen"
    hook.write_text(f'#!/bin/sh\necho "$CERTWRIGHT_CHANGED" >> {seen}\ntest -e {home.root}/ok\n')
    hook.chmod(0o755)
    home.certificate("web")

    with home.running(f"--hook={hook}"):
        until(lambda: seen.exists() and "the hook ended with status 1" in home.words(), home)
        (home.root / "ok").touch()
        until(lambda: not list(home.out.glob("*/.*.changed")), home)

    assert set(seen.read_text().split()) == {"default/web"}
    assert len(seen.read_text().split()) >= 2


def test_a_backup_can_be_taken_while_it_runs(home: Home) -> None:
    home.certificate("web")
    copy = home.root / "copy.db"

    with home.running():
        until(lambda: home.published("web"), home)
        home.command("state", "backup", str(copy), f"--state={home.state}")

    assert copy.stat().st_mode & 0o777 == 0o600
    assert copy.read_bytes().startswith(b"SQLite format 3")


@pytest.mark.parametrize("seed", range(10))
def test_killed_at_any_moment_a_restart_ends_with_one_matching_pair(home: Home, seed: int) -> None:
    home.certificate("web")
    moment = random.Random(seed).uniform(0.3, 1.5)
    process = home.start()
    time.sleep(moment)  # noqa: TID251  # the moment is the point

    process.kill()
    process.wait()
    with home.running():
        until(lambda: home.published("web"), home)
        until(lambda: _is_a_pair(home.out / "default" / "web"), home)
        until(lambda: asyncio.run(_secret_names(home)) == ["root", "web"], home)


def _is_a_pair(folder: Path) -> bool:
    pair = [
        subprocess.run(command, capture_output=True, check=True).stdout
        for command in (
            ["openssl", "x509", "-in", str(folder / "tls.crt"), "-noout", "-pubkey"],
            ["openssl", "pkey", "-in", str(folder / "tls.key"), "-pubout"],
        )
    ]
    return pair[0] == pair[1]


async def _secret_names(home: Home) -> list[str]:
    async with SqliteStore.open(home.state, clock=SystemClock(), read_only=True) as store:
        return sorted(one.metadata.name for one in (await store.list(Secret)).items)
