"""Faults of issuers, and of the Secrets and solvers that they name."""

from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from certwright.api.core import TLS_CERT, TLS_KEY, Secret
from certwright.api.issuer import CAIssuer, ClusterIssuer, Issuer, IssuerSpec
from certwright.api.kinds import decode, encode, to_wire
from certwright.api.meta import (
    IssuerReference,
    ObjectMeta,
    SecretKeySelector,
)
from certwright.api.solver import (
    DNS01,
    ACMEChallengeSolver,
    Cloudflare,
    SolverSelector,
)
from certwright.pki.certificate import KeyPair, Template, self_sign
from certwright.pki.csr import Names, Request, Subject, build_csr
from certwright.pki.keys import Algorithm, encode_key, generate_key
from tests.builders import a_ca
from tests.faults.row import Prepare, Row
from tests.faults.rows_dns import TSIG_SECRET, fresh, stale
from tests.faults.stage import Stage
from tests.proof.world import ACME, CA, CLUSTER

WEB_NAME = "Certificate default/web"
ACME_ISSUER = "ClusterIssuer acme"
REQUEST = "CertificateRequest default/web-1"
BY_CA = IssuerReference(name=CA, kind="ClusterIssuer")


def by_ca(**spec: Any) -> Prepare:
    def prepare(stage: Stage) -> None:
        stage.with_web(issuer_ref=BY_CA, **spec)

    return prepare


def both(*prepares: Prepare) -> Prepare:
    def prepare(stage: Stage) -> None:
        for one in prepares:
            one(stage)

    return prepare


# Secrets of issuers


def without(name: str) -> Prepare:
    def prepare(stage: Stage) -> None:
        stage.without(f"Secret {CLUSTER}/{name}")

    return prepare


async def ca_pair(stage: Stage) -> None:
    await put_pair(stage, a_ca())


async def new_pair(stage: Stage) -> None:
    """Do what the remedy says."""
    await ca_pair(stage)
    await stage.renew()


async def put_pair(stage: Stage, pair: KeyPair) -> None:
    await stage.put(
        Secret(
            metadata=ObjectMeta(namespace=CLUSTER, name="ca-key-pair"),
            data={TLS_CERT: pair.certificate, TLS_KEY: encode_key(pair.key)},
        )
    )


def with_pair(certificate: bytes, key: bytes) -> Prepare:
    def prepare(stage: Stage) -> None:
        name = f"Secret {CLUSTER}/ca-key-pair"
        stage.resources[name] = replace(
            stage.resources[name], data={TLS_CERT: certificate, TLS_KEY: key}
        )

    return prepare


def leaf_pair(stage: Stage) -> None:
    key = generate_key(Algorithm.ECDSA)
    csr = build_csr(Request(names=Names(dns=("leaf.example.test",))), key)
    template = Template(csr=csr, not_before=stage.world.clock.now(), duration=timedelta(days=90))
    with_pair(self_sign(template, key=key), encode_key(key))(stage)


def expired_pair(stage: Stage) -> None:
    key = generate_key(Algorithm.ECDSA)
    csr = build_csr(Request(subject=Subject(common_name="Old CA"), is_ca=True), key)
    template = Template(
        csr=csr,
        not_before=stage.world.clock.now() - timedelta(days=10),
        duration=timedelta(days=9),
        is_ca=True,
    )
    with_pair(self_sign(template, key=key), encode_key(key))(stage)


def other_key(stage: Stage) -> None:
    with_pair(a_ca().certificate, encode_key(generate_key(Algorithm.ECDSA)))(stage)


async def tsig(stage: Stage) -> None:

    await stage.put_secret("tsig", secret=TSIG_SECRET)


async def bad_tsig(stage: Stage) -> None:
    await stage.put_secret("tsig", secret=b"not base64!")


async def tsig_gone(stage: Stage) -> None:
    await stage.delete(Secret, "tsig")


async def bad_account_key(stage: Stage) -> None:
    await stage.put_secret("account", tls__key=b"-----BEGIN nothing")


def bad_account_first(stage: Stage) -> None:
    stage.resources["account"] = Secret(
        metadata=ObjectMeta(namespace=CLUSTER, name="account"), data={"tls.key": b"no key"}
    )


async def good_account(stage: Stage) -> None:
    await stage.put_secret("account", tls__key=encode_key(generate_key(Algorithm.ECDSA)))


def no_generation(stage: Stage) -> None:
    stage.with_acme(disable_account_key_generation=True)


def cloudflare(token: bytes | None) -> Prepare:
    def prepare(stage: Stage) -> None:
        provider = Cloudflare(
            api_token_secret_ref=SecretKeySelector(name="cloudflare", key="token")
        )
        stage.with_acme(solvers=(ACMEChallengeSolver(dns01=DNS01(cloudflare=provider)),))
        if token is not None:
            stage.resources["cf"] = Secret(
                metadata=ObjectMeta(namespace=CLUSTER, name="cloudflare"), data={"token": token}
            )

    return prepare


async def rfc2136_solver(stage: Stage) -> None:
    await stage.edit_acme(solvers=[to_wire(Stage(stage.world).solver())])


# issuers


def typo(stage: Stage) -> None:
    stage.with_web(issuer_ref=IssuerReference(name="acmee", kind="ClusterIssuer"))


def wrong_kind(stage: Stage) -> None:
    stage.with_web(issuer_ref=IssuerReference(name=ACME))


async def right_issuer(stage: Stage) -> None:
    await stage.edit_web(issuerRef={"name": ACME, "kind": "ClusterIssuer"})


def other_namespace(stage: Stage) -> None:
    stage.resources["other"] = Issuer(
        metadata=ObjectMeta(namespace="shop", name="shop-ca"),
        spec=IssuerSpec(ca=CAIssuer(secret_name="x")),
    )
    stage.with_web(issuer_ref=IssuerReference(name="shop-ca"))


def foreign_group(stage: Stage) -> None:
    stage.with_web(
        issuer_ref=IssuerReference(name="pca", kind="AWSPCAIssuer", group="awspca.cert-manager.io")
    )


async def own_group(stage: Stage) -> None:
    await stage.edit_web(issuerRef={"name": ACME, "kind": "ClusterIssuer", "group": None})


def vault(stage: Stage) -> None:

    wire = to_wire(
        ClusterIssuer(
            metadata=ObjectMeta(name="vault"), spec=IssuerSpec(ca=CAIssuer(secret_name="x"))
        )
    )
    wire["spec"] = {
        "vault": {
            "server": "https://vault.example.test",
            "path": "pki/sign/web",
            "auth": {"tokenSecretRef": {"name": "t"}},
        }
    }
    stage.resources["vault"] = decode(wire, ClusterIssuer)
    stage.with_web(issuer_ref=IssuerReference(name="vault", kind="ClusterIssuer"))


async def issuer_goes(stage: Stage) -> None:
    await stage.delete(ClusterIssuer, ACME, "")


async def slow_proof(stage: Stage) -> None:

    await stale(stage)


async def delete_in_the_middle(stage: Stage) -> None:
    await stage.world.clock.sleep(timedelta(seconds=2))
    await issuer_goes(stage)


async def issuer_comes_back(stage: Stage) -> None:

    await fresh(stage)
    await stage.put(Stage(stage.world).resources["ClusterIssuer acme"])


def no_match(stage: Stage) -> None:
    stage.with_acme(
        solvers=(replace(stage.solver(), selector=SolverSelector(dns_zones=("example.org",))),)
    )


def http_only(stage: Stage) -> None:

    issuer = stage.resources["ClusterIssuer acme"]
    wire = encode(issuer)
    wire["spec"]["acme"]["solvers"] = [{"http01": {"ingress": {"ingressClassName": "nginx"}}}]
    stage.resources["ClusterIssuer acme"] = decode(wire, ClusterIssuer)


def no_solvers(stage: Stage) -> None:
    stage.with_acme(solvers=())


ROWS = (
    Row(
        name="tsig-missing",
        fault="The Secret of the TSIG key is not there",
        prepare=without("tsig"),
        mend=tsig,
        culprit="Secret kube-system/tsig",
        reason="InvalidSolver",
        says='secret "tsig" not found',
        remedy="Secrets",
    ),
    Row(
        name="tsig-deleted",
        fault="The Secret of the TSIG key was deleted",
        strike=tsig_gone,
        mend=tsig,
        culprit="Secret kube-system/tsig",
        reason="InvalidSolver",
        says='secret "tsig" not found',
        remedy="Secrets",
    ),
    Row(
        name="tsig-malformed",
        fault="The TSIG secret is not base64",
        strike=bad_tsig,
        mend=tsig,
        culprit="Secret kube-system/tsig",
        reason="SecretInvalidData",
        says="not base64",
        remedy="Secret kube-system/tsig",
        next=True,
    ),
    Row(
        name="account-key-malformed",
        fault="The Secret of the account key holds no key",
        prepare=bad_account_first,
        mend=good_account,
        culprit="Secret kube-system/account",
        reason="ErrVerifyACMEAccount",
        says="private key is invalid",
        remedy="Secret kube-system/account",
    ),
    Row(
        name="account-key-spoilt",
        fault="The account key was overwritten",
        strike=bad_account_key,
        mend=good_account,
        culprit="Secret kube-system/account",
        reason="ErrVerifyACMEAccount",
        says="private key is invalid",
        remedy="Secret kube-system/account",
    ),
    Row(
        name="account-key-missing",
        fault="The account key is not there, and must not be made",
        prepare=no_generation,
        mend=good_account,
        culprit="Secret kube-system/account",
        reason="ErrVerifyACMEAccount",
        says="not found",
        remedy="Secret kube-system/account",
    ),
    Row(
        name="ca-secret-missing",
        fault="The Secret of the CA's key pair is not there",
        prepare=both(without("ca-key-pair"), by_ca()),
        mend=ca_pair,
        culprit="Secret kube-system/ca-key-pair",
        reason="ErrGetKeyPair",
        says="not found",
        remedy="Secret kube-system/ca-key-pair",
    ),
    Row(
        name="ca-secret-malformed",
        fault="The Secret of the CA's key pair holds something else",
        prepare=both(with_pair(b"no", b"no"), by_ca()),
        mend=ca_pair,
        culprit="Secret kube-system/ca-key-pair",
        reason="ErrGetKeyPair",
        says="",
        remedy="Secret kube-system/ca-key-pair",
    ),
    Row(
        name="ca-is-no-ca",
        fault="The CA's certificate is not that of a CA",
        prepare=both(leaf_pair, by_ca()),
        mend=ca_pair,
        culprit="Secret kube-system/ca-key-pair",
        reason="ErrInvalidKeyPair",
        says="not a CA",
        remedy="CA:TRUE",
    ),
    Row(
        name="ca-key-of-another",
        fault="The CA's key does not belong to its certificate",
        prepare=both(other_key, by_ca()),
        mend=ca_pair,
        culprit="Secret kube-system/ca-key-pair",
        reason="ErrGetKeyPair",
        says="",
        remedy="Secret kube-system/ca-key-pair",
    ),
    Row(
        name="ca-expired",
        fault="The CA's certificate has expired",
        prepare=both(expired_pair, by_ca()),
        mend=new_pair,
        culprit="Secret kube-system/ca-key-pair",
        reason="SignerExpired",
        says="expired",
        remedy="Secret kube-system/ca-key-pair",
    ),
    Row(
        name="cloudflare-missing",
        fault="The Secret of the Cloudflare token is not there",
        prepare=cloudflare(None),
        mend=rfc2136_solver,
        culprit="Secret kube-system/cloudflare",
        reason="InvalidSolver",
        says='secret "cloudflare" not found',
        remedy="Secrets",
    ),
    Row(
        name="cloudflare-malformed",
        fault="The Cloudflare token is no token",
        prepare=cloudflare(b"two\nlines"),
        mend=rfc2136_solver,
        culprit="Secret kube-system/cloudflare",
        reason="SecretInvalidData",
        says="one line of visible ASCII",
        remedy="Secret kube-system/cloudflare",
        next=True,
    ),
    Row(
        name="issuer-typo",
        fault="The issuer's name is misspelt",
        prepare=typo,
        mend=right_issuer,
        culprit="ClusterIssuer acmee",
        reason="IssuerNotFound",
        says="does not exist",
        remedy="Did you mean ClusterIssuer acme",
    ),
    Row(
        name="issuer-kind",
        fault="A ClusterIssuer is meant, an Issuer is named",
        prepare=wrong_kind,
        mend=right_issuer,
        culprit="Issuer default/acme",
        reason="IssuerNotFound",
        says="does not exist",
        remedy="Set spec.issuerRef.kind to ClusterIssuer",
    ),
    Row(
        name="issuer-elsewhere",
        fault="The Issuer is in another namespace",
        prepare=other_namespace,
        mend=right_issuer,
        culprit="Issuer default/shop-ca",
        reason="IssuerNotFound",
        says="does not exist",
        remedy="own namespace only",
    ),
    Row(
        name="issuer-foreign",
        fault="The issuer is of a program that does not run",
        prepare=foreign_group,
        mend=own_group,
        culprit="AWSPCAIssuer default/pca",
        reason="Pending",
        says="awspca.cert-manager.io has not answered",
        remedy="runs",
    ),
    Row(
        name="issuer-vault",
        fault="The issuer's type is not served",
        prepare=vault,
        mend=right_issuer,
        culprit="ClusterIssuer vault",
        reason="NotServed",
        says="[Vv]ault",
        remedy="acme, ca and selfSigned",
    ),
    Row(
        name="issuer-deleted",
        fault="The issuer was deleted while an issuance was under way",
        strike=slow_proof,
        during=delete_in_the_middle,
        mend=issuer_comes_back,
        culprit="ClusterIssuer acme",
        reason="IssuerNotFound",
        says="does not exist",
        remedy="Create ClusterIssuer acme",
    ),
    Row(
        name="no-selector",
        fault="No solver's selector matches the name",
        prepare=no_match,
        mend=rfc2136_solver,
        culprit=ACME_ISSUER,
        reason="Solver",
        says="dnsZones",
        remedy="solver",
    ),
    Row(
        name="http01-only",
        fault="The issuer's only solver is HTTP-01, which is not served",
        prepare=http_only,
        mend=rfc2136_solver,
        culprit=ACME_ISSUER,
        reason="NotServed",
        says="HTTP-01",
        remedy="DNS-01 solver",
    ),
    Row(
        name="no-solvers",
        fault="The issuer has no solvers",
        prepare=no_solvers,
        mend=rfc2136_solver,
        culprit=ACME_ISSUER,
        reason="Solver",
        says="no solvers",
        remedy="DNS-01 solver",
    ),
)
