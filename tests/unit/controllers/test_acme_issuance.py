"""An ACME issuance from request to chain (compat-spec 3.15, 3.16, 9.6; design §6, §8)."""

from datetime import timedelta
from typing import Any

from certwright.api.meta import Resource
from certwright.api.order import Challenge, Order
from certwright.pki.certificate import certificate_facts
from certwright.runtime.cache import Observed
from tests.fakes.acme import FakeCa
from tests.fakes.solver import FakeDns
from tests.unit.controllers.acme_setting import NAME, a_scene, condition_of

ACME = "cert-manager-certificaterequests-issuer-acme"


async def test_two_names_are_issued_in_the_order_of_the_spec() -> None:
    async with a_scene() as scene:
        scene.store.writes.clear()
        await scene.ask("example.com", "*.example.com")
        await scene.wait(2)

        request, order = await scene.request(), await scene.order()
        verbs = [(verb, kind, manager) for verb, kind, _, manager in scene.store.writes]
        reasons = await scene.reasons()

    challenges = "cert-manager-challenges"
    assert condition_of(request)[1] == "Issued"
    assert set(certificate_facts(request.status.certificate).dns) == {
        "example.com",
        "*.example.com",
    }
    assert request.status.ca == b""  # ACME knows no CA
    assert order.status.certificate == request.status.certificate
    assert verbs[:11] == [
        ("status", "CertificateRequest", "cert-manager-certificaterequests-approver"),
        ("create", "Order", ACME),
        ("status", "CertificateRequest", ACME),
        ("status", "Order", "cert-manager-orders"),
        ("create", "Challenge", "cert-manager-orders"),
        ("create", "Challenge", "cert-manager-orders"),
        ("status", "Challenge", challenges),
        ("status", "Challenge", challenges),
        ("status", "Challenge", challenges),
        ("status", "Challenge", challenges),
        ("status", "Order", "cert-manager-orders"),
    ]
    # the Challenges go while the request is settled: side by side
    assert sorted(verbs[11:]) == sorted(
        [
            ("status", "CertificateRequest", ACME),
            *[("delete", "Challenge", ""), ("patch", "Challenge", challenges)] * 2,
        ]
    )
    assert sorted(reasons) == sorted(
        ["cert-manager.io", "OrderCreated", "Created", "Created", "Complete", "CertificateIssued"]
        + ["Started", "Presented", "DomainVerified"] * 2
    )


async def test_the_states_follow_each_other_as_in_the_spec() -> None:
    """The worked sequence of compat-spec 9.6, by DNS-01."""
    seen: list[str] = []

    async with a_scene() as scene:

        def note(kind: type[Resource], change: Observed[Any]) -> None:
            after = change.after
            if isinstance(after, Order):
                seen.append(f"Order {after.status.state or 'new'}")
            elif isinstance(after, Challenge) and not after.metadata.deleting:
                status = after.status
                flags = (status.state or "new", status.processing, status.presented)
                seen.append(" ".join(["Challenge", *map(str, flags)]))
            elif kind is Challenge and after is None:
                seen.append("Challenge gone")

        scene.world.runtime.view.listen(note)
        await scene.ask("example.com")
        await scene.wait(2)

        request = await scene.request()

    assert list(dict.fromkeys(seen)) == [
        "Order new",
        "Order pending",
        "Challenge new False False",
        "Challenge pending True True",
        "Challenge valid True True",
        "Order valid",
        "Challenge gone",
    ]
    assert condition_of(request)[1] == "Issued"


async def test_records_and_challenges_are_gone_afterwards() -> None:
    async with a_scene() as scene:
        await scene.ask("example.com", "*.example.com")
        await scene.wait(2)

        assert await scene.challenges() == ()
        assert scene.dns.records == set()


async def test_a_second_run_at_rest_writes_nothing() -> None:
    async with a_scene() as scene:
        await scene.ask("example.com")
        await scene.wait(2)
        scene.store.writes.clear()
        scene.ca.calls.clear()
        await scene.wait(3600)

        assert scene.store.writes == []
        assert scene.ca.calls == []


async def test_a_waiting_request_names_its_order() -> None:
    def hide(_: FakeCa, dns: FakeDns) -> None:
        dns.visible = False

    async with a_scene(before=hide) as scene:
        await scene.ask("example.com")

        request, order = await scene.request(), await scene.order()

    waiting = f'Waiting on certificate issuance from order {order.key}: "pending"'
    assert condition_of(request) == ("False", "Pending", waiting)


async def test_both_challenges_of_a_name_are_presented_before_one_is_proven() -> None:
    def hide(_: FakeCa, dns: FakeDns) -> None:
        dns.visible = False

    async with a_scene(before=hide) as scene:
        await scene.ask("example.com", "*.example.com")

        states = [one.status for one in await scene.challenges()]

    assert [(status.processing, status.presented) for status in states] == [(True, True)] * 2
    assert len(scene.dns.records) == 2


async def test_the_ca_is_asked_once_all_servers_have_the_record() -> None:
    def hide(_: FakeCa, dns: FakeDns) -> None:
        dns.visible = False

    async with a_scene(before=hide) as scene:
        await scene.ask("example.com")
        await scene.wait(5)
        (waiting,) = await scene.challenges()
        asked_early = scene.ca.count("accept")
        scene.dns.visible = True
        await scene.wait(10)

        request = await scene.request()

    assert asked_early == 0
    assert waiting.status.reason == (
        'Waiting for DNS-01 challenge propagation: DNS record for "example.com" not yet propagated;'
        " ns2 (192.0.2.2:53): does not have it"
    )
    assert condition_of(request)[1] == "Issued"
    assert scene.ca.count("accept") == 1


async def test_the_ca_is_asked_anyway_after_the_limit() -> None:
    def hide(_: FakeCa, dns: FakeDns) -> None:
        dns.visible = False

    async with a_scene(before=hide, dns01_evidence_limit=timedelta(seconds=30)) as scene:
        await scene.ask("example.com")
        await scene.wait(29)
        early = scene.ca.count("accept")
        await scene.wait(5)

        request = await scene.request()

    assert early == 0
    assert scene.ca.count("accept") == 1
    assert condition_of(request)[1] == "Issued"


async def test_a_slow_order_is_looked_at_until_it_is_valid_and_finalized_once() -> None:
    def slow(ca: FakeCa, _: FakeDns) -> None:
        ca.slow = 4

    async with a_scene(before=slow) as scene:
        await scene.ask("example.com")
        await scene.wait(20)

        request = await scene.request()

    assert condition_of(request)[1] == "Issued"
    assert scene.ca.count("finalize") == 1


async def test_labels_and_annotations_reach_the_order_and_not_the_challenge() -> None:
    def hide(_: FakeCa, dns: FakeDns) -> None:
        dns.visible = False

    async with a_scene(before=hide) as scene:
        await scene.ask(
            "example.com", meta={"labels": {"team": "web"}, "annotations": {"note": "x"}}
        )

        order, (challenge,) = await scene.order(), await scene.challenges()

    assert order.metadata.labels == {"team": "web"}
    assert order.metadata.annotations == {"note": "x"}
    assert challenge.metadata.labels == {}
    assert challenge.metadata.annotations == {}
    assert challenge.metadata.finalizers == ("acme.cert-manager.io/finalizer",)


async def test_a_challenge_deleted_by_hand_is_made_again() -> None:
    def hide(_: FakeCa, dns: FakeDns) -> None:
        dns.visible = False

    async with a_scene(before=hide) as scene:
        await scene.ask("example.com")
        (first,) = await scene.challenges()
        await scene.world.delete(Challenge, first.metadata.name)
        (second,) = await scene.challenges()
        scene.dns.visible = True
        await scene.wait(10)

        request = await scene.request()

    assert second.metadata.uid != first.metadata.uid
    assert condition_of(request)[1] == "Issued"


async def test_an_order_deleted_by_hand_is_made_again() -> None:
    def hide(_: FakeCa, dns: FakeDns) -> None:
        dns.visible = False

    async with a_scene(before=hide) as scene:
        await scene.ask("example.com")
        first = await scene.order()
        await scene.world.delete(Order, first.metadata.name)
        scene.dns.visible = True
        await scene.wait(10)

        request, second = await scene.request(), await scene.order()

    assert second.metadata.uid != first.metadata.uid
    assert condition_of(request)[1] == "Issued"


async def test_records_are_taken_back_when_the_request_goes() -> None:
    def hide(_: FakeCa, dns: FakeDns) -> None:
        dns.visible = False

    async with a_scene(before=hide) as scene:
        await scene.ask("example.com")
        published = len(scene.dns.records)
        await scene.world.delete(type(await scene.request()), NAME)
        await scene.wait(2)

        left = await scene.challenges()

    assert published == 1
    assert left == ()
    assert scene.dns.records == set()
