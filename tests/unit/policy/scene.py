"""The objects of one Certificate's way, put together by hand, and what is said of them."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Self, TypeVar

import msgspec
from msgspec.structs import replace

from certwright.api import annotations as names
from certwright.api.certificate import Certificate, CertificateStatus
from certwright.api.core import Secret
from certwright.api.issuer import ACMEIssuer, AnyIssuer, Issuer, IssuerSpec, IssuerStatus
from certwright.api.kinds import owner_reference
from certwright.api.meta import (
    Condition,
    ConditionStatus,
    Key,
    Resource,
    SecretKeySelector,
)
from certwright.api.order import (
    ACMEAuthorization,
    ACMEChallenge,
    Challenge,
    ChallengeStatus,
    Order,
    OrderSpec,
    OrderStatus,
    State,
)
from certwright.api.request import (
    CertificateRequest,
    CertificateRequestSpec,
    CertificateRequestStatus,
)
from certwright.api.secret import SecretSummary, summarize
from certwright.api.solver import ACMEChallengeSolver
from certwright.pki.certificate import Template, self_sign
from certwright.pki.csr import build_csr
from certwright.pki.keys import Algorithm, encode_key, generate_key
from certwright.policy.csr import csr_request
from certwright.policy.explain import explain
from certwright.policy.explanation import Explanation, Local
from certwright.policy.inventory import Choices, Inventory
from certwright.policy.order import build_challenge, wanted_challenge
from certwright.policy.solver import choose_solver
from tests.builders import a_certificate, metadata
from tests.fakes.clock import START

R = TypeVar("R", bound=Resource)

NOW = START + timedelta(days=10)
KEY = generate_key(Algorithm.ECDSA)


def condition(type_: str, status: str, reason: str, message: str = "") -> Condition:
    return Condition(
        type=type_,
        status=ConditionStatus(status),
        reason=reason,
        message=message,
        last_transition_time=START,
    )


ISSUING = condition("Issuing", "True", "DoesNotExist")


class Scene:
    """What is there; every method adds something and gives it back."""

    def __init__(self, certificate: Certificate | None = None, **choices: Any) -> None:
        self._resources: list[Resource] = []
        self._choices = Choices(**choices)
        self.local = Local()
        self.certificate = self.add(certificate or a_certificate())

    def add(self, resource: R) -> R:
        meta = resource.metadata
        uid = meta.uid or f"{type(resource).__name__}/{meta.namespace}/{meta.name}"
        created = meta.creation_timestamp or START
        resource = replace(resource, metadata=replace(meta, uid=uid, creation_timestamp=created))
        self._resources.append(resource)
        return resource

    def list(self, kind: type[R]) -> Iterable[R]:
        if kind is SecretSummary:
            found: list[Any] = [summarize(r) for r in self._resources if isinstance(r, Secret)]
            return found
        return [one for one in self._resources if isinstance(one, kind)]

    def status(self, **fields: Any) -> None:
        """Give the Certificate a status."""
        self._exchange(replace(self.certificate, status=CertificateStatus(**fields)))

    def annotate(self, **told: str) -> None:
        """Give the Certificate annotations of ours, `failure_class` for `…/failure-class`."""
        self._exchange(replace(self.certificate, metadata=annotated(self.certificate, **told)))

    def _exchange(self, certificate: Certificate) -> None:
        self._resources.remove(self.certificate)
        self.certificate = certificate
        self._resources.append(certificate)

    def issuing(self) -> None:
        self.status(conditions=(ISSUING,), next_private_key_secret_name="web-next")
        self.add(
            Secret(
                metadata=metadata(
                    "web-next",
                    labels={names.NEXT_KEY_LABEL: "true"},
                    owner_references=(owner_reference(self.certificate),),
                ),
                data={"tls.key": encode_key(KEY)},
            )
        )

    def issued(self, *, days: int = 90, owner: str = "") -> Secret:
        """Put a good certificate into the target Secret."""
        spec = self.certificate.spec
        csr = build_csr(csr_request(spec), KEY)
        template = Template(csr=csr, not_before=START, duration=timedelta(days=days))
        told = {
            names.CERTIFICATE_NAME: owner or self.certificate.metadata.name,
            names.ISSUER_NAME: spec.issuer_ref.name,
            names.ISSUER_KIND: spec.issuer_ref.kind,
            names.ISSUER_GROUP: spec.issuer_ref.group,
        }
        return self.add(
            Secret(
                metadata=metadata(spec.secret_name, annotations=told),
                type="kubernetes.io/tls",
                data={"tls.key": encode_key(KEY), "tls.crt": self_sign(template, key=KEY)},
            )
        )

    def request(self, *conditions: Condition, **status: Any) -> CertificateRequest:
        spec = self.certificate.spec
        told = {
            names.CERTIFICATE_REVISION: "1",
            names.PRIVATE_KEY_SECRET: "web-next",
        }
        owner = owner_reference(self.certificate)
        return self.add(
            CertificateRequest(
                metadata=metadata("web-1", annotations=told, owner_references=(owner,)),
                spec=CertificateRequestSpec(
                    request=build_csr(csr_request(spec), KEY),
                    issuer_ref=spec.issuer_ref,
                    usages=spec.usages,
                    is_ca=spec.is_ca,
                ),
                status=CertificateRequestStatus(conditions=conditions, **status),
            )
        )

    def issuer(self, issuer: AnyIssuer, *conditions: Condition) -> AnyIssuer:
        return self.add(replace(issuer, status=IssuerStatus(conditions=conditions)))

    def order(self, request: CertificateRequest, **status: Any) -> Order:
        spec = self.certificate.spec
        owner = owner_reference(request)
        return self.add(
            Order(
                metadata=metadata("web-1-1", owner_references=(owner,)),
                spec=OrderSpec(
                    request=request.spec.request,
                    issuer_ref=spec.issuer_ref,
                    dns_names=spec.dns_names,
                    common_name=spec.common_name,
                ),
                status=OrderStatus(**status),
            )
        )

    def challenge(self, order: Order, solver: ACMEChallengeSolver, **status: Any) -> Challenge:
        authorization = order.status.authorizations[0]
        choice = choose_solver(authorization, (solver,), {})
        wanted = wanted_challenge(order, authorization, choice)
        made = build_challenge(order, wanted.spec, wanted.name)
        return self.add(replace(made, status=ChallengeStatus(**status)))

    def exchange(self, before: Resource, after: Resource) -> None:
        """Put one thing in another's place."""
        self._resources.remove(before)
        self._resources.append(after)

    def without(self, kind: type[Resource]) -> Self:
        """Take all of a kind away."""
        self._resources = [one for one in self._resources if not isinstance(one, kind)]
        return self

    def only_secrets(self, *wanted: str) -> Self:
        """Take all other Secrets away."""
        self._resources = [
            one
            for one in self._resources
            if not isinstance(one, Secret) or one.metadata.name in wanted
        ]
        return self

    def why(self, now: datetime = NOW, name: str = "web") -> Explanation:
        inventory = Inventory(self, self._choices, local=lambda _: self.local)
        chain = inventory.chain(Key("default", name))
        assert chain is not None
        return explain(chain, now)

    def tell(self, resource: R, **told: str) -> R:
        """Put annotations of ours on what is there."""
        self._resources.remove(resource)
        return self.add(replace(resource, metadata=annotated(resource, **told)))


def annotated(resource: Resource, **told: str) -> Any:
    ours = {f"certwright.io/{word.replace('_', '-')}": text for word, text in told.items()}
    meta = resource.metadata
    return replace(meta, annotations={**meta.annotations, **ours})


def a_solver(**fields: Any) -> ACMEChallengeSolver:
    provider = {"nameserver": "192.0.2.1:53", "tsigKeyName": "key"}
    dns01 = {"rfc2136": {**provider, "tsigSecretSecretRef": {"name": "tsig", "key": "secret"}}}
    return msgspec.convert({"dns01": dns01, **fields}, type=ACMEChallengeSolver)


def http_solver(**fields: Any) -> ACMEChallengeSolver:
    return msgspec.convert({"http01": {"ingress": {}}, **fields}, type=ACMEChallengeSolver)


def an_acme_issuer(*solvers: ACMEChallengeSolver, name: str = "ca") -> Issuer:
    return Issuer(
        metadata=metadata(name),
        spec=IssuerSpec(
            acme=ACMEIssuer(
                server="https://acme.example.com/directory",
                private_key_secret_ref=SecretKeySelector(name="account"),
                solvers=solvers or (a_solver(),),
            )
        ),
    )


def an_authorization(name: str, *, wildcard: bool = False) -> ACMEAuthorization:
    offers = ["dns-01"] if wildcard else ["dns-01", "http-01"]
    return ACMEAuthorization(
        url=f"https://acme.example.com/authz/{name}",
        identifier=name,
        wildcard=wildcard,
        initial_state=State.PENDING,
        challenges=tuple(
            ACMEChallenge(url=f"https://acme.example.com/{one}", token="token", type=one)
            for one in offers
        ),
    )
