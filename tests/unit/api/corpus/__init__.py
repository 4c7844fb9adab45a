"""Good and bad objects of every kind, as data: what is refused, and at which field.

A later suite asks a real API server the same.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from msgspec import Struct

from certwright.api.kinds import Document
from certwright.api.patch import merge


class Case(Struct, frozen=True):
    """One object, what it replaces, and the fields that are refused."""

    name: str
    document: Document
    old: Document | None
    subresource: str
    refused: tuple[str, ...]


def cases() -> tuple[Case, ...]:
    """Return every case of every file beside this module."""
    files = sorted(Path(__file__).parent.glob("*.yaml"))
    return tuple(case for file in files for case in _cases(file))


def _cases(file: Path) -> Iterator[Case]:
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    for entry in content["cases"]:
        base = content["base"]
        if "solver" in entry:
            base = merge(base, {"spec": {"acme": {"solvers": [entry["solver"]]}}})
        yield Case(
            name=f"{file.stem}: {entry['name']}",
            document=merge(base, _change(entry)),
            old=merge(base, entry["old"]) if "old" in entry else None,
            subresource=entry.get("subresource", ""),
            refused=tuple(content.get("at", "") + path for path in entry.get("refused", ())),
        )


def _change(entry: dict[str, Any]) -> dict[str, Any]:
    change: dict[str, Any] = entry.get("change", {})
    return change
