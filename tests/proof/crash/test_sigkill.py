"""A real process under load, ended by SIGKILL at random moments; nothing is lost, nothing torn."""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest

from certwright.api.certificate import Certificate
from certwright.api.core import TLS_CERT, TLS_KEY, Secret
from certwright.api.meta import Key, Resource
from certwright.api.request import CertificateRequest
from certwright.base.clock import SystemClock
from certwright.pki.certificate import certificate_facts, key_matches
from certwright.pki.keys import parse_key
from certwright.store.sqlite.store import SqliteStore
from tests.e2e.run.home import Home, names_of, until
from tests.proof.effects import by_hand
from tests.proof.world import fast_folder

CERTIFICATES = 40
EDITS = 8
"""Certificates that are edited in each life, so that there is always something to do."""
KILLS = 200 if by_hand() else 20


class Reader:
    """Reads all pairs of OUT, again and again, as servers that reload would."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self._end = threading.Event()
        self.looks = 0
        self.torn: list[str] = []

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Read in a thread until the end of the block."""
        thread = threading.Thread(target=self._run)
        thread.start()
        try:
            yield
        finally:
            self._end.set()
            thread.join()

    def _run(self) -> None:
        while not self._end.wait(0.01):
            for link in self._out.glob("default/[!.]*"):
                self._look(link)

    def _look(self, link: Path) -> None:
        self.looks += 1
        folder = -1
        try:
            folder = os.open(link, os.O_RDONLY | os.O_DIRECTORY)  # now it cannot be swapped
            chain, key = (_read(name, folder) for name in ("tls.crt", "tls.key"))
            if not key_matches(parse_key(key), certificate_facts(chain)):
                self.torn.append(f"{link.name}: one certificate beside another's key")
        except (OSError, ValueError) as error:
            self.torn.append(f"{link.name}: {error}")
        finally:
            if folder >= 0:
                os.close(folder)


def _read(name: str, folder: int) -> bytes:
    with os.fdopen(os.open(name, os.O_RDONLY, dir_fd=folder), "rb") as file:
        return file.read()


@pytest.mark.timeout(3600)
async def test_nothing_is_lost_by_sigkill_at_random_moments(
    capsys: pytest.CaptureFixture[str],
) -> None:
    random, began = Random(), time.monotonic()  # moments are random, by the machine's load anyway
    with fast_folder() as folder:
        home = Home(folder)
        hook = _hook(folder)
        wanted = {f"n{number}": f"n{number}.example.com" for number in range(CERTIFICATES)}
        for name, host in wanted.items():
            home.certificate(name, host)
        reader = Reader(home.out)
        with reader.reading():
            span = _first_life(home, hook)
            for life in range(KILLS):
                process = home.start(f"--hook={hook}")
                _edit(home, wanted, random, life)
                _wait(random.uniform(0.1, 1.2) * span)
                process.send_signal(signal.SIGKILL)
                process.wait(timeout=20)
            with home.running(f"--hook={hook}"):
                until(lambda: _is_published(home, wanted), home, seconds=120)
                until(lambda: not list(home.out.glob("*/.*.changed")), home, seconds=60)
        left = await _left_over(home, wanted)

    with capsys.disabled():
        seconds = time.monotonic() - began
        sys.stdout.write(
            f"\n  {KILLS} times SIGKILL within {1.2 * span:.1f} s of the start,"
            f" {reader.looks} looks at OUT, {seconds:.0f} s\n"
        )
    assert reader.torn == []
    assert left == []


def _hook(folder: Path) -> Path:
    hook = folder / "hook"
    hook.write_text("#!/bin/sh\nexit 0\n")
    hook.chmod(0o700)
    return hook


def _first_life(home: Home, hook: Path) -> float:
    """Return the seconds from the start to the first certificate."""
    begin = time.monotonic()
    with home.running(f"--hook={hook}"):
        until(lambda: home.published("n0"), home, seconds=60)
        return time.monotonic() - begin


def _edit(home: Home, wanted: dict[str, str], random: Random, life: int) -> None:
    for name in random.sample(sorted(wanted), EDITS):
        wanted[name] = f"{name}-{life}.example.com"
        home.certificate(name, wanted[name])


def _wait(seconds: float) -> None:
    time.sleep(seconds)  # noqa: TID251  # another process works


def _is_published(home: Home, wanted: dict[str, str]) -> bool:
    return all(names_of(home.published(name)) == [host] for name, host in wanted.items())


async def _left_over(home: Home, wanted: dict[str, str]) -> list[str]:
    """Say what of the store is not as OUT and the folder say."""
    found = []
    async with SqliteStore.open(home.state, clock=SystemClock(), read_only=True) as store:
        for secret in (await store.list(Secret, namespace="default")).items:
            name = secret.metadata.name
            shown = [home.out / "default" / name / file for file in ("tls.crt", "tls.key")]
            if name not in wanted:
                found.append(f"Secret {name} is left")
            elif [one.read_bytes() for one in shown] != [
                secret.data[TLS_CERT],
                secret.data[TLS_KEY],
            ]:
                found.append(f"OUT shows another one than Secret {name}")
        found += await _too_many(store, CertificateRequest, len(wanted) + 1)
        found += await _too_many(store, Certificate, len(wanted) + 1)
        root = await store.get(Certificate, Key("kube-system", "root"))
        if root.status.revision != 1:
            found.append(f"the root was issued {root.status.revision} times")
    return found


async def _too_many(store: SqliteStore, kind: type[Resource], most: int) -> list[str]:
    count = len((await store.list(kind)).items)
    return [f"{count} of {kind.__name__}, not {most}"] if count != most else []
