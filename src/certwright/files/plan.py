"""What a scan of a folder means for the store: pure.

Only what came from the folder is ever deleted, and never much at once: a folder that vanished, or
that lost more than half of its objects, is more often a mistake than a wish.
"""

from collections.abc import Mapping

from msgspec import Struct

from certwright.api.manifest import Located, ManifestError, Parsed
from certwright.api.meta import Key
from certwright.files.folder import Scan

Name = tuple[str, Key]
"""Kind and key of a resource."""

_ORDER = ("Secret", "ClusterIssuer", "Issuer", "Service", "Ingress", "Certificate")


class Plan(Struct, frozen=True, kw_only=True):
    """What to do.

    Attributes:
        apply: every good resource, credentials and issuers first, with the file it is in.
        delete: resources that the folder no longer has.
        held: resources that would be deleted if a person confirmed it.
        held_because: why they are held.
        errors: all that is wrong, in order of files and lines.
    """

    apply: tuple[tuple[str, Located], ...] = ()
    delete: tuple[Name, ...] = ()
    held: tuple[Name, ...] = ()
    held_because: str = ""
    errors: tuple[ManifestError, ...] = ()


def make_plan(
    scan: Scan, known: frozenset[Name], *, before: Mapping[str, Parsed], confirmed: bool = False
) -> Plan:
    """Compare what the folder says with what came from it so far.

    Args:
        scan: the folder now.
        known: resources in the store that came from this folder.
        before: the files as they were when last read well, by path.
        confirmed: a person said that everything missing shall go.
    """
    wanted, twice = _wanted(scan)
    errors = sorted((*scan.errors, *_errors(scan), *twice), key=lambda one: (one.file, one.line))
    missing = known - _spoken_of(scan, before)
    delete, held, because = _deletions(scan, known, missing, before=before, confirmed=confirmed)
    ordered = sorted(wanted.values(), key=lambda one: _ORDER.index(one[1].kind.name))
    return Plan(
        apply=tuple(ordered),
        delete=tuple(sorted(delete)),
        held=tuple(sorted(held)),
        held_because=because,
        errors=tuple(errors),
    )


def _wanted(scan: Scan) -> tuple[dict[Name, tuple[str, Located]], tuple[ManifestError, ...]]:
    wanted: dict[Name, tuple[str, Located]] = {}
    twice: list[ManifestError] = []
    for path, parsed in scan.files.items():
        for located in parsed.resources:
            name = (located.kind.name, located.key)
            if name not in wanted:
                wanted[name] = (path, located)
                continue
            file, first = wanted[name]
            twice.append(
                ManifestError(
                    file=path,
                    line=located.line,
                    object=f"{located.kind.name} {located.key}",
                    rule=f"is in {file}:{first.line} already, which is the one that counts",
                )
            )
    return wanted, tuple(twice)


def _errors(scan: Scan) -> tuple[ManifestError, ...]:
    # what only a controller refuses is applied all the same: its status says so too
    return tuple(
        error for parsed in scan.files.values() for error in (*parsed.errors, *parsed.contents)
    )


def _spoken_of(scan: Scan, before: Mapping[str, Parsed]) -> frozenset[Name]:
    """Return all that the folder speaks of, also by a file that cannot be read well just now."""
    names: set[Name] = set()
    for path, parsed in scan.files.items():
        names |= parsed.named
        if not parsed.is_complete and path in before:
            names |= before[path].named
    for path in scan.unreadable:
        if path in before:
            names |= before[path].named
    return frozenset(names)


def _deletions(
    scan: Scan,
    known: frozenset[Name],
    missing: frozenset[Name],
    *,
    before: Mapping[str, Parsed],
    confirmed: bool,
) -> tuple[frozenset[Name], frozenset[Name], str]:
    nothing: frozenset[Name] = frozenset()
    if scan.failure:
        return nothing, known, scan.failure
    if not missing:
        return nothing, nothing, ""
    unclear = [
        path
        for path in (*scan.unreadable, *scan.files)
        if path not in before and (path in scan.unreadable or not scan.files[path].is_complete)
    ]
    if unclear:
        return nothing, missing, f"{min(unclear)} cannot be read well, and may have them"
    if confirmed or 2 * len(missing) <= len(known):
        return missing, nothing, ""
    because = f"{len(missing)} of {len(known)} objects vanished from the folder at once"
    return nothing, missing, because
