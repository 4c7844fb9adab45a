"""From the stored document and what was asked to the next document; never to the disk.

Called by `store` inside a write. Pure but for the admission rules that are handed in. A function
that finds nothing to change returns the very document it was given: no new version, no event.
"""

import secrets
import uuid
from typing import Final

import msgspec
from msgspec import Struct

from certwright.api.core import TYPE_OPAQUE, Secret
from certwright.api.kinds import Document, Kind
from certwright.api.meta import Key
from certwright.api.patch import merge
from certwright.api.rules.core import fold_string_data
from certwright.store.protocol import Admission, Conflict, Invalid
from certwright.store.sqlite.apply import applied
from certwright.store.sqlite.fields import compare
from certwright.store.sqlite.managers import (
    UNTRACKED,
    Author,
    after_apply,
    after_update,
    entries_of,
    timestamp,
    tracked,
)
from certwright.store.sqlite.metadata import Violation, violations_of

_ALPHABET: Final = "bcdfghjklmnpqrstvwxz2456789"  # Kubernetes': no vowels, so no words
_SUFFIX: Final = 5
_MAX_GENERATED: Final = 63
_OMITTED_EMPTY: Final = ("labels", "annotations", "finalizers", "ownerReferences")


class Edit(Struct, frozen=True):
    """What every edit of one request needs to know."""

    kind: Kind
    author: Author
    admission: Admission | None = None


def generated_name(prefix: str) -> str:
    """Complete a `generateName` as Kubernetes does: five characters after at most 58."""
    suffix = "".join(secrets.choice(_ALPHABET) for _ in range(_SUFFIX))
    return prefix[: _MAX_GENERATED - _SUFFIX] + suffix


def created(edit: Edit, asked: Document) -> Document:
    """Return the first document of a new resource.

    Raises:
        Invalid: a rule is broken.
    """
    new = _newborn(edit, asked)
    done = compare({}, tracked(new))
    new["metadata"]["managedFields"] = after_update([], edit.author, done)
    _refuse(edit, new, None)
    return new


def patched(edit: Edit, old: Document, patch: Document) -> Document:
    """Merge `patch` into everything but identity and status.

    Raises:
        Conflict: the patch names another uid or version than the stored one.
        Invalid: a rule is broken.
    """
    check_identity(old, patch, edit.kind)
    new = merge(old, {name: part for name, part in patch.items() if name != "status"})
    new["metadata"] = {
        **{name: value for name, value in new.get("metadata", {}).items() if name not in UNTRACKED},
        **_identity(old),
    }
    new = {**new, "apiVersion": old["apiVersion"], "kind": old["kind"]}
    return _changed(edit, old, _completed(edit, new, old))


def status_patched(edit: Edit, old: Document, patch: Document) -> Document:
    """Merge `patch` into the status and into nothing else.

    Raises:
        Invalid: a rule is broken.
    """
    before = old.get("status")
    new = {**old, "status": merge(before if isinstance(before, dict) else {}, patch)}
    if not new["status"]:
        del new["status"]
    _refuse_wrong_types(edit, new, old)
    return _changed(edit, old, new)


def first_applied(edit: Edit, key: Key, wanted: Document) -> Document:
    """Return the first document of a resource that an apply creates.

    Raises:
        Invalid: a rule is broken.
    """
    wanted = _wanted(edit, key, wanted)
    new = _newborn(edit, wanted)
    done = compare({}, tracked(new))
    named = compare({}, tracked(wanted)).written
    new["metadata"]["managedFields"] = after_apply([], edit.author, named, done)
    _refuse(edit, new, None)
    return new


def reapplied(edit: Edit, old: Document, wanted: Document, *, force: bool) -> Document:
    """Lay the fields of `wanted` over the stored document (server-side apply).

    Raises:
        Conflict: another manager owns a field that would change, and `force` is off.
        Invalid: a rule is broken.
    """
    check_identity(old, wanted, edit.kind)
    metadata = old["metadata"]
    key = Key(metadata.get("namespace", ""), metadata["name"])
    result = applied(old, _wanted(edit, key, wanted), edit.author, force=force)
    new = _completed(edit, result.document, old)
    if result.entries == entries_of(old) and tracked(old) == tracked(new):
        return old
    new = _numbered(edit.kind, old, new)
    new["metadata"]["managedFields"] = result.entries
    _refuse(edit, new, old)
    return new


def deleted(old: Document, author: Author) -> Document | None:
    """Return the document that waits for its finalizers, or None if it may go now."""
    metadata = old["metadata"]
    if not metadata.get("finalizers"):
        return None
    if "deletionTimestamp" in metadata:
        return old
    deletion = {"deletionTimestamp": timestamp(author.now), "deletionGracePeriodSeconds": 0}
    if metadata.get("generation"):  # as Kubernetes does
        deletion["generation"] = metadata["generation"] + 1
    return {**old, "metadata": {**metadata, **deletion}}


def is_finished(document: Document) -> bool:
    """Whether a delete was asked for and no finalizer holds the resource any more."""
    metadata = document["metadata"]
    return "deletionTimestamp" in metadata and not metadata.get("finalizers")


def check_identity(old: Document, asked: Document, kind: Kind) -> None:
    """Refuse a body that is meant for another object, or for another version of this one.

    Raises:
        Conflict: its uid or resourceVersion is not the stored one.
        Invalid: its name or namespace is not the stored one.
    """
    metadata = asked.get("metadata") or {}
    stored = old["metadata"]
    for field in ("uid", "resourceVersion"):
        given = metadata.get(field)
        if given and given != stored[field]:
            raise Conflict(
                "Conflict",
                f"{kind.name} {stored['name']}: metadata.{field} is {stored[field]}, not {given}",
            )
    wrong = tuple(
        (f"metadata.{field}", "field is immutable")
        for field in ("name", "namespace")
        if metadata.get(field) and metadata[field] != stored.get(field)
    )
    refuse(kind, stored["name"], wrong)


def refuse(kind: Kind, name: str, violations: tuple[Violation, ...]) -> None:
    """Raise `Invalid` with all violations, if there are any."""
    if violations:
        texts = "; ".join(f"{path}: {rule}" for path, rule in violations)
        raise Invalid("Invalid", f"{kind.name} {name} is invalid: {texts}", violations=violations)


def _newborn(edit: Edit, asked: Document) -> Document:
    metadata = asked.get("metadata") or {}
    name = metadata.get("name") or ""
    prefix = metadata.get("generateName")
    identity: Document = {
        "name": name or (generated_name(prefix) if prefix else ""),
        "uid": str(uuid.uuid4()),
        "creationTimestamp": timestamp(edit.author.now),
    }
    if metadata.get("namespace"):
        identity["namespace"] = metadata["namespace"]
    if edit.kind.spec_fields:
        identity["generation"] = 1
    free = {name: value for name, value in metadata.items() if name not in UNTRACKED}
    new = {name: value for name, value in asked.items() if name != "status"}
    new.update(apiVersion=edit.kind.api_version, kind=edit.kind.name)
    new["metadata"] = {**free, **identity}
    return _completed(edit, new)


def _wanted(edit: Edit, key: Key, fields: Document) -> Document:
    """Shape an applied body: no status, no identity but the key, stringData as data."""
    metadata = fields.get("metadata") or {}
    if metadata.get("managedFields"):
        rule = "must be nil in an apply"
        refuse(edit.kind, key.name, (("metadata.managedFields", rule),))
    wanted = {name: value for name, value in fields.items() if name != "status"}
    free = {name: value for name, value in metadata.items() if name not in UNTRACKED}
    wanted["metadata"] = {**_tidy(free), "name": key.name, "namespace": key.namespace}
    wanted = merge({}, wanted)  # a null means that nothing is said about the field
    return fold_string_data(wanted) if edit.kind.type is Secret else wanted


def _tidy(metadata: Document) -> Document:
    """Leave out empty maps and lists, as Kubernetes' encoding does."""
    return {name: value for name, value in metadata.items() if value or name not in _OMITTED_EMPTY}


def _completed(edit: Edit, document: Document, old: Document | None = None) -> Document:
    """Fill in defaults, and leave out what Kubernetes does not store."""
    _refuse_wrong_types(edit, document, old)
    document = {**document, "metadata": _tidy(document["metadata"])}
    if edit.kind.type is Secret:
        document = fold_string_data(document)
        if not document.get("type"):
            document = {**document, "type": TYPE_OPAQUE}  # as an API server fills it in
    return edit.admission.defaulted(document) if edit.admission else document


def _refuse_wrong_types(edit: Edit, document: Document, old: Document | None) -> None:
    try:
        msgspec.convert(document, type=edit.kind.type)
    except msgspec.ValidationError as error:
        violations: tuple[Violation, ...] = ()
        if edit.admission is not None:  # the kind's schema names all of them, msgspec the first
            subresource = edit.author.subresource
            violations = edit.admission.violations(document, old, subresource=subresource)
        if not violations:
            rule, _, path = str(error).partition(" - at ")
            violations = ((path.strip("`").removeprefix("$."), rule),)
        refuse(edit.kind, str(document["metadata"].get("name", "")), violations)


def _changed(edit: Edit, old: Document, new: Document) -> Document:
    before, after = tracked(old), tracked(new)
    if before == after:
        return old
    done = compare(before, after)
    new = _numbered(edit.kind, old, new)
    new["metadata"]["managedFields"] = after_update(entries_of(old), edit.author, done)
    _refuse(edit, new, old)
    return new


def _numbered(kind: Kind, old: Document, new: Document) -> Document:
    """Return a copy with its own metadata; the generation grows if the spec changed."""
    metadata = dict(new["metadata"])
    if any(old.get(name) != new.get(name) for name in kind.spec_fields):
        metadata["generation"] = old["metadata"].get("generation", 0) + 1
    return {**new, "metadata": metadata}


def _identity(document: Document) -> Document:
    metadata = document["metadata"]
    return {name: metadata[name] for name in UNTRACKED if name in metadata}


def _refuse(edit: Edit, new: Document, old: Document | None) -> None:
    found: tuple[Violation, ...] = ()
    if not edit.author.subresource:
        found = tuple(violations_of(new, old, edit.kind))
    if edit.admission is not None:
        found += edit.admission.violations(new, old, subresource=edit.author.subresource)
    if found:  # both may know a rule: it is told once
        refuse(edit.kind, new["metadata"]["name"], tuple(dict.fromkeys(found)))
