"""What changes under a running issuance: issuer, solver, Secrets, the CA's mind."""

import json

from msgspec.structs import replace

from certwright.api.annotations import FAILURE_CLASS, PROBLEM
from certwright.api.core import Secret
from certwright.api.issuer import Issuer
from certwright.api.meta import Key, ObjectMeta, SecretKeySelector
from certwright.api.order import Challenge, Order, State
from certwright.api.solver import DNS01, RFC2136, ACMEChallengeSolver
from certwright.base.problem import Cause, Retryable
from certwright.pki.csr import Names
from tests.acme_objects import a_challenge, a_csr, a_dns_solver, a_request, an_acme_issuer
from tests.fakes.acme import FakeCa
from tests.fakes.solver import FakeDns
from tests.unit.controllers.acme_setting import NAME, Scene, a_scene, condition_of

SIGNED = ACMEChallengeSolver(
    dns01=DNS01(
        rfc2136=RFC2136(
            nameserver="ns",
            tsig_key_name="key",
            tsig_secret_secret_ref=SecretKeySelector(name="tsig", key="secret"),
        )
    )
)


def hide(_: FakeCa, dns: FakeDns) -> None:
    dns.visible = False


def a_tsig_secret(value: bytes = b"one") -> Secret:
    return Secret(metadata=ObjectMeta(namespace="default", name="tsig"), data={"secret": value})


async def show(scene: Scene) -> tuple[str, str, str]:
    """Let the servers show the records, and return the request's condition in the end."""
    scene.dns.visible = True
    await scene.wait(60)
    return condition_of(await scene.request())


async def test_a_solver_that_was_edited_gives_a_new_challenge_and_the_old_record_goes() -> None:
    async with a_scene(before=hide) as scene:
        await scene.ask("example.com")
        (old,) = await scene.challenges()
        solvers = {"solvers": [{"dns01": {"rfc2136": {"nameserver": "other"}}}]}
        await scene.world.patch(Issuer, "acme", {"spec": {"acme": solvers}})
        await scene.wait(1)
        (new,) = await scene.challenges()

        condition = await show(scene)

    assert new.metadata.name != old.metadata.name
    assert condition[1] == "Issued"
    assert scene.dns.records == set()


async def test_an_issuer_that_goes_and_comes_back_is_waited_for() -> None:
    async with a_scene(before=hide) as scene:
        await scene.ask("example.com")
        issuer = await scene.issuer()
        await scene.world.delete(Issuer, "acme")
        await scene.wait(60)
        fresh = replace(issuer, metadata=ObjectMeta(namespace="default", name="acme"))
        await scene.world.create(fresh)

        assert (await show(scene))[1] == "Issued"


async def test_credentials_are_read_once_and_again_when_they_change() -> None:
    resources = (a_tsig_secret(), an_acme_issuer(solvers=(SIGNED,)))
    async with a_scene(before=hide, resources=resources) as scene:
        await scene.ask("example.com", "*.example.com")
        await scene.wait(5)
        first = list(scene.dns.built)
        await scene.world.store.patch(
            Secret, Key("default", "tsig"), {"data": {"secret": "dHdv"}}, manager="user"
        )
        await scene.world.rest()

        condition = await show(scene)

    assert first == [{"tsigSecretSecretRef": b"one"}]
    assert scene.dns.built[1:] == [{"tsigSecretSecretRef": b"two"}]
    assert condition[1] == "Issued"


async def test_credentials_that_vanish_stop_the_challenge_and_the_issuer() -> None:
    resources = (a_tsig_secret(), an_acme_issuer(solvers=(SIGNED,)))
    async with a_scene(before=hide, resources=resources) as scene:
        await scene.ask("example.com")
        await scene.world.delete(Secret, "tsig")
        issuer = condition_of(await scene.issuer())
        (challenge,) = await scene.challenges()
        await scene.world.create(a_tsig_secret())

        condition = await show(scene)

    assert issuer[1] == "InvalidSolver"
    assert 'the Secret "default/tsig" has no data for key "secret"' in challenge.status.reason
    assert condition[1] == "Issued"


async def test_a_clean_up_that_nobody_answers_keeps_the_finalizer() -> None:
    def break_(_: FakeCa, dns: FakeDns) -> None:
        silent = Retryable("ConnectionFailed", "silent", cause=Cause.TRANSPORT)
        dns.visible, dns.failures = False, {"clean_up": [silent] * 3}

    async with a_scene(before=break_) as scene:
        await scene.ask("example.com")
        (challenge,) = await scene.challenges()
        await scene.world.delete(Challenge, challenge.metadata.name)
        (kept,) = await scene.challenges()
        await scene.wait(60)

        (again,) = await scene.challenges()

    assert kept.metadata.finalizers
    assert again.metadata.uid != challenge.metadata.uid


async def test_an_order_that_goes_invalid_at_finalize_brings_the_cas_reason() -> None:
    def refuse(ca: FakeCa, _: FakeDns) -> None:
        ca.outcome = "invalid"

    async with a_scene(before=refuse) as scene:
        await scene.ask("example.com")
        await scene.wait(2)

        order, request = await scene.order(), await scene.request()

    assert order.status.state is State.INVALID
    assert order.status.reason == "CAA forbids it (caa)"
    assert condition_of(request)[1] == "Failed"
    assert json.loads(request.metadata.annotations[PROBLEM])["detail"] == "CAA forbids it"
    assert request.metadata.annotations[FAILURE_CLASS] == "policy"


async def test_an_address_is_ordered_with_the_short_lived_profile_on_offer() -> None:
    def offer(ca: FakeCa, _: FakeDns) -> None:
        ca.profiles = {"shortlived": "days"}

    csr = a_csr(names=Names(dns=("example.com",), ips=("192.0.2.1",)))
    request = a_request(csr=csr, conditions=(), meta={"uid": ""})
    async with a_scene(before=offer) as scene:
        await scene.world.create(request)
        await scene.ask("example.com", name="plain")

        orders = list(scene.ca.orders.values())

    profiles = {tuple(one.value for one in order.identifiers): order.profile for order in orders}
    assert profiles == {("example.com", "192.0.2.1"): "shortlived", ("example.com",): ""}


async def test_the_wanted_end_is_sent_where_the_issuer_says_so() -> None:
    issuer = an_acme_issuer(enable_duration_feature=True)
    async with a_scene(before=hide, resources=(issuer,)) as scene:
        await scene.ask("example.com", duration="24h")
        (order,) = scene.ca.orders.values()

        assert order.not_after is not None
        assert (order.not_after - scene.clock.now()).total_seconds() == 24 * 3600


async def test_a_foreign_challenge_of_our_name_is_left_alone_and_waited_out() -> None:
    async with a_scene(before=hide) as scene:
        await scene.ask("example.com")
        (ours,) = await scene.challenges()
        await scene.world.delete(type(await scene.request()), NAME)
        await scene.wait(2)
        meta = ObjectMeta(namespace="default", name=ours.metadata.name)
        await scene.world.create(replace(a_challenge(), metadata=meta))
        scene.ca.orders.clear()
        await scene.ask("example.com")
        order = await scene.order()
        await scene.world.delete(Challenge, ours.metadata.name)

        condition = await show(scene)

    assert "is there and is not owned by this Order" in str(order.metadata.annotations)
    assert condition[1] == "Issued"


async def test_an_order_whose_status_names_a_stranger_is_ignored() -> None:
    async with a_scene(before=hide) as scene:
        await scene.ask("example.com")
        order = await scene.order()
        before = set(scene.dns.records)
        (authorization,) = order.status.authorizations
        stranger = {
            "url": authorization.url,
            "identifier": "victim.example.org",
            "initialState": "pending",
            "challenges": [{"url": "u", "token": "t", "type": "dns-01"}],
        }
        await scene.world.store.patch_status(
            Order, order.key, {"authorizations": [stranger]}, manager="mallory"
        )
        await scene.wait(60)

        warnings = await scene.world.warnings()

    assert scene.dns.records == before
    assert "NotOurs" in [reason for reason, _ in warnings]


async def test_a_record_that_somebody_removed_is_published_again() -> None:
    async with a_scene(before=hide) as scene:
        await scene.ask("example.com")
        scene.dns.records.clear()
        await scene.wait(30)
        again = len(scene.dns.records)

        assert (await show(scene))[1] == "Issued"

    assert again == 1


async def test_publishing_again_may_fail_and_is_told() -> None:
    async with a_scene(before=hide) as scene:
        await scene.ask("example.com")
        scene.dns.failures["present"] = [Retryable("ConnectionFailed", "silent")]
        reasons = []
        for _ in range(15):
            await scene.wait(2)
            reasons += [one.status.reason for one in await scene.challenges()]

        assert (await show(scene))[1] == "Issued"

    assert any(reason.endswith("; publishing it again failed: silent") for reason in reasons)


async def test_waiting_may_replace_the_look() -> None:
    solver = replace(a_dns_solver(), wait_instead_of_self_check="30s")
    async with a_scene(before=hide, resources=(an_acme_issuer(solvers=(solver,)),)) as scene:
        await scene.ask("example.com")
        (waiting,) = await scene.challenges()
        await scene.wait(29)
        early = scene.ca.count("accept")
        await scene.wait(5)

        request = await scene.request()

    assert waiting.status.reason == (
        "Waiting 30s before accepting DNS-01 challenge without self-check"
    )
    assert early == 0
    assert "check" not in scene.dns.verbs
    assert condition_of(request)[1] == "Issued"
