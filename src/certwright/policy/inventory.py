"""Finds all that an explanation looks at, out of plain listings.

`status` and `why` list the store once; the lab and the dashboard hand in their live view. Whoever
reconciles looks through indexes instead (`controllers.certificate.observe`): this here costs as
much as there is, once, and then nothing per object.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Protocol, TypeVar

from msgspec import Struct

from certwright.api.annotations import NEXT_KEY_LABEL
from certwright.api.certificate import Certificate
from certwright.api.core import Ingress
from certwright.api.issuer import AnyIssuer, ClusterIssuer, Issuer
from certwright.api.meta import IssuerReference, Key, Resource
from certwright.api.order import Challenge, Order
from certwright.api.request import CertificateRequest
from certwright.api.secret import SecretSummary
from certwright.policy.attempt import read_attempt
from certwright.policy.certificate import Seen
from certwright.policy.explanation import Chain, IngressChain, Link, Local, named
from certwright.policy.failure import Backoff
from certwright.policy.issuer import resource_namespace, secret_names
from certwright.policy.naming import request_name

R = TypeVar("R", bound=Resource)


class Choices(Struct, frozen=True, kw_only=True):
    """What the operator chose, as far as it decides; the names are the flags'."""

    cluster_resource_namespace: str = "kube-system"
    enable_certificate_owner_ref: bool = False
    approve: bool = True
    backoff: Backoff = Backoff()
    evidence_limit: timedelta = timedelta(seconds=120)


class Lister(Protocol):
    """Whoever can list resources; Secrets as summaries."""

    def list(self, kind: type[R]) -> Iterable[R]:
        """Return all of a kind."""


class Inventory:
    """All resources of a moment, by the questions that an explanation asks."""

    def __init__(
        self,
        lister: Lister,
        choices: Choices | None = None,
        local: Callable[[Certificate], Local] = lambda _: Local(),
    ) -> None:
        self._choices = choices or Choices()
        self._local = local
        self.certificates = _by_key(lister.list(Certificate))
        self.ingresses = _by_key(lister.list(Ingress))
        self.issuers: Mapping[Key, Issuer] = _by_key(lister.list(Issuer))
        self.cluster_issuers: Mapping[Key, ClusterIssuer] = _by_key(lister.list(ClusterIssuer))
        self._secrets = _by_key(lister.list(SecretSummary))
        self._named_requests = _by_key(lister.list(CertificateRequest))
        self._requests = _by_owner(self._named_requests.values())
        self._orders = _by_owner(lister.list(Order))
        self._challenges = _by_owner(lister.list(Challenge))
        self._keys = _by_owner(
            secret
            for secret in self._secrets.values()
            if secret.metadata.labels.get(NEXT_KEY_LABEL) == "true"
        )
        self._targeting = defaultdict[Key, list[Certificate]](list)
        for certificate in self.certificates.values():
            self._targeting[target_key(certificate)].append(certificate)

    def chain(self, key: Key) -> Chain | None:
        """Return a Certificate and all on its way; None where it is not there."""
        certificate = self.certificates.get(key)
        if certificate is None:
            return None
        issuer = self._issuer(certificate.spec.issuer_ref, key.namespace)
        where = ""
        if issuer is not None:
            where = resource_namespace(issuer, self._choices.cluster_resource_namespace)
        secrets = self._secrets_of(issuer, where)
        seen = self._seen(certificate, issuer, secrets)
        return Chain(
            seen=seen,
            links=self._links(seen),
            issuer=issuer,
            issuers=tuple(
                named(one) for one in (*self.issuers.values(), *self.cluster_issuers.values())
            ),
            namesake=self._namesake(seen),
            issuer_namespace=where,
            secrets=secrets,
            approves=self._choices.approve,
            evidence_limit=self._choices.evidence_limit,
            local=self._local(certificate),
        )

    def ingress_chain(self, key: Key) -> IngressChain | None:
        """Return an Ingress and the chains of its Certificates; None where it is not there."""
        ingress = self.ingresses.get(key)
        if ingress is None:
            return None
        wanted = dict.fromkeys(entry.secret_name for entry in ingress.spec.tls)
        chains = (self.chain(Key(key.namespace, name)) for name in wanted)
        return IngressChain(
            ingress=ingress, chains=tuple(chain for chain in chains if chain is not None)
        )

    def _seen(
        self,
        certificate: Certificate,
        issuer: AnyIssuer | None,
        credentials: tuple[SecretSummary, ...],
    ) -> Seen:
        uid, target = certificate.metadata.uid, target_key(certificate)
        return Seen(
            certificate=certificate,
            secret=self._secrets.get(target),
            attempts=tuple(map(read_attempt, _staying(self._requests.get(uid, ())))),
            keys=tuple(_staying(self._keys.get(uid, ()))),
            rivals=tuple(one for one in self._targeting[target] if one.metadata.uid != uid),
            issuer=issuer,
            credentials=credentials,
            backoff=self._choices.backoff,
            owner_wanted=self._choices.enable_certificate_owner_ref,
        )

    def _namesake(self, seen: Seen) -> CertificateRequest | None:
        """Return the request of somebody else that has the name of the one that comes next."""
        about = seen.certificate.metadata
        name = request_name(about.name, seen.next_revision)
        found = self._named_requests.get(Key(about.namespace, name))
        owner = found.metadata.controller if found is not None else None
        return None if owner is not None and owner.uid == about.uid else found

    def _links(self, seen: Seen) -> tuple[Link, ...]:
        links = []
        for attempt in sorted(seen.attempts, key=lambda one: one.revision or 0, reverse=True):
            orders = list(_staying(self._orders.get(attempt.request.metadata.uid, ())))
            order = orders[0] if orders else None
            challenges = self._challenges.get(order.metadata.uid, ()) if order is not None else ()
            links.append(Link(attempt=attempt, order=order, challenges=tuple(challenges)))
        return tuple(links)

    def _issuer(self, reference: IssuerReference, namespace: str) -> AnyIssuer | None:
        if not reference.is_built_in:
            return None
        match reference.effective_kind:
            case "Issuer":
                return self.issuers.get(Key(namespace, reference.name))
            case "ClusterIssuer":
                return self.cluster_issuers.get(Key("", reference.name))
            case _:
                return None

    def _secrets_of(self, issuer: AnyIssuer | None, namespace: str) -> tuple[SecretSummary, ...]:
        if issuer is None:
            return ()
        found = (self._secrets.get(Key(namespace, name)) for name in sorted(secret_names(issuer)))
        return tuple(secret for secret in found if secret is not None)


def target_key(certificate: Certificate) -> Key:
    """Return where the target Secret of a Certificate is."""
    return Key(certificate.metadata.namespace, certificate.spec.secret_name)


def _by_key(resources: Iterable[R]) -> dict[Key, R]:
    return {resource.key: resource for resource in resources}


def _by_owner(resources: Iterable[R]) -> dict[str, list[R]]:
    found: dict[str, list[R]] = {}
    for resource in resources:
        owner = resource.metadata.controller
        if owner is not None:
            found.setdefault(owner.uid, []).append(resource)
    return found


def _staying(resources: Iterable[R]) -> Iterable[R]:
    return (resource for resource in resources if not resource.metadata.deleting)
