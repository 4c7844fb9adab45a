"""A copy of the whole state while it is in use.

Called by `store`. The copy appears under its name complete or not at all, and never over a file.
"""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from certwright.store.protocol import Unavailable
from certwright.store.sqlite.place import UNAVAILABLE, create_private, sync_folder


def write_backup(source: sqlite3.Connection, target: Path) -> None:
    """Copy the database to a new private file.

    Raises:
        Unavailable: the file is there already, or it cannot be written.
    """
    partial = target.with_name(f"{target.name}.{os.getpid()}.partial")
    _refuse_existing(target)
    try:
        create_private(partial)
        try:
            _copy(source, partial)
            os.link(partial, target)  # unlike a rename, refuses to replace a file
        finally:
            partial.unlink()
        sync_folder(target.parent)
    except OSError as error:
        _refuse_existing(target)
        raise Unavailable(UNAVAILABLE, f"{target}: {error.strerror or error}") from error
    except sqlite3.Error as error:
        raise Unavailable(UNAVAILABLE, f"backup to {target}: {error}") from error


def _refuse_existing(target: Path) -> None:
    if os.path.lexists(target):
        raise Unavailable(
            UNAVAILABLE,
            f"{target} is there already; a backup replaces no file",
            remedy="Name a new file.",
        )


def _copy(source: sqlite3.Connection, target: Path) -> None:
    with closing(sqlite3.connect(target, isolation_level=None)) as copy:
        copy.execute("PRAGMA synchronous = FULL")
        source.backup(copy)
        # Without side files, so that the copy is one file wherever it is taken.
        copy.execute("PRAGMA journal_mode = DELETE")
    with target.open("rb") as file:
        os.fsync(file.fileno())
