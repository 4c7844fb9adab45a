"""The lab's folder: manifests to edit, state, the CA; and what is put into the examples.

    D/manifests/      copies of examples/lab with address, root and key filled in: yours to edit
    D/state.sqlite    the resources
    D/root.crt        the root that the site's certificates chain up to
    D/ca/, D/home/    what Caddy keeps
    D/*.log           what the parts have to say

Nothing in it can be read by others.
"""

import base64
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import resources
from pathlib import Path

from msgspec import Struct

from certwright.base.problem import Stalled
from certwright.base.reason import Reason
from certwright.base.secret import Redacted
from certwright.dns.update import TsigAlgorithm, TsigKey
from certwright.lab.edge import directory_url
from certwright.lab.ports import Ports
from certwright.net.tcp import LOOPBACK

TSIG_NAME = "lab-key"
_KEY_BYTES = 32
_OURS = ("cluster-issuer.yaml", "tsig-secret.yaml")
"""Written afresh at each start: address, root and key change."""


class Place(Struct, frozen=True):
    """One lab's folder."""

    root: Path

    @property
    def manifests(self) -> Path:
        """What the controllers read, and a person edits."""
        return self.root / "manifests"

    @property
    def ingress(self) -> Path:
        """The file to edit."""
        return self.manifests / "ingress.yaml"

    @property
    def state(self) -> Path:
        """The state file."""
        return self.root / "state.sqlite"

    @property
    def certificate(self) -> Path:
        """The CA's root, for curl and browsers."""
        return self.root / "root.crt"

    @property
    def log(self) -> Path:
        """What the controllers log."""
        return self.root / "certwright.log"


@contextmanager
def opened(folder: Path | None) -> Iterator[Place]:
    """Make the lab's folder, or use `folder`; a fresh one is removed at the end.

    Raises:
        Stalled: `folder` holds something else.
    """
    if folder is not None:
        _require_lab(folder)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        place = Place(folder.resolve())
        place.manifests.mkdir(mode=0o700, exist_ok=True)
        yield place
        return
    fresh = Path(tempfile.mkdtemp(prefix="certwright-lab-", dir=_runtime_folder()))
    try:
        place = Place(fresh)
        place.manifests.mkdir(mode=0o700)
        yield place
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def examples(name: str) -> Path:
    """Return the folder of examples: the repository's, or the copy in an installed package.

    Raises:
        Stalled: it is not there.
    """
    package = Path(str(resources.files("certwright")))
    for parent in (package.parent.parent, package):
        if (parent / "examples" / name).is_dir():
            return parent / "examples" / name
    raise Stalled(
        Reason.INVALID_CONFIG,
        f"the examples of {name} are missing from the installation",
        remedy="install certwright again",
    )


def new_key() -> TsigKey:
    """Make the key that the name server and the issuer share."""
    return TsigKey(TSIG_NAME, Redacted(secrets.token_bytes(_KEY_BYTES)), TsigAlgorithm.HMACSHA256)


def write_manifests(place: Place, ports: Ports, *, root: bytes, key: TsigKey) -> None:
    """Copy the examples, filled in; files that a person may have edited are kept."""
    for source in sorted(examples("lab").glob("*.yaml")):
        target = place.manifests / source.name
        if source.name in _OURS or not target.exists():
            write_private(target, filled_in(source.read_text("utf-8"), ports, root, key=key))


def filled_in(text: str, ports: Ports, root: bytes, *, key: TsigKey) -> str:
    """Put this lab's addresses, root certificate and key into an example."""
    words: Mapping[str, str] = {
        r"(server: )\S+": directory_url(ports),
        r"# (caBundle: ).*": base64.b64encode(root).decode(),
        r"(nameserver: )\S+": f"{LOOPBACK}:{ports.dns}",
        r'(tsig: )""': base64.b64encode(key.secret.reveal()).decode(),
    }
    for pattern, word in words.items():
        text = re.sub(rf"(?m)^(\s*(?:- )?){pattern}", rf"\g<1>\g<2>{word}", text)
    return text


def write_private(path: Path, text: str) -> None:
    """Write a file that only this user can read, in one step: a reader sees the old or the new."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    Path(name).replace(path)


def _require_lab(folder: Path) -> None:
    try:
        found = {entry.name for entry in folder.iterdir()}
    except FileNotFoundError:
        return
    except OSError as error:
        raise Stalled(
            Reason.INVALID_CONFIG, f"--dir {folder} cannot be used: {error.strerror}"
        ) from error
    if found and "manifests" not in found:
        raise Stalled(
            Reason.INVALID_CONFIG,
            f"--dir {folder} holds something else than a lab",
            remedy="name a folder that is empty or not there yet",
        )


def _runtime_folder() -> str | None:
    folder = os.environ.get("XDG_RUNTIME_DIR", "")
    return folder if folder and os.access(folder, os.W_OK | os.X_OK) else None
