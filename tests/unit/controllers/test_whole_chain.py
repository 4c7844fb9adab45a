"""An Ingress to its Secret with every real controller in between (design §6: writes, events)."""

from contextlib import AsyncExitStack

from certwright.api.certificate import Certificate
from certwright.api.core import Secret
from certwright.api.request import CertificateRequest
from certwright.controllers.certificate.controller import build_certificate_controller
from certwright.controllers.ingress import build_ingress_controller
from certwright.controllers.issuer import build_issuer_controllers
from certwright.controllers.request import build_request_controller
from certwright.pki.certificate import certificate_facts
from certwright.pki.keys import encode_key
from certwright.store.sqlite.store import SqliteStore
from tests.builders import a_ca, a_certificate, a_secret, an_ingress, an_issuer
from tests.fakes.clock import FakeClock
from tests.fakes.inline import INLINE
from tests.fakes.store import RecordingStore
from tests.harness import Running, a_world, running

CA = a_ca()
PAIR = {"tls.crt": CA.certificate, "tls.key": encode_key(CA.key)}


async def a_chain(stack: AsyncExitStack) -> tuple[Running, RecordingStore]:
    """Run all controllers beside a CA issuer that is ready."""
    clock = FakeClock()
    inner = await stack.enter_async_context(
        SqliteStore.open(":memory:", clock=clock, tuning=INLINE)
    )
    store, world = RecordingStore(inner), a_world(clock)
    controllers = (
        build_ingress_controller(world),
        build_certificate_controller(world),
        build_request_controller(world),
        *build_issuer_controllers(world),
    )
    user = await stack.enter_async_context(running(controllers, store, clock, user=inner))
    await user.create(a_secret("ca-key-pair", data=PAIR))
    await user.create(an_issuer())
    store.writes.clear()
    store.events.clear()
    return user, store


async def test_a_ca_issuance_takes_eight_writes_and_six_events() -> None:
    async with AsyncExitStack() as stack:
        world, store = await a_chain(stack)

        await world.create(a_certificate())

        status = (await world.get(Certificate, "web")).status
        secret = await world.get(Secret, "web-tls")

    assert [(verb, kind) for verb, kind, *_ in store.writes] == [
        ("status", "Certificate"),
        ("create", "Secret"),
        ("create", "CertificateRequest"),
        ("status", "CertificateRequest"),
        ("status", "CertificateRequest"),
        ("apply", "Secret"),
        ("status", "Certificate"),
        ("delete", "Secret"),
    ]
    assert len(store.events) == 6
    assert [one.status for one in status.conditions] == ["True"]
    assert secret.data["ca.crt"] == CA.certificate


async def test_an_ingress_becomes_a_served_secret_and_takes_all_but_that_along() -> None:
    async with AsyncExitStack() as stack:
        world, _store = await a_chain(stack)

        await world.create(an_ingress(annotations={"cert-manager.io/issuer": "ca"}))
        secret = await world.get(Secret, "site-tls")
        await world.delete(type(an_ingress()), "site")

        assert certificate_facts(secret.data["tls.crt"]).dns == ("www.example.com",)
        assert await world.names(Certificate) == []
        assert await world.names(CertificateRequest) == []
        assert await world.names(Secret) == ["ca-key-pair", "site-tls"]


async def test_a_ca_that_comes_later_is_noticed_at_once() -> None:
    async with AsyncExitStack() as stack:
        world, _store = await a_chain(stack)
        await world.delete(Secret, "ca-key-pair")
        await world.create(a_certificate())
        waiting = (await world.get(Certificate, "web")).status

        await world.create(a_secret("ca-key-pair", data=PAIR))

        assert waiting.revision is None
        assert waiting.last_failure_time is None
        assert (await world.get(Certificate, "web")).status.revision == 1
