"""Every fault by itself: `why` says what it is, and where it is mended all becomes well."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from tests.faults.page import PAGE, line_of, page
from tests.faults.play import played
from tests.faults.row import Ends, Row
from tests.faults.table import ROWS

LATER = tuple(row for row in ROWS if row.ends is Ends.RENEW)
LASTING = ("ca-away", "ca-goes-away", "ca-500", "primary-down", "resolver-silent", "zone-not-found")
"""Outages outside: their pauses have grown to many minutes after some hours."""


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_fault_is_explained_and_ends_when_it_is_mended(row: Row) -> None:
    """The reference shows the words; `python -m tests.faults.page` writes it anew."""
    looked = played(row)

    assert line_of(row, looked) in PAGE.read_text().splitlines()


@pytest.mark.parametrize("row", LATER, ids=[row.name for row in LATER])
def test_next_attempt_comes_by_itself(row: Row) -> None:
    played(replace(row, ends=Ends.NEXT))


@pytest.mark.parametrize("name", LASTING)
def test_renew_ends_the_wait_of_an_outage_that_lasted(name: str) -> None:
    (row,) = (one for one in ROWS if one.name == name)

    played(row, lasting=timedelta(hours=2))


def test_reference_has_all_faults_and_no_others() -> None:
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    wanted = page({row.name: f"| {row.name}" for row in ROWS}).splitlines()

    assert len(lines) == len([line for line in wanted if line.startswith("| ")])


def test_there_are_enough_faults() -> None:
    assert len(ROWS) >= 40
    assert len({row.name for row in ROWS}) == len(ROWS)
