"""What a running process has to say beside its resources: the report next to the state file.

`status` shows it, also when the process is gone: errors of manifests, deletions that wait for a
person, exports that failed, the hook's last failure. Rewritten whole, in one step.
"""

import os
import tempfile
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import msgspec
from msgspec import Struct


class HookReport(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How the hook fares: its last failure, and when it is tried again; all unset when well."""

    failures: int = 0
    message: str = ""
    next_attempt: datetime | None = None


class Report(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One process's words.

    Attributes:
        manifests: one line per error in the manifests, `file:line: object: field: rule`.
        held: objects that vanished from the folder and wait for `certwright prune --confirm`.
        held_because: why they wait.
        state_error: why the state file could not be written; empty when it could.
        state_next: when that is tried again.
        approves: whether the built-in approver runs.
        export_next: when failed exports are tried again.
        exports: per Secret, why it could not be written to the output folder.
    """

    pid: int = 0
    started: datetime | None = None
    directory: str = ""
    out: str = ""
    manifests: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    held_because: str = ""
    state_error: str = ""
    state_next: datetime | None = None
    approves: bool = True
    export_next: datetime | None = None
    exports: dict[str, str] = {}
    hook: HookReport = HookReport()


class Reporter:
    """Keeps the report of this process and writes it when something changed."""

    def __init__(self, path: Path, first: Report) -> None:
        self._path = path
        self._report = first
        self._write()

    @property
    def report(self) -> Report:
        """What was last written."""
        return self._report

    def update(self, **changes: object) -> None:
        """Change some of the words; a full disk keeps them in memory until the next change."""
        fresh = msgspec.structs.replace(self._report, **changes)
        if fresh != self._report:
            self._report = fresh
            with suppress(OSError):
                self._write()

    def _write(self) -> None:
        descriptor, name = tempfile.mkstemp(dir=self._path.parent, prefix=f".{self._path.name}.")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(msgspec.json.format(msgspec.json.encode(self._report)))
            Path(name).replace(self._path)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise


def report_path(state: Path) -> Path:
    """Return where the report of a state file stands."""
    return state.with_name(state.name + ".report.json")


def read_report(state: Path) -> Report | None:
    """Read the report of a state file; None where there is none or it is no report."""
    try:
        return msgspec.json.decode(report_path(state).read_bytes(), type=Report)
    except (OSError, msgspec.DecodeError):
        return None
