"""What the target Secret carries besides key and chain, and when it is written again.

Stands for certificates-issuing's post-issuance part (compat-spec 3.7) and the metadata of 3.8. Who
owns which field is read from `managedFields`, so a label that left the template leaves the Secret.
"""

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from certwright.api.annotations import (
    ALLOW_DIRECT_INJECTION,
    CERTIFICATE_NAME,
    FAO_LABEL,
    ISSUER_GROUP,
    ISSUER_KIND,
    ISSUER_NAME,
)
from certwright.api.certificate import Certificate, CertificateSpec, OutputFormat, SecretTemplate
from certwright.api.kinds import owner_reference, to_wire
from certwright.api.meta import OwnerReference
from certwright.api.secret import COMBINED_PEM, KEY_DER, TLS_CERT, TLS_KEY, SecretSummary
from certwright.base.reason import Reason
from certwright.pki.certificate import details_of
from certwright.policy.checks import Finding

MANAGER = "cert-manager-certificates-issuing"
"""Field manager of the target Secret; tools look for this name."""

FORMAT_KEYS: Mapping[OutputFormat, str] = {
    OutputFormat.DER: KEY_DER,
    OutputFormat.COMBINED_PEM: COMBINED_PEM,
}
_PREFIXES = ("cert-manager.io/", "controller.cert-manager.io/")
_ORIGIN = frozenset({CERTIFICATE_NAME, ISSUER_NAME, ISSUER_KIND, ISSUER_GROUP})


def target_labels(spec: CertificateSpec) -> dict[str, str]:
    """Return the labels of the target Secret."""
    return {**_template(spec).labels, FAO_LABEL: "true"}


def target_annotations(
    spec: CertificateSpec, details: Mapping[str, str], origin: Mapping[str, str]
) -> dict[str, str]:
    """Return the annotations of the target Secret.

    Args:
        spec: has the template, which everything else overrides.
        details: what the certificate says of itself.
        origin: certificate-name and issuer-*; the latter are left out where all are empty.
    """
    issuer = {name: origin.get(name, "") for name in (ISSUER_NAME, ISSUER_KIND, ISSUER_GROUP)}
    annotations = {**_template(spec).annotations, **details}
    if name := origin.get(CERTIFICATE_NAME, ""):
        annotations[CERTIFICATE_NAME] = name
    return {**annotations, **issuer} if any(issuer.values()) else annotations


def wanted_formats(spec: CertificateSpec) -> frozenset[str]:
    """Return the names of the further data that the Secret shall hold."""
    return frozenset(FORMAT_KEYS[one.type] for one in spec.additional_output_formats)


class _Target(Struct, frozen=True, kw_only=True):
    """A target Secret beside what is wanted of it; `owned_…` is what our manager applied."""

    secret: SecretSummary
    template: SecretTemplate
    details: Mapping[str, str]
    formats: frozenset[str]
    owner: OwnerReference
    owner_wanted: bool
    owned_labels: frozenset[str]
    owned_annotations: frozenset[str]
    owned_data: frozenset[str]
    owned_owners: frozenset[str]


def maintenance_finding(
    certificate: Certificate, secret: SecretSummary | None, *, owner_wanted: bool
) -> Finding | None:
    """Return why the target Secret has to be written again from its own key and chain."""
    if secret is None or not (secret.has(TLS_KEY) and secret.has(TLS_CERT)):
        return None
    if secret.certificate is None or secret.key_facts is None:
        return None  # the trigger's business
    owned = _owned(secret)
    target = _Target(
        secret=secret,
        template=_template(certificate.spec),
        details=details_of(secret.certificate),
        formats=wanted_formats(certificate.spec),
        owner=owner_reference(certificate),
        owner_wanted=owner_wanted,
        owned_labels=_names(owned, "f:metadata", "f:labels"),
        owned_annotations=_names(owned, "f:metadata", "f:annotations"),
        owned_data=_names(owned, "f:data"),
        owned_owners=_names(owned, "f:metadata", "f:ownerReferences"),
    )
    return next((found for check in MAINTENANCE_CHECKS if (found := check(target))), None)


def _label_is_true(target: _Target) -> Finding | None:
    if target.secret.metadata.labels.get(FAO_LABEL, "true") == "true":
        return None
    return _managed(f'label "{FAO_LABEL}" is not "true"')


def _details_are_current(target: _Target) -> Finding | None:
    found = target.secret.metadata.annotations
    wrong = sorted(name for name, text in target.details.items() if found.get(name) != text)
    return _template_mismatch(f"annotations {wrong} do not say what the certificate does", wrong)


def _own_metadata_is_owned(target: _Target) -> Finding | None:
    labels = {name for name in target.owned_labels if name.startswith(_PREFIXES)}
    annotations = {
        name
        for name in target.owned_annotations
        if name.startswith(_PREFIXES) and name != ALLOW_DIRECT_INJECTION
    }
    if labels == {FAO_LABEL} and annotations - _ORIGIN == target.details.keys():
        return None
    return _managed("the applied labels and annotations of cert-manager.io are not the wanted ones")


def _template_is_there(target: _Target) -> Finding | None:
    metadata = target.secret.metadata
    wrong = [
        name
        for wanted, found in (
            (target.template.labels, metadata.labels),
            (target.template.annotations, metadata.annotations),
        )
        for name, text in wanted.items()
        if found.get(name) != text and name not in target.details and name != FAO_LABEL
    ]
    return _template_mismatch(f"{wrong} differ from spec.secretTemplate", wrong)


def _template_is_owned(target: _Target) -> Finding | None:
    labels = {name for name in target.owned_labels if not name.startswith(_PREFIXES)}
    annotations = {
        name
        for name in target.owned_annotations
        if not name.startswith(_PREFIXES) or name == ALLOW_DIRECT_INJECTION
    }
    wrong = sorted(
        (labels ^ (target.template.labels.keys() - {FAO_LABEL}))
        | (annotations ^ target.template.annotations.keys())
    )
    return _template_mismatch(
        f"{wrong} were applied, or not, other than spec.secretTemplate", wrong
    )


def _formats_are_current(target: _Target) -> Finding | None:
    secret = target.secret
    wrong = sorted(
        name
        for name in target.formats
        if not secret.has(name) or secret.digests[name] != secret.derived.get(name)
    )
    if not wrong:
        return None
    return Finding(Reason.SECRET_MISMATCH, f"{wrong} do not hold the Secret's key and chain")


def _formats_are_owned(target: _Target) -> Finding | None:
    if target.owned_data & frozenset(FORMAT_KEYS.values()) == target.formats:
        return None
    return Finding(Reason.SECRET_MISMATCH, "other output formats were applied than are wanted")


def _owner_is_there(target: _Target) -> Finding | None:
    if not target.owner_wanted or target.owner in target.secret.metadata.owner_references:
        return None
    return Finding(Reason.SECRET_MISMATCH, "the reference to the owning Certificate is missing")


def _owner_is_owned(target: _Target) -> Finding | None:
    applied = any(target.owner.uid in key for key in target.owned_owners)
    if applied == target.owner_wanted:
        return None
    return Finding(Reason.SECRET_MISMATCH, "the applied owner reference is not as wanted")


MAINTENANCE_CHECKS: tuple[Callable[[_Target], Finding | None], ...] = (
    _label_is_true,
    _details_are_current,
    _own_metadata_is_owned,
    _template_is_there,
    _template_is_owned,
    _formats_are_current,
    _formats_are_owned,
    _owner_is_there,
    _owner_is_owned,
)


def owner_document(certificate: Certificate) -> dict[str, Any]:
    """Return the reference to the Certificate that the target Secret may carry, on the wire."""
    return to_wire(owner_reference(certificate))


def _template(spec: CertificateSpec) -> SecretTemplate:
    return spec.secret_template or SecretTemplate()


def _managed(message: str) -> Finding:
    return Finding(Reason.SECRET_MANAGED_METADATA_MISMATCH, message)


def _template_mismatch(message: str, wrong: list[str]) -> Finding | None:
    return Finding(Reason.SECRET_TEMPLATE_MISMATCH, message) if wrong else None


def _owned(secret: SecretSummary) -> list[Mapping[str, Any]]:
    return [
        entry.fields_v1
        for entry in secret.metadata.managed_fields
        if entry.manager == MANAGER and entry.operation == "Apply"
    ]


def _names(owned: list[Mapping[str, Any]], *path: str) -> frozenset[str]:
    names: set[str] = set()
    for fields in owned:
        node: Any = fields
        for step in path:
            node = node.get(step, {})
        names |= {name.removeprefix("f:") for name in node if name != "."}
    return frozenset(names)
