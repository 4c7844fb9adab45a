"""CertificateRequests of CA and SelfSigned issuers: compat-spec 3.12-3.14, 9.6, rows 36-42, 63."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from certwright.api.annotations import FAILURE_CLASS, PRIVATE_KEY_SECRET
from certwright.api.core import Secret
from certwright.api.issuer import (
    CAIssuer,
    ClusterIssuer,
    Issuer,
    IssuerSpec,
    SelfSignedIssuer,
    VaultAuth,
    VaultIssuer,
)
from certwright.api.meta import IssuerReference, ObjectMeta
from certwright.api.request import CertificateRequest
from certwright.pki.certificate import certificate_facts
from certwright.pki.csr import Subject
from certwright.pki.keys import Algorithm, encode_key, generate_key
from tests.acme_objects import KEY, a_condition, a_csr, a_request
from tests.builders import a_ca
from tests.fakes.clock import START
from tests.unit.controllers.acme_setting import (
    Scene,
    a_scene,
    condition_of,
    set_condition,
)

PAIR = a_ca()
CA_SECRET = Secret(
    metadata=ObjectMeta(namespace="default", name="pair"),
    data={"tls.crt": PAIR.certificate, "tls.key": encode_key(PAIR.key)},
)
CA = Issuer(
    metadata=ObjectMeta(namespace="default", name="ca"),
    spec=IssuerSpec(ca=CAIssuer(secret_name="pair")),
)
SELF = Issuer(
    metadata=ObjectMeta(namespace="default", name="self"),
    spec=IssuerSpec(self_signed=SelfSignedIssuer()),
)
VAULT = Issuer(
    metadata=ObjectMeta(namespace="default", name="vault"),
    spec=IssuerSpec(vault=VaultIssuer(auth=VaultAuth(), server="https://v", path="pki/sign/x")),
)
OWN_KEY = Secret(
    metadata=ObjectMeta(namespace="default", name="key"), data={"tls.key": encode_key(KEY)}
)


def a_new(issuer: str, **fields: Any) -> CertificateRequest:
    request = a_request(
        conditions=(), issuer_ref=fields.pop("reference", IssuerReference(name=issuer)), **fields
    )
    return replace(request, metadata=replace(request.metadata, uid=""))


def of_own_key(key: str = "key", **fields: Any) -> CertificateRequest:
    return a_new("self", meta={"annotations": {PRIVATE_KEY_SECRET: key}}, **fields)


async def asked(scene: Scene, request: CertificateRequest) -> CertificateRequest:
    await scene.world.create(request)
    return await scene.request()


# CA


async def test_a_ca_signs_in_two_writes_and_two_events() -> None:
    async with a_scene(resources=(CA_SECRET, CA)) as scene:
        scene.store.writes.clear()
        before = await scene.reasons()
        request = await asked(scene, a_new("ca"))
        writes = [(verb, manager) for verb, _, _, manager in scene.store.writes]
        reasons = await scene.reasons()

    assert condition_of(request) == (
        "True",
        "Issued",
        "Certificate fetched from issuer successfully",
    )
    assert writes == [
        ("status", "cert-manager-certificaterequests-approver"),
        ("status", "cert-manager-certificaterequests-issuer-ca"),
    ]
    assert reasons[len(before) :] == ["cert-manager.io", "CertificateIssued"]
    assert request.status.ca == PAIR.certificate


async def test_the_lifetime_is_90_days_or_what_was_asked_for_even_beyond_the_cas() -> None:
    async with a_scene(resources=(CA_SECRET, CA)) as scene:
        default = await asked(scene, a_new("ca"))
        await scene.world.create(a_new("ca", name="long", duration="876000h"))
        long = await scene.request("long")

    assert certificate_facts(default.status.certificate).not_before == START
    assert certificate_facts(default.status.certificate).not_after == START + timedelta(days=90)
    assert certificate_facts(long.status.certificate).not_after == START + timedelta(hours=876000)


async def test_a_request_waits_until_its_issuer_is_ready() -> None:
    async with a_scene(resources=(CA,)) as scene:
        waiting = await asked(scene, a_new("ca"))
        await scene.world.create(CA_SECRET)
        request = await scene.request()
        reasons = await scene.reasons()

    assert condition_of(waiting) == (
        "False",
        "Pending",
        "Referenced issuer does not have a Ready status condition",
    )
    assert waiting.status.failure_time is None
    assert reasons.count("IssuerNotReady") == 1
    assert condition_of(request)[1] == "Issued"


async def test_a_request_waits_until_its_issuer_is_there() -> None:
    async with a_scene(resources=(CA_SECRET,)) as scene:
        waiting = await asked(scene, a_new("ca"))
        await scene.world.create(CA)
        request = await scene.request()

    assert condition_of(waiting)[2] == (
        'Referenced "Issuer" not found: issuer.cert-manager.io "ca" not found'
    )
    assert condition_of(request)[1] == "Issued"


async def test_a_cluster_issuers_ca_is_in_the_cluster_resource_namespace() -> None:
    secret = replace(CA_SECRET, metadata=ObjectMeta(namespace="cluster", name="pair"))
    issuer = ClusterIssuer(metadata=ObjectMeta(name="ca"), spec=CA.spec)
    reference = IssuerReference(name="ca", kind="ClusterIssuer")
    async with a_scene(resources=(secret, issuer), cluster_resource_namespace="cluster") as scene:
        request = await asked(scene, a_new("ca", reference=reference))

    assert condition_of(request)[1] == "Issued"


async def test_usages_that_the_csr_contradicts_fail_for_good() -> None:
    csr = a_csr(usages=("server auth",))
    async with a_scene(resources=(CA_SECRET, CA)) as scene:
        request = await asked(scene, a_new("ca", csr=csr, usages=("client auth",)))
        warnings = await scene.world.warnings()

    status, reason, message = condition_of(request)
    assert (status, reason) == ("False", "Failed")
    assert message.startswith("Error generating certificate template: ")
    assert request.status.failure_time == START
    assert warnings == [("SigningError", message)]
    assert request.metadata.annotations[FAILURE_CLASS] == "policy"


async def test_a_ca_that_may_not_sign_breaks_the_chain() -> None:
    weak = a_ca("Other")
    data = {**CA_SECRET.data, "ca.crt": weak.certificate}
    async with a_scene(resources=(replace(CA_SECRET, data=data), CA)) as scene:
        request = await asked(scene, a_new("ca"))

    assert condition_of(request)[1:] == (
        "Failed",
        (
            "Error signing certificate: certificate chain is malformed or broken:"
            " 2 certificates issued none of the others"
        ),
    )


# CA issuers


async def issuer_of(*resources: Any) -> tuple[tuple[str, str, str], list[tuple[str, str]]]:
    async with a_scene(resources=resources) as scene:
        return condition_of(await scene.issuer("ca")), await scene.world.events()


async def test_a_ca_issuer_with_its_key_pair_is_ready_with_an_event() -> None:
    condition, events = await issuer_of(CA_SECRET, CA)

    assert condition == ("True", "KeyPairVerified", "Signing CA verified")
    assert set(events) == {("KeyPairVerified", "Signing CA verified")}


LEAF_KEY = generate_key(Algorithm.ECDSA)


@pytest.mark.parametrize(
    ("data", "reason", "text"),
    [
        (None, "ErrGetKeyPair", 'secret "pair" not found'),
        ({"tls.key": b"x"}, "ErrGetKeyPair", "no data for tls.crt"),
        ({"tls.crt": PAIR.certificate}, "ErrGetKeyPair", "no data for tls.key"),
        (
            {"tls.crt": PAIR.certificate, "tls.key": encode_key(LEAF_KEY)},
            "ErrGetKeyPair",
            "is not the key of its tls.crt",
        ),
        ({"tls.crt": b"x", "tls.key": b"y"}, "ErrGetKeyPair", "no PEM block"),
    ],
)
async def test_a_ca_issuer_without_a_usable_key_pair_is_not_ready(
    data: dict[str, bytes] | None, reason: str, text: str
) -> None:
    secrets = () if data is None else (replace(CA_SECRET, data=data),)

    (status, found, message), events = await issuer_of(*secrets, CA)

    assert (status, found) == ("False", reason)
    assert message.startswith("Error getting keypair for CA issuer: ")
    assert text in message
    assert (reason, message) in events


async def test_a_leaf_is_no_ca() -> None:
    async with a_scene(resources=(CA_SECRET, CA)) as scene:
        request = await asked(scene, a_new("ca", csr=a_csr(key=LEAF_KEY)))
        leaf = {"tls.crt": request.status.certificate, "tls.key": encode_key(LEAF_KEY)}

    (status, reason, message), _ = await issuer_of(replace(CA_SECRET, data=leaf), CA)

    assert (status, reason) == ("False", "ErrInvalidKeyPair")
    assert message == "Error getting keypair for CA issuer: certificate is not a CA"


# Other types


async def test_a_self_signed_issuer_is_ready_at_once() -> None:
    async with a_scene(resources=(SELF,)) as scene:
        assert condition_of(await scene.issuer("self")) == ("True", "IsReady", "")


async def test_a_type_that_is_not_served_says_so_and_its_requests_wait() -> None:
    async with a_scene(resources=(VAULT,)) as scene:
        issuer = await scene.issuer("vault")
        request = await asked(scene, a_new("vault"))

    assert condition_of(issuer)[:2] == ("False", "NotServed")
    assert condition_of(request)[:2] == ("False", "Pending")


async def test_an_issuer_of_two_types_is_not_ready_and_its_requests_wait() -> None:
    both = replace(CA, spec=replace(CA.spec, self_signed=SelfSignedIssuer()))
    async with a_scene(resources=(both,)) as scene:
        issuer = await scene.issuer("ca")
        request = await asked(scene, a_new("ca"))

    assert condition_of(issuer)[:2] == ("False", "InvalidConfig")
    assert condition_of(request) == ("False", "Pending", "Missing issuer type")


# SelfSigned


async def test_a_certificate_is_signed_by_its_own_key() -> None:
    async with a_scene(resources=(OWN_KEY, SELF)) as scene:
        request = await asked(scene, of_own_key(csr=a_csr(subject=Subject(common_name="me"))))
        warnings = await scene.world.warnings()

    assert condition_of(request)[1] == "Issued"
    assert request.status.ca == request.status.certificate
    assert certificate_facts(request.status.certificate).issuer_common_name == "me"
    assert warnings == []


async def test_an_empty_subject_is_signed_with_a_warning() -> None:
    async with a_scene(resources=(OWN_KEY, SELF)) as scene:
        request = await asked(scene, of_own_key())
        warnings = await scene.world.warnings()

    assert condition_of(request)[1] == "Issued"
    assert [reason for reason, _ in warnings] == ["BadConfig"]


async def test_a_key_that_is_not_there_is_waited_for() -> None:
    async with a_scene(resources=(SELF,)) as scene:
        waiting = await asked(scene, of_own_key())
        reasons = await scene.reasons()
        await scene.world.create(OWN_KEY)
        request = await scene.request()

    assert condition_of(waiting)[:2] == ("False", "Pending")
    assert "MissingSecret" in reasons
    assert condition_of(request)[1] == "Issued"


@pytest.mark.parametrize(
    ("request_", "secret", "reason", "event"),
    [
        (a_new("self"), OWN_KEY, "Failed", "MissingAnnotation"),
        (of_own_key(), replace(OWN_KEY, data={"tls.key": b"x"}), "Pending", "ErrorParsingKey"),
        (
            of_own_key(),
            replace(OWN_KEY, data={"tls.key": encode_key(LEAF_KEY)}),
            "Failed",
            "ErrorKeyMatch",
        ),
        (of_own_key(csr=a_csr(usages=("any",))), OWN_KEY, "Failed", "ErrorGenerating"),
        (of_own_key(csr=b"x"), OWN_KEY, "Failed", "ErrorGenerating"),
    ],
)
async def test_each_failure_of_self_signing_has_its_word(
    request_: CertificateRequest, secret: Secret, reason: str, event: str
) -> None:
    async with a_scene(resources=(secret, SELF)) as scene:
        request = await asked(scene, request_)
        reasons = await scene.reasons()

    assert condition_of(request)[:2] == ("False", reason)
    assert event in reasons


# Approval


async def test_every_request_is_approved_in_cert_managers_words() -> None:
    foreign = IssuerReference(name="x", kind="Y", group="example.com")
    async with a_scene(resources=()) as scene:
        request = await asked(scene, a_new("x", reference=foreign))

    assert condition_of(request, "Approved") == (
        "True",
        "cert-manager.io",
        "Certificate request has been approved by cert-manager.io",
    )
    assert condition_of(request) == ("", "", "")


async def test_without_the_approver_a_request_waits_and_says_so() -> None:
    async with a_scene(resources=(CA_SECRET, CA), approve=False) as scene:
        request = await asked(scene, a_new("ca"))
        events = await scene.world.events()
        await set_condition(scene, a_condition("Approved"))
        approved = await scene.request()

    assert request.status.conditions == ()
    assert ("WaitingForApproval", "Not signing CertificateRequest until it is Approved") in events
    assert condition_of(approved)[1] == "Issued"


async def test_a_denied_request_is_settled_without_an_event() -> None:
    async with a_scene(resources=(CA_SECRET, CA), approve=False) as scene:
        await asked(scene, a_new("ca"))
        before = await scene.reasons()
        await set_condition(scene, a_condition("Denied"))
        request = await scene.request()
        after = await scene.reasons()

    assert condition_of(request) == (
        "False",
        "Denied",
        "The CertificateRequest was denied by an approval controller",
    )
    assert request.status.failure_time == START
    assert after == before


# ACME's own checks


@pytest.mark.parametrize(
    ("csr", "event"),
    [
        (b"no CSR", "RequestParsingError"),
        (a_csr("a.example.com", subject=Subject(common_name="b.example.com")), "InvalidOrder"),
    ],
)
async def test_a_csr_that_cannot_be_ordered_fails(csr: bytes, event: str) -> None:
    async with a_scene() as scene:
        request = await asked(scene, a_new("acme", csr=csr))
        reasons = await scene.reasons()

    assert condition_of(request)[1] == "Failed"
    assert event in reasons
    assert scene.ca.orders == {}


async def test_an_order_of_an_older_request_by_that_name_is_waited_out() -> None:
    async with a_scene() as scene:
        scene.dns.visible = False
        await scene.ask("example.com")
        order = await scene.order()
        bare = replace(
            order,
            metadata=ObjectMeta(namespace="default", name=order.metadata.name),
        )
        await scene.world.delete(CertificateRequest, "web-1")
        await scene.wait(2)
        await scene.world.create(bare)
        await scene.ask("example.com")
        waiting = await scene.request()
        await scene.world.delete(type(order), order.metadata.name)
        scene.dns.visible = True
        await scene.wait(30)
        request = await scene.request()

    assert "not owned by this CertificateRequest, retrying" in condition_of(waiting)[2]
    assert condition_of(request)[1] == "Issued"
