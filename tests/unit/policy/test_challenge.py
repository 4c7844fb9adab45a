"""Challenges: compat-spec 3.16 and design §8, which replaces rows 49, 50, 52, 53 of chapter 10."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from certwright.api.order import FINALIZER, LEGACY_FINALIZER, Challenge, State
from certwright.policy import challenge as policy
from certwright.policy.challenge import (
    Accept,
    AddFinalizer,
    Check,
    CleanUp,
    Facts,
    Idle,
    Poll,
    Present,
    Settle,
    Wait,
    after_checking,
    next_step,
)
from tests.acme_objects import a_challenge, a_dns_solver, an_acme, an_order
from tests.fakes.clock import START

SECOND = timedelta(seconds=1)
LONGEST = policy.LONGEST_PAUSE.total_seconds()
LIMIT = timedelta(seconds=120)
PRESENTED: dict[str, Any] = {
    "presented": True,
    "processing": True,
    "presented_at": START,
    "state": State.PENDING,
}


def facts(challenge: Challenge, **fields: Any) -> Facts:
    known = {"order_over": False, "accepted": False, "waited": timedelta()}
    return Facts(**{"challenge": challenge, "evidence_limit": LIMIT, **known, **fields})


def step_of(challenge: Challenge, **fields: Any) -> policy.Step:
    return next_step(facts(challenge, **fields), START)


def waiting(span: str) -> Challenge:
    challenge = a_challenge(**PRESENTED)
    solver = replace(challenge.spec.solver, wait_instead_of_self_check=span)
    return replace(challenge, spec=replace(challenge.spec, solver=solver))


def test_a_challenge_without_finalizer_gets_it_first() -> None:
    assert step_of(a_challenge(meta={"finalizers": ()})) == AddFinalizer()
    assert step_of(a_challenge(meta={"finalizers": (LEGACY_FINALIZER,)})) == AddFinalizer()


def test_the_answer_is_presented_then_looked_for() -> None:
    assert step_of(a_challenge()) == Present()
    assert step_of(a_challenge(**PRESENTED)) == Check()


def test_after_accepting_only_the_ca_is_asked() -> None:
    assert step_of(a_challenge(**PRESENTED), accepted=True) == Poll()


def test_evidence_of_all_servers_is_accepted_at_once() -> None:
    step = after_checking(facts(a_challenge(**PRESENTED)), "", complete=True, now=START)

    assert step == Accept()


@pytest.mark.parametrize(
    ("waited", "pause"),
    [(0, 0.1), (0.1, 0.1), (1, 0.5), (8, 4), (60, LONGEST), (118, 2)],
)
def test_looks_grow_apart_but_never_past_the_limit(waited: float, pause: float) -> None:
    seen = facts(a_challenge(**PRESENTED), waited=timedelta(seconds=waited))

    step = after_checking(seen, "not yet", complete=False, now=START)

    assert isinstance(step, Wait)
    assert step.until == START + timedelta(seconds=pause)


def test_a_quick_zone_gets_no_waiting_reason() -> None:
    seen = facts(a_challenge(**PRESENTED), waited=SECOND)

    step = after_checking(seen, "not yet", complete=False, now=START)

    assert step == Wait(START + SECOND / 2, "")


def test_a_slow_zone_gets_the_servers_words_as_reason() -> None:
    seen = facts(a_challenge(**PRESENTED), waited=2 * SECOND)

    step = after_checking(seen, "not yet", complete=False, now=START)

    assert step == Wait(START + SECOND, "Waiting for DNS-01 challenge propagation: not yet")


def test_the_ca_is_asked_anyway_after_the_limit() -> None:
    seen = facts(a_challenge(**PRESENTED), waited=LIMIT)

    step = after_checking(seen, "ns2 lacks it", complete=False, now=START)

    assert step == Accept("asked the CA without full evidence: ns2 lacks it")


def test_wait_instead_of_self_check_waits_and_accepts() -> None:
    early = next_step(facts(waiting("90s")), START + 30 * SECOND)
    late = next_step(facts(waiting("90s")), START + 90 * SECOND)

    assert early == Wait(
        START + 90 * SECOND,
        "Waiting 1m0s before accepting DNS-01 challenge without self-check",
    )
    assert late == Accept()


def test_a_span_that_is_none_waits_for_nothing() -> None:
    assert step_of(waiting("soon")) == Accept()


@pytest.mark.parametrize("state", [State.INVALID, State.EXPIRED, State.ERRORED])
def test_a_failed_challenge_is_cleaned_up_at_once(state: State) -> None:
    assert step_of(a_challenge(**{**PRESENTED, "state": state})) == CleanUp()


def test_a_valid_challenge_is_cleaned_up_when_its_order_is_over() -> None:
    challenge = a_challenge(**{**PRESENTED, "state": State.VALID})

    assert step_of(challenge) == Idle("its Order deletes it when it is done")
    assert step_of(challenge, order_over=True) == CleanUp()


def test_a_deleted_challenge_is_cleaned_up_whatever_its_state() -> None:
    assert step_of(a_challenge(meta={"deletion_timestamp": START})) == CleanUp()


def test_after_the_clean_up_the_flags_are_taken_back_once() -> None:
    challenge = a_challenge(meta={"finalizers": ()}, **{**PRESENTED, "state": State.INVALID})

    settled = replace(challenge, status=policy.settled(challenge.status))

    assert step_of(challenge) == Settle()
    assert step_of(settled) == Idle("it has ended")
    assert settled.status.presented_at == START


def test_a_challenge_that_only_others_hold_is_left_alone() -> None:
    meta = {"finalizers": ("example.com/other",), "deletion_timestamp": START}

    assert step_of(a_challenge(meta=meta, **PRESENTED)) == Idle("it has ended")


def test_what_a_challenge_must_say_is_derived_from_its_order() -> None:
    order, challenge = an_order(), a_challenge()

    wanted = policy.expected_spec(challenge, order, an_acme().solvers)

    assert wanted == replace(challenge.spec, key="")


def test_nothing_is_expected_where_order_or_issuer_want_nothing() -> None:
    order, challenge = an_order(), a_challenge()
    stranger = replace(challenge, spec=replace(challenge.spec, authorization_url="elsewhere"))
    solvers = (a_dns_solver("x", dns_zones=("example.org",)),)

    assert policy.expected_spec(stranger, order, an_acme().solvers) is None
    assert policy.expected_spec(challenge, order, solvers) is None


def test_presenting_and_ending_change_what_they_say() -> None:
    status = policy.presented(a_challenge().status, START + SECOND / 2)
    ended = policy.ended(status, State.VALID, "done")

    assert (status.processing, status.presented, status.presented_at) == (True, True, START)
    assert (ended.state, ended.reason, ended.presented) == (State.VALID, "done", True)


@pytest.mark.parametrize(("age", "pause"), [(0, 5), (10, 5), (60, 30), (3600, 1800), (86400, 1800)])
def test_what_a_person_must_mend_is_tried_ever_more_rarely(age: int, pause: int) -> None:
    created = START - timedelta(seconds=age)

    assert policy.retry_at(created, START) == START + timedelta(seconds=pause)


def test_a_challenge_of_unknown_age_is_tried_again_soon() -> None:
    assert policy.retry_at(None, START) == START + timedelta(seconds=5)


def test_the_finalizer_is_cert_managers() -> None:
    assert a_challenge().metadata.finalizers == (FINALIZER,) == ("acme.cert-manager.io/finalizer",)
