"""Lines of a stream, however it is cut."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certwright.base.problem import Retryable
from certwright.kube.lines import LineSplitter


@given(
    lines=st.lists(
        st.binary(min_size=1).filter(lambda b: b"\n" not in b and b.strip()), max_size=8
    ),
    cuts=st.lists(st.integers(0, 300), max_size=8),
)
def test_lines_are_the_same_however_they_are_cut(lines: list[bytes], cuts: list[int]) -> None:
    whole = b"".join(line + b"\n" for line in lines)
    places = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    splitter = LineSplitter()

    found = [line for start, end in pairwise(places) for line in splitter.feed(whole[start:end])]

    assert found == lines


def test_half_a_line_is_none() -> None:
    assert LineSplitter().feed(b'{"type":"ADD') == []


def test_empty_lines_are_left_out() -> None:
    assert LineSplitter().feed(b"\n\r\n{}\n\n") == [b"{}"]


def test_a_line_of_several_megabytes_is_one() -> None:
    splitter = LineSplitter()
    for _ in range(40):
        assert splitter.feed(b"x" * 65536) == []

    assert splitter.feed(b"\n") == [b"x" * 65536 * 40]


def test_a_line_without_end_is_refused() -> None:
    splitter = LineSplitter(limit=10)

    with pytest.raises(Retryable):
        splitter.feed(b"x" * 11)
