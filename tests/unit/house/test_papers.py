"""No tracked file tells where it was made, or where packages are fetched from."""

import re
from pathlib import Path

from tests.unit.house.tree import ROOT, name_of, tracked_files

MACHINE = re.compile(r"(?<![\w.}/*-])/(?:work|root|tmp|home/\w+|Users/\w+)(?=[/\s\"'`),:]|$)")
# Put together here, so that this file does not break its own rule.
HOSTS = re.compile(
    "|".join(
        re.escape(".".join(parts))
        for parts in (
            ("pypi", "org"),
            ("pythonhosted", "org"),
            ("proxy", "golang", "org"),
            ("sum", "golang", "org"),
            ("npmjs", "org"),
            ("crates", "io"),
            ("maven", "org"),
            ("deb", "debian", "org"),
            ("security", "debian", "org"),
            ("archive", "ubuntu", "com"),
            ("githubusercontent", "com"),
        )
    )
)

# A path or address that belongs into a file, with the reason.
BELONGS: dict[str, str] = {}


def test_no_tracked_file_names_a_place_of_the_machine_it_was_made_on() -> None:
    assert _lines_with(MACHINE) == []


def test_no_tracked_file_names_an_address_of_a_package_index() -> None:
    assert _lines_with(HOSTS) == []


def test_the_licence_is_the_one_that_the_package_declares() -> None:
    project = (ROOT / "pyproject.toml").read_text()

    licence = (ROOT / "LICENSE").read_text()

    assert 'license = "Apache-2.0"' in project
    assert "Apache License" in licence
    assert "Version 2.0, January 2004" in licence


def _lines_with(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{name_of(file)}:{number}: {line.strip()[:80]}"
        for file in tracked_files()
        if name_of(file) not in BELONGS
        for number, line in enumerate(_text(file).splitlines(), start=1)
        if pattern.search(line)
    ]


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except UnicodeDecodeError:
        return ""
