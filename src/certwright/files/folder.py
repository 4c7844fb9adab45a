"""A folder of manifests as it is now: what its files say, parsed once per change of a file.

Blocking: called from a thread. Files are known by path, time, size and inode, so a scan of many
unchanged files only asks for their status.
"""

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from certwright.api.manifest import ManifestError, Parsed, parse_manifest
from certwright.api.rules.admission import Rules
from certwright.base.problem import Stalled
from certwright.files.safety import require_private

SUFFIXES = frozenset({".yaml", ".yml", ".json"})

_Stamp = tuple[int, int, int, int]


class Scan(Struct, frozen=True):
    """What a folder says.

    Attributes:
        files: by path relative to the folder, in order.
        errors: what is wrong with the folder itself: links out of it, unreadable files.
        unreadable: files that are there and could not be read.
        failure: why the folder as a whole could not be read; empty when it could.
    """

    files: dict[str, Parsed]
    errors: tuple[ManifestError, ...] = ()
    unreadable: frozenset[str] = frozenset()
    failure: str = ""


class Folder:
    """Scans one folder again and again."""

    def __init__(self, root: Path, rules: Rules) -> None:
        self._root = root
        self._rules = rules
        self._known: dict[str, tuple[_Stamp, Parsed]] = {}

    @property
    def root(self) -> Path:
        """The folder."""
        return self._root

    def scan(self) -> Scan:
        """Read what changed; never raises for what it finds."""
        errors: list[ManifestError] = []
        try:
            require_private(self._root, "the folder")
            paths = sorted(self._paths(errors))
        except Stalled as unsafe:
            return Scan({}, failure=f"{unsafe.message}; {unsafe.remedy}")
        except OSError as error:
            return Scan({}, failure=f"cannot read {self._root}: {error.strerror}")
        known: dict[str, tuple[_Stamp, Parsed]] = {}
        unreadable = set()
        for path in paths:
            try:
                known[path] = self._read(path)
            except (OSError, Stalled) as error:
                words = error.message if isinstance(error, Stalled) else error.strerror
                errors.append(_error(path, f"cannot be read: {words}"))
                unreadable.add(path)
        self._known = known
        files = {path: parsed for path, (_, parsed) in known.items()}
        return Scan(files, tuple(errors), frozenset(unreadable))

    def _read(self, path: str) -> tuple[_Stamp, Parsed]:
        full = os.path.join(self._root, path)  # noqa: PTH118  # called for every file of a scan
        before = self._known.get(path)
        if before is not None and before[0] == _stamp(os.stat(full)):  # noqa: PTH116  # as above
            return before
        # O_NONBLOCK: opening a pipe must not wait for somebody to write into it
        with os.fdopen(os.open(full, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise OSError(errno.EINVAL, "it is not a file")
            require_private(Path(full), "the file")
            return _stamp(found), parse_manifest(file.read(), path, rules=self._rules)

    def _paths(self, errors: list[ManifestError]) -> Iterator[str]:
        def failed(error: OSError) -> None:
            raise error

        real = self._root.resolve(strict=True)
        # Texts, not paths: a scan of ten thousand files is called for by an edit of one.
        for folder, folders, names in os.walk(self._root, onerror=failed):
            for name in list(folders):
                path = os.path.join(folder, name)  # noqa: PTH118
                if os.path.islink(path):  # noqa: PTH114
                    folders.remove(name)
                    self._check_link(Path(path), real, errors)
                elif name.startswith("."):
                    folders.remove(name)
            below = os.path.relpath(folder, self._root)
            for name in names:
                if name.startswith(".") or os.path.splitext(name)[1] not in SUFFIXES:  # noqa: PTH122
                    continue
                path = os.path.join(folder, name)  # noqa: PTH118
                if os.path.islink(path) and not self._check_link(Path(path), real, errors):  # noqa: PTH114
                    continue
                yield name if below == "." else f"{below}/{name}"

    def _check_link(self, link: Path, real: Path, errors: list[ManifestError]) -> bool:
        target = link.resolve()
        inside = target.is_relative_to(real)
        if not inside:
            name = str(link.relative_to(self._root))
            errors.append(_error(name, "is a link that leaves the folder; it is not followed"))
        return inside


def _stamp(found: os.stat_result) -> _Stamp:
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino


def _error(file: str, rule: str) -> ManifestError:
    return ManifestError(file=file, line=1, rule=rule)
