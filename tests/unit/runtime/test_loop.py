"""The laws of the loop: who is woken, what is written, what a failure does."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from certwright.api.certificate import Certificate, CertificateStatus
from certwright.api.core import Secret
from certwright.api.meta import Condition, ConditionStatus, Key
from certwright.api.secret import SecretSummary
from certwright.base.problem import Cause, Problem, Retryable, Stalled, Waiting
from certwright.controllers.indexes import CERTIFICATES_BY_SECRET
from certwright.runtime.loop import Controller, Watch
from certwright.runtime.outcome import DONE, Outcome, again_at, normal
from certwright.runtime.view import View
from certwright.store.protocol import Unavailable
from certwright.store.sqlite.store import SqliteStore
from tests.builders import a_certificate, a_secret
from tests.fakes.clock import START, FakeClock
from tests.fakes.store import RecordingStore
from tests.harness import Running, running

WEB = Key("default", "web")
MINUTE = timedelta(minutes=1)
Reconcile = Callable[[View, Key], Awaitable[Outcome]]


def shown(reason: str, revision: int | None = None) -> CertificateStatus:
    return CertificateStatus(
        conditions=(Condition(type="Ready", status=ConditionStatus.FALSE, reason=reason),),
        revision=revision,
    )


def show_failure(_certificate: Certificate, problem: Problem, _now: datetime) -> Outcome:
    return Outcome(status=shown(problem.reason), manager="test")


def a_controller(reconcile: Reconcile, *watches: Watch) -> Controller[Certificate]:
    return Controller(
        name="test", kind=Certificate, reconcile=reconcile, failed=show_failure, watches=watches
    )


class Recorded:
    """Counts reconciles, and answers each with the next of the given outcomes (then the last)."""

    def __init__(self, *answers: Outcome | Exception) -> None:
        self.answers = list(answers) or [DONE]
        self.keys: list[Key] = []

    async def __call__(self, _view: View, key: Key) -> Outcome:
        self.keys.append(key)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


async def with_a_certificate(
    reconcile: Reconcile, then: Callable[[Running, RecordingStore], Awaitable[Any]]
) -> Any:
    clock = FakeClock()
    async with SqliteStore.open(":memory:", clock=clock) as inner:
        store = RecordingStore(inner)
        await inner.create(a_certificate(), manager="user")
        async with running((a_controller(reconcile),), store, clock, user=inner) as world:
            return await then(world, store)


async def test_everything_is_reconciled_once_at_the_start() -> None:
    reconcile = Recorded()

    async def then(_world: Running, _store: RecordingStore) -> None:
        assert reconcile.keys == [WEB]

    await with_a_certificate(reconcile, then)


async def test_a_status_is_written_once_and_wakes_the_next_step() -> None:
    reconcile = Recorded(Outcome(status=shown("A"), manager="me"))

    async def then(world: Running, store: RecordingStore) -> None:
        assert len(reconcile.keys) == 2
        assert store.writes == [("status", "Certificate", "web", "me")]
        assert (await world.get(Certificate, "web")).status == shown("A")

    await with_a_certificate(reconcile, then)


async def test_a_status_written_with_a_pause_wakes_nobody() -> None:
    reconcile = Recorded(Outcome(status=shown("A"), manager="me", again_at=START + MINUTE), DONE)

    async def then(world: Running, _store: RecordingStore) -> None:
        assert len(reconcile.keys) == 1
        await world.advance(MINUTE)
        assert len(reconcile.keys) == 2

    await with_a_certificate(reconcile, then)


async def test_what_another_writes_during_our_pause_is_not_lost() -> None:
    clock = FakeClock()
    reconcile = Recorded(Outcome(status=shown("A"), manager="me", again_at=START + MINUTE))

    class Chatty(RecordingStore):
        """Somebody writes right after each of our status writes, before we hear of ours."""

        said = False

        async def _wrote(self, *args: Any) -> None:
            await super()._wrote(*args)
            if not self.said:
                self.said = True
                patch = {"metadata": {"labels": {"theirs": "x"}}}
                await inner.patch(Certificate, WEB, patch, manager="user")
                for _ in range(50):
                    await asyncio.sleep(0)  # noqa: TID251  # the watch is faster than our answer

    async with SqliteStore.open(":memory:", clock=clock) as inner:
        await inner.create(a_certificate(), manager="user")
        store = Chatty(inner)
        async with running((a_controller(reconcile),), store, clock, user=inner):
            assert len(reconcile.keys) == 2


async def test_a_decision_on_an_outdated_status_is_not_written_but_made_again() -> None:
    statuses: list[CertificateStatus] = []

    async def then(world: Running, _store: RecordingStore) -> None:
        status = (await world.get(Certificate, "web")).status
        assert statuses[0].revision is None
        assert statuses[-1].revision == 7
        assert status == shown("A", revision=7)

    async def reconcile(view: View, key: Key) -> Outcome:
        seen = view.get(Certificate, key)
        assert seen is not None
        statuses.append(seen.status)
        if len(statuses) == 1:  # somebody is faster
            patch = {"revision": 7}
            await view._store.patch_status(Certificate, key, patch, manager="other")
        return Outcome(status=replace(shown("A"), revision=seen.status.revision), manager="me")

    await with_a_certificate(reconcile, then)


async def test_a_second_run_at_rest_writes_nothing() -> None:
    reconcile = Recorded(Outcome(status=shown("A"), manager="me"))
    clock = FakeClock()
    async with SqliteStore.open(":memory:", clock=clock) as inner:
        await inner.create(a_certificate(), manager="user")
        async with running((a_controller(reconcile),), inner, clock):
            pass
        store = RecordingStore(inner)

        async with running((a_controller(reconcile),), store, clock):
            assert store.writes == []


async def test_annotations_are_set_and_removed_and_left_alone_when_they_are_right() -> None:
    reconcile = Recorded(
        Outcome(annotations={"a": "1", "b": "2"}, manager="me"),
        Outcome(annotations={"a": "1", "b": None, "c": None}, manager="me"),
    )

    async def then(world: Running, store: RecordingStore) -> None:
        assert dict((await world.get(Certificate, "web")).metadata.annotations) == {"a": "1"}
        assert [one[0] for one in store.writes] == ["patch", "patch"]

    await with_a_certificate(reconcile, then)


async def test_events_are_told_after_the_status_is_written() -> None:
    order: list[str] = []

    async def then(world: Running, _store: RecordingStore) -> None:
        assert order == []
        assert await world.events() == [("Done", "It is done")]

    await with_a_certificate(
        Recorded(Outcome(status=shown("A"), events=(normal("me", "Done", "It is done"),)), DONE),
        then,
    )


async def test_a_stalled_problem_is_shown_and_waits_for_a_change() -> None:
    reconcile = Recorded(Stalled("BadConfig", "no"), DONE)

    async def then(world: Running, _store: RecordingStore) -> None:
        await world.advance(timedelta(days=10))
        assert len(reconcile.keys) == 1
        assert (await world.get(Certificate, "web")).status == shown("BadConfig")
        await world.patch(Certificate, "web", {"spec": {"commonName": "x"}})
        assert len(reconcile.keys) == 2

    await with_a_certificate(reconcile, then)


async def test_a_waiting_problem_comes_again_after_its_span() -> None:
    reconcile = Recorded(Waiting("Pending", "soon", again_after=MINUTE), DONE)

    async def then(world: Running, _store: RecordingStore) -> None:
        assert len(reconcile.keys) == 1
        await world.advance(MINUTE)
        assert len(reconcile.keys) == 2

    await with_a_certificate(reconcile, then)


async def test_a_retryable_problem_backs_off_by_its_cause_or_waits_for_the_named_moment() -> None:
    reconcile = Recorded(
        Retryable("ConnectionFailed", "no", cause=Cause.TRANSPORT),
        Retryable("RateLimited", "no", cause=Cause.RATE, not_before=START + timedelta(hours=2)),
        DONE,
    )

    async def then(world: Running, _store: RecordingStore) -> None:
        await world.advance(timedelta(seconds=4))
        assert len(reconcile.keys) == 1
        await world.advance(timedelta(seconds=3))
        assert len(reconcile.keys) == 2
        await world.advance(timedelta(hours=1))
        assert len(reconcile.keys) == 2
        await world.advance(timedelta(hours=1))
        assert len(reconcile.keys) == 3

    await with_a_certificate(reconcile, then)


async def test_a_bug_in_one_reconcile_is_survived_and_tried_again() -> None:
    reconcile = Recorded(ZeroDivisionError("a bug"), DONE)

    async def then(world: Running, _store: RecordingStore) -> None:
        await world.advance(timedelta(seconds=2))
        assert len(reconcile.keys) == 2

    await with_a_certificate(reconcile, then)


async def test_a_store_that_refuses_is_tried_again() -> None:
    reconcile = Recorded(Unavailable("Unavailable", "the disk is full"), DONE)

    async def then(world: Running, _store: RecordingStore) -> None:
        await world.advance(timedelta(seconds=2))
        assert len(reconcile.keys) == 2

    await with_a_certificate(reconcile, then)


async def test_a_deleted_resource_is_reconciled_once_more_and_its_timer_is_forgotten() -> None:
    reconcile = Recorded(again_at(START + MINUTE), DONE)

    async def then(world: Running, _store: RecordingStore) -> None:
        await world.delete(Certificate, "web")
        assert len(reconcile.keys) == 2
        await world.advance(MINUTE)
        assert len(reconcile.keys) == 2

    await with_a_certificate(reconcile, then)


def by_secret(view: View, secret: SecretSummary) -> list[Key]:
    return [one.key for one in view.by(CERTIFICATES_BY_SECRET, str(secret.key))]


async def test_a_watched_kind_wakes_those_whom_it_concerns() -> None:
    clock = FakeClock()
    reconcile = Recorded()
    controller = a_controller(reconcile, Watch(SecretSummary, by_secret))
    async with (
        SqliteStore.open(":memory:", clock=clock) as store,
        running((controller,), store, clock) as world,
    ):
        await world.create(a_certificate())
        await world.create(a_certificate("other"))
        reconcile.keys.clear()

        await world.create(a_secret("web-tls", data={"a": b"1"}))
        await world.patch(Secret, "web-tls", {"data": {"a": "Mg=="}})
        await world.delete(Secret, "web-tls")
        await world.create(a_secret("foreign"))

        assert reconcile.keys == [WEB, WEB, WEB]


async def test_a_watch_leaves_out_what_does_not_matter() -> None:
    clock = FakeClock()
    reconcile = Recorded()
    watch = Watch(SecretSummary, by_secret, lambda seen: seen.before is None)
    async with (
        SqliteStore.open(":memory:", clock=clock) as store,
        running((a_controller(reconcile, watch),), store, clock) as world,
    ):
        await world.create(a_certificate())
        reconcile.keys.clear()

        await world.create(a_secret("web-tls", data={"a": b"1"}))
        await world.patch(Secret, "web-tls", {"data": {"a": "Mg=="}})

        assert reconcile.keys == [WEB]


async def test_no_more_reconciles_run_at_once_than_the_limit_allows() -> None:
    clock = FakeClock()
    running_now, most = 0, 0

    async def reconcile(_view: View, _key: Key) -> Outcome:
        nonlocal running_now, most
        running_now += 1
        most = max(most, running_now)
        await asyncio.sleep(0)  # noqa: TID251  # lets others run
        running_now -= 1
        return DONE

    controller = replace(a_controller(reconcile), limit=3)
    async with SqliteStore.open(":memory:", clock=clock) as store:
        for n in range(20):
            await store.create(a_certificate(f"c{n}"), manager="user")
        async with running((controller,), store, clock):
            pass

    assert most == 3
