"""What an API server demands of every write even where no rules of the kinds are handed in.

Called by `edit`. Pure. Names, labels, annotations and Secrets have their rules in `api.rules`;
here stand those that speak of the store's own business: finalizers, owners, deletion. Violations
are (field path, rule) pairs, all at once.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from certwright.api.core import Secret
from certwright.api.kinds import Document, Kind
from certwright.api.rules.core import secret_rules
from certwright.api.rules.metadata import is_subdomain, metadata_rules

Violation = tuple[str, str]

_WORD: Final = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_JUDGED: Final = ("labels", "annotations", "finalizers", "ownerReferences")


def violations_of(new: Document, old: Document | None, kind: Kind) -> Iterator[Violation]:
    """Yield every such rule that `new` (which replaces `old`) breaks.

    What an update leaves as it was is not judged again, as in Kubernetes.
    """
    metadata = new["metadata"]
    before = old["metadata"] if old is not None else None
    if before is None or any(metadata.get(name) != before.get(name) for name in _JUDGED):
        for found in metadata_rules(new, kind):
            yield found.field, found.message
        yield from _finalizers(metadata.get("finalizers", []), before)
        yield from _owners(metadata.get("ownerReferences", []))
    if kind.type is Secret:
        for found in secret_rules(new, old):
            yield found.field, found.message


def _finalizers(finalizers: list[str], before: Mapping[str, Any] | None) -> Iterator[Violation]:
    for index, name in enumerate(finalizers):
        prefix, slash, word = name.rpartition("/")
        if not _WORD.fullmatch(word) or (slash and not is_subdomain(prefix)):
            yield f"metadata.finalizers[{index}]", "must be a name, with a DNS name and '/' before"
    if before is not None and "deletionTimestamp" in before:
        late = [name for name in finalizers if name not in before.get("finalizers", [])]
        if late:
            rule = "no new finalizers can be added if the object is being deleted"
            yield "metadata.finalizers", f"{rule}: {', '.join(late)}"


def _owners(owners: list[Mapping[str, Any]]) -> Iterator[Violation]:
    for index, owner in enumerate(owners):
        for field in ("apiVersion", "kind", "name", "uid"):
            if not owner.get(field):
                yield f"metadata.ownerReferences[{index}].{field}", "must not be empty"
    if sum(bool(owner.get("controller")) for owner in owners) > 1:
        yield "metadata.ownerReferences", "only one reference can have controller set to true"
