"""Orders and Challenges are not taken at their word (design §8), and a restart harms nothing."""

from msgspec.structs import replace

from certwright.api.meta import ObjectMeta
from certwright.api.order import LEGACY_FINALIZER, Challenge, Order
from tests.acme_objects import a_challenge, a_request, an_order
from tests.fakes.acme import FakeCa
from tests.fakes.solver import FakeDns
from tests.unit.controllers.acme_setting import Scene, a_scene, condition_of, process


def hide(_: FakeCa, dns: FakeDns) -> None:
    dns.visible = False


async def forge(scene: Scene) -> None:
    """A Challenge that nobody ordered, with the issuer's own solver."""
    meta = ObjectMeta(namespace="default", name="forged")
    await scene.world.create(replace(a_challenge(), metadata=meta))


async def test_a_challenge_without_owner_is_ignored_with_one_event() -> None:
    async with a_scene() as scene:
        await forge(scene)
        await scene.wait(60)

        warnings = await scene.world.warnings()

    assert warnings == [("NotOurs", "Challenge is ignored: it is not owned by an Order")]
    assert scene.dns.verbs == []


async def test_a_challenge_that_hangs_itself_on_an_order_is_not_presented() -> None:
    async with a_scene(before=hide) as scene:
        await scene.ask("example.com")
        (real,) = await scene.challenges()
        before = scene.dns.verbs.count("present")
        owners = real.metadata.owner_references
        victim = replace(real.spec, dns_name="victim.example.org")
        meta = ObjectMeta(namespace="default", name="forged", owner_references=owners)
        await scene.world.create(Challenge(metadata=meta, spec=victim))
        await scene.wait(1)

        left = await scene.challenges()

    assert scene.dns.verbs.count("present") == before
    assert all("victim" not in name for name, _ in scene.dns.records)
    assert [one.metadata.name for one in left] == [real.metadata.name]


async def test_a_deleted_forgery_takes_nothing_from_dns_that_is_not_its_issuers_answer() -> None:
    async with a_scene(before=hide) as scene:
        await scene.ask("example.com")
        (real,) = await scene.challenges()
        published = set(scene.dns.records)
        spec = replace(real.spec, key="somebody else's", token="other-token")
        meta = ObjectMeta(
            namespace="default", name="forged", finalizers=("acme.cert-manager.io/finalizer",)
        )
        await scene.world.create(Challenge(metadata=meta, spec=spec))
        await scene.world.delete(Challenge, "forged")

        left = await scene.challenges()

    assert [one.metadata.name for one in left] == [real.metadata.name]
    assert scene.dns.records == published


async def test_an_order_without_owner_is_ignored_with_one_event() -> None:
    async with a_scene() as scene:
        scene.ca.calls.clear()
        meta = ObjectMeta(namespace="default", name="forged")
        await scene.world.create(Order(metadata=meta, spec=an_order().spec))
        await scene.wait(60)

        warnings = await scene.world.warnings()

    assert warnings == [("NotOurs", "Order is ignored: it is not owned by a CertificateRequest")]
    assert scene.ca.calls == []


async def test_an_edited_order_is_not_placed() -> None:
    async with a_scene() as scene:
        await scene.ask("example.com", name="web-1")
        await scene.wait(2)
        owners = (await scene.order()).metadata.owner_references
        scene.ca.calls.clear()
        meta = ObjectMeta(namespace="default", name="forged", owner_references=owners)
        spec = an_order("victim.example.org").spec
        await scene.world.create(Order(metadata=meta, spec=spec))

        warnings = await scene.world.warnings()

    assert [reason for reason, _ in warnings] == ["NotOurs"]
    assert scene.ca.calls == []


async def test_an_order_waits_for_the_approval_of_its_request() -> None:
    async with a_scene(approve=False) as scene:
        await scene.world.create(
            replace(a_request(conditions=()), metadata=ObjectMeta(namespace="default", name="web"))
        )

        reasons = await scene.reasons()
        orders = await scene.world.names(Order)

    assert reasons == ["WaitingForApproval"]
    assert orders == []


async def test_a_challenge_of_an_old_version_gets_the_new_finalizer() -> None:
    async with a_scene(before=hide) as scene:
        await scene.ask("example.com")
        (challenge,) = await scene.challenges()
        old = {"metadata": {"finalizers": [LEGACY_FINALIZER]}}
        await scene.world.patch(Challenge, challenge.metadata.name, old)

        (migrated,) = await scene.challenges()

    assert migrated.metadata.finalizers == ("acme.cert-manager.io/finalizer",)


async def test_a_restart_after_accepting_does_not_lose_the_proof() -> None:
    async with a_scene() as scene:
        await scene.ask("example.com")  # presented, checked and accepted, not yet polled
        accepted = scene.ca.count("accept")
        await scene.world.rest()
        async with process(scene.clock, scene.ca, scene.dns, store=scene.store) as again:
            await again.wait(5)
            request = await again.request()

    assert accepted == 1
    assert condition_of(request)[1] == "Issued"
    assert scene.ca.count("newOrder") == 1
