"""The annotated Ingress of the seed becomes a Secret, on a real API server with a real CA."""

from certwright.api.certificate import Certificate
from certwright.api.core import Ingress, Secret
from certwright.api.meta import Key
from certwright.api.order import Challenge
from tests.e2e.kube.place import names_of
from tests.e2e.kube.world import World


async def test_an_ingress_gets_its_secret_and_keeps_it_through_everything(world: World) -> None:
    place = world.place
    place.start(*world.options())
    await place.create(world.ingress("foo.example.com"))

    first = await place.ready("foo-tls-certificate", 1)

    leaf = await place.leaf("foo-tls-certificate")
    assert names_of(leaf) == ["foo.example.com"]
    assert first.metadata.owner_references[0].kind == "Ingress"
    assert (await place.store.list(Challenge, namespace=place.namespace)).items == ()

    await place.store.delete(Secret, Key(place.namespace, "foo-tls-certificate"))
    await place.ready("foo-tls-certificate", 2)
    again = await place.leaf("foo-tls-certificate")
    assert again.serial_number != leaf.serial_number

    rules = world.ingress("foo.example.com", "bar.example.com")["spec"]
    key = Key(place.namespace, "foo")
    await place.store.patch(Ingress, key, {"spec": rules}, manager="user")
    await place.ready("foo-tls-certificate", 3)
    wider = await place.leaf("foo-tls-certificate")
    assert names_of(wider) == ["foo.example.com", "bar.example.com"]

    issuing = {"type": "Issuing", "status": "True", "reason": "ManuallyTriggered"}
    renewed = Key(place.namespace, "foo-tls-certificate")
    await place.store.patch_status(Certificate, renewed, {"conditions": [issuing]}, manager="cmctl")
    await place.ready("foo-tls-certificate", 4)
    last = await place.leaf("foo-tls-certificate")
    assert last.serial_number != wider.serial_number
    assert names_of(last) == names_of(wider)
