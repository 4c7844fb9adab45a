"""All reads of a Certificate's reconcile, once, and which changes wake it."""

from collections.abc import Iterable

from certwright.api.annotations import NEXT_KEY_LABEL
from certwright.api.certificate import Certificate
from certwright.api.issuer import AnyIssuer, ClusterIssuer, Issuer
from certwright.api.kinds import kind_of
from certwright.api.meta import Key, Resource
from certwright.api.request import CertificateRequest
from certwright.api.secret import SecretSummary
from certwright.controllers.indexes import (
    CERTIFICATES_BY_NEXT_KEY,
    CERTIFICATES_BY_SECRET,
    FAILED_CERTIFICATES_BY_ISSUER,
    REQUESTS_BY_OWNER,
    SECRETS_BY_OWNER,
    id_of_issuer,
)
from certwright.controllers.options import Options
from certwright.controllers.references import issuers_using
from certwright.policy.attempt import read_attempt
from certwright.policy.certificate import Seen
from certwright.policy.failure import Backoff
from certwright.policy.issuer import resource_namespace, secret_names
from certwright.runtime.loop import Watch
from certwright.runtime.view import View


def observe_certificate(view: View, key: Key, options: Options) -> Seen | None:
    """Look at a Certificate and all that belongs to it; None where there is nothing to do."""
    certificate = view.get(Certificate, key)
    if certificate is None or certificate.metadata.deleting:
        return None
    target = target_key(certificate)
    uid = certificate.metadata.uid
    issuer = _issuer(view, certificate)
    return Seen(
        certificate=certificate,
        secret=view.get(SecretSummary, target),
        attempts=tuple(
            read_attempt(request)
            for request in view.by(REQUESTS_BY_OWNER, uid)
            if not request.metadata.deleting
        ),
        keys=tuple(
            secret
            for secret in view.by(SECRETS_BY_OWNER, uid)
            if secret.metadata.labels.get(NEXT_KEY_LABEL) == "true" and not secret.metadata.deleting
        ),
        rivals=tuple(
            other
            for other in view.by(CERTIFICATES_BY_SECRET, str(target))
            if other.metadata.uid != uid
        ),
        issuer=issuer,
        credentials=_credentials(view, issuer, options),
        backoff=Backoff(
            minimum=options.request_minimum_backoff, maximum=options.request_maximum_backoff
        ),
        owner_wanted=options.enable_certificate_owner_ref,
    )


def target_key(certificate: Certificate) -> Key:
    """Return where the target Secret is."""
    return Key(certificate.metadata.namespace, certificate.spec.secret_name)


def _issuer(view: View, certificate: Certificate) -> AnyIssuer | None:
    reference = certificate.spec.issuer_ref
    if not reference.is_built_in:
        return None
    if reference.effective_kind == "ClusterIssuer":
        return view.get(ClusterIssuer, Key("", reference.name))
    return view.get(Issuer, Key(certificate.metadata.namespace, reference.name))


def _credentials(
    view: View, issuer: AnyIssuer | None, options: Options
) -> tuple[SecretSummary, ...]:
    if issuer is None:
        return ()
    namespace = resource_namespace(issuer, options.cluster_resource_namespace)
    found = (view.get(SecretSummary, Key(namespace, name)) for name in secret_names(issuer))
    return tuple(secret for secret in found if secret is not None)


def certificate_watches(options: Options) -> tuple[Watch, ...]:
    """Return whose changes wake which Certificates."""

    def of_secret(view: View, secret: SecretSummary) -> Iterable[Key]:
        where = str(secret.key)
        yield from _owner(view, secret)
        for index in (CERTIFICATES_BY_SECRET, CERTIFICATES_BY_NEXT_KEY):
            yield from (one.key for one in view.by(index, where))
        for issuer in issuers_using(view, secret.key, options):
            yield from _failed(view, issuer)

    return (
        Watch(Certificate, _rivals),
        Watch(CertificateRequest, _owner),
        Watch(SecretSummary, of_secret),
        Watch(Issuer, _failed),
        Watch(ClusterIssuer, _failed),
    )


def _owner(_view: View, resource: Resource) -> Iterable[Key]:
    owner, kind = resource.metadata.controller, kind_of(Certificate)
    if owner is not None and (owner.kind, owner.api_version) == (kind.name, kind.api_version):
        yield Key(resource.metadata.namespace, owner.name)


def _rivals(view: View, certificate: Certificate) -> Iterable[Key]:
    same = view.by(CERTIFICATES_BY_SECRET, str(target_key(certificate)))
    return (one.key for one in same if one.key != certificate.key)


def _failed(view: View, issuer: AnyIssuer) -> Iterable[Key]:
    found = view.by(FAILED_CERTIFICATES_BY_ISSUER, id_of_issuer(issuer))
    return (one.key for one in found)
