"""Where the state file lies: who may touch it, and who holds it.

Called by `connection` and `store`. The state holds private keys: it is for its owner alone.
"""

import fcntl
import os
import stat
from pathlib import Path
from typing import Final, Self

from certwright.store.protocol import Unavailable

UNAVAILABLE: Final = "ServiceUnavailable"
PRIVATE: Final = 0o600
_WRITABLE_BY_OTHERS: Final = stat.S_IWGRP | stat.S_IWOTH
_SIDE_FILES: Final = ("-wal", "-shm")


class Locked(Unavailable):
    """Another process runs on this state file.

    Attributes:
        pid: the process that holds it; 0 where it did not write its number down.
    """

    def __init__(self, path: Path, pid: int) -> None:
        holder = f"process {pid}" if pid else "another process"
        super().__init__(
            UNAVAILABLE,
            f"state file {path} is in use by {holder}",
            remedy="Stop that process, or give this one a state file of its own.",
        )
        self.pid = pid


class StateLock:
    """The right to run on a state file, held until `release` or the end of the process."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def take(cls, path: Path) -> Self:
        """Take the lock of the state file `path` (on `path`.lock, which stays behind empty-handed).

        A file of its own, because SQLite's locks on the state file are lost when anybody in this
        process closes it.

        Raises:
            Locked: another process (or another store of this one) holds it.
            Unavailable: the lock file cannot be written.
        """
        lock_path = path.with_name(path.name + ".lock")
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            descriptor = os.open(lock_path, flags, PRIVATE)
        except OSError as error:
            raise _refused(lock_path, error) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(descriptor, 20).decode(errors="replace").strip()
            os.close(descriptor)
            raise Locked(path, int(holder) if holder.isdecimal() else 0) from error
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        return cls(descriptor)

    def release(self) -> None:
        """Give the lock back. Idempotent."""
        if self._descriptor >= 0:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = -1


def refuse_shared(folder: Path) -> None:
    """Refuse a folder in which others could replace our files.

    Raises:
        Unavailable: it is not there, or others may write it, or it belongs to somebody else.
    """
    try:
        status = folder.stat()
    except OSError as error:
        raise _refused(folder, error) from error
    if not stat.S_ISDIR(status.st_mode):
        raise Unavailable(UNAVAILABLE, f"{folder} is not a folder")
    if status.st_mode & _WRITABLE_BY_OTHERS:
        raise Unavailable(
            UNAVAILABLE,
            f"folder {folder} is writable by others",
            remedy=f"chmod go-w {folder}",
        )
    if status.st_uid not in (0, os.geteuid()):
        raise Unavailable(UNAVAILABLE, f"folder {folder} belongs to another user")


def create_private(path: Path) -> None:
    """Create an empty file that only its owner may read, and make its name durable.

    Raises:
        FileExistsError: it is there.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    os.close(os.open(path, flags, PRIVATE))
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def prepare(path: Path, *, create: bool) -> None:
    """Make sure of the state file: there, a file, and its owner's alone.

    Raises:
        Unavailable: it is not there (and may not be created), or it is not a private file.
    """
    refuse_shared(path.parent)
    try:
        if create and not os.path.lexists(path):
            create_private(path)
        status = path.lstat()  # a link would put lock and log in another folder
        if not stat.S_ISREG(status.st_mode):
            raise Unavailable(UNAVAILABLE, f"state file {path} is not a file")
        if status.st_mode & _WRITABLE_BY_OTHERS:
            raise Unavailable(
                UNAVAILABLE,
                f"state file {path} is writable by others",
                remedy=f"chmod 0600 {path} if you trust what is in it.",
            )
        if status.st_uid == os.geteuid():
            # SQLite gives its side files the mode of the main file, but leaves old ones alone.
            for name in ("", *_SIDE_FILES):
                part = path.with_name(path.name + name)
                if part.exists():
                    part.chmod(PRIVATE)
    except OSError as error:
        raise _refused(path, error) from error


def _refused(path: Path, error: OSError) -> Unavailable:
    return Unavailable(UNAVAILABLE, f"{path}: {error.strerror or error}")
