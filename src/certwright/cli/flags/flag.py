"""One flag of `certwright run`: what it takes, and what becomes of it (compat-spec 7.1)."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Any

from msgspec import Struct

from certwright.api.duration import BadDurationError, parse_duration
from certwright.base.evidence import printable
from certwright.base.problem import Stalled
from certwright.base.reason import Reason

_TRUE = frozenset({"1", "t", "true"})
_FALSE = frozenset({"0", "f", "false"})


class Form(StrEnum):
    """What a flag takes, in the word that its help shows."""

    TEXT = "text"
    NUMBER = "number"
    SWITCH = "true|false"
    SPAN = "duration"
    LIST = "a,b"
    MAP = "a=b,c=d"


class Flag(Struct, frozen=True, kw_only=True):
    """One flag.

    Attributes:
        name: without the dashes; cert-manager's where it has such a flag.
        form: what it takes.
        default: as text; empty for none.
        help: one sentence.
        field: where a ControllerConfiguration has it; empty where that has none.
        instead: what replaces it, for a flag that is accepted and does nothing.
        short: one letter, for a second name.
    """

    name: str
    form: Form
    default: str = ""
    help: str
    field: str = ""
    instead: str = ""
    short: str = ""

    @property
    def parameter(self) -> str:
        """The name as Python has it."""
        return self.name.replace("-", "_")

    def parse(self, text: str) -> Any:
        """Read a value; empty text is the form's own nothing.

        Raises:
            Stalled: it is none of the form.
        """
        try:
            return _READERS[self.form](text)
        except (ValueError, BadDurationError) as error:
            shown = printable(text, 100)
            raise Stalled(
                Reason.INVALID_CONFIG, f"--{self.name}: {shown!r} is no {self.form.value}"
            ) from error


def split(text: str) -> tuple[str, ...]:
    """Cut a comma list; blanks around its parts do not count."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _number(text: str) -> float:
    return float(text) if text else 0.0


def _switch(text: str) -> bool:
    word = text.lower()
    if word not in _TRUE | _FALSE | {""}:
        raise ValueError(text)
    return word in _TRUE


def _span(text: str) -> timedelta:
    return parse_duration(text) if text else timedelta()


def _pairs(text: str) -> Mapping[str, str]:
    parts = [part.partition("=") for part in split(text)]
    if any(not name or not equals for name, equals, _ in parts):
        raise ValueError(text)
    return {name.strip(): value.strip() for name, _, value in parts}


_READERS: Mapping[Form, Callable[[str], Any]] = {
    Form.TEXT: str,
    Form.NUMBER: _number,
    Form.SWITCH: _switch,
    Form.SPAN: _span,
    Form.LIST: split,
    Form.MAP: _pairs,
}
