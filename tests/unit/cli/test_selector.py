"""Label selectors, as `renew -l` reads them."""

import pytest
import typer

from certwright.cli.selector import parse_selector

LABELS = {"app": "web", "tier": "front"}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("", True),
        ("app=web", True),
        ("app==web,tier=front", True),
        ("app=api", False),
        ("app!=api", True),
        ("app!=web", False),
        ("app", True),
        ("!app", False),
        ("!other", True),
        ("other!=x", True),
        ("example.com/app=web", False),
    ],
)
def test_a_selector_holds_when_all_its_terms_do(text: str, *, holds: bool) -> None:
    assert parse_selector(text).matches(LABELS) is holds


@pytest.mark.parametrize("text", ["a=b=c", "!a=b", ",", "a b"])
def test_what_is_no_selector_is_bad_usage(text: str) -> None:
    with pytest.raises(typer.Exit) as stopped:
        parse_selector(text)

    assert stopped.value.exit_code == 2
