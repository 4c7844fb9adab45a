"""`--break`: a part is broken, what is said of it, and it heals."""

import pytest

from tests.e2e.lab.laboratory import Laboratory

CAUSES = {
    "tsig": "NOTAUTH (BADSIG: the secret differs)",
    "zone": "returned REFUSED for _acme-challenge.foo.demo.localhost.",
    "ca": "Failed to register ACME account",
}


@pytest.mark.parametrize("part", CAUSES)
def test_a_broken_part_is_explained_and_heals(lab: Laboratory, part: str) -> None:
    words = lab.once(f"--break={part}")

    broken, _, healed = words.partition("Healed: ")
    assert "Broken on purpose: " in broken
    assert CAUSES[part] in broken.partition("why foo-tls-certificate")[2]
    assert "over verified TLS" not in broken
    assert "over verified TLS" in healed


def test_on_a_terminal_it_heals_on_enter_and_ends_on_ctrl_c(lab: Laboratory) -> None:
    words = lab.at_terminal(
        "--break=tsig", enter_after="Press Enter to heal it.", ends_after="To stop:"
    )

    assert "over verified TLS" in words.partition("Press Enter")[2]
    assert "\x1b[" in words  # colours
    assert lab.is_quiet()
