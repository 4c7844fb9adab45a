"""Manifests: what a file of YAML or JSON says, and every mistake in it with its line.

Called by `files` (the watched folder) and `cli` (`certwright check`). Nothing here raises on bad
input: all mistakes of a file come back at once, and its good documents beside them.

* `status` and what only a server writes (uid, resourceVersion, managedFields …) are left out, as
  `kubectl apply` does; a note says so. `null` means: not set.
* A namespaced resource without a namespace is in `default`.
* `List` (apiVersion v1) stands for its items.
* Values of Secrets are never told.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from msgspec import Struct, field

from certwright.api.certificate import Certificate
from certwright.api.core import Ingress, Secret, Service
from certwright.api.issuer import ClusterIssuer, Issuer
from certwright.api.kinds import Document, Kind, decode, find_kind, kind_of
from certwright.api.meta import Key, Resource
from certwright.api.reader import ReadDocument, read_documents
from certwright.api.rules.admission import Rules
from certwright.api.rules.contents import content_violations
from certwright.api.rules.rule import REQUIRED, Path, Violation, format_path, shown
from certwright.base.evidence import printable

FOLDER_KINDS: Final[tuple[type[Resource], ...]] = (
    Ingress,
    Certificate,
    Issuer,
    ClusterIssuer,
    Secret,
    Service,
)
"""What a watched folder may hold."""

DEFAULT_NAMESPACE: Final = "default"
_SERVER_FIELDS: Final = (
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "managedFields",
    "ownerReferences",
    "selfLink",
)
_SHOWN = 100


class ManifestError(Struct, frozen=True, kw_only=True):
    """One mistake, or (among the notes) one thing that was left out.

    Attributes:
        file: the name that the caller gave.
        line: from 1.
        object: `Kind namespace/name` as far as they are known.
        field: path of the field; empty where the whole document is meant.
        rule: what must be so.
        value: what is there instead, as it may be shown; empty where it is hidden or told already.
    """

    file: str
    line: int
    rule: str
    object: str = ""
    field: str = ""
    value: str = ""

    def __str__(self) -> str:
        parts = [f"{self.file}:{self.line}", self.object, self.field, self.rule]
        text = ": ".join(part for part in parts if part)
        return f"{text} ({self.value})" if self.value else text


class Located(Struct, frozen=True):
    """One good resource: its document (apiVersion and kind included) and where it stands."""

    document: Document
    key: Key
    kind: Kind
    line: int

    def __repr__(self) -> str:
        return f"Located({self.kind.name} {self.key}, line={self.line})"


class Parsed(Struct, frozen=True):
    """What a file says.

    Attributes:
        resources: the good ones, in their order.
        errors: every mistake.
        contents: what the controllers will refuse of good documents (cron, literal subjects, trust
            bundles): they are admitted, and get `Ready=False` with the field, on both backends.
        notes: what was left out of good documents, harmless.
        named: kind and key of every resource that the file speaks of, also of the bad ones.
        is_complete: whether `named` has them all. Where it is false, a resource that is missing
            may still be there, hidden by a mistake: it must not be taken for deleted.
    """

    resources: tuple[Located, ...] = ()
    errors: tuple[ManifestError, ...] = ()
    contents: tuple[ManifestError, ...] = ()
    notes: tuple[ManifestError, ...] = ()
    named: frozenset[tuple[str, Key]] = field(default_factory=frozenset)
    is_complete: bool = True


class _Item(NamedTuple):
    """One resource within what was read: a document, or an item of a List."""

    value: Any
    line: int
    line_of: Callable[[Path], int]


def parse_manifest(
    text: bytes,
    source: str,
    *,
    rules: Rules,
    kinds: tuple[type[Resource], ...] = FOLDER_KINDS,
) -> Parsed:
    """Read a file of manifests; `source` is its name in errors."""
    file = _File(printable(source), rules, tuple(kind_of(type_) for type_ in kinds))
    for read in read_documents(text):
        if read.faults:
            file.refuse(read)
        else:
            for item in _items(read):
                file.take(item)
    return file.parsed()


def _items(read: ReadDocument) -> Iterator[_Item]:
    value = read.value
    is_list = isinstance(value, Mapping) and value.get("kind") == "List"
    if not is_list or not isinstance(value.get("items"), list):
        yield _Item(value, read.line, read.line_of)
        return
    for place, part in enumerate(value["items"]):
        at: Path = ("items", place)

        def line_of(path: Path, at: Path = at) -> int:
            return read.line_of((*at, *path))

        yield _Item(part, read.line_of(at), line_of)


class _File:
    """Gathers what one file says."""

    def __init__(self, name: str, rules: Rules, kinds: tuple[Kind, ...]) -> None:
        self._name = name
        self._rules = rules
        self._kinds = kinds
        self._resources: list[Located] = []
        self._errors: list[ManifestError] = []
        self._contents: list[ManifestError] = []
        self._notes: list[ManifestError] = []
        self._named: dict[tuple[str, Key], int] = {}
        self._is_complete = True

    def parsed(self) -> Parsed:
        return Parsed(
            tuple(self._resources),
            tuple(self._errors),
            tuple(self._contents),
            tuple(self._notes),
            frozenset(self._named),
            self._is_complete,
        )

    def refuse(self, read: ReadDocument) -> None:
        """Take a document that could not be read; what it speaks of may still be certain."""
        key = None
        if isinstance(read.value, Mapping) and isinstance(read.value.get("metadata"), Mapping):
            kind = find_kind(str(read.value.get("apiVersion")), str(read.value.get("kind")))
            key = _key(read.value["metadata"], kind) if kind else None
            if kind and key:
                self._named.setdefault((kind.name, key), read.line)
        self._is_complete = self._is_complete and key is not None
        about = _about(read.value)
        self._errors.extend(
            ManifestError(
                file=self._name,
                line=fault.line,
                object=about,
                field=format_path(fault.path),
                rule=fault.rule,
            )
            for fault in read.faults
        )

    def take(self, item: _Item) -> None:
        """Take one resource."""
        kind = self._kind(item)
        if kind is None:
            self._is_complete = False
            return
        document, dropped = _cleaned(item.value, kind)
        document = self._rules.tidied(document)
        key = _key(document["metadata"], kind)
        found = list(self._rules.broken(document, None))
        if key is None:
            self._is_complete = False
            if "generateName" in document["metadata"]:
                rule = "must be `name` in a file, which is read again and again"
                found.append(Violation(("metadata", "generateName"), rule))
        elif (kind.name, key) in self._named:
            rule = f"is in this file already, at line {self._named[kind.name, key]}"
            found.append(Violation(("metadata", "name"), rule))
        else:
            self._named[kind.name, key] = item.line
        found += self._rules.unknown(document)
        for violation in sorted(found, key=lambda one: item.line_of(one.path)):
            self._errors.append(self._error(violation, item))
        if key is not None and not found:
            self._resources.append(Located(document, key, kind, item.line))
            contents = content_violations(decode(document, kind.type))
            self._contents.extend(self._error(violation, item) for violation in contents)
            self._notes.extend(self._error(violation, item) for violation in dropped)

    def _kind(self, item: _Item) -> Kind | None:
        """Return the kind of a resource, if it is one of those that are wanted."""
        value = item.value
        if not isinstance(value, Mapping):
            self._fail(item, Violation((), "must be a mapping with apiVersion, kind and metadata"))
            return None
        words = {name: value.get(name) for name in ("apiVersion", "kind")}
        bad = [name for name, word in words.items() if not isinstance(word, str) or not word]
        for name in bad:
            wrong = words[name] is not None and not isinstance(words[name], str)
            self._fail(item, Violation((name,), "must be text" if wrong else REQUIRED))
        if bad:
            return None
        kind = find_kind(str(words["apiVersion"]), str(words["kind"]))
        if kind is None or kind not in self._kinds:
            self._fail(item, self._refused_kind(str(words["apiVersion"]), str(words["kind"])))
            return None
        if not isinstance(value.get("metadata"), Mapping):
            rule = "must be a mapping" if value.get("metadata") is not None else REQUIRED
            self._fail(item, Violation(("metadata",), rule))
            return None
        return kind

    def _refused_kind(self, api_version: str, name: str) -> Violation:
        for kind in self._kinds:
            if kind.name == name:
                rule = f"must be {kind.api_version} for a {name}"
                return Violation(("apiVersion",), rule, shown(api_version))
        wanted = ", ".join(kind.name for kind in self._kinds)
        return Violation(("kind",), f"must be one of {wanted}", shown(name))

    def _fail(self, item: _Item, violation: Violation) -> None:
        self._errors.append(self._error(violation, item))

    def _error(self, violation: Violation, item: _Item) -> ManifestError:
        return ManifestError(
            file=self._name,
            line=item.line_of(violation.path),
            object=_about(item.value),
            field=violation.field,
            rule=violation.message,
            value=violation.value,
        )


def _key(metadata: Mapping[str, Any], kind: Kind) -> Key | None:
    """Return the key of a resource, where it has one."""
    name, namespace = metadata.get("name"), metadata.get("namespace", DEFAULT_NAMESPACE)
    if not isinstance(name, str) or not name or not isinstance(namespace, str):
        return None
    return Key(namespace if kind.namespaced else "", name)


def _about(value: Any) -> str:
    """Write `Kind namespace/name` as far as they are there."""
    if not isinstance(value, Mapping):
        return ""
    kind = find_kind(str(value.get("apiVersion")), str(value.get("kind")))
    metadata = value.get("metadata")
    where = metadata if isinstance(metadata, Mapping) else {}
    name = _word(where.get("name"))
    if name and (kind is None or kind.namespaced):
        namespace = _word(where.get("namespace")) or (DEFAULT_NAMESPACE if kind else "")
        name = f"{namespace}/{name}" if namespace else name
    return f"{_word(value.get('kind'))} {name}".strip()


def _word(value: Any) -> str:
    return printable(value, _SHOWN) if isinstance(value, str) else ""


def _cleaned(value: Mapping[str, Any], kind: Kind) -> tuple[Document, tuple[Violation, ...]]:
    """Leave out what a person does not write; say what that was."""
    document = {name: part for name, part in value.items() if part is not None}
    metadata = {name: part for name, part in value["metadata"].items() if part is not None}
    dropped = [
        Violation(("metadata", name), "is left out: only a server writes it")
        for name in _SERVER_FIELDS
        if metadata.pop(name, None) is not None
    ]
    if kind.has_status and document.pop("status", None) is not None:
        dropped.append(Violation(("status",), "is left out: only controllers write it"))
    if kind.namespaced:
        metadata.setdefault("namespace", DEFAULT_NAMESPACE)
    return document | {"metadata": metadata}, tuple(dropped)
