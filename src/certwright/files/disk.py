"""The one place where files are written: small verbs, each durable when it returns.

Everything works relative to an open folder and never follows a link, so nobody can lead a write out
of it. A proof of crash safety hands in a `Disk` that stops at the k-th verb.
"""

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Entry(NamedTuple):
    """What a file shall be: content, mode, and group id (None: ours)."""

    content: bytes
    mode: int
    group: int | None = None


class Disk:
    """Durable verbs on an open folder; all raise OSError when the disk refuses."""

    @contextmanager
    def folder(self, path: Path | str, *, inside: int | None = None) -> Iterator[int]:
        """Open a folder that is not a link, below the open folder `inside` if given."""
        descriptor = os.open(path, _FOLDER, dir_fd=inside)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def make_folder(self, name: str, *, inside: int, mode: int) -> None:
        """Make a folder unless it is there."""
        with suppress(FileExistsError):
            os.mkdir(name, mode, dir_fd=inside)  # relative to a descriptor
            os.fsync(inside)

    def write_folder(self, name: str, files: dict[str, Entry], *, inside: int, mode: int) -> None:
        """Make a new folder with `files`; a left-over of that name is replaced."""
        self.remove(name, inside=inside)
        os.mkdir(name, 0o700, dir_fd=inside)  # relative to a descriptor
        with self.folder(name, inside=inside) as folder:
            for file, entry in files.items():
                _write(file, entry, inside=folder)
            os.fchmod(folder, mode)
            os.fsync(folder)
        os.fsync(inside)

    def touch(self, name: str, *, inside: int) -> None:
        """Make an empty file."""
        os.close(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600, dir_fd=inside))
        os.fsync(inside)

    def swap_link(self, name: str, target: str, *, inside: int) -> None:
        """Let the link `name` point to `target`, in one step that no reader can see half done."""
        fresh = f".{name}.link"
        with suppress(FileNotFoundError):
            os.unlink(fresh, dir_fd=inside)  # relative to a descriptor
        os.symlink(target, fresh, dir_fd=inside)  # relative to a descriptor
        os.rename(fresh, name, src_dir_fd=inside, dst_dir_fd=inside)  # the same
        os.fsync(inside)

    def remove(self, name: str, *, inside: int) -> None:
        """Remove a file, a link or a folder with all in it; that it is not there is no failure."""
        with suppress(FileNotFoundError):
            found = os.stat(name, dir_fd=inside, follow_symlinks=False)  # the same
            if stat.S_ISDIR(found.st_mode):
                shutil.rmtree(name, dir_fd=inside)
            else:
                os.unlink(name, dir_fd=inside)  # relative to a descriptor
            os.fsync(inside)


def link_target(name: str, *, inside: int) -> str | None:
    """Return where the link `name` points; None where there is no such link."""
    try:
        return os.readlink(name, dir_fd=inside)  # relative to a descriptor
    except (FileNotFoundError, OSError):
        return None


def _write(name: str, entry: Entry, *, inside: int) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(name, flags, 0o600, dir_fd=inside)
    try:
        if entry.group is not None:
            os.fchown(descriptor, -1, entry.group)
        os.fchmod(descriptor, entry.mode)
        view = memoryview(entry.content)
        while view:
            view = view[os.write(descriptor, view) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
