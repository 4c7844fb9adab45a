"""Failed issuances: what is shown, how long the wait is, and what ends it (compat-spec 3.3, 3.6).

The wait differs from cert-manager's on purpose (docs/divergences.md); its own way is a switch.
"""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from certwright.api.certificate import Certificate, CertificateStatus
from certwright.api.conditions import find_condition
from certwright.api.core import Secret
from certwright.api.issuer import Issuer
from certwright.api.meta import Condition, ConditionStatus, IssuerReference, Key
from certwright.api.request import CertificateRequest
from certwright.base.backoff import ISSUANCE
from certwright.base.problem import Cause
from certwright.pki.certificate import Template, self_sign
from certwright.pki.csr import Request, build_csr
from certwright.pki.keys import Algorithm, generate_key
from certwright.pki.names import Names, Subject
from tests.builders import a_certificate, a_cluster_issuer, a_secret, an_issuer
from tests.fakes.clock import START
from tests.harness import Running
from tests.unit.controllers.setting import a_setting

CLASS = "certwright.io/failure-class"
NEXT = "certwright.io/next-attempt"
FAILED = "The certificate request has failed to complete and will be retried: The CA said no"


def issuing(status: CertificateStatus) -> Condition:
    found = find_condition(status.conditions, "Issuing")
    assert found is not None
    return found


async def certificate(world: Running) -> Certificate:
    return await world.get(Certificate, "web")


async def test_a_failure_is_shown_and_the_failed_request_is_kept() -> None:
    async with a_setting(mode="fail") as setting, setting.running() as world:
        await world.create(a_certificate())

        status = (await certificate(world)).status
        warnings = await world.warnings()
        requests = await world.names(CertificateRequest)
        secrets = await world.names(Secret)

    assert (issuing(status).status, issuing(status).reason) == (ConditionStatus.FALSE, "Failed")
    assert issuing(status).message == FAILED
    assert status.last_failure_time == START
    assert status.failed_issuance_attempts == 1
    assert status.next_private_key_secret_name == ""
    assert warnings == [("Failed", FAILED)]
    assert requests == ["web-1"]
    assert secrets == []


@pytest.mark.parametrize("cause", list(Cause))
async def test_the_class_of_the_failure_decides_how_long_the_wait_is(cause: Cause) -> None:
    least = ISSUANCE[cause].first
    async with a_setting(mode="fail") as setting, setting.running() as world:
        setting.signer.failed_annotations = {CLASS: str(cause)}

        await world.create(a_certificate())
        annotations = (await certificate(world)).metadata.annotations
        await world.advance(least - timedelta(seconds=1))
        before = (await certificate(world)).status.failed_issuance_attempts
        await world.advance(least * 0.2 + timedelta(seconds=1))
        after = (await certificate(world)).status.failed_issuance_attempts

    assert annotations[CLASS] == str(cause)
    assert (before, after) == (1, 2)


async def test_a_failure_without_a_class_counts_as_a_refusal() -> None:
    async with a_setting(mode="fail") as setting, setting.running() as world:
        await world.create(a_certificate())

        annotations = (await certificate(world)).metadata.annotations

    assert annotations[CLASS] == "policy"
    assert "2026-01-01T00:05:00Z" <= annotations[NEXT] <= "2026-01-01T00:06:00Z"


async def test_what_the_ca_said_is_shown_on_the_certificate_and_forgotten_on_success() -> None:
    async with a_setting(mode="fail") as setting, setting.running() as world:
        setting.signer.failed_annotations = {
            CLASS: "rate",
            NEXT: "2026-01-01T05:00:00Z",
            "certwright.io/acme-problem": "{}",
            "certwright.io/remedy": "Wait.",
        }
        await world.create(a_certificate())
        failed = await certificate(world)
        setting.signer.mode = "sign"

        await world.advance(timedelta(hours=5) - timedelta(seconds=1))
        waiting = (await certificate(world)).status
        await world.advance(timedelta(seconds=1))
        issued = await certificate(world)

    assert failed.metadata.annotations[NEXT] == "2026-01-01T05:00:00Z"
    assert failed.metadata.annotations["certwright.io/acme-problem"] == "{}"
    assert failed.metadata.annotations["certwright.io/remedy"] == "Wait."
    assert waiting.revision is None
    assert issued.status.revision == 1
    assert issued.status.last_failure_time is None
    assert issued.status.failed_issuance_attempts is None
    assert issued.metadata.annotations == {}


async def test_the_next_attempt_reuses_the_name_of_the_failed_request() -> None:
    async with a_setting(mode="fail") as setting, setting.running() as world:
        await world.create(a_certificate())
        first = await world.get(CertificateRequest, "web-1")

        await world.advance(timedelta(minutes=10))

        second = await world.get(CertificateRequest, "web-1")

    assert second.metadata.uid != first.metadata.uid


async def test_with_a_minimum_the_wait_doubles_from_there_as_in_cert_manager() -> None:
    hour = timedelta(hours=1)
    attempts = []
    async with (
        a_setting(mode="fail", request_minimum_backoff=hour) as setting,
        setting.running() as world,
    ):
        await world.create(a_certificate())
        for wait in (hour, 2 * hour, 4 * hour, 8 * hour, 16 * hour, 32 * hour, 32 * hour):
            await world.advance(wait - timedelta(seconds=1))
            attempts.append((await certificate(world)).status.failed_issuance_attempts)
            await world.advance(timedelta(seconds=1))

        last = (await certificate(world)).status.failed_issuance_attempts

    assert attempts == [1, 2, 3, 4, 5, 6, 7]
    assert last == 8


async def test_a_changed_spec_ends_the_wait_at_once() -> None:
    async with a_setting(mode="fail") as setting, setting.running() as world:
        await world.create(a_certificate())
        setting.signer.mode = "sign"

        await world.patch(Certificate, "web", {"spec": {"dnsNames": ["new.example.com"]}})

        status = (await certificate(world)).status

    assert status.revision == 1


async def test_with_a_minimum_only_a_change_of_the_request_ends_the_wait() -> None:
    async with (
        a_setting(mode="fail", request_minimum_backoff=timedelta(hours=1)) as setting,
        setting.running() as world,
    ):
        await world.create(a_certificate())
        setting.signer.mode = "sign"

        await world.patch(Certificate, "web", {"spec": {"secretTemplate": {"labels": {"a": "b"}}}})
        waiting = (await certificate(world)).status.revision
        await world.patch(Certificate, "web", {"spec": {"dnsNames": ["new.example.com"]}})
        issued = (await certificate(world)).status.revision

    assert (waiting, issued) == (None, 1)


async def test_a_changed_issuer_ends_the_wait_at_once() -> None:
    async with a_setting(mode="fail") as setting, setting.running() as world:
        await world.create(an_issuer())
        await world.create(a_certificate())
        setting.signer.mode = "sign"

        await world.patch(Issuer, "ca", {"spec": {"ca": {"secretName": "another"}}})

        assert (await certificate(world)).status.revision == 1


async def test_changed_credentials_of_the_issuer_end_the_wait_at_once() -> None:
    async with a_setting(mode="fail") as setting, setting.running() as world:
        await world.create(a_secret("ca-key-pair", data={"tls.key": b"old"}))
        await world.create(an_issuer())
        await world.create(a_certificate())
        waiting = (await certificate(world)).status.failed_issuance_attempts
        setting.signer.mode = "sign"

        await world.patch(Secret, "ca-key-pair", {"data": {"tls.key": "bmV3"}})

        assert waiting == 1
        assert (await certificate(world)).status.revision == 1


async def test_an_issuer_that_becomes_ready_ends_the_wait_at_once() -> None:
    ready = {
        "type": "Ready",
        "status": "True",
        "lastTransitionTime": "2026-01-01T00:00:30Z",
    }
    async with a_setting(mode="fail") as setting, setting.running() as world:
        await world.create(an_issuer())
        await world.create(a_certificate())
        setting.signer.mode = "sign"
        await world.advance(timedelta(seconds=30))

        await setting.inner.patch_status(
            Issuer, Key("default", "ca"), {"conditions": [ready]}, manager="user"
        )
        await world.rest()

        assert (await certificate(world)).status.revision == 1


async def test_a_denied_request_with_a_kept_key_fails_again_until_somebody_deletes_it() -> None:
    async with a_setting() as setting, setting.running() as world:
        never = {"privateKey": {"algorithm": "ECDSA", "rotationPolicy": "Never"}}
        await world.create(a_certificate())
        await world.patch(Certificate, "web", {"spec": never})
        setting.signer.mode = "deny"
        await world.patch(Certificate, "web", {"spec": {"dnsNames": ["new.example.com"]}})
        first = await world.get(CertificateRequest, "web-2")
        denied = (await certificate(world)).status

        await world.advance(timedelta(minutes=6))
        second = await world.get(CertificateRequest, "web-2")
        again = (await certificate(world)).status
        setting.signer.mode = "sign"
        await world.delete(CertificateRequest, "web-2")
        await world.advance(timedelta(minutes=12))
        issued = (await certificate(world)).status

    assert (issuing(denied).reason, denied.failed_issuance_attempts) == ("Policy", 1)
    assert second.metadata.uid == first.metadata.uid
    assert again.failed_issuance_attempts == 2
    assert issued.revision == 2


async def test_a_certificate_over_another_key_is_a_failure_of_the_issuer() -> None:
    key = generate_key(Algorithm.ECDSA)
    csr = build_csr(Request(subject=Subject(), names=Names(dns=("www.example.com",))), key)
    foreign = self_sign(Template(csr=csr, not_before=START, duration=timedelta(days=1)), key=key)
    async with a_setting() as setting, setting.running() as world:
        setting.signer.certificate = foreign
        await world.create(a_certificate())

        status = (await certificate(world)).status

    assert issuing(status).reason == "InvalidCertificate"
    assert issuing(status).message.endswith(
        "Issuer returned a certificate with a public key that does not match the CSR. This usually "
        "indicates a misconfigured issuer."
    )


async def test_bytes_that_are_no_certificate_are_a_failure_of_the_issuer() -> None:
    async with a_setting() as setting, setting.running() as world:
        setting.signer.certificate = b"-----BEGIN NONSENSE-----"
        await world.create(a_certificate())

        status = (await certificate(world)).status

    assert issuing(status).reason == "InvalidCertificate"
    assert "Issuer returned an invalid certificate: failed to decode: " in issuing(status).message


async def test_a_failure_that_the_request_does_not_show_waits_like_any_other() -> None:
    async with a_setting() as setting, setting.running() as world:
        await world.create(a_secret("ca-key-pair", data={"tls.key": b"old"}))
        await world.create(an_issuer())
        setting.signer.certificate = b"nonsense"

        await world.create(a_certificate())

        assert (await certificate(world)).status.failed_issuance_attempts == 1


async def test_changed_credentials_of_a_cluster_issuer_end_the_wait_at_once() -> None:
    where = Key("kube-system", "ca-key-pair")
    reference = IssuerReference(name="ca", kind="ClusterIssuer")
    secret = a_secret("ca-key-pair", data={"tls.key": b"old"})
    secret = replace(secret, metadata=replace(secret.metadata, namespace="kube-system"))
    async with a_setting(mode="fail") as setting, setting.running() as world:
        await world.create(secret)
        await world.create(a_cluster_issuer())
        await world.create(a_certificate(issuer_ref=reference))
        setting.signer.mode = "sign"

        await setting.inner.patch(Secret, where, {"data": {"tls.key": "bmV3"}}, manager="user")
        await world.rest()

        assert (await certificate(world)).status.revision == 1
