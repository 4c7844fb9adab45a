"""Duplicates, temporary certificates, adopted and odd specs (compat-spec 3.3, 3.6, 10)."""

import hashlib
from datetime import timedelta

import pytest

from certwright.api.certificate import (
    Certificate,
    CertificateKeystores,
    CertificateStatus,
    PKCS12Keystore,
    Renewal,
    RenewalPolicy,
    RenewalWindow,
)
from certwright.api.conditions import find_condition
from certwright.api.core import Secret
from certwright.api.meta import IssuerReference
from certwright.api.request import CertificateRequest
from certwright.base.problem import Stalled
from certwright.controllers.certificate.controller import failed
from certwright.controllers.certificate.requests import copied_annotations
from certwright.pki.certificate import certificate_facts
from certwright.policy.naming import request_name
from tests.builders import a_certificate, metadata
from tests.fakes.clock import START
from tests.unit.controllers.setting import a_setting

MESSAGE = (
    'Secret was issued for "a". If this message is not transient, you might have two conflicting '
    "Certificates pointing to the same secret."
)


async def test_of_two_certificates_on_one_secret_the_older_one_is_issued() -> None:
    async with a_setting() as setting, setting.running() as world:
        await world.create(a_certificate("a", secret_name="shared"))
        await world.create(a_certificate("b", secret_name="shared", dns_names=("b.example",)))
        setting.store.writes.clear()

        await world.advance(timedelta(minutes=3))
        second = (await world.get(Certificate, "b")).status

        assert setting.store.writes == []
        (ready,) = second.conditions
        assert (ready.status, ready.reason, ready.message) == (
            "False",
            "IncorrectCertificate",
            MESSAGE,
        )
        assert await world.names(CertificateRequest) == ["a-1"]


async def test_the_second_certificate_takes_over_when_the_first_one_goes() -> None:
    async with a_setting() as setting, setting.running() as world:
        await world.create(a_certificate("a", secret_name="shared"))
        await world.create(a_certificate("b", secret_name="shared", dns_names=("b.example",)))

        await world.delete(Certificate, "a")

        secret = await world.get(Secret, "shared")
        status = (await world.get(Certificate, "b")).status

    assert secret.metadata.annotations["cert-manager.io/certificate-name"] == "b"
    assert certificate_facts(secret.data["tls.crt"]).dns == ("b.example",)
    assert [one.status for one in status.conditions] == ["True"]


async def test_a_temporary_certificate_fills_the_secret_while_waiting() -> None:
    annotations = {"cert-manager.io/issue-temporary-certificate": "true"}
    async with a_setting(mode="pend") as setting, setting.running() as world:
        await world.create(a_certificate(meta={"annotations": annotations}))

        waiting = await world.get(Secret, "web-tls")
        events = await world.events()
        status = (await world.get(Certificate, "web")).status

    found = certificate_facts(waiting.data["tls.crt"])
    assert found.issuer_common_name == "cert-manager.local"
    assert found.dns == ("www.example.com",)
    assert "ca.crt" not in waiting.data
    assert "cert-manager.io/issuer-name" not in waiting.metadata.annotations
    assert waiting.metadata.annotations["cert-manager.io/certificate-name"] == "web"
    assert ("Issuing", "Issued temporary certificate") in events
    assert find_condition(status.conditions, "Issuing") is not None


async def test_a_temporary_certificate_gives_way_to_the_real_one() -> None:
    annotations = {"cert-manager.io/issue-temporary-certificate": "true"}
    async with a_setting(mode="pend") as setting, setting.running() as world:
        await world.create(a_certificate(meta={"annotations": annotations}))
        setting.signer.mode = "sign"

        await world.patch(CertificateRequest, "web-1", {"metadata": {"labels": {"wake": "up"}}})

        secret = await world.get(Secret, "web-tls")
        assert certificate_facts(secret.data["tls.crt"]).issuer_common_name == "Test CA"
        assert (await world.get(Certificate, "web")).status.revision == 1


async def test_a_keystore_is_said_to_come_later_and_the_rest_is_issued() -> None:
    stores = CertificateKeystores(pkcs12=PKCS12Keystore(create=True, password="x"))
    async with a_setting() as setting, setting.running() as world:
        await world.create(a_certificate(keystores=stores))

        status = (await world.get(Certificate, "web")).status
        secret = await world.get(Secret, "web-tls")

    (ready,) = status.conditions
    assert (ready.status, ready.reason) == ("False", "NotServed")
    assert status.revision == 1
    assert "tls.crt" in secret.data


async def test_a_window_that_never_opens_is_told_once_and_renews_all_the_same() -> None:
    broken = Renewal(windows=(RenewalWindow(cron="never", window_duration="1h"),))
    async with a_setting() as setting, setting.running() as world:
        await world.create(a_certificate(renewal=broken))
        status = (await world.get(Certificate, "web")).status
        told = await world.warnings()

        await world.advance(timedelta(days=60))
        renewed = (await world.get(Certificate, "web")).status

    (ready,) = status.conditions
    assert (ready.status, ready.reason) == ("False", "WindowError")
    assert ready.message.startswith("Could not calculate renewal time: ")
    assert told == [("WindowError", ready.message)]
    assert status.renewal_time is not None
    assert renewed.revision == 2


async def test_with_renewals_off_there_is_no_time_and_no_renewal() -> None:
    off = Renewal(policy=RenewalPolicy.DISABLED)
    async with a_setting() as setting, setting.running() as world:
        await world.create(a_certificate(renewal=off))

        await world.advance(timedelta(days=89))

        status = (await world.get(Certificate, "web")).status

    assert status.revision == 1
    assert status.renewal_time is None


async def test_a_spec_that_makes_no_csr_is_told_once_and_stays() -> None:
    async with a_setting() as setting, setting.running() as world:
        await world.create(a_certificate(literal_subject="NONSENSE", dns_names=()))
        status = (await world.get(Certificate, "web")).status
        warnings = await world.warnings()
        setting.store.writes.clear()
        await world.advance(timedelta(days=1))

        assert setting.store.writes == []

    ready = find_condition(status.conditions, "Ready")
    assert ready is not None
    assert (ready.status, ready.reason) == ("False", "InvalidSpec")
    assert ready.message.startswith("Failed to generate CSR: ")
    assert ready.message.endswith(" - will not retry")
    assert warnings == [("RequestFailed", ready.message)]


async def test_history_is_kept_as_long_as_the_limit_says() -> None:
    async with a_setting() as setting, setting.running() as world:
        await world.create(a_certificate(revision_history_limit=2))
        for _ in range(3):
            await world.advance(timedelta(days=60))

        assert await world.names(CertificateRequest) == ["web-3", "web-4"]


async def test_a_request_without_a_number_is_deleted_at_the_next_issuance() -> None:
    async with a_setting() as setting, setting.running() as world:
        await world.create(a_certificate())
        (request,) = (await setting.inner.list(CertificateRequest)).items
        stray = CertificateRequest(
            metadata=type(request.metadata)(
                name="stray",
                namespace="default",
                owner_references=request.metadata.owner_references,
            ),
            spec=request.spec,
        )
        await world.create(stray)
        assert "stray" in await world.names(CertificateRequest)

        await world.delete(Secret, "web-tls")

        assert await world.names(CertificateRequest) == ["web-2"]


async def test_an_issuer_of_old_certificates_is_not_asked_without_a_pause() -> None:
    async with a_setting() as setting, setting.running() as world:
        setting.signer.backdated = timedelta(days=70)

        await world.create(a_certificate())
        at_once = (await world.get(Certificate, "web")).status.revision
        await world.advance(timedelta(minutes=59))
        before = (await world.get(Certificate, "web")).status.revision
        await world.advance(timedelta(minutes=1))
        after = (await world.get(Certificate, "web")).status.revision

    assert (at_once, before, after) == (1, 1, 2)


async def test_a_foreign_issuer_signs_like_any_other() -> None:
    foreign = IssuerReference(name="x", kind="Foo", group="example.io")
    async with a_setting() as setting, setting.running() as world:
        await world.create(a_certificate(issuer_ref=foreign))

        secret = await world.get(Secret, "web-tls")

    assert secret.metadata.annotations["cert-manager.io/issuer-kind"] == "Foo"
    assert secret.metadata.annotations["cert-manager.io/issuer-group"] == "example.io"


async def test_a_foreign_request_of_the_wanted_name_is_told_and_left_alone() -> None:
    async with a_setting(mode="pend") as setting, setting.running() as world:
        await world.create(a_certificate("donor"))
        donor = await world.get(CertificateRequest, "donor-1")
        foreign = CertificateRequest(metadata=metadata("web-1"), spec=donor.spec)
        await world.create(foreign)

        await world.create(a_certificate())

        warnings = await world.warnings()
        await world.delete(CertificateRequest, "web-1")
        await world.advance(timedelta(seconds=30))
        ours = await world.get(CertificateRequest, "web-1")

    assert warnings[0][0] == "RequestFailed"
    assert warnings[0][1].startswith("Failed to create CertificateRequest: ")
    assert ours.metadata.controller is not None


def test_a_problem_is_shown_as_not_ready() -> None:
    outcome = failed(a_certificate(), Stalled("BadConfig", "no"), START)

    assert isinstance(outcome.status, CertificateStatus)
    (ready,) = outcome.status.conditions
    assert (ready.type, ready.status, ready.reason, ready.message) == (
        "Ready",
        "False",
        "BadConfig",
        "no",
    )


@pytest.mark.parametrize(
    ("prefixes", "copied"),
    [
        (("*", "-kubectl.kubernetes.io/"), {"a.io/x", "b.io/y"}),
        (("a.io/",), {"a.io/x"}),
        (("a.io/", "-a.io/x"), set()),
        (("-a.io/x", "a.io/"), {"a.io/x"}),
        (("-a.io/", "*"), {"a.io/x", "b.io/y", "kubectl.kubernetes.io/z"}),
        ((), set()),
    ],
)
def test_prefixes_are_walked_in_their_order(prefixes: tuple[str, ...], copied: set[str]) -> None:
    annotations = {
        "a.io/x": "1",
        "b.io/y": "2",
        "kubectl.kubernetes.io/z": "3",
        "certwright.io/next-attempt": "never copied",
    }

    assert copied_annotations(annotations, prefixes).keys() == copied


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("web", "web-7"),
        ("w" * 231, "w" * 231 + "-7"),
        ("w" * 167 + "-" + "x" * 80, "w" * 167 + "-" + "HASH" + "-7"),
    ],
)
def test_a_long_name_of_a_request_is_cut_and_told_apart_by_a_hash(name: str, expected: str) -> None:
    digest = hashlib.sha256(name.encode()).hexdigest()

    assert request_name(name, 7) == expected.replace("HASH", digest)
