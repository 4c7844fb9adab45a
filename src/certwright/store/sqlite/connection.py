"""How the state file is opened: recognised, never overwritten, and brought up to date.

Called by `worker` on the store's own thread.
"""

import sqlite3
from importlib import resources
from pathlib import Path
from typing import Final, Protocol

from certwright.store.protocol import Unavailable
from certwright.store.sqlite.place import UNAVAILABLE

APPLICATION_ID: Final = 0x63775354  # "cwST", in the header of every file of ours
MEMORY: Final = ":memory:"
_BUSY_SECONDS: Final = 5.0
_MAX_CHECKED_BYTES: Final = 64 * 1024 * 1024  # quick_check reads everything: 0.1 s at this size

_PRAGMAS: Final = (
    "PRAGMA foreign_keys = ON",  # owner rows go with their resource
    "PRAGMA synchronous = FULL",  # what was answered is on the disk: an order follows from it
    "PRAGMA secure_delete = ON",  # deleted private keys are overwritten
    "PRAGMA temp_store = MEMORY",  # no temporary file that could be read
    "PRAGMA trusted_schema = OFF",  # a foreign schema must not run functions
    "PRAGMA cell_size_check = ON",  # damage is found before it spreads
    "PRAGMA journal_size_limit = 16777216",  # the log shrinks again after a burst
)


class Committer(Protocol):
    """The one place where a transaction becomes true; a proof may cut the process here."""

    def commit(self, connection: sqlite3.Connection) -> None:
        """Commit the open transaction; on failure it is rolled back by the caller."""


class PlainCommitter:
    """Commits."""

    def commit(self, connection: sqlite3.Connection) -> None:
        """Run COMMIT."""
        connection.execute("COMMIT")


def connect(
    path: str, *, committer: Committer, migrate: bool, read_only: bool
) -> sqlite3.Connection:
    """Open a state file (or `:memory:`), refuse what is not ours, and migrate it if allowed.

    Raises:
        Unavailable: the file is damaged, foreign, of another version, or cannot be read.
    """
    target = path if path == MEMORY else f"{Path(path).absolute().as_uri()}?mode=rw"
    try:
        connection = sqlite3.connect(
            target,
            uri=path != MEMORY,
            timeout=_BUSY_SECONDS,
            isolation_level=None,  # transactions are begun and ended by us alone
            check_same_thread=False,  # closed by whoever closes the store
        )
    except sqlite3.Error as error:
        raise unavailable(path, error) from error
    try:
        _prepare(connection, path, committer=committer, migrate=migrate)
        if read_only:
            connection.execute("PRAGMA query_only = ON")
    except sqlite3.Error as error:
        connection.close()
        raise unavailable(path, error) from error
    except BaseException:
        connection.close()
        raise
    return connection


def unavailable(path: str, error: sqlite3.Error) -> Unavailable:
    """Say what SQLite said, with the file it is about."""
    damaged = error.sqlite_errorname in ("SQLITE_NOTADB", "SQLITE_CORRUPT") if _named(error) else 0
    remedy = "The file is left as it is; restore a backup, or move it away." if damaged else ""
    return Unavailable(UNAVAILABLE, f"state file {path}: {error}", remedy=remedy)


def _named(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorname", None) is not None


def _prepare(
    connection: sqlite3.Connection, path: str, *, committer: Committer, migrate: bool
) -> None:
    version = _recognised(connection, path)
    for pragma in _PRAGMAS:
        connection.execute(pragma)
    if path != MEMORY:
        # Readers beside the writer, and one fsync per commit.
        connection.execute("PRAGMA journal_mode = WAL")
    scripts = _migrations()
    if version > len(scripts):
        raise Unavailable(
            UNAVAILABLE,
            f"state file {path} was written by a newer certwright (schema {version}, "
            f"this one knows {len(scripts)})",
            remedy="Install that version again.",
        )
    if version < len(scripts) and not migrate:
        raise Unavailable(
            UNAVAILABLE,
            f"state file {path} was written by an older certwright (schema {version})",
            remedy="Restart `certwright run`, which brings it up to date.",
        )
    for number, script in enumerate(scripts[version:], start=version + 1):
        _migrate(connection, script, number, committer)
    _check(connection, path)


def _recognised(connection: sqlite3.Connection, path: str) -> int:
    """Return the schema's number, 0 for a new file; the first read, so damage shows here."""
    application = _number(connection, "PRAGMA application_id")
    version = _number(connection, "PRAGMA user_version")
    if application == APPLICATION_ID:
        return version
    if application or version or _number(connection, "SELECT count(*) FROM sqlite_master"):
        raise Unavailable(
            UNAVAILABLE,
            f"{path} is an SQLite file of another program; it is left as it is",
            remedy="Name another state file.",
        )
    return 0


def _check(connection: sqlite3.Connection, path: str) -> None:
    pages = _number(connection, "PRAGMA page_count")
    size = pages * _number(connection, "PRAGMA page_size")
    scope = "" if size <= _MAX_CHECKED_BYTES else "('counter')"
    found = connection.execute(f"PRAGMA quick_check{scope}").fetchone()[0]
    if found != "ok" or _number(connection, "SELECT count(*) FROM counter") != 1:
        raise Unavailable(
            UNAVAILABLE,
            f"state file {path} is damaged: {found}",
            remedy="The file is left as it is; restore a backup, or move it away.",
        )


def _migrate(
    connection: sqlite3.Connection, script: str, number: int, committer: Committer
) -> None:
    try:
        connection.executescript(
            f"BEGIN IMMEDIATE;\n{script}\n"
            f"PRAGMA application_id = {APPLICATION_ID};\nPRAGMA user_version = {number};"
        )
        committer.commit(connection)
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _migrations() -> tuple[str, ...]:
    folder = resources.files("certwright.store.sqlite") / "migrations"
    files = sorted(
        (item for item in folder.iterdir() if item.name.endswith(".sql")),
        key=lambda item: item.name,
    )
    return tuple(item.read_text(encoding="utf-8") for item in files)


def _number(connection: sqlite3.Connection, query: str) -> int:
    return int(connection.execute(query).fetchone()[0])
