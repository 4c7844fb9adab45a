"""A program that serves the lab: started tied to us, its words kept in a file, ended with us."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from msgspec import Struct, field

from certwright.base.evidence import printable
from certwright.base.secret import Redacted, scrub

_GRACE_SECONDS = 0.5
_LAUNCHER = Path(__file__).with_name("tied.py")
_LINE_LIMIT = 1 << 20


class Command(Struct, frozen=True, kw_only=True):
    """A program to run.

    Attributes:
        argv: its path and arguments.
        home: what it takes for the home folder, so that the real one stays untouched.
        said: what it reads on standard input.
        log: gets what it writes; readable by this user alone.
        secrets: are cut out of that.
        environment: variables beside HOME, PATH and TMPDIR.
    """

    argv: tuple[str, ...]
    home: Path
    log: Path
    said: bytes = b""
    secrets: tuple[Redacted[str], ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


class Child:
    """One run of a program; `aclose` ends it within a second."""

    def __init__(self, process: Process, command: Command) -> None:
        self._process = process
        self._last = ""
        self._keeper = asyncio.create_task(self._keep(command))

    @classmethod
    async def start(cls, command: Command) -> "Child":
        """Start a program; the kernel ends it when this process ends, however that happens."""
        command.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        home = str(command.home)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", str(_LAUNCHER), str(os.getpid()), *command.argv),
            stdin=PIPE,
            stdout=PIPE,
            stderr=STDOUT,
            cwd=home,
            env={"HOME": home, "PATH": os.defpath, "TMPDIR": home, **command.environment},
            start_new_session=True,  # Ctrl-C is ours to handle: it ends after those who use it
            limit=_LINE_LIMIT,
        )
        child = cls(process, command)
        if process.stdin is not None:
            with suppress(ConnectionError):
                process.stdin.write(command.said)
                await process.stdin.drain()
            process.stdin.close()
        return child

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        """Whether it ended, by itself or not."""
        return self._process.returncode is not None

    @property
    def last_words(self) -> str:
        """The last line it wrote, safe to show."""
        return printable(self._last, 500)

    async def aclose(self) -> None:
        """End it: by a request, half a second later by force."""
        for end in (self._process.terminate, self._process.kill):
            with suppress(ProcessLookupError):
                end()
            with suppress(TimeoutError):
                async with asyncio.timeout(_GRACE_SECONDS):
                    await self._process.wait()
                break
        self._keeper.cancel()
        with suppress(asyncio.CancelledError):
            await self._keeper

    async def _keep(self, command: Command) -> None:
        if self._process.stdout is None:
            return
        descriptor = os.open(command.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "ab", buffering=0) as file:
            async for line in self._process.stdout:
                self._last = scrub(line.decode("utf-8", "replace"), command.secrets).rstrip()
                file.write(self._last.encode() + b"\n")
