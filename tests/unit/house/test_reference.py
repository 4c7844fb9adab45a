"""The reference is generated: nothing in it is stale, and nothing is left out."""

import subprocess
import sys
from pathlib import Path

from certwright.base.reason import Reason

TOP = Path(__file__).parents[3]


def test_the_reference_is_as_the_code_has_it() -> None:
    answer = subprocess.run(
        [sys.executable, TOP / "scripts" / "reference.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert answer.returncode == 0, f"{answer.stderr}run scripts/reference.py"


def test_every_reason_says_what_it_means() -> None:
    rows = (TOP / "docs" / "reference" / "reasons.md").read_text().splitlines()
    meanings = {
        row.split("|")[1].strip(" `"): row.split("|")[2].strip() for row in rows if "|" in row
    }

    assert [str(word) for word in Reason if not meanings.get(word)] == []
