"""What hypothesis tries: noise, and the kept inputs with a few things changed.

A parser refuses noise at its first octet; what is wrong in one place only gets to the bottom.
"""

import json
from collections.abc import Sequence
from copy import deepcopy
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

_NOISE = 300
_EDITS = 4
_LONGEST = 6_000
_NASTY = (
    b"\0",
    b"\x1b[31m",
    b"\xff",
    b"\xc0\x0c",
    b"\r\n",
    "\u202e".encode(),
    b"-" * 70,
    b"9" * 400,
    b"[" * 300,
    b"a" * 3000,
)
_VALUES: SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(
        [
            "",
            "\x1b[31m",
            "\ud800",
            "x" * 3000,
            "http://[",
            "http://169.254.169.254/",
            "9999-12-31T23:59:59Z",
            "0001-01-01T00:00:00+23:59",
            10**400,
            -0.0,
            {},
            [],
            [[]],
            {"": {"": ""}},
            [None] * 300,
        ]
    ),
)


def inputs(seeds: Sequence[bytes]) -> SearchStrategy[bytes]:
    """Noise, damaged seeds, and seeds whose JSON says something else."""
    ways = [st.binary(max_size=_NOISE), damaged(seeds), damaged(seeds)]
    spoken = [seed for seed in seeds if _json_of(seed) is not None]
    if spoken:
        ways += [reworded(spoken), reworded(spoken)]
    return st.one_of(ways)


@st.composite
def damaged(draw: DrawFn, seeds: Sequence[bytes]) -> bytes:
    """A seed with some octets changed, cut out, doubled or put in."""
    data = bytearray(draw(st.sampled_from(seeds))[:_LONGEST])
    for _ in range(draw(st.integers(1, _EDITS))):
        at = draw(st.integers(0, len(data)))
        end = min(len(data), at + draw(st.integers(0, 40)))
        match draw(st.integers(0, 4)):
            case 0:
                data[at:end] = draw(st.binary(max_size=20))
            case 1:
                del data[at:end]
            case 2:
                data[at:at] = data[at:end]
            case 3:
                data[at:at] = draw(st.sampled_from(_NASTY))
            case _ if at < len(data):
                data[at] ^= 1 << draw(st.integers(0, 7))
    return bytes(data)


@st.composite
def reworded(draw: DrawFn, seeds: Sequence[bytes]) -> bytes:
    """A seed in whose JSON some parts are others, gone, or named otherwise."""
    seed = draw(st.sampled_from(seeds))
    head, found = _json_of(seed) or (b"", None)
    whole = [found]
    for _ in range(draw(st.integers(1, 3))):
        place, key = draw(st.sampled_from(_places(whole)))
        match draw(st.integers(0, 3)):
            case 0 | 1:
                place[key] = deepcopy(draw(_VALUES))  # it may be changed itself
            case 2 if isinstance(place, dict):
                place[draw(st.text(max_size=10))] = place.pop(key)
            case _:
                place[key] = [place[key], deepcopy(place[key])]
    return head + json.dumps(whole[0]).encode()


def _json_of(seed: bytes) -> tuple[bytes, Any] | None:
    """Return what stands before the JSON of a seed, and what it says."""
    head, gap, body = seed.rpartition(b"\n\n")
    try:
        found = json.loads(body) if len(body) <= _LONGEST else None
    except (ValueError, RecursionError):
        return None
    return (head + gap, found) if isinstance(found, dict | list) else None


def _places(value: Any) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    open_ = [value]
    while open_:
        one = open_.pop()
        if isinstance(one, dict | list):
            keys = list(one) if isinstance(one, dict) else list(range(len(one)))
            found += [(one, key) for key in keys]
            open_ += [one[key] for key in keys]
    return found
