"""YAML and JSON as people write them: values with the line of each field; never raises.

Read as `kubectl` reads (YAML 1.1 by go-yaml and sigs.k8s.io/yaml), with what is dangerous refused:
anchors, aliases and tags. Plain `yes`, `no`, `on`, `off`, `y` and `n` are true and false there, so
they are here; dates and base-60 numbers (`1:30`) are text there, so they are here.

A file is cut at its `---` lines first: a mistake in one document leaves the others readable.
"""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import yaml
from msgspec import Struct, field

from certwright.api.rules.rule import Path

DOCUMENT_LIMIT: Final = 3 * 1024 * 1024
"""Bytes of one document; an API server takes no larger request."""
FILE_LIMIT: Final = 32 * 1024 * 1024
DEPTH_LIMIT: Final = 100
NODE_LIMIT: Final = 100_000
"""Scalars, lists and mappings of one document; no Kubernetes object has so many."""
FAULT_LIMIT: Final = 50
"""Faults that are told of one document."""

_NO_ANCHORS: Final = "anchors and aliases are refused: write the value out"
_BOM: Final = b"\xef\xbb\xbf"
_SEPARATOR: Final = re.compile(rb"^---(?=[ \t\r\n]|\Z)", re.MULTILINE)
_NOTHING: Final = re.compile(
    rb"(?:---)?(?:[ \t]*(?:#[^\n]*)?(?:\r?\n|\Z)|%[^\n]*(?:\n|\Z)|\.\.\.\s)*"
)
_UNPRINTABLE: Final = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_ESCAPE: Final = re.compile(
    r"\\(?:u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})|.)", re.DOTALL
)

_BOOLEANS: Final[Mapping[str, bool]] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "on", "On", "ON"), True),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "off", "Off", "OFF"), False),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})
_NOT_FINITE: Final = frozenset({".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN"})
_INTEGER: Final = re.compile(
    r"([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))"
)
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_BASES: Final = (16, 2, 8, 10)
_DIGITS: Final = 70
"""Longer numbers than any that fits 64 bits in base 2."""

_TEXT_TAGS: Final = frozenset({"!", "tag:yaml.org,2002:str"})
_PLAIN_TAGS: Final = frozenset({None, "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"})


class Fault(Struct, frozen=True):
    """Something that cannot be read, where it stands."""

    line: int
    rule: str
    path: Path = ()


class ReadDocument(Struct, frozen=True):
    """One document of a file.

    Attributes:
        line: of its first content, from 1.
        value: what it says; not to be used when there are faults.
        lines: the line of each field.
        faults: why it cannot be used; empty where it can.
    """

    line: int
    value: Any = None
    lines: Mapping[Path, int] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()

    def __repr__(self) -> str:
        return f"ReadDocument(line={self.line}, faults={self.faults!r})"

    def line_of(self, path: Path) -> int:
        """Return the line of a field, or of the closest part around it that is there."""
        for length in range(len(path), 0, -1):
            line = self.lines.get(path[:length])
            if line is not None:
                return line
        return self.line


def read_documents(content: bytes) -> Iterator[ReadDocument]:
    """Read every document of a file; empty ones are left out."""
    if len(content) > FILE_LIMIT:
        yield _refused(1, f"has {len(content)} bytes; at most {FILE_LIMIT} are read of a file")
        return
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        yield _refused(1, "must be UTF-8, this is UTF-16")
        return
    line = 1
    for chunk in _chunks(content.removeprefix(_BOM)):
        if not _NOTHING.fullmatch(chunk):
            yield from _read_chunk(chunk, line)
        line += chunk.count(b"\n")


def _chunks(content: bytes) -> Iterator[bytes]:
    """Cut before each `---` line: YAML has no place where such a line means anything else."""
    start = 0
    for match in _SEPARATOR.finditer(content):
        yield content[start : match.start()]
        start = match.start()
    yield content[start:]


def _refused(line: int, rule: str) -> ReadDocument:
    return ReadDocument(line, faults=(Fault(line, rule),))


def _read_chunk(chunk: bytes, line: int) -> Iterator[ReadDocument]:
    if len(chunk) > DOCUMENT_LIMIT:
        yield _refused(line, f"has {len(chunk)} bytes; at most {DOCUMENT_LIMIT} are read")
        return
    try:
        text = chunk.decode()
    except UnicodeDecodeError as error:
        yield _refused(line + chunk.count(b"\n", 0, error.start), "must be UTF-8")
        return
    unprintable = _UNPRINTABLE.search(text)
    if unprintable is not None:
        at = line + text.count("\n", 0, unprintable.start())
        yield _refused(at, f"has the control character U+{ord(unprintable[0]):04X}")
        return
    if text.lstrip().startswith(("{", "[")):
        text = _ESCAPE.sub(_whole_character, text)
    yield from _read_text(text, line)


def _whole_character(match: re.Match[str]) -> str:
    """Join the two halves that JSON writes of a character beyond U+FFFF; YAML knows no halves."""
    if match[1] is None:
        return match[0]
    high, low = int(match[1], 16), int(match[2], 16)
    return chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))


def _read_text(text: str, line: int) -> Iterator[ReadDocument]:
    builder = _Builder(line)
    try:
        for count, event in enumerate(yaml.parse(text, Loader=yaml.CSafeLoader)):
            if count > NODE_LIMIT:
                yield _refused(line, f"has more than {NODE_LIMIT} parts")
                return
            builder.take(event)
            if isinstance(event, yaml.DocumentEndEvent):
                yield from builder.finish()
                builder = _Builder(line)
    except yaml.YAMLError as error:
        # The problem is one of libyaml's fixed sentences; what stands in the file is not in it.
        mark = getattr(error, "problem_mark", None)
        at = line + (mark.line if mark is not None else 0)
        last = line + text.rstrip("\n").count("\n")
        problem = getattr(error, "problem", None) or "it cannot be read"
        yield _refused(min(at, last), f"is not YAML: {problem}")


class _Frame:
    """A mapping or list that is being read; `key` is the pending key of a mapping."""

    __slots__ = ("has_key", "key", "path", "value")

    def __init__(self, value: dict[str, Any] | list[Any], path: Path) -> None:
        self.value = value
        self.path = path
        self.key = ""
        self.has_key = False


class _Builder:
    """Turns the parser's events into one value, without recursion."""

    def __init__(self, first_line: int) -> None:
        self._first = first_line
        self._frames: list[_Frame] = []
        self._value: Any = None
        self._line = 0
        self._lines: dict[Path, int] = {}
        self._faults: list[Fault] = []
        self._skipped = 0  # depth below a node that is not kept

    def take(self, event: yaml.Event) -> None:
        """Take the next event in."""
        if isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            self._open(event)
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            self._close()
        elif isinstance(event, yaml.ScalarEvent):
            self._scalar(event)
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event)

    def finish(self) -> Iterator[ReadDocument]:
        """Yield the document, unless it is empty."""
        if self._value is None and not self._faults:
            return
        yield ReadDocument(self._line or self._first, self._value, self._lines, tuple(self._faults))

    def _open(self, event: yaml.MappingStartEvent | yaml.SequenceStartEvent) -> None:
        if self._skipped:
            self._skipped += 1
            return
        if frame := self._awaiting_key():
            self._fault(event, "must have text as its keys")
            self._set_key(frame, "?", event)  # its value is read and dropped with the document
            self._skipped = 1
            return
        if len(self._frames) >= DEPTH_LIMIT:
            self._fault(event, f"is nested more than {DEPTH_LIMIT} deep")
            self._place(None)
            self._skipped = 1
            return
        path = self._node(event)
        if event.tag not in _PLAIN_TAGS:
            self._fault(event, "tags are refused", path)
        value: dict[str, Any] | list[Any] = {} if isinstance(event, yaml.MappingStartEvent) else []
        self._place(value)
        self._frames.append(_Frame(value, path))

    def _close(self) -> None:
        if self._skipped:
            self._skipped -= 1
        else:
            self._frames.pop()

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        if self._skipped:
            return
        if frame := self._awaiting_key():
            self._take_key(frame, event)
            return
        path = self._node(event)
        try:
            value = _resolve(event)
        except ValueError as error:
            self._fault(event, str(error), path)
            value = None
        self._place(value)

    def _alias(self, event: yaml.AliasEvent) -> None:
        if self._skipped:
            return
        if frame := self._awaiting_key():
            self._fault(event, _NO_ANCHORS, frame.path)
            self._set_key(frame, "?", event)
            return
        self._node(event)
        self._place(None)

    def _awaiting_key(self) -> "_Frame | None":
        """Return the mapping whose next node is a key, if that is where we are."""
        if not self._frames:
            return None
        frame = self._frames[-1]
        return frame if isinstance(frame.value, dict) and not frame.has_key else None

    def _take_key(self, frame: _Frame, event: yaml.ScalarEvent) -> None:
        if event.anchor is not None:
            self._fault(event, _NO_ANCHORS, frame.path)
        try:
            resolved = _resolve(event)
        except ValueError as error:
            self._fault(event, str(error), frame.path)
            resolved = ""
        # kubectl writes a number's digits; of yes, null or 1.0 nobody expects what it writes
        if not isinstance(resolved, str) and type(resolved) is not int:
            self._fault(event, "has a key that must be put in quotes", frame.path)
        self._set_key(frame, event.value, event)

    def _set_key(self, frame: _Frame, key: str, event: yaml.Event) -> None:
        if key in frame.value:
            self._fault(event, "is there twice", (*frame.path, key))
        frame.key, frame.has_key = key, True
        self._lines.setdefault((*frame.path, key), self._at(event))

    def _node(self, event: yaml.NodeEvent) -> Path:
        """Note where a node stands, and that it has no anchor."""
        path = self._path()
        self._line = self._line or self._at(event)
        self._lines.setdefault(path, self._at(event))
        if event.anchor is not None:
            self._fault(event, _NO_ANCHORS, path)
        return path

    def _path(self) -> Path:
        if not self._frames:
            return ()
        frame = self._frames[-1]
        return (*frame.path, frame.key if isinstance(frame.value, dict) else len(frame.value))

    def _place(self, value: Any) -> None:
        """Put a finished or opened value where it belongs."""
        if not self._frames:
            self._value = value
            return
        frame = self._frames[-1]
        if isinstance(frame.value, dict):
            frame.value[frame.key] = value
            frame.has_key = False
        else:
            frame.value.append(value)

    def _fault(self, event: yaml.Event, rule: str, path: Path = ()) -> None:
        if len(self._faults) < FAULT_LIMIT:
            self._faults.append(Fault(self._at(event), rule, path))

    def _at(self, event: yaml.Event) -> int:
        mark = event.start_mark
        return self._first + (mark.line if mark is not None else 0)


def _resolve(event: yaml.ScalarEvent) -> Any:
    """Return what a scalar stands for.

    Raises:
        ValueError: it stands for nothing that JSON has.
    """
    text: str = event.value
    if event.tag in _TEXT_TAGS or (event.tag is None and not event.implicit[0]):
        return text
    if event.tag is not None:
        raise ValueError("tags are refused")
    if text in _NULLS:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if text.lstrip("+-") in _NOT_FINITE:
        raise ValueError("must be a number that JSON has")
    return _number(text.replace("_", "")) if text[0] in "+-.0123456789" else text


def _number(digits: str) -> int | float | str:
    """Return the number that go-yaml sees in a plain scalar, or the text where it sees none."""
    if len(digits) > _DIGITS:
        return digits
    if match := _INTEGER.fullmatch(digits):
        sign, *parts = match.groups()
        value = next(
            int(sign + part, base) for part, base in zip(parts, _BASES, strict=True) if part
        )
        return value if -(2**63) <= value < 2**64 else float(value)
    if _FLOAT.fullmatch(digits):
        number = float(digits)
        return number if math.isfinite(number) else digits
    return digits
