"""Every question that reconciles ask of the cache, as an index (their cost never grows)."""

from collections.abc import Iterable

from certwright.api.annotations import PRIVATE_KEY_SECRET
from certwright.api.certificate import Certificate
from certwright.api.issuer import AnyIssuer, ClusterIssuer, Issuer
from certwright.api.meta import IssuerReference, Key, Resource
from certwright.api.order import Challenge, Order
from certwright.api.request import CertificateRequest
from certwright.api.secret import SecretSummary
from certwright.policy.issuer import secret_names
from certwright.runtime.cache import Index


def _owner(resource: Resource) -> Iterable[str]:
    controller = resource.metadata.controller
    return () if controller is None else (controller.uid,)


def issuer_id(reference: IssuerReference, namespace: str) -> str:
    """Name the issuer that a reference from `namespace` means, across kinds."""
    kind = reference.effective_kind
    where = "" if kind == "ClusterIssuer" else namespace
    return f"{reference.effective_group}/{kind}/{where}/{reference.name}"


def id_of_issuer(issuer: AnyIssuer) -> str:
    """Return the same for the issuer itself."""
    kind = "Issuer" if isinstance(issuer, Issuer) else "ClusterIssuer"
    return f"cert-manager.io/{kind}/{issuer.metadata.namespace}/{issuer.metadata.name}"


def _issuer(resource: Certificate | CertificateRequest | Order | Challenge) -> Iterable[str]:
    return (issuer_id(resource.spec.issuer_ref, resource.metadata.namespace),)


def _target(certificate: Certificate) -> Iterable[str]:
    return (str(Key(certificate.metadata.namespace, certificate.spec.secret_name)),)


def _next_key(certificate: Certificate) -> Iterable[str]:
    name = certificate.status.next_private_key_secret_name
    return (str(Key(certificate.metadata.namespace, name)),) if name else ()


def _failed_issuer(certificate: Certificate) -> Iterable[str]:
    return _issuer(certificate) if certificate.status.last_failure_time is not None else ()


def _key_secret(request: CertificateRequest) -> Iterable[str]:
    name = request.metadata.annotations.get(PRIVATE_KEY_SECRET)
    return (str(Key(request.metadata.namespace, name)),) if name else ()


def _secrets(issuer: Issuer) -> Iterable[str]:
    return (str(Key(issuer.metadata.namespace, name)) for name in secret_names(issuer))


CERTIFICATES_BY_SECRET = Index("target Secret", Certificate, _target)
CERTIFICATES_BY_NEXT_KEY = Index("next private key", Certificate, _next_key)
CERTIFICATES_BY_OWNER = Index("owner", Certificate, _owner)
CERTIFICATES_BY_ISSUER = Index("issuer", Certificate, _issuer)
FAILED_CERTIFICATES_BY_ISSUER = Index("failed, by issuer", Certificate, _failed_issuer)
REQUESTS_BY_OWNER = Index("owner", CertificateRequest, _owner)
REQUESTS_BY_ISSUER = Index("issuer", CertificateRequest, _issuer)
ORDERS_BY_OWNER = Index("owner", Order, _owner)
ORDERS_BY_ISSUER = Index("issuer", Order, _issuer)
CHALLENGES_BY_OWNER = Index("owner", Challenge, _owner)
CHALLENGES_BY_ISSUER = Index("issuer", Challenge, _issuer)
SECRETS_BY_OWNER = Index("owner", SecretSummary, _owner)
REQUESTS_BY_KEY_SECRET = Index("private key Secret", CertificateRequest, _key_secret)
ISSUERS_BY_SECRET = Index("Secret", Issuer, _secrets)
CLUSTER_ISSUERS_BY_SECRET = Index("Secret", ClusterIssuer, secret_names)
"""By name alone: which namespace is meant, is the operator's choice (`Options`)."""

INDEXES = (
    CERTIFICATES_BY_SECRET,
    CERTIFICATES_BY_NEXT_KEY,
    CERTIFICATES_BY_OWNER,
    CERTIFICATES_BY_ISSUER,
    FAILED_CERTIFICATES_BY_ISSUER,
    REQUESTS_BY_OWNER,
    REQUESTS_BY_ISSUER,
    ORDERS_BY_OWNER,
    ORDERS_BY_ISSUER,
    CHALLENGES_BY_OWNER,
    CHALLENGES_BY_ISSUER,
    SECRETS_BY_OWNER,
    REQUESTS_BY_KEY_SECRET,
    ISSUERS_BY_SECRET,
    CLUSTER_ISSUERS_BY_SECRET,
)
