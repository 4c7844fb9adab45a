"""Valid objects of an ACME issuance by default; a test names only what it is about."""

from typing import Any

from msgspec.structs import replace

from certwright.api.issuer import ACMEIssuer, ClusterIssuer, Issuer, IssuerSpec, IssuerStatus
from certwright.api.meta import (
    Condition,
    ConditionStatus,
    IssuerReference,
    ObjectMeta,
    SecretKeySelector,
)
from certwright.api.order import (
    ACMEAuthorization,
    ACMEChallenge,
    Challenge,
    ChallengeStatus,
    Order,
    OrderStatus,
    State,
)
from certwright.api.request import (
    CertificateRequest,
    CertificateRequestSpec,
    CertificateRequestStatus,
)
from certwright.api.solver import (
    DNS01,
    HTTP01,
    RFC2136,
    ACMEChallengeSolver,
    HTTP01Ingress,
    SolverSelector,
)
from certwright.pki.csr import CsrFacts, Names, Request, Subject, build_csr, parse_csr
from certwright.pki.keys import Algorithm, PrivateKey, generate_key
from certwright.policy.order import build_challenge, build_order, wanted_challenge
from certwright.policy.solver import choose_solver

CA = "https://ca.example"
KEY = generate_key(Algorithm.ECDSA)


def a_condition(
    type_: str = "Ready", status: ConditionStatus = ConditionStatus.TRUE, reason: str = "Because"
) -> Condition:
    return Condition(type=type_, status=status, reason=reason)


APPROVED = a_condition("Approved")


def a_csr(*dns: str, key: PrivateKey = KEY, **request: Any) -> bytes:
    names = Names(dns=dns or ("www.example.com",))
    return build_csr(Request(**{"names": names, **request}), key)


def a_request(
    name: str = "web-1",
    *,
    csr: bytes | None = None,
    conditions: tuple[Condition, ...] = (APPROVED,),
    meta: dict[str, Any] | None = None,
    **spec: Any,
) -> CertificateRequest:
    fields: dict[str, Any] = {
        "request": csr if csr is not None else a_csr(),
        "issuer_ref": IssuerReference(name="acme"),
    }
    return CertificateRequest(
        metadata=ObjectMeta(
            **{"namespace": "default", "name": name, "uid": f"uid-{name}", **(meta or {})}
        ),
        spec=CertificateRequestSpec(**{**fields, **spec}),
        status=CertificateRequestStatus(conditions=conditions),
    )


def a_dns_solver(server: str = "ns.example.com", **selector: Any) -> ACMEChallengeSolver:
    return ACMEChallengeSolver(
        dns01=DNS01(rfc2136=RFC2136(nameserver=server)),
        selector=SolverSelector(**selector) if selector else None,
    )


def an_http_solver() -> ACMEChallengeSolver:
    return ACMEChallengeSolver(http01=HTTP01(ingress=HTTP01Ingress()))


def an_acme(**fields: Any) -> ACMEIssuer:
    valid: dict[str, Any] = {
        "server": f"{CA}/directory",
        "private_key_secret_ref": SecretKeySelector(name="account"),
        "email": "ops@example.com",
        "solvers": (a_dns_solver(),),
    }
    return ACMEIssuer(**{**valid, **fields})


def an_acme_issuer(name: str = "acme", *, ready: bool = True, **acme: Any) -> Issuer:
    return Issuer(
        metadata=ObjectMeta(namespace="default", name=name, uid=f"uid-{name}"),
        spec=IssuerSpec(acme=an_acme(**acme)),
        status=IssuerStatus(conditions=(a_condition(),) if ready else ()),
    )


def an_acme_cluster_issuer(name: str = "acme") -> ClusterIssuer:
    return ClusterIssuer(metadata=ObjectMeta(name=name), spec=IssuerSpec(acme=an_acme()))


def an_authorization(
    name: str = "www.example.com",
    *,
    types: tuple[str, ...] = ("dns-01", "http-01"),
    state: State = State.PENDING,
) -> ACMEAuthorization:
    wildcard = name.startswith("*.")
    types = ("dns-01",) if wildcard else types
    return ACMEAuthorization(
        url=f"{CA}/authz/{name}",
        identifier=name.removeprefix("*."),
        wildcard=wildcard,
        initial_state=state,
        challenges=tuple(
            ACMEChallenge(url=f"{CA}/chall/{name}/{kind}", token=f"token-{kind}", type=kind)
            for kind in types
        ),
    )


def an_order(*names: str, request: CertificateRequest | None = None, **status: Any) -> Order:
    """An Order of an approved request for these names, placed at the CA."""
    names = names or ("www.example.com",)
    request = request or a_request(csr=a_csr(*names))
    order = build_order(request, facts_of(request), an_acme())
    placed: dict[str, Any] = {
        "url": f"{CA}/order/1",
        "finalize_url": f"{CA}/order/1/finalize",
        "authorizations": tuple(an_authorization(name) for name in names),
        "state": State.PENDING,
    }
    meta = replace(order.metadata, uid="uid-order")
    return replace(order, metadata=meta, status=OrderStatus(**{**placed, **status}))


def facts_of(request: CertificateRequest) -> CsrFacts:
    return parse_csr(request.spec.request)


def challenges_of(order: Order, **status: Any) -> tuple[Challenge, ...]:
    """The Challenges that an Order wants with the default solver, all in this status."""
    found = []
    for authorization in order.status.authorizations:
        choice = choose_solver(authorization, an_acme().solvers, order.metadata.labels)
        wanted = wanted_challenge(order, authorization, choice)
        challenge = build_challenge(order, replace(wanted.spec, key="answer"), wanted.name)
        meta = replace(challenge.metadata, uid=f"uid-{wanted.name}")
        found.append(replace(challenge, metadata=meta, status=ChallengeStatus(**status)))
    return tuple(found)


def a_challenge(*, meta: dict[str, Any] | None = None, **status: Any) -> Challenge:
    (challenge,) = challenges_of(an_order(), **status)
    return replace(challenge, metadata=replace(challenge.metadata, **(meta or {})))


def a_subject_csr(common_name: str, *dns: str) -> bytes:
    return a_csr(*dns, subject=Subject(common_name=common_name))
