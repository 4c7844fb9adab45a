"""Who else could write here? Refuse a folder or a program that another user could exchange.

A manifest folder decides what is issued with which credentials, and a hook runs with our rights:
both must belong to root or to us, and nobody else may write to them (SECURITY.md).
"""

import os
import stat
from pathlib import Path

from certwright.base.problem import Stalled
from certwright.base.reason import Reason


def require_private(path: Path, what: str) -> None:
    """Check that only root and this user can write to `path` (`what` names it in the error).

    Raises:
        Stalled: others can; the text says how to mend it. OSError passes through.
    """
    found = path.stat()
    if found.st_uid not in {0, os.geteuid()}:
        raise Stalled(
            Reason.UNSAFE_FILES,
            f"{what} {path} belongs to another user (uid {found.st_uid})",
            remedy=f"chown it to the user that runs certwright (uid {os.geteuid()})",
        )
    shared_group = found.st_mode & stat.S_IWGRP and found.st_gid != os.getegid()
    if found.st_mode & stat.S_IWOTH or shared_group:
        raise Stalled(
            Reason.UNSAFE_FILES,
            f"{what} {path} is writable by others (mode {stat.S_IMODE(found.st_mode):04o})",
            remedy=f"chmod go-w {path}",
        )
