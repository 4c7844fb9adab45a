"""An Order that was left half-way is gone on with: no second one, and its account is kept."""

import signal
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from certwright.api.core import Secret
from certwright.api.issuer import ClusterIssuer
from certwright.api.kinds import encode
from certwright.api.lease import Lease
from certwright.api.meta import Key
from certwright.api.order import Challenge, Order
from certwright.runtime.leader import NAME
from tests.e2e.kube.inherited import b64
from tests.e2e.kube.place import CLUSTER, Place
from tests.e2e.kube.world import World

ORDERS, ACCOUNTS = b"/order-plz", b"/sign-me-up"


async def test_a_half_way_order_is_finished_with_the_account_that_placed_it(world: World) -> None:
    place = world.place
    account = await _rsa_account(place)
    first = place.start(*world.options())
    await place.create(world.ingress("foo.example.com", "bar.example.com"))

    async def presented() -> bool:
        found = (await place.store.list(Challenge, namespace=place.namespace)).items
        return any(one.status.presented for one in found)

    await place.until(presented)
    first.send_signal(signal.SIGKILL)
    first.wait()
    orders = (await place.store.list(Order, namespace=place.namespace)).items
    challenges = (await place.store.list(Challenge, namespace=place.namespace)).items
    url = (await place.store.get(ClusterIssuer, Key("", world.issuer))).status.acme
    await _as_cert_manager_would_leave_them(place, challenges)
    await place.store.delete(Lease, Key(place.namespace, NAME))
    before = world.ca.log.read_bytes()

    place.start(*world.options())
    await place.ready("foo-tls-certificate", 1, seconds=60)

    after = world.ca.log.read_bytes()[len(before) :]
    kept = (await place.store.list(Order, namespace=place.namespace)).items
    assert before.count(ORDERS) == 1
    assert after.count(ORDERS) == 0
    assert after.count(ACCOUNTS) == 0
    assert [one.metadata.uid for one in kept] == [one.metadata.uid for one in orders]
    assert (await place.store.get(ClusterIssuer, Key("", world.issuer))).status.acme == url
    assert (await place.store.get(Secret, account.key)).data == account.data
    assert (await place.store.list(Challenge, namespace=place.namespace)).items == ()


async def _rsa_account(place: Place) -> Secret:
    """The account key as cert-manager makes it: RSA, PKCS #1, labelled."""
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    made = await place.create(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": f"account-{place.namespace}",
                "namespace": CLUSTER,
                "labels": {"app.kubernetes.io/managed-by": "cert-manager"},
            },
            "data": {"tls.key": b64(pem)},
        }
    )
    assert isinstance(made, Secret)
    return made


async def _as_cert_manager_would_leave_them(place: Place, challenges: Any) -> None:
    """What cert-manager has that we do not: no annotation of ours, `processing` on all."""
    for challenge in challenges:
        ours = [one for one in challenge.metadata.annotations if one.startswith("certwright.io/")]
        patch = {"metadata": {"annotations": dict.fromkeys(ours)}}
        await place.store.patch(Challenge, challenge.key, patch, manager="cert-manager-challenges")
        status = {**encode(challenge).get("status", {}), "processing": True}
        await place.store.patch_status(
            Challenge, challenge.key, status, manager="cert-manager-challenges"
        )
