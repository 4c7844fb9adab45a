"""The image, as far as it can be checked without building it."""

import re

from tests.unit.house.tree import ROOT

TEXT = (ROOT / "Containerfile").read_text()
LINES = [
    line
    for line in TEXT.replace("\\\n", " ").splitlines()
    if line.strip() and not line.startswith("#")
]
LAST_STAGE = LINES[max(place for place, line in enumerate(LINES) if line.startswith("FROM ")) :]


def test_bases_are_named_by_whoever_builds_and_so_by_digest() -> None:
    assert [line for line in LINES if line.startswith(("ARG", "FROM"))] == [
        "ARG BUILDER",
        "ARG RUNTIME",
        "FROM ${BUILDER} AS builder",
        "FROM ${RUNTIME}",
    ]


def test_the_last_stage_needs_no_shell_and_is_nobodys() -> None:
    assert not [line for line in LAST_STAGE if line.startswith("RUN")]
    assert "USER 65532:65532" in LAST_STAGE
    (entry,) = (line for line in LAST_STAGE if line.startswith("ENTRYPOINT"))
    assert entry.startswith("ENTRYPOINT [")


def test_what_is_copied_is_there_and_not_ignored() -> None:
    copied = [
        source
        for line in LINES
        if line.startswith("COPY ") and "--from" not in line
        for source in line.split()[1:-1]
    ]
    kept = re.findall(r"^!(.+)$", (ROOT / ".containerignore").read_text(), re.MULTILINE)

    assert copied
    assert [source for source in copied if not (ROOT / source).exists()] == []
    assert [source for source in copied if source.split("/")[0] not in kept] == []


def test_no_web_server_comes_with_it() -> None:
    image = (ROOT / "requirements" / "image.txt").read_text()
    run = (ROOT / "requirements" / "run.txt").read_text()

    names = re.findall(r"^([a-z0-9-]+==\S+)", image, re.MULTILINE)

    assert not [name for name in names if name.startswith(("caddy", "jinja2", "hatchling"))]
    assert [name for name in names if name not in run] == []
