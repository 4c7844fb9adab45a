"""Which Certificates an Ingress asks for, and what is to be done about them (compat-spec 3.2)."""

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from certwright.api.annotations import ACME_PREFIX, PREFIX, TEMPORARY_CERTIFICATE
from certwright.api.certificate import (
    Certificate,
    CertificateSpec,
    KeyAlgorithm,
    KeyUsage,
    PrivateKeySpec,
)
from certwright.api.core import Ingress, IngressTLS
from certwright.api.duration import BadDurationError, parse_duration
from certwright.api.kinds import owner_reference
from certwright.api.meta import CONTROLLER_GROUP, IssuerReference, ObjectMeta
from certwright.pki.errors import PkiError
from certwright.pki.names import ip_value
from certwright.policy.ingress_annotations import Wishes, is_truthy, read_wishes

ISSUER = PREFIX + "issuer"
CLUSTER_ISSUER = PREFIX + "cluster-issuer"
ISSUER_KIND = PREFIX + "issuer-kind"
ISSUER_GROUP = PREFIX + "issuer-group"
_EXCLUSIVE = (
    (ISSUER, CLUSTER_ISSUER),
    (CLUSTER_ISSUER, ISSUER_GROUP),
    (CLUSTER_ISSUER, ISSUER_KIND),
)
_APPLYSET = "applyset.kubernetes.io/part-of"
_FOREGROUND = "foregroundDeletion"
_USAGES = (KeyUsage.DIGITAL_SIGNATURE, KeyUsage.KEY_ENCIPHERMENT)


class Defaults(Struct, frozen=True, kw_only=True):
    """What an operator chose for Ingresses that say no more."""

    auto_annotations: tuple[str, ...] = ("kubernetes.io/tls-acme",)
    extra_annotations: tuple[str, ...] = ()
    issuer_name: str = ""
    issuer_kind: str = "Issuer"
    issuer_group: str = CONTROLLER_GROUP


class Plan(Struct, frozen=True, kw_only=True):
    """What to do about an Ingress.

    Attributes:
        create: Certificates that are missing.
        update: pairs of what is there and what it shall be like.
        delete: Certificates whose Secret no entry names any more.
        complaints: what is wrong with the Ingress; each becomes a BadConfig event.
    """

    create: tuple[Certificate, ...] = ()
    update: tuple[tuple[Certificate, Certificate], ...] = ()
    delete: tuple[Certificate, ...] = ()
    complaints: tuple[str, ...] = ()


NOTHING = Plan()


class _Source(Struct, frozen=True, kw_only=True):
    ingress: Ingress
    issuer: IssuerReference
    wishes: Wishes
    annotations: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, str] = field(default_factory=dict)


def is_ours(ingress: Ingress, defaults: Defaults) -> bool:
    """Whether the Ingress asks for certificates at all, and stays."""
    annotations = ingress.metadata.annotations
    asks = (
        ISSUER in annotations
        or CLUSTER_ISSUER in annotations
        or any(is_truthy(annotations.get(name)) for name in defaults.auto_annotations)
    )
    going = ingress.metadata.deleting or _FOREGROUND in ingress.metadata.finalizers
    return asks and not going


def plan(
    ingress: Ingress,
    *,
    present: Mapping[str, Certificate],
    owned: Iterable[Certificate],
    defaults: Defaults,
) -> Plan:
    """Decide about an Ingress.

    Args:
        ingress: the source.
        present: Certificates of its namespace that have the names of its Secrets.
        owned: Certificates that it controls.
        defaults: the operator's choice.

    Raises:
        BadAnnotationError: an annotation's value cannot be used; nothing is to be done then.
    """
    if not is_ours(ingress, defaults):
        return NOTHING
    issuer, problems = choose_issuer(ingress.metadata.annotations, defaults)
    if problems:
        listed = ", ".join(problems)
        return Plan(
            complaints=(f"Could not determine issuer for ingress due to bad annotations: {listed}",)
        )
    if duplicate := duplicate_secret(ingress.spec.tls):
        return Plan(complaints=(duplicate,))
    hosts, complaints = hosts_by_secret(ingress.spec.tls)
    source = _source(ingress, issuer, defaults)
    wanted = [_certificate(source, name, hosts[name]) for name in hosts]
    create = tuple(one for one in wanted if one.metadata.name not in present)
    found = ((present.get(one.metadata.name), one) for one in wanted)
    update = tuple(
        (old, _with_annotations(old, new, source))
        for old, new in found
        if old is not None and _is_controlled(old, ingress) and needs_update(old, new)
    )
    named = {entry.secret_name for entry in ingress.spec.tls}
    delete = tuple(one for one in owned if one.spec.secret_name not in named)
    return Plan(create=create, update=update, delete=delete, complaints=complaints)


def choose_issuer(
    annotations: Mapping[str, str], defaults: Defaults
) -> tuple[IssuerReference, tuple[str, ...]]:
    """Return the issuer that annotations and defaults name, and what is wrong with that."""
    name, kind, group = defaults.issuer_name, defaults.issuer_kind, defaults.issuer_group
    if ISSUER in annotations:
        name, kind = annotations[ISSUER], "Issuer"
    if CLUSTER_ISSUER in annotations:
        name, kind = annotations[CLUSTER_ISSUER], "ClusterIssuer"
    kind = annotations.get(ISSUER_KIND, kind)
    group = annotations.get(ISSUER_GROUP, group)
    problems = []
    if not name:
        problems.append("failed to determine issuer name to be used for ingress resource")
    problems += [
        f'both "{one}" and "{other}" may not be set'
        for one, other in _EXCLUSIVE
        if one in annotations and other in annotations
    ]
    return IssuerReference(name=name, kind=kind, group=group), tuple(problems)


def duplicate_secret(entries: tuple[IngressTLS, ...]) -> str:
    """Say which Secret two entries name, which rejects the whole Ingress; empty if none."""
    seen: dict[str, int] = {}
    for place, entry in enumerate(entries):
        first = seen.setdefault(entry.secret_name, place)
        if first != place:
            return (
                f'spec.tls[{first}].secretName: Invalid value: "{entry.secret_name}": this secret '
                "name must only appear in a single TLS entry but is also used in "
                f"spec.tls[{place}].secretName"
            )
    return ""


def hosts_by_secret(
    entries: tuple[IngressTLS, ...],
) -> tuple[dict[str, tuple[str, ...]], tuple[str, ...]]:
    """Return the hosts of each usable entry, and what is wrong with the others."""
    hosts: dict[str, tuple[str, ...]] = {}
    complaints: list[str] = []
    for place, entry in enumerate(entries):
        errors = []
        if not entry.hosts:
            errors.append(f"spec.tls[{place}].hosts: Required value")
        if not entry.secret_name:
            errors.append(f"spec.tls[{place}].secretName: Required value")
        if errors:
            listed = errors[0] if len(errors) == 1 else f"[{', '.join(errors)}]"
            complaints.append(f"Skipped a TLS block: {listed}")
        else:
            hosts[entry.secret_name] = tuple(dict.fromkeys(entry.hosts))
    return hosts, tuple(complaints)


def needs_update(old: Certificate, new: Certificate) -> bool:
    """Whether a present Certificate differs where cert-manager looks (3.2 step 7)."""
    if old.metadata.labels != new.metadata.labels:
        return True
    return _compared(old.spec) != _compared(new.spec)


def _compared(spec: CertificateSpec) -> tuple[Any, ...]:
    key = spec.private_key or PrivateKeySpec()
    size = 0 if key.algorithm is KeyAlgorithm.ED25519 else key.size
    return (
        spec.common_name,
        spec.dns_names,
        spec.secret_name,
        spec.issuer_ref.name,
        spec.issuer_ref.kind,
        spec.revision_history_limit,
        (key.algorithm, key.encoding, key.rotation_policy, size),
        _span(spec.duration),
        _span(spec.renew_before),
    )


def _span(text: str | None) -> object:
    try:
        return None if text is None else parse_duration(text)
    except BadDurationError:
        return text


def _with_annotations(old: Certificate, new: Certificate, source: _Source) -> Certificate:
    """Return what an update writes: extra annotations are merged, HTTP-01's only beside them."""
    fresh = source.annotations if source.extra else {}
    annotations = {**old.metadata.annotations, **fresh}
    return replace(new, metadata=replace(new.metadata, annotations=annotations))


def _is_controlled(certificate: Certificate, ingress: Ingress) -> bool:
    controller = certificate.metadata.controller
    return controller is not None and controller.uid == ingress.metadata.uid


def _source(ingress: Ingress, issuer: IssuerReference, defaults: Defaults) -> _Source:
    annotations = ingress.metadata.annotations
    extra = {name: annotations[name] for name in defaults.extra_annotations if name in annotations}
    return _Source(
        ingress=ingress,
        issuer=issuer,
        wishes=read_wishes(annotations),
        annotations={**extra, **_steering(ingress)},
        extra=extra,
    )


def _steering(ingress: Ingress) -> dict[str, str]:
    """Return how HTTP-01 shall be solved, as annotations of the Certificate."""
    annotations, steering = ingress.metadata.annotations, {}
    if annotations.get(f"{ACME_PREFIX}http01-edit-in-place") == "true":
        steering[f"{ACME_PREFIX}http01-override-ingress-name"] = ingress.metadata.name
        steering[TEMPORARY_CERTIFICATE] = "true"
    for word in ("ingress-class", "ingress-ingressclassname"):
        if text := annotations.get(f"{ACME_PREFIX}http01-{word}"):
            steering[f"{ACME_PREFIX}http01-override-{word}"] = text
    return steering


def _certificate(source: _Source, name: str, hosts: tuple[str, ...]) -> Certificate:
    ingress, wishes = source.ingress, source.wishes
    ips = tuple(host for host in hosts if _is_ip(host))
    fields: dict[str, Any] = {
        "secret_name": name,
        "issuer_ref": source.issuer,
        "dns_names": (*(host for host in hosts if host not in ips), *wishes.dns_names),
        "ip_addresses": (*ips, *wishes.ip_addresses),
        "usages": _USAGES,
        **wishes.fields,
    }
    labels = {key: text for key, text in ingress.metadata.labels.items() if key != _APPLYSET}
    return Certificate(
        metadata=ObjectMeta(
            name=name,
            namespace=ingress.metadata.namespace,
            labels=labels,
            annotations=source.annotations,
            owner_references=(owner_reference(ingress),),
        ),
        spec=CertificateSpec(**fields),
    )


def _is_ip(host: str) -> bool:
    try:
        ip_value(host)
    except PkiError:
        return False
    return True
