"""Other parties in the cluster: signers of other groups, other approvers, and tenants."""

from datetime import timedelta
from random import Random
from typing import Any

import msgspec
import pytest

from certwright.api.certificate import Certificate
from certwright.api.conditions import find_condition
from certwright.api.core import Event, Secret
from certwright.api.kinds import Document
from certwright.api.meta import Key
from certwright.api.order import Challenge, Order
from certwright.api.request import CertificateRequest
from certwright.kube.rest import Call
from certwright.pki.certificate import sign_certificate
from certwright.pki.signing import Template
from certwright.store.kube import KubeStore
from tests.builders import a_ca
from tests.e2e.kube.inherited import Pair, add_issuer, b64, text
from tests.e2e.kube.place import Place
from tests.e2e.kube.world import World

SIGNER = "acme-corp-signer"
_RBAC = "/apis/rbac.authorization.k8s.io/v1"


def external(**spec: Any) -> Document:
    return {
        "apiVersion": "cert-manager.io/v1",
        "kind": "Certificate",
        "metadata": {"name": "web"},
        "spec": {
            "secretName": "web-tls",
            "dnsNames": ["web.example.com"],
            "issuerRef": {"name": "corp", "kind": "CorpIssuer", "group": "corp.example.com"},
            "privateKey": {"algorithm": "ECDSA"},
            **spec,
        },
    }


async def approved(place: Place) -> CertificateRequest:
    """Wait until the one request is approved and open."""

    async def found() -> CertificateRequest | None:
        request = await place.get(CertificateRequest, "web-1")
        types = [one.type for one in request.status.conditions]
        return request if types == ["Approved"] else None

    request: CertificateRequest = await place.until(found)
    return request


async def answer(place: Place, request: CertificateRequest, **status: Any) -> None:
    """Write what the foreign signer says, beside the conditions that are there."""
    conditions = [msgspec.to_builtins(one) for one in request.status.conditions]
    ready = {"type": "Ready", "lastTransitionTime": text(place.clock.now()), **status.pop("ready")}
    await place.store.patch_status(
        CertificateRequest,
        request.key,
        {**status, "conditions": [*conditions, ready]},
        manager=SIGNER,
        version=request.metadata.resource_version,
    )


async def sign(place: Place, request: CertificateRequest) -> None:
    now = place.clock.now().replace(microsecond=0)
    template = Template(csr=request.spec.request, not_before=now, duration=timedelta(days=90))
    chain = sign_certificate(template, issuer=a_ca())
    ready = {"status": "True", "reason": "Issued", "message": "signed by corp"}
    await answer(place, request, ready=ready, certificate=b64(chain))


async def test_a_request_of_another_group_is_approved_left_alone_and_consumed(
    place: Place,
) -> None:
    place.start(f"--namespace={place.namespace}")
    await place.create(external())
    request = await approved(place)
    await place.clock.sleep(timedelta(seconds=1))
    untouched = await place.get(CertificateRequest, "web-1")

    await sign(place, request)

    await place.ready("web", 1)
    assert untouched == request
    assert (await place.get(Secret, "web-tls")).metadata.annotations[
        "cert-manager.io/issuer-group"
    ] == "corp.example.com"


async def test_a_failure_waits_until_the_spec_changes(place: Place) -> None:
    place.start(
        f"--namespace={place.namespace}", "--certificate-request-minimum-backoff-duration=1h"
    )
    await place.create(external())
    first = await approved(place)
    ready = {"status": "False", "reason": "Failed", "message": "corp says no"}
    await answer(place, first, ready=ready, failureTime=text(place.clock.now()))

    async def failed() -> Certificate | None:
        found = await place.get(Certificate, "web")
        return found if found.status.failed_issuance_attempts == 1 else None

    certificate: Certificate = await place.until(failed)
    await place.clock.sleep(timedelta(seconds=1))
    kept = await place.get(CertificateRequest, "web-1")
    names = {"spec": {"dnsNames": ["web.example.com", "more.example.com"]}}
    await place.store.patch(Certificate, Key(place.namespace, "web"), names, manager="user")

    async def another() -> CertificateRequest | None:
        found = await place.get(CertificateRequest, "web-1")
        return found if found.metadata.uid != first.metadata.uid else None

    await place.until(another)
    await sign(place, await approved(place))
    done = await place.ready("web", 1)

    issuing = find_condition(certificate.status.conditions, "Issuing")
    assert issuing is not None
    assert (issuing.status, issuing.reason) == ("False", "Failed")
    assert issuing.message == (
        "The certificate request has failed to complete and will be retried: corp says no"
    )
    assert kept.metadata.uid == first.metadata.uid
    assert done.status.failed_issuance_attempts is None
    assert done.status.last_failure_time is None
    assert ("Failed", "cert-manager-certificates-issuing") in await place.events()


async def test_another_approver_can_replace_ours(place: Place) -> None:
    await add_issuer(place, Pair(since=place.clock.now().replace(microsecond=0)))
    place.start(f"--namespace={place.namespace}", "--controllers=*,-certificaterequests-approver")
    await place.create(external(issuerRef={"name": "ca"}))

    async def made() -> CertificateRequest:
        return await place.get(CertificateRequest, "web-1")

    await place.until(made)
    await place.clock.sleep(timedelta(seconds=1))
    waiting = await place.get(CertificateRequest, "web-1")
    condition = {"type": "Approved", "status": "True", "reason": "policy", "message": "fine"}
    condition |= {"lastTransitionTime": text(place.clock.now())}
    await place.store.patch_status(
        CertificateRequest, waiting.key, {"conditions": [condition]}, manager="approver-policy"
    )
    await place.ready("web", 1)

    assert [one.type for one in waiting.status.conditions] == []


@pytest.fixture
async def tenant(place: Place) -> KubeStore:
    """Somebody who may write Orders and Challenges in this namespace, and nothing else."""
    rest = place.server.rest()
    rules = [
        {"apiGroups": ["acme.cert-manager.io"], "resources": ["*"], "verbs": ["*"]},
        {"apiGroups": ["cert-manager.io"], "resources": ["*"], "verbs": ["get", "list"]},
    ]
    base = f"{_RBAC}/namespaces/{place.namespace}"
    role = {"metadata": {"name": "tenant"}, "rules": rules}
    binding = {
        "metadata": {"name": "tenant"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "tenant"},
        "subjects": [{"kind": "User", "name": "tenant"}],
    }
    for kind, body in (("roles", role), ("rolebindings", binding)):
        encoded = msgspec.json.encode(body)
        await rest.request(Call(method="POST", path=f"{base}/{kind}", body=encoded))
    await rest.aclose()
    own = place.server.rest("tenant")
    place.stack.push_async_callback(own.aclose)
    return KubeStore(own, Random(1))


async def test_a_tenants_challenge_borrows_nobodys_credentials(
    world: World, tenant: KubeStore
) -> None:
    place = world.place
    place.start(*world.options())
    await place.create(world.ingress("foo.example.com"))
    await place.ready("foo-tls-certificate", 1)
    serial, said = await world.zone_serial(), world.ca.log.read_bytes()
    order = (await place.store.list(Order, namespace=place.namespace)).items[0]

    forged = _challenge(place, world, {"name": "forged"})
    owner = {
        "apiVersion": "acme.cert-manager.io/v1",
        "kind": "Order",
        "name": order.metadata.name,
        "uid": order.metadata.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }
    adopted = _challenge(place, world, {"name": "adopted", "ownerReferences": [owner]})
    for document in (forged, adopted):
        await tenant.create(place.read(document), manager="tenant")

    async def told() -> bool:
        listing = await place.store.list(Event, namespace=place.namespace)
        about = {one.involved_object.name for one in listing.items if one.reason == "NotOurs"}
        return about >= {"forged", "adopted"}

    await place.until(told)
    assert await world.zone_serial() == serial
    assert world.ca.log.read_bytes() == said
    assert not (await place.get(Challenge, "forged")).status.presented


async def test_a_tenants_order_reaches_no_ca(world: World, tenant: KubeStore) -> None:
    place = world.place
    place.start(*world.options())
    await place.create(world.ingress("foo.example.com"))
    await place.ready("foo-tls-certificate", 1)
    said = world.ca.log.read_bytes()
    order = (await place.store.list(Order, namespace=place.namespace)).items[0]
    document = {
        "apiVersion": "acme.cert-manager.io/v1",
        "kind": "Order",
        "metadata": {"name": "forged"},
        "spec": {
            "request": b64(order.spec.request),
            "dnsNames": ["foo.example.com"],
            "issuerRef": {"name": world.issuer, "kind": "ClusterIssuer"},
        },
    }

    await tenant.create(place.read(document), manager="tenant")

    async def told() -> bool:
        return "NotOurs" in [reason for reason, _ in await place.events()]

    await place.until(told)
    assert world.ca.log.read_bytes() == said
    assert not (await place.get(Order, "forged")).status.url


def _challenge(place: Place, world: World, metadata: dict[str, Any]) -> Document:
    host, port = world.dns.address
    return {
        "apiVersion": "acme.cert-manager.io/v1",
        "kind": "Challenge",
        "metadata": metadata,
        "spec": {
            "url": f"{world.ca.directory_url}/chalZ/stolen",
            "authorizationURL": f"{world.ca.directory_url}/authZ/stolen",
            "dnsName": "foo.example.com",
            "type": "DNS-01",
            "token": "stolen",
            "key": "stolen",
            "issuerRef": {"name": world.issuer, "kind": "ClusterIssuer"},
            "solver": {
                "dns01": {
                    "rfc2136": {
                        "nameserver": f"{host}:{port}",
                        "tsigKeyName": "hmacsha256-key.",
                        "tsigAlgorithm": "HMACSHA256",
                        "tsigSecretSecretRef": {
                            "name": f"tsig-{place.namespace}",
                            "key": "secret",
                        },
                    }
                }
            },
        },
    }
