"""Secrets out: each target Secret of a Certificate as files that a server can read.

    OUT/<namespace>/<secret>            a link, swapped in one step, to
    OUT/<namespace>/.<secret>.<digest>  a folder that never changes: tls.crt, tls.key, ca.crt,
                                        fullchain.pem, privkey.pem, combined.pem
    OUT/<namespace>/.<secret>.changed   a mark: the hook has not yet run for the newest folder

So no reader finds one certificate beside another's key, and a crash between the swap and the hook
is seen at the next start. The folder before the newest is kept for readers that just opened it.
"""

import fcntl
import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from certwright.api.core import CA_CERT, TLS_CERT, TLS_KEY, Secret
from certwright.api.meta import Key
from certwright.base.problem import Stalled
from certwright.base.reason import Reason
from certwright.files.disk import Disk, Entry, link_target

_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_PRIVATE = {TLS_KEY, "privkey.pem", "combined.pem", "key.der", "tls-combined.pem"}
_FURTHER = ("key.der", "tls-combined.pem")


class Rights(Struct, frozen=True, kw_only=True):
    """Who may read private files: their `mode`, and their group (None: the process's own)."""

    mode: int = 0o600
    group: int | None = None


class Export:
    """The folder OUT; one process at a time (`locked`). Blocking: call from a thread."""

    def __init__(self, out: Path, rights: Rights, disk: Disk) -> None:
        self._out = out
        self._rights = rights
        self._disk = disk

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold OUT for this process.

        Raises:
            Stalled: another process has it.
        """
        self._out.mkdir(mode=0o755, parents=True, exist_ok=True)
        with self._disk.folder(self._out) as out:
            lock = os.open(
                ".certwright.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600, dir_fd=out
            )
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise Stalled(
                    Reason.LOCKED,
                    f"another certwright writes to {self._out}",
                    remedy="give each process an output folder of its own",
                ) from error
            else:
                yield
            finally:
                os.close(lock)

    def write(self, secret: Secret) -> bool:
        """Let OUT show this Secret; whether anything changed.

        A Secret without certificate or key is left alone: what was there stays.

        Raises:
            Stalled: the name could leave OUT, or something foreign is in the way.
            OSError: the disk refused; what was there stays.
        """
        files = self._files(secret)
        if files is None:
            return False
        key = _checked(secret.key)
        version = f".{key.name}.{_digest(files)}"
        with self._disk.folder(self._out) as out:
            self._disk.make_folder(key.namespace, inside=out, mode=0o755)
            with self._disk.folder(key.namespace, inside=out) as folder:
                before = _require_ours(key, inside=folder)
                if before == version and _is_whole(version, files, inside=folder):
                    return False
                fresh = version if before != version else f"{version}r"
                self._disk.write_folder(fresh, files, inside=folder, mode=0o755)
                self._disk.touch(_mark(key.name), inside=folder)
                self._disk.swap_link(key.name, fresh, inside=folder)
                self._forget_old(key.name, {fresh, before}, inside=folder)
        return True

    def pending(self) -> tuple[Key, ...]:
        """Return the exports whose hook has not run yet, also those of an earlier process."""
        marks = self._out.glob("*/.*.changed")
        return tuple(sorted(Key(mark.parent.name, mark.name[1:-8]) for mark in marks))

    def settled(self, keys: tuple[Key, ...]) -> None:
        """Note that the hook ran for these exports."""
        with self._disk.folder(self._out) as out:
            for key in keys:
                with self._disk.folder(key.namespace, inside=out) as folder:
                    self._disk.remove(_mark(key.name), inside=folder)

    def present(self) -> tuple[Key, ...]:
        """Return all exports in OUT."""
        links = (link for link in self._out.glob("*/*") if link.is_symlink())
        return tuple(sorted(Key(link.parent.name, link.name) for link in links))

    def remove(self, key: Key) -> None:
        """Take an export out of OUT."""
        with (
            self._disk.folder(self._out) as out,
            self._disk.folder(key.namespace, inside=out) as folder,
        ):
            _require_ours(key, inside=folder)
            self._disk.remove(key.name, inside=folder)
            self._disk.remove(_mark(key.name), inside=folder)
            self._forget_old(key.name, set(), inside=folder)

    def _files(self, secret: Secret) -> dict[str, Entry] | None:
        chain, private = secret.data.get(TLS_CERT, b""), secret.data.get(TLS_KEY, b"")
        if not chain or not private:
            return None
        contents = {
            TLS_CERT: chain,
            TLS_KEY: private,
            "fullchain.pem": chain,
            "privkey.pem": private,
            "combined.pem": private.rstrip(b"\n") + b"\n" + chain,
        }
        for name in (CA_CERT, *_FURTHER):
            if secret.data.get(name):
                contents[name] = secret.data[name]
        return {
            name: Entry(content, self._rights.mode, self._rights.group)
            if name in _PRIVATE
            else Entry(content, 0o644)
            for name, content in contents.items()
        }

    def _forget_old(self, name: str, kept: set[str | None], *, inside: int) -> None:
        versions = re.compile(rf"\.{re.escape(name)}\.[0-9a-f]{{16}}r?")
        for found in os.listdir(inside):  # relative to a descriptor
            if versions.fullmatch(found) and found not in kept:
                self._disk.remove(found, inside=inside)


def _checked(key: Key) -> Key:
    for part in key:
        if not _NAME.fullmatch(part) or ".." in part:
            raise Stalled(Reason.EXPORT_FAILED, f"{key!s:.300} is no name for a folder")
    return key


def _require_ours(key: Key, *, inside: int) -> str | None:
    """Return the version that is there; refuse what we did not make."""
    target = link_target(key.name, inside=inside)
    if target is None and key.name in os.listdir(inside):  # the same
        raise Stalled(
            Reason.EXPORT_FAILED,
            f"{key} in the output folder is not a link of certwright's; it is left as it is",
            remedy="move it away",
        )
    ours = target is None or re.fullmatch(rf"\.{re.escape(key.name)}\.[0-9a-f]{{16}}r?", target)
    return target if ours else None


def _is_whole(version: str, files: dict[str, Entry], *, inside: int) -> bool:
    try:
        for name, entry in files.items():
            path = f"{version}/{name}"
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=inside)
            with os.fdopen(descriptor, "rb") as file:
                if file.read(len(entry.content) + 1) != entry.content:
                    return False
                if os.fstat(file.fileno()).st_mode & 0o777 != entry.mode:
                    return False
    except OSError:
        return False
    return True


def _digest(files: dict[str, Entry]) -> str:
    digest = hashlib.sha256()
    for name, entry in sorted(files.items()):
        digest.update(f"{name}\0{entry.mode}\0{entry.group}\0{len(entry.content)}\0".encode())
        digest.update(entry.content)
    return digest.hexdigest()[:16]


def _mark(name: str) -> str:
    return f".{name}.changed"
