"""What of cert-manager's API is not served yet, told object by object."""

from typing import Any

import pytest

from certwright.api.certificate import Certificate
from certwright.api.issuer import ClusterIssuer
from certwright.api.kinds import decode
from certwright.policy.served import (
    DNS_PROVIDERS,
    unserved_certificate,
    unserved_issuer,
    unserved_parts,
)
from certwright.solvers.providers import PROVIDERS

RFC2136 = {"dns01": {"rfc2136": {"nameserver": "127.0.0.1"}}}
HTTP01: dict[str, Any] = {"http01": {"ingress": {}}}
ROUTE53 = {"dns01": {"route53": {"region": "eu-west-1"}}}


def issuer(**spec: Any) -> ClusterIssuer:
    return decode({"metadata": {"name": "a"}, "spec": spec}, ClusterIssuer)


def acme(*solvers: dict[str, Any]) -> ClusterIssuer:
    fields = {"server": "https://a.test/", "privateKeySecretRef": {"name": "a"}}
    return issuer(acme={**fields, "solvers": list(solvers)})


def test_the_providers_that_are_served_are_those_there_are() -> None:
    assert frozenset(PROVIDERS) == DNS_PROVIDERS


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (issuer(selfSigned={}), ""),
        (issuer(ca={"secretName": "a"}), ""),
        (issuer(vault={"server": "https://v.test", "path": "a", "auth": {}}), "vault"),
        (acme(RFC2136), ""),
        (acme(), ""),
        (acme(HTTP01), "HTTP-01"),
        (acme(ROUTE53), "route53"),
        (acme(HTTP01, RFC2136), ""),
        (acme(HTTP01, ROUTE53), "HTTP-01 is not served yet; the DNS01 provider route53"),
    ],
)
def test_an_issuer_is_unserved_when_nothing_of_it_can_work(found: ClusterIssuer, why: str) -> None:
    told = unserved_issuer(found)

    assert why.lower() in told.lower()
    assert bool(told) == bool(why)


def test_a_part_of_an_issuer_is_named_by_its_place() -> None:
    assert list(unserved_parts(acme(RFC2136, HTTP01))) == [
        "spec.acme.solvers[1]: HTTP-01 is not served yet"
    ]


@pytest.mark.parametrize(("create", "why"), [(True, "keystores are not served yet"), (False, "")])
def test_a_certificate_with_a_keystore_is_unserved(*, create: bool, why: str) -> None:
    store = {"create": create, "passwordSecretRef": {"name": "p"}}
    spec = {"secretName": "a", "issuerRef": {"name": "a"}, "keystores": {"jks": store}}
    certificate = decode({"metadata": {"name": "a"}, "spec": spec}, Certificate)

    assert unserved_certificate(certificate) == why
