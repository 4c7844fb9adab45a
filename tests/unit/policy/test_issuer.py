"""Issuers: compat-spec 3.14, 6.1 and rows 61, 65 of its chapter 10."""

import base64
import hashlib

import pytest
from msgspec.structs import replace

from certwright.api.issuer import (
    ACMEIssuerStatus,
    CAIssuer,
    ExternalAccountBinding,
    Issuer,
    IssuerSpec,
    SelfSignedIssuer,
    VaultAuth,
    VaultIssuer,
    VenafiIssuer,
)
from certwright.api.meta import SecretKeySelector
from certwright.api.solver import DNS01, ACMEChallengeSolver, Cloudflare, Route53, ServiceAccountRef
from certwright.api.solver import Route53Auth as Auth
from certwright.api.solver import Route53KubernetesAuth as Kubernetes
from certwright.pki.keys import Algorithm, Encoding, der_of, generate_key
from certwright.policy import issuer as policy
from certwright.policy.issuer import IssuerType
from tests.acme_objects import CA, KEY, an_acme, an_acme_cluster_issuer, an_acme_issuer
from tests.fakes.clock import START

HASH = policy.account_key_hash(KEY)


@pytest.mark.parametrize(
    ("spec", "kind"),
    [
        (IssuerSpec(acme=an_acme()), IssuerType.ACME),
        (IssuerSpec(ca=CAIssuer(secret_name="x")), IssuerType.CA),
        (IssuerSpec(self_signed=SelfSignedIssuer()), IssuerType.SELF_SIGNED),
        (
            IssuerSpec(vault=VaultIssuer(auth=VaultAuth(), server="s", path="p")),
            IssuerType.VAULT,
        ),
        (IssuerSpec(venafi=VenafiIssuer(zone="z")), IssuerType.VENAFI),
        (IssuerSpec(), None),
    ],
)
def test_the_type_is_the_configured_part(spec: IssuerSpec, kind: IssuerType | None) -> None:
    assert policy.issuer_type(spec) == kind


def test_secrets_of_a_cluster_issuer_are_in_the_cluster_resource_namespace() -> None:
    assert policy.resource_namespace(an_acme_issuer(), "cluster") == "default"
    assert policy.resource_namespace(an_acme_cluster_issuer(), "cluster") == "cluster"


def test_an_issuer_depends_on_account_external_account_and_solver_secrets() -> None:
    route53 = Route53(
        secret_access_key_secret_ref=SecretKeySelector(name="aws", key="k"),
        auth=Auth(kubernetes=Kubernetes(service_account_ref=ServiceAccountRef(name="sa"))),
    )
    cloudflare = Cloudflare(api_token_secret_ref=SecretKeySelector(name="cf", key="token"))
    issuer = an_acme_issuer(
        external_account_binding=ExternalAccountBinding(
            key_id="1", key_secret_ref=SecretKeySelector(name="eab", key="k")
        ),
        solvers=(
            ACMEChallengeSolver(dns01=DNS01(cloudflare=cloudflare)),
            ACMEChallengeSolver(dns01=DNS01(route53=route53)),
            ACMEChallengeSolver(dns01=DNS01(cloudflare=cloudflare)),
            ACMEChallengeSolver(),
        ),
    )

    assert policy.secret_names(issuer) == {"account", "eab", "cf", "aws"}
    assert len(policy.solver_selectors(issuer.spec.acme or an_acme())) == 2


def test_a_ca_issuer_depends_on_its_key_pair() -> None:
    issuer = replace(an_acme_issuer(), spec=IssuerSpec(ca=CAIssuer(secret_name="pair")))

    assert policy.secret_names(issuer) == {"pair"}


def test_the_account_key_is_under_tls_key_where_nothing_is_said() -> None:
    named = an_acme(private_key_secret_ref=SecretKeySelector(name="a", key="k"))

    assert policy.account_key_selector(an_acme()).key == "tls.key"
    assert policy.account_key_selector(named).key == "k"


@pytest.mark.parametrize(
    ("server", "v2"),
    [
        (
            "https://acme-v01.api.letsencrypt.org/directory",
            "https://acme-v02.api.letsencrypt.org/directory",
        ),
        (
            "https://acme-staging.api.letsencrypt.org/directory/",
            "https://acme-staging-v02.api.letsencrypt.org/directory",
        ),
        ("https://acme-v02.api.letsencrypt.org/directory", ""),
    ],
)
def test_a_v1_server_is_known(server: str, v2: str) -> None:
    assert policy.v1_endpoint(server) == v2


def test_a_v1_server_is_refused_in_cert_managers_words() -> None:
    message = policy.v1_message("https://acme-v01.api.letsencrypt.org/directory")

    assert message == (
        "Your ACME server URL is set to a v1 endpoint"
        " (https://acme-v01.api.letsencrypt.org/directory). You should update the"
        ' spec.acme.server field to "https://acme-v02.api.letsencrypt.org/directory"'
    )


@pytest.mark.parametrize("algorithm", [Algorithm.RSA, Algorithm.ECDSA])
def test_the_hash_of_a_key_is_that_of_its_pkcs1_der(algorithm: Algorithm) -> None:
    key = generate_key(algorithm)

    digest = hashlib.sha256(der_of(key, Encoding.PKCS1)).digest()

    assert policy.account_key_hash(key) == base64.b64encode(digest).decode()


def registered(**status: str) -> Issuer:
    known = {"uri": f"{CA}/acct/1", "last_registered_email": "ops@example.com"}
    account = ACMEIssuerStatus(**{**known, "last_private_key_hash": HASH, **status})
    issuer = an_acme_issuer()
    return replace(issuer, status=replace(issuer.status, acme=account))


def test_a_settled_account_is_not_registered_again() -> None:
    assert policy.is_registered(registered(), HASH)


@pytest.mark.parametrize(
    "issuer",
    [
        pytest.param(registered(uri=""), id="no account"),
        pytest.param(registered(uri="https://other.example/acct/1"), id="other host"),
        pytest.param(registered(uri="https://[broken/"), id="no URL"),
        pytest.param(registered(last_registered_email="old@example.com"), id="other email"),
        pytest.param(registered(last_private_key_hash="x"), id="other key"),
        pytest.param(replace(registered(), status=an_acme_issuer().status), id="no status"),
        pytest.param(replace(registered(), spec=IssuerSpec()), id="no ACME issuer"),
        pytest.param(
            replace(registered(), status=replace(registered().status, conditions=())),
            id="not ready",
        ),
    ],
)
def test_an_account_is_registered_again_when_it_changed(issuer: Issuer) -> None:
    assert not policy.is_registered(issuer, HASH)


def test_the_contact_is_lower_case_and_may_be_missing() -> None:
    assert policy.contact_of(an_acme(email="Ops@Example.com")) == ("mailto:ops@example.com",)
    assert policy.contact_of(an_acme(email="")) == ()


def test_readiness_keeps_the_account_unless_a_new_one_is_given() -> None:
    issuer = registered()
    account = ACMEIssuerStatus(uri="new")
    kept = policy.Readiness(ready=False, reason="Because")
    new = policy.Readiness(ready=True, reason="Because", account=account)

    assert policy.with_readiness(issuer, kept, START).acme == issuer.status.acme
    assert policy.with_readiness(issuer, new, START).acme == account


def test_the_condition_speaks_of_the_generation_that_was_seen() -> None:
    issuer = an_acme_issuer()
    issuer = replace(issuer, metadata=replace(issuer.metadata, generation=7))

    status = policy.with_readiness(issuer, policy.not_served(IssuerType.VAULT), START)

    assert status.conditions[0].observed_generation == 7
    assert status.conditions[0].reason == "NotServed"
    assert status.conditions[0].status == "False"
