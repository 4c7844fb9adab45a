"""Writes the target Secret by server-side apply (compat-spec 3.8)."""

import base64
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from certwright.api.annotations import CERTIFICATE_NAME, ISSUER_GROUP, ISSUER_KIND, ISSUER_NAME
from certwright.api.certificate import Certificate
from certwright.api.core import CA_CERT, TLS_CERT, TLS_KEY, TYPE_TLS, Secret
from certwright.api.kinds import Document
from certwright.api.meta import IssuerReference
from certwright.api.secret import COMBINED_PEM, KEY_DER, SecretSummary, summarize
from certwright.base.problem import Stalled
from certwright.base.reason import Reason
from certwright.controllers.certificate.observe import target_key
from certwright.controllers.certificate.turn import ISSUING, Turn
from certwright.pki.certificate import detail_annotations
from certwright.pki.keys import combined_pem
from certwright.pki.pem import decode_pem
from certwright.policy.secret import (
    owner_document,
    target_annotations,
    target_labels,
    wanted_formats,
)
from certwright.store.protocol import Invalid


class Bundle(Struct, frozen=True, kw_only=True):
    """Key, chain and CA as PEM; its `repr` shows none of them."""

    key: bytes
    chain: bytes
    ca: bytes = b""

    def __repr__(self) -> str:
        return "Bundle(…)"


def origin_of(certificate: Certificate, issuer: IssuerReference | None) -> dict[str, str]:
    """Return the annotations that say where a Secret's content came from."""
    origin = {CERTIFICATE_NAME: certificate.metadata.name}
    if issuer is None:
        return origin
    names = {ISSUER_NAME: issuer.name, ISSUER_KIND: issuer.kind, ISSUER_GROUP: issuer.group}
    return {**origin, **names}


async def write_target(turn: Turn, bundle: Bundle, *, origin: Mapping[str, str]) -> SecretSummary:
    """Apply the target Secret, and return what is kept of the answer.

    What others put into it survives; what we no longer want of our own goes.

    Raises:
        Stalled: the Secret cannot hold this, as an immutable one; a person must change it.
    """
    certificate = turn.seen.certificate
    fields = target_fields(turn, bundle, origin)
    try:
        applied = await turn.view.apply(Secret, target_key(certificate), fields, manager=ISSUING)
    except Invalid as problem:
        raise Stalled(
            Reason.REFUSED,
            f"The target Secret cannot be written: {problem.message}",
            remedy=f"Delete the Secret {certificate.spec.secret_name}, or name another one.",
        ) from problem
    kept = turn.view.get(SecretSummary, applied.key)
    return kept if kept is not None else summarize(applied)


def target_fields(turn: Turn, bundle: Bundle, origin: Mapping[str, str]) -> Document:
    """Return the applied document."""
    certificate, present = turn.seen.certificate, turn.seen.secret
    spec = certificate.spec
    metadata: dict[str, Any] = {
        "name": spec.secret_name,
        "namespace": certificate.metadata.namespace,
        "labels": target_labels(spec),
        "annotations": target_annotations(spec, detail_annotations(bundle.chain), origin),
    }
    if turn.seen.owner_wanted:
        metadata["ownerReferences"] = [owner_document(certificate)]
    data = {TLS_KEY: bundle.key, TLS_CERT: bundle.chain, **_formats(certificate, bundle)}
    if bundle.ca:
        data[CA_CERT] = bundle.ca
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata,
        # the type of a Secret never changes; whoever made it chose it
        "type": present.type if present is not None and present.type else TYPE_TLS,
        "data": {name: base64.b64encode(value).decode() for name, value in data.items()},
    }


def _formats(certificate: Certificate, bundle: Bundle) -> dict[str, bytes]:
    wanted, formats = wanted_formats(certificate.spec), {}
    if KEY_DER in wanted:
        formats[KEY_DER] = decode_pem(bundle.key)[0].der
    if COMBINED_PEM in wanted:
        formats[COMBINED_PEM] = combined_pem(bundle.key, bundle.chain)
    return formats
