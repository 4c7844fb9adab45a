"""Credentials from a folder of plain files, as systemd hands them to a service.

A file `<namespace>_<secret>_<key>` is the value of one key of one Secret; names of namespaces and
Secrets have no underscore, so the file's name is unambiguous and needs no separator that systemd
forbids (systemd.exec(5), LoadCredential=). One final line break is taken off: most tools add one.
"""

import base64
import re
from pathlib import Path
from typing import TYPE_CHECKING

from certwright.api.core import Secret
from certwright.api.kinds import kind_of
from certwright.api.manifest import Located, ManifestError, Parsed
from certwright.api.meta import Key
from certwright.api.rules.admission import Rules
from certwright.base.problem import Stalled
from certwright.files.folder import Scan

if TYPE_CHECKING:
    from certwright.files.plan import Name
from certwright.files.safety import require_private

_FILE = re.compile(r"([a-z0-9.-]{1,63})_([a-z0-9.-]{1,253})_([-._a-zA-Z0-9]{1,253})")


class CredentialsFolder:
    """Scans a folder of credentials; the same shape of answer as a folder of manifests."""

    def __init__(self, root: Path, rules: Rules) -> None:
        self._root = root
        self._rules = rules

    @property
    def root(self) -> Path:
        """The folder."""
        return self._root

    def scan(self) -> Scan:
        """Read all files; never raises for what it finds."""
        values: dict[Key, dict[str, bytes]] = {}
        errors: list[ManifestError] = []
        unreadable: set[str] = set()
        try:
            require_private(self._root, "the folder of credentials")
            files = sorted(path for path in self._root.iterdir() if path.is_file())
        except Stalled as unsafe:
            return Scan({}, failure=f"{unsafe.message}; {unsafe.remedy}")
        except OSError as error:
            return Scan({}, failure=f"cannot read {self._root}: {error.strerror}")
        for file in files:
            match = _FILE.fullmatch(file.name)
            if match is None:
                continue  # a credential for somebody else
            try:
                value = file.read_bytes().removesuffix(b"\n")
            except OSError as error:
                errors.append(_error(file.name, f"cannot be read: {error.strerror}"))
                unreadable.add(file.name)
                continue
            values.setdefault(Key(match[1], match[2]), {})[match[3]] = value
        files_of = {str(key): self._parsed(key, data) for key, data in values.items()}
        return Scan(files_of, tuple(errors), frozenset(unreadable))

    def _parsed(self, key: Key, data: dict[str, bytes]) -> Parsed:
        kind = kind_of(Secret)
        document = {
            "apiVersion": kind.api_version,
            "kind": kind.name,
            "metadata": {"namespace": key.namespace, "name": key.name},
            "data": {name: base64.b64encode(value).decode() for name, value in data.items()},
        }
        name: Name = (kind.name, key)
        broken = self._rules.violations(document, None)
        errors = tuple(_error(str(key), rule, field=field) for field, rule in broken)
        resources = () if broken else (Located(document, key, kind, 1),)
        return Parsed(resources, errors, named=frozenset({name}))


def _error(file: str, rule: str, *, field: str = "") -> ManifestError:
    return ManifestError(file=file, line=1, object="credentials", field=field, rule=rule)
