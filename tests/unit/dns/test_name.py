import pytest
from hypothesis import given
from hypothesis import strategies as st

from certwright.dns.name import BadName, beside, canonical, challenge_name, is_below, parents

LABEL = st.text(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-", min_size=1, max_size=20
)


def test_the_challenge_of_a_wildcard_is_that_of_its_base() -> None:
    assert challenge_name("*.Example.COM") == "_acme-challenge.example.com."
    assert challenge_name("example.com.") == "_acme-challenge.example.com."


@pytest.mark.parametrize("text", ["a..b", "x" * 64, "a." * 130, "\\999.example"])
def test_what_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(BadName):
        canonical(text)


@given(st.lists(LABEL, min_size=1, max_size=6))
def test_canonical_is_idempotent_and_every_parent_is_above(labels: list[str]) -> None:
    name = canonical(".".join(labels))

    assert canonical(name) == name
    assert parents(name)[0] == name
    assert len(parents(name)) == len(labels)
    assert all(is_below(name, parent) for parent in parents(name))


def test_a_longer_name_is_not_below_one_that_only_ends_alike() -> None:
    assert not is_below("badexample.com.", "example.com.")
    assert is_below("example.com.", "EXAMPLE.com.")


def test_a_name_beside_another_differs_in_its_first_label() -> None:
    assert beside("a\\.b.example.test.", "probe") == "probe.example.test."


def test_a_name_beside_the_longest_is_a_name() -> None:
    above = ".".join(["b" * 63] * 3 + ["c" * 58])

    assert canonical(beside(f"a.{above}.", "probe")) == f"pr.{above}."
