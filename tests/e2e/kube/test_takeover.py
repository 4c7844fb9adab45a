"""Where cert-manager has worked, certwright takes over: nothing is issued or written again."""

from datetime import timedelta

import msgspec
import pytest
from cryptography import x509

from certwright.api.certificate import Certificate
from certwright.api.core import Secret
from certwright.api.issuer import Issuer
from certwright.api.kinds import Document
from certwright.api.meta import Key
from certwright.api.request import CertificateRequest
from certwright.kube.rest import Call
from tests.e2e.kube.inherited import DAY, Pair, add_certificate, add_issuer
from tests.e2e.kube.place import Place
from tests.integration.servers.apiserver import ApiServer

KINDS = (Certificate, CertificateRequest, Secret, Issuer)
_WEBHOOKS = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"


@pytest.fixture
async def ca(place: Place) -> Pair:
    """A CA issuer and two Certificates of cert-manager's."""
    since = place.clock.now().replace(microsecond=0) - 10 * DAY
    pair = Pair(since=since)
    await add_issuer(place, pair)
    await add_certificate(place, pair, "one", since)
    await add_certificate(place, pair, "two", since)
    return pair


async def versions(place: Place) -> dict[str, str]:
    return {
        f"{kind.__name__} {one.key}": one.metadata.resource_version
        for kind in KINDS
        for one in (await place.store.list(kind, namespace=place.namespace)).items
    }


async def until_at_rest(place: Place) -> None:
    """Wait until the program runs, and has had time for everything."""

    async def runs() -> bool:
        return '"running"' in place.words()

    await place.until(runs)
    await place.clock.sleep(timedelta(seconds=2))


@pytest.mark.usefixtures("ca")
async def test_what_cert_manager_has_issued_is_neither_issued_again_nor_written(
    place: Place,
) -> None:
    before = await versions(place)

    place.start(f"--namespace={place.namespace}")
    await until_at_rest(place)

    assert await versions(place) == before
    assert await place.events() == []


@pytest.mark.usefixtures("ca")
async def test_observing_says_that_nothing_would_change(place: Place) -> None:
    before = await versions(place)

    words = place.run("--observe", f"--namespace={place.namespace}")

    assert "nothing would change" in words
    assert await versions(place) == before


@pytest.mark.usefixtures("ca")
async def test_observing_lists_what_would_be_issued_again_and_what_is_not_served(
    place: Place,
) -> None:
    wider = {"spec": {"dnsNames": ["one.example.com", "more.example.com"]}}
    await place.store.patch(Certificate, Key(place.namespace, "one"), wider, manager="user")
    await place.create(VAULT)
    before = await versions(place)

    words = place.run("--observe", f"--namespace={place.namespace}")

    assert f"would issue again Certificate {place.namespace}/one" in words
    assert "RequestChanged" in words
    assert f"not served: Issuer {place.namespace}/vault" in words
    assert f"{place.namespace}/two" not in words
    assert await versions(place) == before


@pytest.mark.usefixtures("ca")
async def test_it_does_not_start_beside_unserved_objects_unless_told_to_leave_them_alone(
    place: Place,
) -> None:
    await place.create(VAULT)
    await place.create(certificate_of("vault"))
    before = await versions(place)

    words = place.run(f"--namespace={place.namespace}", status=1)
    place.start("--allow-unserved", f"--namespace={place.namespace}")
    await until_at_rest(place)

    assert f"Issuer {place.namespace}/vault" in words
    assert "--allow-unserved" in words
    assert await versions(place) == before


async def test_a_certificate_taken_over_is_renewed_under_cert_managers_names(
    place: Place,
) -> None:
    now = place.clock.now().replace(microsecond=0)
    pair = Pair(since=now - 70 * DAY)
    await add_issuer(place, pair)
    old = await add_certificate(place, pair, "one", now - 70 * DAY)
    # its request is younger than any real one could be, and would delay the renewal
    await place.store.delete(CertificateRequest, Key(place.namespace, "one-1"))

    place.start(f"--namespace={place.namespace}")
    renewed = await place.ready("one", 2)

    leaf = await place.leaf("one-tls")
    requests = (await place.store.list(CertificateRequest, namespace=place.namespace)).items
    assert leaf.serial_number != old.certificate.serial_number
    assert isinstance(leaf, x509.Certificate)
    assert renewed.status.renewal_time is not None
    assert [one.metadata.name for one in requests] == ["one-2"]
    assert ("Issuing", "cert-manager-certificates-trigger") in await place.events()


async def test_what_helm_left_behind_is_named_with_the_command_that_mends_it(
    place: Place, server: ApiServer
) -> None:
    rest = server.rest()
    body = msgspec.json.encode(WEBHOOK)
    await rest.request(Call(method="POST", path=_WEBHOOKS, body=body))
    try:
        words = place.run("--observe", f"--namespace={place.namespace}")
    finally:
        await rest.request(Call(method="DELETE", path=f"{_WEBHOOKS}/cert-manager-webhook"))
        await rest.aclose()

    assert "kubectl delete validatingwebhookconfiguration cert-manager-webhook" in words


def certificate_of(issuer: str) -> Document:
    return {
        "apiVersion": "cert-manager.io/v1",
        "kind": "Certificate",
        "metadata": {"name": "of-vault"},
        "spec": {"secretName": "of-vault", "dnsNames": ["a.test"], "issuerRef": {"name": issuer}},
    }


VAULT: Document = {
    "apiVersion": "cert-manager.io/v1",
    "kind": "Issuer",
    "metadata": {"name": "vault"},
    "spec": {
        "vault": {
            "server": "https://vault.example.com",
            "path": "pki/sign/a",
            "auth": {"tokenSecretRef": {"name": "token", "key": "token"}},
        }
    },
}
WEBHOOK: Document = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "ValidatingWebhookConfiguration",
    "metadata": {"name": "cert-manager-webhook"},
    "webhooks": [
        {
            "name": "webhook.cert-manager.io",
            "admissionReviewVersions": ["v1"],
            "sideEffects": "None",
            "failurePolicy": "Fail",
            "clientConfig": {
                "service": {"name": "cert-manager-webhook", "namespace": "cert-manager"}
            },
            "rules": [
                {
                    "apiGroups": ["cert-manager.io"],
                    "apiVersions": ["v1"],
                    "operations": ["CREATE"],
                    "resources": ["*/*"],
                }
            ],
        }
    ],
}
