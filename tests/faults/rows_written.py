"""Faults of Certificates and Ingresses, and requests that nobody lets pass."""

from datetime import timedelta

from msgspec.structs import replace

from certwright.api.certificate import (
    Certificate,
    KeyAlgorithm,
    PrivateKeySpec,
    RotationPolicy,
)
from certwright.api.conditions import with_condition
from certwright.api.core import TLS_CERT, TLS_KEY, Ingress, IngressSpec, IngressTLS, Secret
from certwright.api.kinds import decode, encode, to_wire
from certwright.api.meta import (
    Condition,
    ConditionStatus,
    Key,
    ObjectMeta,
)
from certwright.api.request import (
    APPROVED,
    DENIED,
    CertificateRequest,
    CertificateRequestSpec,
)
from certwright.controllers.options import Options
from certwright.pki.csr import Names, Request, build_csr
from certwright.pki.keys import Algorithm, encode_key, generate_key
from tests.builders import an_ingress
from tests.faults.row import Prepare, Row
from tests.faults.rows_issuers import BY_CA, both, by_ca
from tests.faults.stage import Stage, a_web
from tests.proof.world import CA

ISSUER = "cert-manager.io/issuer"
CLUSTER_ISSUER = "cert-manager.io/cluster-issuer"
DURATION = "cert-manager.io/duration"
WEB_NAME = "Certificate default/web"
ACME_ISSUER = "ClusterIssuer acme"
REQUEST = "CertificateRequest default/web-1"


# Certificates


async def second(stage: Stage) -> None:
    await stage.put(a_web("first", secret_name="web-tls", issuer_ref=BY_CA))
    await stage.world.clock.sleep(timedelta(seconds=2))


async def own_secret(stage: Stage) -> None:
    await stage.edit_web(secretName="web-own-tls")


def keystore(stage: Stage) -> None:

    wire = encode(a_web(issuer_ref=BY_CA))
    wire["spec"]["keystores"] = {
        "pkcs12": {"create": True, "passwordSecretRef": {"name": "p", "key": "k"}}
    }
    stage.certificates = [decode(wire, Certificate)]


async def no_keystore(stage: Stage) -> None:
    await stage.edit_web(keystores=None)


def kept_key(stage: Stage) -> None:
    stage.resources["kept"] = Secret(
        metadata=ObjectMeta(namespace="default", name="web-tls"),
        type="kubernetes.io/tls",
        data={TLS_KEY: encode_key(generate_key(Algorithm.RSA)), TLS_CERT: b""},
    )
    stage.with_web(
        issuer_ref=BY_CA,
        private_key=PrivateKeySpec(
            algorithm=KeyAlgorithm.ECDSA, rotation_policy=RotationPolicy.NEVER
        ),
    )


async def rotate(stage: Stage) -> None:
    await stage.edit_web(privateKey={"rotationPolicy": "Always"})


def window(stage: Stage) -> None:

    wire = encode(a_web(issuer_ref=BY_CA))
    wire["spec"]["renewal"] = {"windows": [{"cron": "0 3 30 2 *", "windowDuration": "1h"}]}
    stage.certificates = [decode(wire, Certificate)]


async def no_window(stage: Stage) -> None:
    await stage.edit_web(renewal=None)


def cn_only(stage: Stage) -> None:
    stage.with_web(common_name="other.example.test")


async def cn_too(stage: Stage) -> None:
    await stage.edit_web(dnsNames=["www.example.test", "other.example.test"])


async def namesake(stage: Stage) -> None:
    csr = build_csr(Request(names=Names(dns=("x.example.test",))), generate_key(Algorithm.ECDSA))
    spec = CertificateRequestSpec(request=csr, issuer_ref=BY_CA)
    metadata = ObjectMeta(namespace="default", name="web-1")
    await stage.put(CertificateRequest(metadata=metadata, spec=spec))


async def namesake_gone(stage: Stage) -> None:
    await stage.delete(CertificateRequest, "web-1", "default")


def never_renewed(stage: Stage) -> None:
    wire = encode(a_web(issuer_ref=BY_CA, duration="1h", renew_before="5m"))
    wire["spec"]["renewal"] = {"policy": "Disabled"}
    stage.certificates = [decode(wire, Certificate)]


async def time_passes(stage: Stage) -> None:
    await stage.world.clock.sleep(timedelta(hours=2))


async def renewed(stage: Stage) -> None:
    await stage.edit_web(renewal={"policy": "RenewBefore"})


# approval


def no_approver(stage: Stage) -> None:
    stage.world.options = Options(approve=False)


async def decide(stage: Stage, type_: str, reason: str, message: str) -> None:
    request = await stage.app.store.get(CertificateRequest, Key("default", "web-1"))
    condition = Condition(type=type_, status=ConditionStatus.TRUE, reason=reason, message=message)
    wanted = replace(
        request.status,
        conditions=with_condition(request.status.conditions, condition, stage.world.clock.now()),
    )
    await stage.app.store.patch_status(
        CertificateRequest,
        request.key,
        {"conditions": to_wire(wanted)["conditions"]},
        manager="user",
    )


async def deny(stage: Stage) -> None:
    await stage.world.clock.sleep(timedelta(seconds=1))
    await decide(stage, DENIED, "Policy", "the name belongs to another team")


async def approve(stage: Stage) -> None:
    await stage.world.clock.sleep(timedelta(seconds=1))
    await decide(stage, APPROVED, "Policy", "fine")


async def asked_again(stage: Stage) -> None:
    await stage.renew()
    await approve(stage)


# Ingresses


def ingress(annotations: dict[str, str], tls: tuple[IngressTLS, ...] | None = None) -> Prepare:
    def prepare(stage: Stage) -> None:
        site = an_ingress(
            "site", hosts=("www.example.test",), secret="web", annotations=annotations
        )
        if tls is not None:
            site = replace(site, spec=IngressSpec(tls=tls))
        stage.certificates = [site]
        stage.about = "ingress/site"

    return prepare


async def annotate(stage: Stage, annotations: dict[str, str | None]) -> None:
    await stage.app.store.patch(
        Ingress, Key("default", "site"), {"metadata": {"annotations": annotations}}, manager="user"
    )


async def one_annotation(stage: Stage) -> None:
    await annotate(stage, {ISSUER: None})


async def right_annotation(stage: Stage) -> None:
    await annotate(stage, {CLUSTER_ISSUER: CA})


async def hosts(stage: Stage) -> None:
    await stage.edit(
        Ingress, "site", {"tls": [{"hosts": ["www.example.test"], "secretName": "web"}]}, "default"
    )


async def duration(stage: Stage) -> None:
    await annotate(stage, {DURATION: "2160h"})


ROWS = (
    Row(
        name="shared-secret",
        fault="Two Certificates name one Secret",
        strike=second,
        mend=own_secret,
        culprit="Certificate default/first",
        reason="IncorrectCertificate",
        says="also the target of Certificate default/first",
        remedy="secretName of its own",
        next=True,
    ),
    Row(
        name="keystore",
        fault="A keystore is asked for, which is not served",
        prepare=keystore,
        mend=no_keystore,
        culprit=WEB_NAME,
        reason="NotServed",
        says="keystore",
        remedy="PEM",
        next=True,
    ),
    Row(
        name="kept-key",
        fault="The key must be kept (Never), and does not fit the spec",
        prepare=kept_key,
        mend=rotate,
        culprit="Secret default/web-tls",
        reason="CannotRegenerateKey",
        says="rotationPolicy Never",
        remedy="rotationPolicy to Always",
    ),
    Row(
        name="window",
        fault="No renewal window ever opens",
        prepare=window,
        mend=no_window,
        culprit=WEB_NAME,
        reason="WindowError",
        says="window",
        remedy="renewal.windows",
        next=True,
    ),
    Row(
        name="cn-not-in-sans",
        fault="The common name is none of the names (ACME)",
        prepare=cn_only,
        mend=cn_too,
        culprit=REQUEST,
        reason="InvalidOrder",
        says="other.example.test|[Cc]ommon [Nn]ame",
        remedy="dnsNames",
        next=True,
    ),
    Row(
        name="renewal-off",
        fault="Renewal is switched off, and the certificate has expired",
        prepare=never_renewed,
        during=time_passes,
        mend=renewed,
        culprit="Secret default/web-tls",
        reason="Expired",
        says="expired",
        remedy="spec.renewal.policy",
    ),
    Row(
        name="request-of-somebody",
        fault="Somebody else's CertificateRequest has the name that ours needs",
        prepare=by_ca(),
        strike=namesake,
        mend=namesake_gone,
        culprit=REQUEST,
        reason="RequestFailed",
        says="somebody else's",
        remedy="Delete the CertificateRequest",
    ),
    Row(
        name="no-approver",
        fault="The built-in approver is off, and nobody approves",
        prepare=both(no_approver, by_ca()),
        mend=approve,
        culprit=REQUEST,
        reason="WaitingForApproval",
        says="waits for somebody to approve",
        remedy="Approve",
    ),
    Row(
        name="denied",
        fault="The request was denied",
        prepare=both(no_approver, by_ca()),
        during=deny,
        mend=asked_again,
        culprit=REQUEST,
        reason="Policy",
        says="another team",
        remedy="certwright renew web",
        next=True,
    ),
    Row(
        name="ingress-two-issuers",
        fault="An Ingress names an Issuer and a ClusterIssuer",
        prepare=ingress({ISSUER: CA, CLUSTER_ISSUER: CA}),
        mend=one_annotation,
        culprit="Ingress default/site",
        reason="BadConfig",
        says="bad annotations",
        remedy="exactly one",
    ),
    Row(
        name="ingress-no-hosts",
        fault="An Ingress' TLS entry has no hosts",
        prepare=ingress({CLUSTER_ISSUER: CA}, (IngressTLS(secret_name="web"),)),
        mend=hosts,
        culprit="Ingress default/site",
        reason="BadConfig",
        says="hosts",
        remedy="its hosts",
    ),
    Row(
        name="ingress-no-secret",
        fault="An Ingress' TLS entry has no secretName",
        prepare=ingress({CLUSTER_ISSUER: CA}, (IngressTLS(hosts=("www.example.test",)),)),
        mend=hosts,
        culprit="Ingress default/site",
        reason="BadConfig",
        says="secret",
        remedy="secretName",
    ),
    Row(
        name="ingress-misspelt",
        fault="An Ingress' annotation is misspelt",
        prepare=ingress({"cert-manger.io/cluster-issuer": CA}),
        mend=right_annotation,
        culprit="Ingress default/site",
        reason="MissingAnnotation",
        says="no annotation names an issuer",
        remedy="misspelt",
    ),
    Row(
        name="ingress-bad-duration",
        fault="An Ingress' annotation cannot be read",
        prepare=ingress({CLUSTER_ISSUER: CA, DURATION: "90d"}),
        mend=duration,
        culprit="Ingress default/site",
        reason="BadConfig",
        says="duration",
        remedy="annotation",
    ),
)
