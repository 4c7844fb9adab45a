"""Faults of this machine: its disks, its folders, its hook."""

import errno

from certwright.files.hooks import HookEnded
from tests.faults.row import Act, Row
from tests.faults.stage import Stage

OUT = "Folder .*/out"
HOOK = "Hook hook"


def disk(error: int) -> Act:
    async def strike(stage: Stage) -> None:
        stage.world.folders.refusing = error

    return strike


def state_disk(error: str) -> Act:
    async def strike(stage: Stage) -> None:
        stage.world.committer.error = error

    return strike


def hook(status: int, output: str, *, timed_out: bool = False) -> Act:
    async def strike(stage: Stage) -> None:
        stage.world.hooks.ended = HookEnded(status=status, output=output, timed_out=timed_out)

    return strike


async def in_the_way(stage: Stage) -> None:
    (stage.world.out / "default").write_text("somebody's notes")


async def out_of_the_way(stage: Stage) -> None:
    (stage.world.out / "default").unlink()


ROWS = (
    Row(
        name="out-read-only",
        fault="The output folder is read-only",
        strike=disk(errno.EROFS),
        mend=disk(0),
        culprit=OUT,
        reason="ExportFailed",
        says="Read-only file system",
        remedy="certwright may write there",
        next=True,
    ),
    Row(
        name="out-full",
        fault="The disk of the output folder is full",
        strike=disk(errno.ENOSPC),
        mend=disk(0),
        culprit=OUT,
        reason="ExportFailed",
        says="No space left on device",
        remedy="Make room",
        next=True,
    ),
    Row(
        name="out-file-in-the-way",
        fault="A file is where a folder must be made",
        strike=in_the_way,
        mend=out_of_the_way,
        culprit=OUT,
        reason="ExportFailed",
        says="Not a directory",
        remedy="certwright may write there",
        next=True,
    ),
    Row(
        name="hook-fails",
        fault="The hook ends with an error",
        strike=hook(1, "nginx: configuration file test failed"),
        mend=hook(0, ""),
        culprit=HOOK,
        reason="HookFailed",
        says="configuration file test failed",
        remedy="Run the hook by hand",
        next=True,
    ),
    Row(
        name="hook-slow",
        fault="The hook runs too long",
        strike=hook(-9, "", timed_out=True),
        mend=hook(0, ""),
        culprit=HOOK,
        reason="HookFailed",
        says="ran too long",
        remedy="Run the hook by hand",
        next=True,
    ),
    Row(
        name="state-full",
        fault="The disk of the state file is full",
        during=state_disk("database or disk is full"),
        mend=state_disk(""),
        culprit="File .*/certwright.db",
        reason="StateFailed",
        says="disk is full",
        remedy="Make room",
        next=True,
    ),
)
