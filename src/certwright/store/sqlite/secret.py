"""What Kubernetes does with Secrets alone: stringData, the type, `immutable`.

Called by `edit` on every write. Pure. No text here shows a value.
"""

import base64
from collections.abc import Iterator

from certwright.api.core import TLS_CERT, TLS_KEY, TYPE_OPAQUE, TYPE_TLS
from certwright.api.kinds import Document
from certwright.store.sqlite.metadata import Violation

_FROZEN = ("data", "immutable")


def with_data(document: Document) -> Document:
    """Fold `stringData` into `data` (stringData wins) and fill in the type."""
    result = {name: value for name, value in document.items() if name != "stringData"}
    texts = document.get("stringData")
    if texts:
        encoded = {name: base64.b64encode(text.encode()).decode() for name, text in texts.items()}
        result["data"] = {**document.get("data", {}), **encoded}
    return result


def with_type(document: Document) -> Document:
    """Give a Secret without a type the type Opaque, as the API server does."""
    return document if document.get("type") else {**document, "type": TYPE_OPAQUE}


def secret_violations(new: Document, old: Document | None) -> Iterator[Violation]:
    """Yield what a Secret's own rules forbid."""
    if new.get("type") == TYPE_TLS:
        for name in (TLS_CERT, TLS_KEY):
            if name not in new.get("data", {}):
                yield f"data[{name}]", f"required by type {TYPE_TLS}"
    if old is None:
        return
    if new.get("type") != old.get("type"):
        yield "type", "field is immutable"
    if old.get("immutable"):
        for name in _FROZEN:
            if new.get(name) != old.get(name):
                yield name, "field is immutable when `immutable` is set"
