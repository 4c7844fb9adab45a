"""What goes wrong between request and chain, and who is told (compat-spec 6.11; design §7)."""

import json
from datetime import timedelta
from typing import TypeVar

import pytest

from certwright.api.annotations import EVIDENCE, FAILURE_CLASS, NEXT_ATTEMPT, PROBLEM, REMEDY
from certwright.api.issuer import Issuer
from certwright.api.kinds import Document
from certwright.api.meta import Key, Resource
from certwright.api.order import Order, State
from certwright.api.solver import ACMEChallengeSolver
from certwright.base.problem import Cause, Problem, Retryable, Stalled
from certwright.base.reason import Reason
from certwright.store.protocol import Unavailable
from tests.acme_objects import a_dns_solver, an_acme_issuer, an_http_solver
from tests.fakes.acme import FakeCa, refusal
from tests.fakes.clock import START
from tests.fakes.solver import FakeDns
from tests.fakes.store import RecordingStore
from tests.unit.controllers.acme_setting import Scene, a_scene, condition_of

R = TypeVar("R", bound=Resource)

HOUR = 3600


def no_answer() -> Problem:
    return Retryable(Reason.CONNECTION_FAILED, "nothing answered", cause=Cause.TRANSPORT)


async def fail_once(scene: Scene, operation: str, problem: Problem) -> None:
    scene.ca.failures[operation].append(problem)
    await scene.ask("example.com")
    await scene.wait(2)


async def test_a_refused_order_fails_the_request_with_the_cas_words() -> None:
    async with a_scene() as scene:
        await fail_once(scene, "newOrder", refusal("rejectedIdentifier", detail="not this name"))

        order, request = await scene.order(), await scene.request()

    assert order.status.state is State.ERRORED
    assert order.status.reason.startswith("Failed to create Order: ")
    assert order.status.failure_time is not None
    status, reason, message = condition_of(request)
    assert (status, reason) == ("False", "Failed")
    assert message == (
        f'Failed to wait for order resource "{order.metadata.name}" to become ready: order is in'
        f' "errored" state: {order.status.reason}'
    )
    assert request.status.failure_time is not None
    assert request.metadata.annotations[FAILURE_CLASS] == "policy"
    problem = json.loads(request.metadata.annotations[PROBLEM])
    assert problem["detail"] == "not this name"


async def test_a_failed_order_is_terminal() -> None:
    async with a_scene() as scene:
        await fail_once(scene, "newOrder", refusal("rejectedIdentifier"))
        scene.ca.calls.clear()
        await scene.wait(HOUR)

        assert scene.ca.calls == []


async def test_a_profile_that_is_not_on_offer_is_not_asked_for() -> None:
    unknown = Stalled(
        Reason.INVALID_ORDER, "the CA does not offer the profile 'x'", remedy="Choose"
    )
    async with a_scene() as scene:
        await fail_once(scene, "newOrder", unknown)

        order, request = await scene.order(), await scene.request()

    assert order.status.reason == ("Failed to create Order: the CA does not offer the profile 'x'")
    assert request.metadata.annotations[REMEDY] == "Choose"


async def test_a_rate_limit_is_waited_for_until_the_named_time() -> None:
    later = START + timedelta(hours=2)
    async with a_scene() as scene:
        await fail_once(scene, "newOrder", refusal("rateLimited", 429, retry_at=later))
        waiting, order = await scene.request(), await scene.order()
        await scene.wait(2 * HOUR - 10)
        calls_before = scene.ca.count("newOrder")
        await scene.wait(20)

        issued, done = await scene.request(), await scene.order()

    assert condition_of(waiting)[:2] == ("False", "Pending")
    assert condition_of(waiting)[2].endswith("; the next attempt is at 2026-01-01T02:00:00Z")
    assert order.metadata.annotations[FAILURE_CLASS] == "rate"
    assert order.metadata.annotations[NEXT_ATTEMPT] == "2026-01-01T02:00:00Z"
    assert waiting.metadata.annotations[NEXT_ATTEMPT] == "2026-01-01T02:00:00Z"
    assert calls_before == 1
    assert condition_of(issued)[1] == "Issued"
    assert FAILURE_CLASS not in done.metadata.annotations
    assert FAILURE_CLASS not in issued.metadata.annotations


async def test_a_rate_limit_without_a_time_is_waited_for_ten_minutes() -> None:
    async with a_scene() as scene:
        await fail_once(scene, "newOrder", refusal("serverBusy", 429))
        await scene.wait(500)
        early = scene.ca.count("newOrder")
        await scene.wait(200)

        request = await scene.request()

    assert early == 1
    assert condition_of(request)[1] == "Issued"


@pytest.mark.parametrize(
    "problem", [no_answer(), refusal("serverInternal", 500), refusal("badNonce", 400)]
)
@pytest.mark.parametrize("operation", ["newOrder", "authorization", "order", "finalize", "accept"])
async def test_what_may_pass_is_tried_again(operation: str, problem: Problem) -> None:
    async with a_scene() as scene:
        await fail_once(scene, operation, problem)
        await scene.wait(120)

        request = await scene.request()

    assert condition_of(request)[1] == "Issued"
    assert len(scene.ca.orders) == 1


@pytest.mark.parametrize(
    ("operation", "prefix"),
    [
        ("order", "Failed to retrieve Order resource: "),
        ("finalize", "Failed to finalize Order: "),
        ("certificate", "Failed to retrieve signed certificate: "),
    ],
)
async def test_each_refusal_says_what_was_refused(operation: str, prefix: str) -> None:
    async with a_scene() as scene:
        await fail_once(scene, operation, refusal("malformed"))

        order = await scene.order()

    assert order.status.state is State.ERRORED
    assert order.status.reason.startswith(prefix)


async def test_authorizations_that_cannot_be_read_end_the_order() -> None:
    async with a_scene() as scene:
        scene.ca.failures["authorization"] += [refusal("malformed"), refusal("malformed")]
        await scene.ask("example.com")

        order = await scene.order()

    assert order.status.state is State.ERRORED
    assert order.status.reason.startswith("Failed to fetch authorization: ")
    assert order.status.url


async def test_an_order_whose_authorizations_were_not_read_is_not_placed_twice() -> None:
    async with a_scene() as scene:
        scene.ca.failures["authorization"] += [no_answer(), no_answer()]
        await scene.ask("example.com")
        placed = await scene.order()
        await scene.wait(60)

        request = await scene.request()

    assert placed.status.url
    assert scene.ca.count("newOrder") == 1
    assert condition_of(request)[1] == "Issued"


async def test_a_failed_validation_is_carried_up_to_the_request() -> None:
    def refuse(ca: FakeCa, _: FakeDns) -> None:
        ca.verdict = "invalid"

    async with a_scene(before=refuse) as scene:
        await scene.ask("example.com")
        await scene.wait(5)

        (challenge,), order, request = (
            await scene.challenges(),
            await scene.order(),
            await scene.request(),
        )
        warnings = await scene.world.warnings()

    said = "no TXT record (dns)"
    assert challenge.status.state is State.INVALID
    assert challenge.status.reason == f"Error accepting authorization: {said}"
    assert ("Failed", f"Accepting challenge authorization failed: {said}") in warnings
    assert order.status.state is State.INVALID
    assert condition_of(request)[1] == "Failed"
    for resource in (challenge, order, request):
        assert resource.metadata.annotations[FAILURE_CLASS] == "validation"
        assert "no TXT record" in resource.metadata.annotations[PROBLEM]


async def test_challenges_of_a_failed_order_stay_and_their_records_go() -> None:
    def refuse(ca: FakeCa, _: FakeDns) -> None:
        ca.verdict = "invalid"

    async with a_scene(before=refuse) as scene:
        await scene.ask("example.com", "*.example.com")
        await scene.wait(5)

        challenges = await scene.challenges()

    assert len(challenges) == 2
    assert scene.dns.records == set()
    assert {one.metadata.finalizers for one in challenges} == {()}
    assert {(one.status.processing, one.status.presented) for one in challenges} == {(False, False)}


async def test_evidence_is_kept_where_the_ca_was_asked_without_it() -> None:
    def refuse(ca: FakeCa, dns: FakeDns) -> None:
        ca.verdict, dns.visible = "invalid", False

    async with a_scene(before=refuse) as scene:
        await scene.ask("example.com")
        await scene.wait(200)

        request = await scene.request()

    assert json.loads(request.metadata.annotations[EVIDENCE]) == [
        ["ns2 (192.0.2.2:53)", "does not have it"]
    ]


async def test_a_challenge_that_cannot_be_presented_says_why_and_is_tried_again() -> None:
    refused = Stalled(Reason.CREDENTIALS_REFUSED, "ns1 refused the key", remedy="Give it the key.")

    def break_(_: FakeCa, dns: FakeDns) -> None:
        dns.failures["present"] = [refused]

    async with a_scene(before=break_) as scene:
        await scene.ask("example.com")
        (challenge,) = await scene.challenges()
        warnings = await scene.world.warnings()
        await scene.wait(60)

        request = await scene.request()

    assert challenge.status.reason == "ns1 refused the key"
    assert challenge.metadata.annotations[REMEDY] == "Give it the key."
    assert warnings == [("PresentError", "Error presenting challenge: ns1 refused the key")]
    assert condition_of(request)[1] == "Issued"


async def test_a_clean_up_that_fails_is_tried_again_before_the_challenge_goes() -> None:
    silent = Retryable(Reason.CONNECTION_FAILED, "ns1 is silent", cause=Cause.TRANSPORT)

    def break_(_: FakeCa, dns: FakeDns) -> None:
        dns.failures["clean_up"] = [silent]

    async with a_scene(before=break_) as scene:
        await scene.ask("example.com")
        await scene.wait(2)
        left = await scene.challenges()
        warnings = await scene.world.warnings()
        await scene.wait(60)

        gone = await scene.challenges()

    assert len(left) == 1
    assert warnings == [("CleanUpError", "Error cleaning up challenge: ns1 is silent")]
    assert gone == ()
    assert scene.dns.records == set()


async def test_a_challenge_whose_issuer_is_gone_is_let_go_with_a_warning() -> None:
    def hide(_: FakeCa, dns: FakeDns) -> None:
        dns.visible = False

    async with a_scene(before=hide) as scene:
        await scene.ask("example.com")
        await scene.world.delete(Issuer, "acme")
        await scene.world.delete(Order, (await scene.order()).metadata.name)
        await scene.wait(2)

        left, warnings = await scene.challenges(), await scene.world.warnings()

    assert left == ()
    assert (
        "CleanUpError",
        "Error cleaning up challenge: its issuer is gone; its record may be left",
    ) in warnings


@pytest.mark.parametrize(
    ("solvers", "why"),
    [
        ((an_http_solver(),), "example.com: solver 0 uses HTTP-01, which is not served yet"),
        ((a_dns_solver("x", dns_zones=("example.org",)),), "not in one of its dnsZones"),
    ],
)
async def test_no_solver_stops_the_order_until_the_issuer_changes(
    solvers: tuple[ACMEChallengeSolver, ...], why: str
) -> None:
    async with a_scene(resources=(an_acme_issuer(solvers=solvers),)) as scene:
        await scene.ask("example.com")
        order = await scene.order()
        ((reason, message),) = await scene.world.warnings()
        dns01 = {"solvers": [{"dns01": {"rfc2136": {"nameserver": "ns"}}}]}
        await scene.world.patch(Issuer, "acme", {"spec": {"acme": dns01}})
        await scene.wait(2)

        request = await scene.request()

    assert order.status.state is State.PENDING
    assert reason == "Solver"
    assert message.startswith(
        "Failed to determine a valid solver configuration for the set of domains on the Order: "
    )
    assert why in message
    assert condition_of(request)[1] == "Issued"


async def test_a_certificate_nobody_can_read_fails_the_request_and_is_not_ordered_again() -> None:
    def replace_chain(ca: FakeCa, _: FakeDns) -> None:
        ca.chains["https://ca.example/order/1/certificate"] = b"nothing"

    async with a_scene(before=replace_chain) as scene:
        await scene.ask("example.com")
        await scene.wait(5)

        request = await scene.request()
        warnings = await scene.reasons()

    assert condition_of(request)[1] == "Failed"
    assert "DecodeError" in warnings
    assert scene.ca.count("newOrder") == 1


@pytest.mark.parametrize("word", ["malformed", "unauthorized"])
async def test_a_refused_accept_ends_the_challenge(word: str) -> None:
    async with a_scene() as scene:
        await fail_once(scene, "accept", refusal(word))
        await scene.wait(60)

        (challenge,), order = await scene.challenges(), await scene.order()

    wanted = State.EXPIRED if word == "malformed" else State.ERRORED
    assert challenge.status.state is wanted
    assert challenge.status.reason.startswith("Error accepting challenge: ")
    assert order.status.state is State.ERRORED
    assert challenge.metadata.name in order.status.reason


class Forgetful(RecordingStore):
    """Refuses the first writes of an Order's status, as a full disk would."""

    refused = 0

    async def patch_status(
        self,
        kind: type[R],
        key: Key,
        patch: Document,
        *,
        manager: str,
        version: str | None = None,
    ) -> R:
        if kind is Order and self.refused < 3:
            self.refused += 1
            raise Unavailable("Unavailable", "the disk is full")
        return await super().patch_status(kind, key, patch, manager=manager, version=version)


async def test_a_store_that_refuses_the_write_costs_no_second_order() -> None:
    async with a_scene(store_type=Forgetful) as scene:
        await scene.ask("example.com")
        await scene.wait(60)

        request = await scene.request()

    assert scene.ca.count("newOrder") == 1
    assert condition_of(request)[1] == "Issued"
