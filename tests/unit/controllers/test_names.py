"""`--controllers`: which of cert-manager's controllers are stood for."""

import pytest

from certwright.base.problem import Stalled
from certwright.controllers.names import APPROVER, DEFAULT, choose_controllers


@pytest.mark.parametrize(
    ("words", "chosen"),
    [
        ((), DEFAULT),
        (("*",), DEFAULT),
        (("*", f"-{APPROVER}"), DEFAULT - {APPROVER}),
        ((f"-{APPROVER}",), DEFAULT - {APPROVER}),
        (("orders",), {"orders"}),
        (("orders", "challenges", "-orders"), {"challenges"}),
        (("-gateway-shim",), DEFAULT),
    ],
)
def test_a_list_adds_and_takes_away_as_cert_managers(
    words: tuple[str, ...], chosen: frozenset[str]
) -> None:
    assert choose_controllers(words) == chosen


@pytest.mark.parametrize("word", ["cerificates", "gateway-shim", ""])
def test_what_cannot_be_stood_for_is_refused_at_the_start(word: str) -> None:
    with pytest.raises(Stalled, match="--controllers"):
        choose_controllers([word])
