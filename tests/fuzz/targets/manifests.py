"""Manifests, the rules that they are judged by, and credentials in a folder."""

import json
import tempfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from certwright.api.kinds import decode, find_kind
from certwright.api.manifest import ManifestError, parse_manifest
from certwright.api.reader import read_documents
from certwright.api.rules.admission import Rules
from certwright.files.credentials import CredentialsFolder
from tests.fuzz.laws import check_text

_LONGEST = 2000
_MOST = 200


@cache
def rules() -> Rules:
    """The rules, compiled once."""
    return Rules()


def _check_errors(errors: tuple[ManifestError, ...]) -> None:
    for error in errors:
        check_text(str(error), _LONGEST)
        assert error.line >= 1


def manifest(data: bytes) -> None:
    """A file of the watched folder."""
    parsed = parse_manifest(data, "a.yaml", rules=rules())
    _check_errors(parsed.errors + parsed.contents + parsed.notes)
    for one in parsed.resources:
        assert decode(one.document, one.kind.type).key == one.key
        assert (one.kind.name, one.key) in parsed.named
    for read in read_documents(data):
        assert len(read.faults) <= _MOST


def judged(data: bytes) -> None:
    """A document as an API client may send it: any JSON, judged new, changed and by its status."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return
    if not isinstance(document, dict):
        return
    kind = find_kind(str(document.get("apiVersion")), str(document.get("kind")))
    if kind is None or not isinstance(document.get("metadata"), dict):
        return
    _judge(document)


def _judge(document: dict[str, Any]) -> None:
    old = {name: part for name, part in document.items() if name in {"apiVersion", "kind"}}
    whole = rules().defaulted(document)
    for before in (None, {**old, "metadata": {}, "spec": {}}):
        for subresource in ("", "status"):
            for violation in rules().broken(whole, before, subresource=subresource):
                check_text(str(violation), 5000)
    for violation in rules().unknown(rules().tidied(document)):
        check_text(str(violation), 5000)


def credentials(data: bytes) -> None:
    """A file of a folder of credentials: its name until the first line break, then its content."""
    name, _, content = data.partition(b"\n")
    name = name.replace(b"/", b"").replace(b"\0", b"")[:250]
    with tempfile.TemporaryDirectory() as folder:
        if name not in {b"", b".", b".."}:
            Path(folder, name.decode("utf-8", "surrogateescape")).write_bytes(content)
        scan = CredentialsFolder(Path(folder), rules()).scan()
    _check_errors(scan.errors)
    for parsed in scan.files.values():
        _check_errors(parsed.errors)
        for one in parsed.resources:
            assert decode(one.document, one.kind.type).key == one.key


TARGETS: Mapping[str, Callable[[bytes], None]] = {
    "manifest": manifest,
    "rules": judged,
    "credentials": credentials,
}
