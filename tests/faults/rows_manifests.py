"""Faults of the folder of manifests, on real time: the folder is watched."""

from datetime import timedelta
from pathlib import Path

import msgspec

from certwright.api.kinds import encode
from tests.faults.row import Prepare, Row
from tests.faults.rows_issuers import BY_CA
from tests.faults.stage import Stage, a_web

BROKEN = """\
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: web}
spec: {secretName: web-tls, dnsNames: [www.example.test]}
"""
NO_YAML = "kind: Certificate\nmetadata: {name: web\n"

_SOON = timedelta(seconds=1)
_NAMES = ("web", "shop", "mail", "wiki")


def manifests(**files: str) -> Prepare:
    def prepare(stage: Stage) -> None:
        folder = folder_of(stage)
        folder.mkdir(mode=0o755)
        for name, text in files.items():
            write(folder / f"{name}.yaml", text)
        stage.world.settings_more["directory"] = folder
        stage.certificates = []

    return prepare


def folder_of(stage: Stage) -> Path:
    """Return the folder of manifests."""
    return stage.world.folder / "manifests"


def write(path: Path, text: str) -> None:
    """Write a manifest that nobody else may change."""
    path.write_text(text)
    path.chmod(0o644)


def good(name: str = "web") -> str:
    """Return the manifest of a Certificate that is right."""
    return msgspec.json.encode(encode(a_web(name, issuer_ref=BY_CA))).decode()


async def correct(stage: Stage) -> None:
    write(folder_of(stage) / "web.yaml", good())


async def vanish(stage: Stage) -> None:
    await stage.world.clock.sleep(_SOON)
    for path in folder_of(stage).iterdir():
        path.unlink()


async def come_back(stage: Stage) -> None:
    for name in _NAMES:
        write(folder_of(stage) / f"{name}.yaml", good(name))


ROWS = (
    Row(
        name="manifest-broken",
        fault="A manifest lacks a field that must be there",
        prepare=manifests(web=BROKEN),
        mend=correct,
        culprit="web.yaml:",
        reason="",
        says="spec.issuerRef",
        remedy="its manifest has mistakes",
        real=True,
    ),
    Row(
        name="manifest-no-yaml",
        fault="A manifest is no YAML",
        prepare=manifests(web=NO_YAML),
        mend=correct,
        culprit="web.yaml:",
        reason="",
        says="web.yaml",
        remedy="its manifest has mistakes",
        real=True,
    ),
    Row(
        name="manifests-vanished",
        fault="More than half of the manifests vanished at once",
        prepare=manifests(**{name: good(name) for name in _NAMES}),
        strike=vanish,
        mend=come_back,
        culprit="Certificate default/web",
        reason="Ready",
        says="certwright prune",
        next=True,
        real=True,
    ),
)
