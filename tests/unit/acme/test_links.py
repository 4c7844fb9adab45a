"""Link headers."""

import pytest

from certwright.acme.links import links
from certwright.net.http import Response


def answer(*values: str) -> Response:
    return Response(200, tuple(("link", value) for value in values), b"", "https://ca.example/a/b")


@pytest.mark.parametrize(
    "value",
    [
        '<https://ca.example/x>;rel="next"',
        "<https://ca.example/x>; rel=next",
        '<../x>; rel="up next"',
        '<https://ca.example/i>;rel="index", </x>; title="a, b"; rel="next"',
    ],
)
def test_link_is_found_in_every_spelling(value: str) -> None:
    assert links(answer(value), "next") == ("https://ca.example/x",)


def test_links_keep_their_order_without_doubles() -> None:
    found = links(
        answer("</1>;rel=alternate, </2>;rel=alternate", "</1>;rel=alternate"), "alternate"
    )

    assert found == ("https://ca.example/1", "https://ca.example/2")


@pytest.mark.parametrize("value", ["", "nonsense", "<>", "</x>", "</x>;title=rel", "<" * 10_000])
def test_header_without_the_link_has_none(value: str) -> None:
    assert links(answer(value), "next") == ()
