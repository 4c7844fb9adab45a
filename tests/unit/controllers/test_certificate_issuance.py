"""A Certificate under a CA issuer, from wish to Secret and on (compat-spec 9.6)."""

from datetime import timedelta

from certwright.api.certificate import Certificate
from certwright.api.conditions import find_condition
from certwright.api.core import Secret
from certwright.api.meta import ConditionStatus
from certwright.api.request import CertificateRequest
from certwright.pki.certificate import certificate_facts
from tests.builders import a_certificate, metadata
from tests.fakes.clock import START
from tests.unit.controllers.setting import a_setting

TRIGGER = "cert-manager-certificates-trigger"
ISSUING = "cert-manager-certificates-issuing"
DOES_NOT_EXIST = "Issuing certificate as Secret does not exist"
ISSUED = ("Issuing", "The certificate has been successfully issued")
APPROVED = "Certificate request has been approved by cert-manager.io"


async def test_a_certificate_is_issued_by_eight_writes_and_six_events() -> None:
    async with a_setting() as setting, setting.running() as world:
        await world.create(a_certificate())

        (key_secret,) = [w[2] for w in setting.store.writes if w[:2] == ("create", "Secret")]
        assert setting.store.writes == [
            ("status", "Certificate", "web", TRIGGER),
            ("create", "Secret", key_secret, "cert-manager-certificates-key-manager"),
            (
                "create",
                "CertificateRequest",
                "web-1",
                "cert-manager-certificates-request-manager",
            ),
            (
                "status",
                "CertificateRequest",
                "web-1",
                "cert-manager-certificaterequests-approver",
            ),
            (
                "status",
                "CertificateRequest",
                "web-1",
                "cert-manager-certificaterequests-issuer-ca",
            ),
            ("apply", "Secret", "web-tls", ISSUING),
            ("status", "Certificate", "web", ISSUING),
            ("delete", "Secret", key_secret, ""),
        ]
        assert await world.events() == [
            ("Issuing", DOES_NOT_EXIST),
            ("Generated", f'Stored new private key in temporary Secret resource "{key_secret}"'),
            ("Requested", 'Created new CertificateRequest resource "web-1"'),
            ("cert-manager.io", APPROVED),
            ("CertificateIssued", "Certificate fetched from issuer successfully"),
            ISSUED,
        ]


async def test_all_of_the_status_is_true_when_the_certificate_is_issued() -> None:
    async with a_setting() as setting, setting.running() as world:
        await world.create(a_certificate())

        status = (await world.get(Certificate, "web")).status

    (ready,) = status.conditions
    assert (ready.type, ready.status, ready.reason) == ("Ready", "True", "Ready")
    assert ready.message == "Certificate is up to date and has not expired"
    assert ready.observed_generation == 1
    assert (status.revision, status.next_private_key_secret_name) == (1, "")
    assert status.not_before == START
    assert status.not_after == START + timedelta(days=90)
    assert status.renewal_time == START + timedelta(days=60)
    assert status.failed_issuance_attempts is None
    assert status.last_failure_time is None


async def test_issuing_and_not_ready_are_shown_while_the_issuer_takes_its_time() -> None:
    async with a_setting(mode="pend") as setting, setting.running() as world:
        await world.create(a_certificate())

        status = (await world.get(Certificate, "web")).status
        issuing = find_condition(status.conditions, "Issuing")
        ready = find_condition(status.conditions, "Ready")
        (temporary,) = await world.names(Secret)

    assert issuing is not None
    assert (issuing.status, issuing.reason, issuing.message) == (
        ConditionStatus.TRUE,
        "DoesNotExist",
        DOES_NOT_EXIST,
    )
    assert ready is not None
    assert (ready.status, ready.reason) == (ConditionStatus.FALSE, "DoesNotExist")
    assert status.next_private_key_secret_name == temporary
    assert temporary.startswith("web-")
    assert len(temporary) == len("web-") + 5


async def test_the_temporary_secret_is_marked_owned_and_pkcs8() -> None:
    async with a_setting(mode="pend") as setting, setting.running() as world:
        created = await world.create(a_certificate())

        (name,) = await world.names(Secret)
        secret = await world.get(Secret, name)

    assert secret.type == "Opaque"
    assert dict(secret.metadata.labels) == {
        "cert-manager.io/next-private-key": "true",
        "controller.cert-manager.io/fao": "true",
    }
    (owner,) = secret.metadata.owner_references
    assert (owner.kind, owner.name, owner.uid) == ("Certificate", "web", created.metadata.uid)
    assert owner.controller
    assert owner.block_owner_deletion
    assert secret.data["tls.key"].startswith(b"-----BEGIN PRIVATE KEY-----")


async def test_the_request_carries_the_certificates_wishes_undefaulted() -> None:
    certificate = a_certificate(
        duration="90m",
        meta={
            "labels": {"team": "blue"},
            "annotations": {
                "example.com/note": "yes",
                "kubectl.kubernetes.io/last-applied-configuration": "{}",
                "certwright.io/remedy": "of an earlier failure",
            },
        },
    )
    async with a_setting(mode="pend") as setting, setting.running() as world:
        created = await world.create(certificate)

        request = await world.get(CertificateRequest, "web-1")
        status = (await world.get(Certificate, "web")).status

    assert request.spec.issuer_ref == certificate.spec.issuer_ref
    assert request.spec.issuer_ref.kind == ""
    assert request.spec.duration == "1h30m0s"
    assert request.spec.usages == ()
    assert request.metadata.labels == {"team": "blue"}
    assert request.metadata.annotations == {
        "example.com/note": "yes",
        "cert-manager.io/certificate-name": "web",
        "cert-manager.io/certificate-revision": "1",
        "cert-manager.io/private-key-secret-name": status.next_private_key_secret_name,
    }
    assert request.metadata.controller is not None
    assert request.metadata.controller.uid == created.metadata.uid


async def test_the_target_secret_is_applied_by_the_issuing_manager() -> None:
    async with a_setting() as setting, setting.running() as world:
        await world.create(a_certificate(meta={"labels": {"team": "blue"}}))

        secret = await world.get(Secret, "web-tls")
        request = await world.get(CertificateRequest, "web-1")

    assert secret.type == "kubernetes.io/tls"
    assert secret.data["tls.crt"] == request.status.certificate
    assert secret.data["ca.crt"] == setting.signer.ca.certificate
    assert secret.data["tls.key"].startswith(b"-----BEGIN EC PRIVATE KEY-----")
    assert dict(secret.metadata.labels) == {"controller.cert-manager.io/fao": "true"}
    assert dict(secret.metadata.annotations) == {
        "cert-manager.io/alt-names": "www.example.com",
        "cert-manager.io/certificate-name": "web",
        "cert-manager.io/common-name": "",
        "cert-manager.io/ip-sans": "",
        "cert-manager.io/issuer-group": "",
        "cert-manager.io/issuer-kind": "",
        "cert-manager.io/issuer-name": "ca",
        "cert-manager.io/uri-sans": "",
    }
    assert secret.metadata.owner_references == ()
    assert [(one.manager, one.operation) for one in secret.metadata.managed_fields] == [
        (ISSUING, "Apply")
    ]


async def test_a_certificate_is_renewed_at_two_thirds_of_its_life() -> None:
    async with a_setting() as setting, setting.running() as world:
        await world.create(a_certificate())
        first = await world.get(Secret, "web-tls")
        setting.store.writes.clear()
        before = len(await world.events())

        await world.advance(timedelta(days=60) - timedelta(seconds=1))
        quiet = list(setting.store.writes)
        await world.advance(timedelta(seconds=1))

        status = (await world.get(Certificate, "web")).status
        second = await world.get(Secret, "web-tls")
        requests = await world.names(CertificateRequest)
        events = (await world.events())[-6:]

    assert quiet == []
    assert before == 6
    assert events[0] == (
        "Issuing",
        "Renewing certificate as renewal was scheduled at 2026-03-02 00:00:00 +0000 UTC",
    )
    assert events[-1] == ISSUED
    assert len(setting.store.writes) == 9
    assert status.revision == 2
    assert status.renewal_time == START + timedelta(days=120)
    assert requests == ["web-2"]
    assert second.data["tls.key"] != first.data["tls.key"]


async def test_ready_stays_true_while_a_renewal_is_under_way() -> None:
    async with a_setting() as setting, setting.running() as world:
        await world.create(a_certificate())
        setting.signer.mode = "pend"

        await world.advance(timedelta(days=60))

        status = (await world.get(Certificate, "web")).status
        requests = await world.names(CertificateRequest)

    assert [(one.type, one.status, one.reason) for one in status.conditions] == [
        ("Ready", "True", "Ready"),
        ("Issuing", "True", "Renewing"),
    ]
    assert requests == ["web-2"]  # the current one is pruned as soon as the next one exists


async def test_a_certificate_turns_unready_at_the_moment_it_expires() -> None:
    async with a_setting() as setting, setting.running() as world:
        await world.create(a_certificate())
        setting.signer.mode = "pend"
        await world.advance(timedelta(days=60))

        await world.advance(timedelta(days=30))
        at_the_end = (await world.get(Certificate, "web")).status
        await world.advance(timedelta(seconds=1))
        after = (await world.get(Certificate, "web")).status

    assert [one.reason for one in at_the_end.conditions if one.type == "Ready"] == ["Ready"]
    ready = find_condition(after.conditions, "Ready")
    assert ready is not None
    assert (ready.status, ready.reason) == (ConditionStatus.FALSE, "Expired")
    assert ready.message == "Certificate expired on Wed, 01 Apr 2026 00:00:00 UTC"
    assert ready.last_transition_time == START + timedelta(days=90, seconds=1)


async def test_a_deleted_secret_is_issued_anew_with_a_new_key() -> None:
    async with a_setting() as setting, setting.running() as world:
        await world.create(a_certificate())
        first = await world.get(Secret, "web-tls")

        await world.delete(Secret, "web-tls")

        status = (await world.get(Certificate, "web")).status
        second = await world.get(Secret, "web-tls")

    assert status.revision == 2
    assert second.data["tls.key"] != first.data["tls.key"]


async def test_a_manually_triggered_issuance_runs_and_leaves_no_condition_behind() -> None:
    condition = {
        "type": "Issuing",
        "status": "True",
        "reason": "ManuallyTriggered",
        "message": "Certificate re-issuance manually triggered",
    }
    async with a_setting() as setting, setting.running() as world:
        await world.create(a_certificate())
        ready = [{"type": "Ready", "status": "True"}]

        await setting.inner.patch_status(
            Certificate,
            (await world.get(Certificate, "web")).key,
            {"conditions": [*ready, condition]},
            manager="cmctl",
        )
        await world.rest()

        status = (await world.get(Certificate, "web")).status

    assert status.revision == 2
    assert [one.type for one in status.conditions] == ["Ready"]


async def test_the_secret_stays_when_the_certificate_goes_and_the_rest_is_collected() -> None:
    async with a_setting(mode="pend") as setting, setting.running() as world:
        await setting.inner.create(
            Secret(metadata=metadata("web-tls"), data={"mine": b"1"}), manager="user"
        )
        await world.create(a_certificate())
        assert len(await world.names(Secret)) == 2

        await world.delete(Certificate, "web")

        assert await world.names(Secret) == ["web-tls"]
        assert await world.names(CertificateRequest) == []


async def test_at_rest_a_restart_writes_nothing() -> None:
    async with a_setting() as setting:
        async with setting.running() as world:
            await world.create(a_certificate())
        setting.store.writes.clear()
        setting.store.events.clear()

        async with setting.running():
            pass

        assert setting.store.writes == []
        assert setting.store.events == []


async def test_the_served_chain_is_the_one_of_the_latest_request() -> None:
    async with a_setting() as setting, setting.running() as world:
        await world.create(a_certificate())
        await world.patch(Certificate, "web", {"spec": {"dnsNames": ["new.example.com"]}})

        secret = await world.get(Secret, "web-tls")
        events = await world.events()

    assert certificate_facts(secret.data["tls.crt"]).dns == ("new.example.com",)
    assert (
        "Issuing",
        "Fields on existing CertificateRequest resource not up to date: [spec.dnsNames]",
    ) in events
