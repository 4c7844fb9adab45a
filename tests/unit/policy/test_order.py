"""Orders: compat-spec 3.15, 6.2-6.4 and rows 22, 34, 49, 55, 56 of its chapter 10."""

from typing import Any

import pytest
from msgspec.structs import replace

from certwright.api.order import ACMEAuthorization, Challenge, Order, OrderSpec, State
from certwright.api.solver import ACMEChallengeSolver
from certwright.policy.order import (
    MAX_LOOKS,
    Answer,
    Ask,
    Create,
    Delete,
    Distrust,
    Download,
    Facts,
    Fail,
    Finalize,
    Idle,
    LookAgain,
    NoSolver,
    Place,
    ReadAuthorizations,
    after_asking,
    build_order,
    distrust_of_order,
    dns_identifiers,
    ip_identifiers,
    name_problem,
    next_step,
    wanted_challenge,
)
from certwright.policy.solver import Choice
from tests.acme_objects import (
    a_csr,
    a_dns_solver,
    a_request,
    a_subject_csr,
    an_acme,
    an_authorization,
    an_http_solver,
    an_order,
    challenges_of,
    facts_of,
)
from tests.fakes.clock import START


def facts(order: Order, *challenges: Challenge, solvers: Any = None) -> Facts:
    mine = an_acme().solvers if solvers is None else solvers
    return Facts(order=order, solvers=mine, challenges=challenges)


# From request to Order


def test_an_order_asks_for_what_the_csr_names() -> None:
    request = a_request(
        csr=a_csr("b.example.com", "a.example.com"),
        meta={"labels": {"team": "web"}, "annotations": {"note": "x"}},
    )

    order = build_order(request, facts_of(request), an_acme(profile="shortlived"))

    assert order.spec.dns_names == ("b.example.com", "a.example.com")
    assert order.spec.issuer_ref == request.spec.issuer_ref
    assert order.spec.profile == "shortlived"
    assert order.metadata.labels == {"team": "web"}
    assert order.metadata.annotations == {"note": "x"}
    assert order.metadata.controller is not None
    assert order.metadata.controller.uid == request.metadata.uid


@pytest.mark.parametrize(("enabled", "duration"), [(True, "24h"), (False, None)])
def test_the_duration_is_asked_for_only_where_the_issuer_says_so(
    enabled: bool,  # noqa: FBT001  # a parameter of the test
    duration: str | None,
) -> None:
    request = a_request(duration="24h")

    order = build_order(request, facts_of(request), an_acme(enable_duration_feature=enabled))

    assert order.spec.duration == duration


@pytest.mark.parametrize(
    ("csr", "is_fine"),
    [
        (a_csr("a.example.com"), True),
        (a_subject_csr("a.example.com", "a.example.com"), True),
        (a_subject_csr("b.example.com", "a.example.com"), False),
    ],
)
def test_a_common_name_must_be_among_the_other_names(csr: bytes, is_fine: bool) -> None:  # noqa: FBT001
    problem = name_problem(facts_of(a_request(csr=csr)))

    assert (problem == "") is is_fine


def test_identifiers_are_sorted_and_each_is_there_once() -> None:
    spec = OrderSpec(
        request=b"",
        issuer_ref=a_request().spec.issuer_ref,
        common_name="c.example.com",
        dns_names=("b.example.com", "*.a.example.com", "b.example.com"),
        ip_addresses=("192.0.2.2", "192.0.2.1"),
    )

    assert dns_identifiers(spec) == ("*.a.example.com", "b.example.com", "c.example.com")
    assert ip_identifiers(spec) == ("192.0.2.1", "192.0.2.2")


@pytest.mark.parametrize("common_name", ["Some Organisation", "192.0.2.1", ""])
def test_a_common_name_that_is_no_name_is_not_ordered(common_name: str) -> None:
    spec = OrderSpec(
        request=b"",
        issuer_ref=a_request().spec.issuer_ref,
        common_name=common_name,
        ip_addresses=("192.0.2.1",),
    )

    assert dns_identifiers(spec) == ()


def test_our_own_order_is_trusted() -> None:
    request = a_request()
    order = build_order(request, facts_of(request), an_acme())

    assert distrust_of_order(order, request, facts_of(request)) == ""


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"owner_references": ()}, "it is not owned by a CertificateRequest"),
    ],
)
def test_an_order_without_owner_is_not_trusted(change: dict[str, Any], why: str) -> None:
    request = a_request()
    order = build_order(request, facts_of(request), an_acme())
    order = replace(order, metadata=replace(order.metadata, **change))

    assert distrust_of_order(order, request, facts_of(request)) == why


def test_an_order_of_another_request_is_not_trusted() -> None:
    request = a_request()
    order = build_order(request, facts_of(request), an_acme())
    other = a_request("other")

    assert "not owned" in distrust_of_order(order, other, facts_of(other))
    assert "not owned" in distrust_of_order(order, None, facts_of(request))


def test_an_order_of_an_unapproved_request_is_not_trusted() -> None:
    request = a_request(conditions=())
    order = build_order(request, facts_of(request), an_acme())

    assert "not approved" in distrust_of_order(order, request, facts_of(request))


@pytest.mark.parametrize(
    "change",
    [{"dns_names": ("victim.example.org",)}, {"request": b"x"}, {"common_name": "x.example.com"}],
)
def test_an_order_for_something_else_is_not_trusted(change: dict[str, Any]) -> None:
    request = a_request()
    order = build_order(request, facts_of(request), an_acme())
    order = replace(order, spec=replace(order.spec, **change))

    assert "something else" in distrust_of_order(order, request, facts_of(request))


# Decisions


@pytest.mark.parametrize(
    ("status", "step"),
    [
        ({"url": ""}, Place()),
        ({"state": State.ERRORED}, Idle("it has ended")),
        ({"state": State.INVALID}, Idle("it has ended")),
        ({"authorizations": (ACMEAuthorization(url="u"),)}, ReadAuthorizations()),
        ({"finalize_url": ""}, Ask()),
        ({"state": State.READY}, Ask()),
        ({"state": State.PROCESSING}, Ask()),
        ({"state": State.UNKNOWN}, Ask()),
        ({"state": State.VALID}, Ask()),
        ({"state": State.VALID, "certificate": b"chain"}, Idle("it is done")),
    ],
)
def test_an_order_goes_step_by_step(status: dict[str, Any], step: object) -> None:
    assert next_step(facts(an_order(**status))) == step


def test_an_order_that_is_being_deleted_is_left_alone() -> None:
    order = an_order(url="")
    order = replace(order, metadata=replace(order.metadata, deletion_timestamp=START))

    assert next_step(facts(order)) == Idle("it has ended")


def test_apex_and_wildcard_get_their_challenges_together() -> None:
    order = an_order("example.com", "*.example.com")

    step = next_step(facts(order))

    assert isinstance(step, Create)
    specs = [one.spec for one in step.wanted]
    assert [(spec.dns_name, spec.wildcard) for spec in specs] == [
        ("example.com", False),
        ("example.com", True),
    ]
    assert len({one.name for one in step.wanted}) == 2


def test_only_missing_challenges_are_made() -> None:
    order = an_order("a.example.com", "b.example.com")
    first, second = challenges_of(order)

    step = next_step(facts(order, first))

    assert isinstance(step, Create)
    assert [one.name for one in step.wanted] == [second.metadata.name]


def test_a_name_that_is_proven_already_needs_no_challenge() -> None:
    authorization = an_authorization(state=State.VALID)

    assert next_step(facts(an_order(authorizations=(authorization,)))) == Ask()


def test_an_order_waits_for_its_challenges() -> None:
    order = an_order("a.example.com", "b.example.com")
    done, open_ = challenges_of(order)
    done = replace(done, status=replace(done.status, state=State.VALID))

    assert next_step(facts(order, done, open_)) == Idle("its Challenges are not done")


@pytest.mark.parametrize("state", [State.VALID, State.INVALID])
def test_the_ca_is_asked_when_all_are_done_or_one_failed(state: State) -> None:
    order = an_order("a.example.com", "b.example.com")
    first, second = challenges_of(order, state=state)
    other = (
        second
        if state is State.VALID
        else replace(second, status=replace(second.status, state=State.PENDING))
    )

    assert next_step(facts(order, first, other)) == Ask()


def test_a_challenge_nobody_wants_any_more_is_deleted() -> None:
    order = an_order()
    (wanted,) = challenges_of(order)
    stale = replace(wanted, metadata=replace(wanted.metadata, name="old"))

    assert next_step(facts(order, wanted, stale)) == Delete((stale,))


def test_challenges_of_a_valid_order_are_deleted() -> None:
    order = an_order(state=State.VALID, certificate=b"chain")
    challenges = challenges_of(order)

    assert next_step(facts(order, *challenges)) == Delete(challenges)


def test_a_deletion_under_way_is_not_repeated() -> None:
    order = an_order(state=State.VALID, certificate=b"chain")
    (challenge,) = challenges_of(order)
    leaving = replace(challenge, metadata=replace(challenge.metadata, deletion_timestamp=START))

    assert next_step(facts(order, leaving)) == Idle("it is done")


@pytest.mark.parametrize(
    "solvers", [(), (an_http_solver(),), (a_dns_solver("x", dns_zones=("example.org",)),)]
)
def test_a_name_without_a_usable_solver_stops_the_order(
    solvers: tuple[ACMEChallengeSolver, ...],
) -> None:
    step = next_step(facts(an_order(), solvers=solvers))

    assert isinstance(step, NoSolver)
    assert [choice.name for choice in step.choices] == ["www.example.com"]


def test_an_authorization_for_a_name_not_ordered_is_not_proven() -> None:
    order = an_order(authorizations=(an_authorization("victim.example.org"),))

    step = next_step(facts(order))

    assert isinstance(step, Distrust)
    assert "victim.example.org" in step.why


def test_a_challenge_needs_a_chosen_solver() -> None:
    with pytest.raises(ValueError, match="no solver"):
        wanted_challenge(an_order(), an_authorization(), Choice(name="x", considered=()))


def test_another_solver_gives_a_challenge_another_name() -> None:
    order = an_order()
    one = next_step(facts(order))
    other = next_step(facts(order, solvers=(a_dns_solver("elsewhere"),)))

    assert isinstance(one, Create)
    assert isinstance(other, Create)
    assert one.wanted[0].name != other.wanted[0].name


@pytest.mark.parametrize(
    ("remote", "answer"),
    [
        (State.READY, Finalize()),
        (State.VALID, Download()),
        (State.INVALID, Fail(State.INVALID)),
        (State.EXPIRED, Fail(State.INVALID)),
        (State.PENDING, LookAgain()),
        (State.PROCESSING, LookAgain()),
        (State.UNKNOWN, LookAgain()),
    ],
)
def test_what_the_ca_says_decides(remote: State, answer: Answer) -> None:
    assert after_asking(facts(an_order()), remote, 0) == answer


def test_an_order_that_stays_pending_after_a_failed_challenge_is_given_up() -> None:
    order = an_order()
    (broken,) = challenges_of(order, state=State.ERRORED, reason="no")

    patient = after_asking(facts(order, broken), State.PENDING, MAX_LOOKS - 1)
    final = after_asking(facts(order, broken), State.PENDING, MAX_LOOKS)

    assert patient == LookAgain()
    assert final == Fail(
        State.ERRORED, f'Challenge "{broken.metadata.name}" is in "errored" state: no'
    )
