"""The hook: a program of the operator that runs after exports changed.

No shell, a clean environment with the names, a time limit for the whole process group, output that
is capped and scrubbed before it is logged. A failed hook runs again with a back-off; what it has to
do is kept in OUT until it succeeds (`export.pending`).
"""

import asyncio
import os
import shlex
import shutil
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from certwright.api.meta import Key
from certwright.base.evidence import printable
from certwright.base.problem import Stalled
from certwright.base.reason import Reason
from certwright.base.secret import scrub
from certwright.files.safety import require_private

OUTPUT_LIMIT = 16_384
"""Bytes of a hook's output that are read; the rest is thrown away."""


class HookEnded(Struct, frozen=True, kw_only=True):
    """How a run ended: exit status (negative: signal), its output made safe, and if it was cut."""

    status: int
    output: str
    timed_out: bool = False

    @property
    def succeeded(self) -> bool:
        """It ended by itself with status 0."""
        return self.status == 0 and not self.timed_out

    def __str__(self) -> str:
        how = "ran too long and was ended" if self.timed_out else f"ended with status {self.status}"
        return f"the hook {how}" + (f": {self.output}" if self.output else "")


class Runner(Protocol):
    """Starts programs; the one place where a process is made."""

    async def run(
        self, argv: tuple[str, ...], environment: Mapping[str, str], limit: timedelta
    ) -> HookEnded:
        """Run to the end; after `limit` the whole process group is killed."""


class Hook(Struct, frozen=True, kw_only=True):
    """A program with its arguments, and the folder it works for."""

    argv: tuple[str, ...]
    out: Path
    limit: timedelta = timedelta(seconds=60)

    async def run(self, runner: Runner, changed: tuple[Key, ...]) -> HookEnded:
        """Run once for all that changed.

        Raises:
            Stalled: others could exchange the program.
        """
        require_private(Path(self.argv[0]), "the hook")
        return await runner.run(self.argv, self._environment(changed), self.limit)

    def _environment(self, changed: tuple[Key, ...]) -> dict[str, str]:
        return {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG": "C.UTF-8",
            "CERTWRIGHT_OUT": str(self.out),
            "CERTWRIGHT_CHANGED": " ".join(str(key) for key in changed),
        }


def build_hook(command: str, out: Path, limit: timedelta) -> Hook:
    """Split a command line as a shell would, find its program, and check it.

    Raises:
        Stalled: there is no such program, or others could exchange it.
    """
    argv = tuple(shlex.split(command))
    program = shutil.which(argv[0]) if argv else None
    if program is None:
        raise Stalled(Reason.HOOK_FAILED, f"there is no program for the hook {command!r}")
    resolved = Path(program).resolve()
    require_private(resolved, "the hook")
    return Hook(argv=(str(resolved), *argv[1:]), out=out.resolve(), limit=limit)


class ProcessRunner:
    """Starts real processes, each in a process group of its own."""

    async def run(
        self, argv: tuple[str, ...], environment: Mapping[str, str], limit: timedelta
    ) -> HookEnded:
        """Run to the end; after `limit` the whole process group is killed."""
        # A pipe of our own: what a daemon left behind by the hook keeps open delays nobody.
        ours, theirs = os.pipe2(os.O_CLOEXEC)
        output = bytearray()
        async with _reading(ours, output):
            try:
                process = await asyncio.create_subprocess_exec(
                    *argv,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=theirs,
                    stderr=theirs,
                    env=dict(environment),
                    cwd="/",
                    start_new_session=True,
                )
            finally:
                os.close(theirs)
            timed_out = not await _ended(process, limit)
        text = printable(scrub(output.decode("utf-8", "replace")).strip(), OUTPUT_LIMIT)
        return HookEnded(status=process.returncode or 0, output=text, timed_out=timed_out)


async def _ended(process: asyncio.subprocess.Process, limit: timedelta) -> bool:
    """Wait for the end; past the limit, or when we are stopped ourselves, end the whole group."""
    try:
        async with asyncio.timeout(limit.total_seconds()):
            await process.wait()
    except TimeoutError:
        return False
    else:
        return True
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


@asynccontextmanager
async def _reading(descriptor: int, output: bytearray) -> AsyncIterator[None]:
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb", buffering=0)
    )
    task = asyncio.create_task(_collect(reader, output))
    try:
        yield
        await asyncio.wait({task}, timeout=1)
    finally:
        task.cancel()
        transport.close()


async def _collect(reader: asyncio.StreamReader, output: bytearray) -> None:
    while chunk := await reader.read(4096):
        output += chunk[: max(0, OUTPUT_LIMIT - len(output))]
