"""One machine per test."""

from pathlib import Path

import pytest

from tests.e2e.run.home import Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    tmp_path.chmod(0o755)
    return Home(tmp_path)
