"""Opens the site in a browser whose throw-away profile trusts the lab's root.

Chromium reads further roots from an NSS database in the home folder, so it gets a home of its own.
Without `certutil` it is told the public key of the lab's signing certificate instead: looser, since
it then no longer verifies that key's signatures, but only for that key, and only in that profile.
"""

import asyncio
import base64
import os
import shutil
import sys
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from certwright.base.problem import Stalled
from certwright.base.reason import Reason
from certwright.lab.child import Child, Command

_BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "brave-browser",
    "microsoft-edge",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
_QUIET = (
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
)
_DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY")
_KEPT = (*_DISPLAYS, "XAUTHORITY", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS")


class Visit(Struct, frozen=True, kw_only=True):
    """What to open, and what to trust there.

    Attributes:
        url: the page.
        profile: a folder for the browser's profile and home, thrown away afterwards.
        root: the file of the lab's root certificate.
        signer_spki: SHA-256 (hex) of the public key that signs the lab's certificates.
        log: gets what the browser writes.
    """

    url: str
    profile: Path
    root: Path
    signer_spki: str
    log: Path


async def open_page(visit: Visit) -> tuple[Child, str]:
    """Open the page; returns the browser and how it was made to trust the lab.

    Raises:
        Stalled: there is no browser of a kind that can be told what to trust.
    """
    program = find_browser()
    _require_display()
    certutil = shutil.which("certutil") if sys.platform == "linux" else None
    visit.profile.mkdir(mode=0o700, parents=True, exist_ok=True)
    trusted = certutil is not None and await _trust_root(certutil, visit)
    child = await Child.start(
        Command(
            argv=browser_arguments(program, visit, trusts_root=trusted),
            home=visit.profile,
            log=visit.log,
            environment={name: os.environ[name] for name in _KEPT if name in os.environ},
        )
    )
    if trusted:
        return child, "its profile trusts the lab's root"
    return child, "its profile accepts the lab's signing key (with certutil it would verify it)"


def find_browser() -> str:
    """Return the path of the first browser that is here.

    Raises:
        Stalled: there is none.
    """
    found = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if found is None:
        raise Stalled(
            Reason.INVALID_CONFIG,
            "no browser was found that can be given a throw-away profile",
            remedy=f"install one of {', '.join(_BROWSERS)}, or use the curl line",
        )
    return found


def _require_display() -> None:
    if sys.platform == "linux" and not any(map(os.environ.get, _DISPLAYS)):
        raise Stalled(
            Reason.INVALID_CONFIG,
            "there is no display to open a browser on",
            remedy="use the curl line, or forward the port of the site to where a display is",
        )


def browser_arguments(program: str, visit: Visit, *, trusts_root: bool) -> tuple[str, ...]:
    """Build the command line."""
    pin = base64.b64encode(bytes.fromhex(visit.signer_spki)).decode()
    trust = () if trusts_root else (f"--ignore-certificate-errors-spki-list={pin}",)
    # its sandbox refuses to work for root, who has a container for a sandbox
    root = ("--no-sandbox",) if os.geteuid() == 0 else ()
    profile = f"--user-data-dir={visit.profile / 'profile'}"
    return (program, profile, *_QUIET, *trust, *root, visit.url)


async def _trust_root(certutil: str, visit: Visit) -> bool:
    """Put the root into the NSS database of the profile's home; whether that worked."""
    database = visit.profile / ".pki" / "nssdb"
    database.mkdir(mode=0o700, parents=True, exist_ok=True)
    where = ("-d", f"sql:{database}")
    for words in (
        ("-N", *where, "--empty-password"),
        ("-A", *where, "-t", "C,,", "-n", "certwright lab", "-i", str(visit.root)),
    ):
        process = await asyncio.create_subprocess_exec(
            certutil,
            *words,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            if await process.wait() != 0:
                return False
        finally:
            with suppress(ProcessLookupError):
                process.kill()
    return True
