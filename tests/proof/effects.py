"""One counter for all that a process does to the outside, and the end of the process at the k-th.

API requests, DNS updates, commits, file verbs and hooks pass through here. Whoever dies does so for
good: the cut is no `Exception`, so nobody handles it, and every later effect of that life fails.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from enum import StrEnum
from typing import Any

from certwright.dns.network import Address, Network
from certwright.files.disk import Disk, Entry
from certwright.files.hooks import HookEnded
from certwright.net.http import Http, Response

_OPCODE_UPDATE = 5


def by_hand() -> bool:
    """Whether this run may take its time: CERTWRIGHT_PROOF=1 asks for every case there is."""
    return os.environ.get("CERTWRIGHT_PROOF") == "1"


class Cut(BaseException):
    """The process is no more."""


class Moment(StrEnum):
    """Where around an effect the process ends."""

    BEFORE = "before"
    """It never took effect."""
    HALF = "half"
    """Files alone: it was under way."""
    AFTER = "after"
    """It took effect, and nobody learned of it."""


class Effects:
    """What one life did, and where it ends (`cut_at` counts from 1; 0: it does not).

    `listeners` are called, once, after the first effect of a name, or after the k-th of all.
    """

    def __init__(self, cut_at: int = 0, moment: Moment = Moment.BEFORE) -> None:
        self.dead = False
        self.trace: list[str] = []
        self.listeners: dict[str | int, Callable[[], None]] = {}
        self._cut_at = cut_at
        self._moment = moment

    @contextmanager
    def effect(self, name: str, half: Callable[[], None] | None = None) -> Iterator[None]:
        """Count one effect around the block; `half` does a part of it."""
        self._live()
        self.trace.append(name)
        number = len(self.trace)
        here = number == self._cut_at
        if here and self._moment is not Moment.AFTER:
            if self._moment is Moment.HALF and half is not None:
                half()
            self.dead = True
        self._live()
        try:
            yield
        finally:
            if here:
                self.dead = True
                self._live()
        for at in (name, number):
            listener = self.listeners.pop(at, None)
            if listener is not None:
                listener()

    def _live(self) -> None:
        if self.dead:
            raise Cut


class CutHttp:
    """Requests to CAs."""

    def __init__(self, inner: Http, effects: Effects) -> None:
        self._inner = inner
        self._effects = effects

    async def request(self, method: str, url: str, **options: Any) -> Response:
        """Send, as an effect."""
        with self._effects.effect(f"{method} {url}"):
            return await self._inner.request(method, url, **options)

    async def aclose(self) -> None:
        """Nothing is held."""


class CutNetwork:
    """DNS messages; an update is an effect, a question is none."""

    def __init__(self, inner: Network, effects: Effects) -> None:
        self._inner = inner
        self._effects = effects

    async def query(self, message: bytes, address: Address, *, tcp: bool) -> bytes:
        """Carry a message."""
        if (message[2] >> 3) & 0xF != _OPCODE_UPDATE:
            return await self._inner.query(message, address, tcp=tcp)
        with self._effects.effect("DNS update"):
            return await self._inner.query(message, address, tcp=tcp)


class CutCommitter:
    """Transactions of the store."""

    def __init__(self, effects: Effects) -> None:
        self._effects = effects

    def commit(self, connection: sqlite3.Connection) -> None:
        """Commit, as an effect."""
        with self._effects.effect("commit"):
            connection.execute("COMMIT")


class CutRunner:
    """Hooks: nothing is started, `ran` is told."""

    def __init__(self, effects: Effects, ran: Callable[[Mapping[str, str]], None]) -> None:
        self._effects = effects
        self._ran = ran

    async def run(
        self, argv: tuple[str, ...], environment: Mapping[str, str], limit: timedelta
    ) -> HookEnded:
        """Tell what the program would see."""
        del argv, limit
        with self._effects.effect("hook"):
            self._ran(environment)
        return HookEnded(status=0, output="")


class CutDisk(Disk):
    """File verbs; `look` is called after each of them, however it ended."""

    def __init__(self, effects: Effects, look: Callable[[], None]) -> None:
        self._effects = effects
        self._look = look

    @contextmanager
    def _effect(self, name: str, half: Callable[[], None] | None = None) -> Iterator[None]:
        try:
            with self._effects.effect(f"file: {name}", half):
                yield
        finally:
            self._look()

    def make_folder(self, name: str, *, inside: int, mode: int) -> None:
        """Make a folder."""
        with self._effect("make folder"):
            super().make_folder(name, inside=inside, mode=mode)

    def write_folder(self, name: str, files: dict[str, Entry], *, inside: int, mode: int) -> None:
        """Write a folder; half of it is one file, cut."""

        def half() -> None:
            first, entry = next(iter(files.items()))
            Disk.write_folder(
                Disk(),
                name,
                {first: entry._replace(content=entry.content[:99])},
                inside=inside,
                mode=0o700,
            )

        with self._effect("write folder", half):
            super().write_folder(name, files, inside=inside, mode=mode)

    def touch(self, name: str, *, inside: int) -> None:
        """Make an empty file."""
        with self._effect("touch"):
            super().touch(name, inside=inside)

    def swap_link(self, name: str, target: str, *, inside: int) -> None:
        """Swap a link; half of it is the new one under its first name."""

        def half() -> None:
            Disk().remove(f".{name}.link", inside=inside)
            os.symlink(target, f".{name}.link", dir_fd=inside)

        with self._effect("swap link", half):
            super().swap_link(name, target, inside=inside)

    def remove(self, name: str, *, inside: int) -> None:
        """Remove a file or a folder."""
        with self._effect("remove"):
            super().remove(name, inside=inside)
