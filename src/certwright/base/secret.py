"""Secrets that cannot be printed by accident.

A `Redacted` shows itself as `Redacted(…)` everywhere; `scrub` removes what looks like key material
from text of foreign origin (a hook's output, a library's error) before it is logged.
"""

import re
from typing import Generic, TypeVar

T = TypeVar("T", str, bytes)

_PEM_KEY = re.compile(
    r"-----BEGIN (?P<label>[A-Z0-9 ]*PRIVATE KEY)-----.*?(?:-----END (?P=label)-----|\Z)", re.DOTALL
)


class Redacted(Generic[T]):
    """A value that only `reveal()` shows."""

    __slots__ = ("_value",)

    def __init__(self, value: T) -> None:
        self._value: T = value

    def reveal(self) -> T:
        """Return the value itself; never pass the result to a log, an event or an error."""
        return self._value

    def __repr__(self) -> str:
        return "Redacted(…)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Redacted) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)


def scrub(text: str, known: tuple[Redacted[str], ...] = ()) -> str:
    """Replace private keys in PEM, and each of the `known` values, by a mark."""
    for secret in known:
        if secret.reveal():
            text = text.replace(secret.reveal(), "[redacted]")
    return _PEM_KEY.sub("[redacted private key]", text)
