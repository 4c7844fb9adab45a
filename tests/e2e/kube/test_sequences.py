"""The worked sequences of compat-spec 9.6, as `kubectl get -w` would show them.

Each step speaks as the cert-manager controller it stands for; writes that cert-manager makes one
by one are merged (design §6, divergences 3.4-3.9), so what is compared is the order of what is new.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from certwright.api.certificate import Certificate
from certwright.api.core import Event, Secret
from certwright.api.issuer import Issuer
from certwright.api.kinds import Document
from certwright.api.meta import Condition, Key, Resource
from certwright.api.request import CertificateRequest
from certwright.store.protocol import Change
from tests.e2e.kube.inherited import Pair, add_issuer, b64
from tests.e2e.kube.place import Place

GROUP = "cert-manager.io"


class Film:
    """What somebody who watches sees, each line once."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self.lines: list[str] = []

    async def follow(self, kind: type[Resource], ready: asyncio.Event) -> None:
        listing = await self._place.store.list(kind)
        ready.set()
        async for event in self._place.store.watch(kind, since=listing.version):
            one = event.resource
            if one is None or one.metadata.namespace != self._place.namespace:
                continue
            if event.change is Change.DELETED:
                self._add(f"{kind.__name__} {_name(one)} deleted")
            else:
                for line in _lines(one):
                    self._add(f"{kind.__name__} {_name(one)} {line}")

    def _add(self, line: str) -> None:
        if line not in self.lines:
            self.lines.append(line)


def _name(resource: Resource) -> str:
    is_key = f"{GROUP}/next-private-key" in resource.metadata.labels
    return "web-<random>" if is_key else resource.metadata.name


def _lines(resource: Resource) -> list[str]:
    if isinstance(resource, Certificate):
        status = resource.status
        lines = [_condition(one) for one in status.conditions]
        if status.revision:
            lines.append(f"revision {status.revision}")
        return lines
    if isinstance(resource, CertificateRequest):
        return ["created", *(_condition(one) for one in resource.status.conditions)]
    return ["created"]


def _condition(condition: Condition) -> str:
    return f"{condition.type}={condition.status}/{condition.reason}"


@asynccontextmanager
async def filmed(place: Place) -> AsyncIterator[Film]:
    film = Film(place)
    kinds: tuple[type[Resource], ...] = (Certificate, CertificateRequest, Secret)
    marks = [asyncio.Event() for _ in kinds]
    tasks = [
        asyncio.create_task(film.follow(kind, mark))
        for kind, mark in zip(kinds, marks, strict=True)
    ]
    for mark in marks:
        await mark.wait()
    yield film
    for task in tasks:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def of(film: Film, kind: str) -> list[str]:
    return [line.removeprefix(f"{kind} ") for line in film.lines if line.startswith(f"{kind} ")]


def web(**spec: Any) -> Document:
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "Certificate",
        "metadata": {
            "name": "web",
            "labels": {"app": "web"},
            "annotations": {"a.example/b": "c", "kubectl.kubernetes.io/x": "y"},
        },
        "spec": {
            "secretName": "web-tls",
            "dnsNames": ["web.example.com"],
            "issuerRef": {"name": "ca"},
            "privateKey": {"algorithm": "ECDSA"},
            **spec,
        },
    }


@pytest.fixture
async def ca(place: Place) -> Pair:
    """A CA issuer that is Ready, and the program."""
    pair = Pair(since=place.clock.now().replace(microsecond=0))
    await add_issuer(place, pair)
    place.start(f"--namespace={place.namespace}")
    return pair


async def told(place: Place) -> list[tuple[str, str, str]]:
    """All events about the Certificate and its requests: speaker, reason, message."""
    listing = await place.store.list(Event, namespace=place.namespace)
    events = sorted(listing.items, key=lambda one: int(one.metadata.resource_version))
    return [
        (one.source.component.removeprefix("cert-manager-"), one.reason, one.message)
        for one in events
        if one.involved_object.kind != "Issuer"
    ]


def managers(resource: Resource) -> set[str]:
    return {one.manager for one in resource.metadata.managed_fields} - {"kubectl-client-side-apply"}


@pytest.mark.usefixtures("ca")
async def test_the_happy_path_with_a_ca_issuer(place: Place) -> None:
    async with filmed(place) as film:
        await place.create(web())
        certificate = await place.ready("web", 1)
        request = await place.get(CertificateRequest, "web-1")
        secret = await place.get(Secret, "web-tls")
        events = await told(place)

    assert set(film.lines[:2]) == {
        "Certificate web Issuing=True/DoesNotExist",
        "Certificate web Ready=False/DoesNotExist",
    }
    assert of(film, "CertificateRequest") == [
        "web-1 created",
        "web-1 Approved=True/cert-manager.io",
        "web-1 Ready=True/Issued",
    ]
    assert of(film, "Secret") == [
        "web-<random> created",
        "web-tls created",
        "web-<random> deleted",
    ]
    assert events == [
        (
            "certificates-trigger",
            "Issuing",
            "Issuing certificate as Secret does not exist",
        ),
        ("certificates-key-manager", "Generated", events[1][2]),
        (
            "certificates-request-manager",
            "Requested",
            'Created new CertificateRequest resource "web-1"',
        ),
        (
            "certificaterequests-approver",
            "cert-manager.io",
            "Certificate request has been approved by cert-manager.io",
        ),
        (
            "certificaterequests-issuer-ca",
            "CertificateIssued",
            "Certificate fetched from issuer successfully",
        ),
        ("certificates-issuing", "Issuing", "The certificate has been successfully issued"),
    ]
    assert events[1][2].startswith('Stored new private key in temporary Secret resource "web-')
    _is_cert_managers(certificate, request, secret)


def _is_cert_managers(
    certificate: Certificate, request: CertificateRequest, secret: Secret
) -> None:
    """Names, owners, labels, annotations and field managers of what an issuance leaves."""
    owner = request.metadata.controller
    assert owner is not None
    assert (owner.kind, owner.name, owner.block_owner_deletion) == ("Certificate", "web", True)
    assert request.metadata.labels == {"app": "web"}
    annotations = dict(request.metadata.annotations)
    assert annotations.pop(f"{GROUP}/private-key-secret-name").startswith("web-")
    assert annotations == {
        "a.example/b": "c",
        f"{GROUP}/certificate-name": "web",
        f"{GROUP}/certificate-revision": "1",
    }
    assert secret.metadata.owner_references == ()
    assert secret.metadata.labels == {"controller.cert-manager.io/fao": "true"}
    assert secret.metadata.annotations == {
        f"{GROUP}/certificate-name": "web",
        f"{GROUP}/issuer-name": "ca",
        f"{GROUP}/issuer-kind": "",
        f"{GROUP}/issuer-group": "",
        f"{GROUP}/common-name": "",
        f"{GROUP}/alt-names": "web.example.com",
        f"{GROUP}/ip-sans": "",
        f"{GROUP}/uri-sans": "",
    }
    assert secret.type == "kubernetes.io/tls"
    assert sorted(secret.data) == ["ca.crt", "tls.crt", "tls.key"]
    assert managers(secret) == {"cert-manager-certificates-issuing"}
    assert managers(request) == {
        "cert-manager-certificates-request-manager",
        "cert-manager-certificaterequests-approver",
        "cert-manager-certificaterequests-issuer-ca",
    }
    assert not certificate.status.next_private_key_secret_name
    assert all(one.startswith("cert-manager-certificates-") for one in managers(certificate))


@pytest.mark.usefixtures("ca")
async def test_a_renewal_asked_for_by_cmctl_prunes_the_request_before(place: Place) -> None:
    await place.create(web())
    first = await place.ready("web", 1)
    issuing = {
        "type": "Issuing",
        "status": "True",
        "reason": "ManuallyTriggered",
        "message": "Certificate re-issuance manually triggered",
        "observedGeneration": 1,
    }

    async with filmed(place) as film:
        ready = _wire(first.status.conditions[0])
        await place.store.patch_status(
            Certificate,
            Key(place.namespace, "web"),
            {"conditions": [ready, issuing]},
            manager="cmctl",
        )
        await place.ready("web", 2)

        async def pruned() -> bool:
            listing = await place.store.list(CertificateRequest, namespace=place.namespace)
            return [one.metadata.name for one in listing.items] == ["web-2"]

        await place.until(pruned)

    assert "web Ready=False" not in " ".join(of(film, "Certificate"))
    assert of(film, "CertificateRequest")[0] == "web-2 created"
    assert "web-1 deleted" in of(film, "CertificateRequest")


def _wire(condition: Condition) -> dict[str, Any]:
    return {
        "type": condition.type,
        "status": str(condition.status),
        "reason": condition.reason,
        "message": condition.message,
        "observedGeneration": condition.observed_generation,
    }


@pytest.mark.usefixtures("ca")
async def test_a_deleted_secret_is_issued_again(place: Place) -> None:
    await place.create(web())
    await place.ready("web", 1)
    before = await place.leaf("web-tls")

    async with filmed(place) as film:
        await place.store.delete(Secret, Key(place.namespace, "web-tls"))
        await place.ready("web", 2)

    assert "Certificate web Issuing=True/DoesNotExist" in film.lines
    assert (await place.leaf("web-tls")).serial_number != before.serial_number


@pytest.mark.usefixtures("ca")
async def test_a_secret_template_changes_the_secret_without_an_issuance(place: Place) -> None:
    await place.create(web())
    await place.ready("web", 1)
    before, events = await place.leaf("web-tls"), await told(place)
    template = {"spec": {"secretTemplate": {"labels": {"team": "a"}}}}

    async with filmed(place) as film:
        await place.store.patch(Certificate, Key(place.namespace, "web"), template, manager="user")

        async def labelled() -> bool:
            return (await place.get(Secret, "web-tls")).metadata.labels.get("team") == "a"

        await place.until(labelled)

    assert not any("Issuing=" in line for line in film.lines)
    assert (await place.leaf("web-tls")).serial_number == before.serial_number
    assert await told(place) == events


@pytest.mark.usefixtures("ca")
async def test_another_key_algorithm_issues_again_with_another_key(place: Place) -> None:
    await place.create(web())
    await place.ready("web", 1)
    rsa = {"spec": {"privateKey": {"algorithm": "RSA"}}}

    async with filmed(place) as film:
        await place.store.patch(Certificate, Key(place.namespace, "web"), rsa, manager="user")
        await place.ready("web", 2)

    assert "Certificate web Issuing=True/SecretMismatch" in film.lines
    assert (await place.leaf("web-tls")).public_key().__class__.__name__ == "RSAPublicKey"


async def test_a_request_waits_for_its_issuer_and_goes_on_at_once(place: Place) -> None:
    pair = Pair(since=place.clock.now().replace(microsecond=0))
    place.start(f"--namespace={place.namespace}")
    issuer = {
        "apiVersion": f"{GROUP}/v1",
        "kind": "Issuer",
        "metadata": {"name": "ca"},
        "spec": {"ca": {"secretName": "late"}},
    }
    await place.create(issuer)
    await place.create(web())

    async def waits() -> CertificateRequest | None:
        found = await place.get(CertificateRequest, "web-1")
        reasons = [one.reason for one in found.status.conditions]
        return found if "Pending" in reasons else None

    waiting: CertificateRequest = await place.until(waits)
    data = {"tls.crt": b64(pair.pem), "tls.key": b64(pair.key_pem)}
    meta = {"name": "late"}
    await place.create({"apiVersion": "v1", "kind": "Secret", "metadata": meta, "data": data})
    await place.ready("web", 1)

    ready = next(one for one in waiting.status.conditions if one.type == "Ready")
    assert ready.message == "Referenced issuer does not have a Ready status condition"
    assert (await place.get(Issuer, "ca")).status.conditions[0].reason == "KeyPairVerified"
