"""What a user chose: command line before `--config` file before default, each value typed."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from msgspec import Struct

from certwright.api.reader import read_documents
from certwright.base.evidence import printable
from certwright.base.problem import Stalled
from certwright.base.reason import Reason
from certwright.cli.flags.flag import Flag, Form
from certwright.cli.flags.gates import gate_notes
from certwright.cli.flags.table import FLAGS

_API = "controller.config.cert-manager.io/v1alpha1"
_KIND = "ControllerConfiguration"
_BY_NAME: Mapping[str, Flag] = {flag.name: flag for flag in FLAGS}
_BY_FIELD: Mapping[str, Flag] = {flag.field: flag for flag in FLAGS if flag.field}


class Chosen(Struct, frozen=True):
    """The values by flag; `given` has those that somebody wrote down."""

    given: Mapping[str, str]

    def _value(self, name: str) -> Any:
        flag = _BY_NAME[name]
        return flag.parse(self.given.get(name, flag.default))

    def text(self, name: str) -> str:
        """Return a text."""
        return str(self._value(name))

    def path(self, name: str) -> Path | None:
        """Return a path; None where none is named."""
        text = self.text(name)
        return Path(text) if text else None

    def on(self, name: str) -> bool:
        """Return a switch."""
        return bool(self._value(name))

    def number(self, name: str) -> float:
        """Return a number; 0 where none is given."""
        return float(self._value(name))

    def span(self, name: str) -> timedelta:
        """Return a duration that is not negative.

        Raises:
            Stalled: it is.
        """
        span = self._value(name)
        if not isinstance(span, timedelta) or span < timedelta():
            raise Stalled(Reason.INVALID_CONFIG, f"--{name}: a negative duration")
        return span

    def list(self, name: str) -> tuple[str, ...]:
        """Return a comma list's parts."""
        return tuple(self._value(name))

    def notes(self) -> Iterator[str]:
        """Yield a line for each thing that was asked for and does nothing here.

        Raises:
            Stalled: a value is none of its flag's form, or a feature gate does not exist.
        """
        for name, text in self.given.items():
            flag = _BY_NAME[name]
            value = flag.parse(text)
            if flag.instead:
                yield f"--{name} has no effect: {flag.instead}"
            if flag.name == "feature-gates":
                yield from gate_notes(value)


def choose(given: Mapping[str, Sequence[str] | str | None]) -> Chosen:
    """Take the command line, by flag name, and the file that it names.

    Raises:
        Stalled: the file cannot be read or says what no flag knows.
    """
    told = {
        name: value if isinstance(value, str) else ",".join(value)
        for name, value in given.items()
        if value
    }
    path = told.get("config")
    return Chosen({**(read_config_file(Path(path)) if path else {}), **told})


def read_config_file(path: Path) -> dict[str, str]:
    """Read a ControllerConfiguration as flags.

    Raises:
        Stalled: it cannot be read, or has a field that is no flag.
    """
    try:
        documents = list(read_documents(path.read_bytes()))
    except OSError as error:
        raise _invalid(f"{path}: {error.strerror}") from error
    if len(documents) != 1 or documents[0].faults or not isinstance(documents[0].value, dict):
        raise _invalid(f"{path} must hold one {_KIND} as YAML or JSON")
    value = dict(documents[0].value)
    if (value.pop("apiVersion", ""), value.pop("kind", "")) != (_API, _KIND):
        raise _invalid(f"{path} must be a {_KIND} of {_API}")
    value.pop("metadata", None)
    return {flag.name: text for flag, text in _flags(path, value, ())}


def _flags(
    path: Path, value: Mapping[str, Any], above: tuple[str, ...]
) -> Iterator[tuple[Flag, str]]:
    for name, below in value.items():
        where = ".".join((*above, name))
        flag = _BY_FIELD.get(where)
        if flag is not None:
            yield flag, _text(flag, below)
        elif isinstance(below, dict):
            yield from _flags(path, below, (*above, name))
        elif below is not None:
            raise _invalid(f"{path}: {printable(where, 200)} is no field of a {_KIND}")


def _text(flag: Flag, value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ",".join(str(one) for one in value)
    if isinstance(value, dict) and flag.form is Form.MAP:
        return ",".join(f"{name}={str(one).lower()}" for name, one in value.items())
    return "" if value is None else str(value)


def _invalid(text: str) -> Stalled:
    return Stalled(Reason.INVALID_CONFIG, text)
