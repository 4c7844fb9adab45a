"""Events: one per thing that happened, counted up, never in the way (compat-spec 3.1, 7.7)."""

from datetime import timedelta
from typing import Any, cast

from certwright.api.core import Event, EventType
from certwright.api.issuer import ClusterIssuer
from certwright.api.meta import Resource
from certwright.runtime.events import Recorder
from certwright.runtime.outcome import normal, warning
from certwright.store.protocol import Store, Unavailable
from certwright.store.sqlite.store import SqliteStore
from tests.builders import a_certificate, a_cluster_issuer
from tests.fakes.clock import START, FakeClock


async def events_of(
    *reports: Any, about: Resource, advance: timedelta | None = None
) -> list[Event]:
    clock = FakeClock()
    async with SqliteStore.open(":memory:", clock=clock) as store:
        created = await store.create(about, manager="user")
        recorder = Recorder(store, clock)
        for report in reports:
            await recorder.record([report], created)
            clock.advance(advance or timedelta())
        return list((await store.list(Event)).items)


async def test_an_event_names_object_source_type_and_moment() -> None:
    report = warning("cert-manager-certificates-issuing", "Failed", "no\x1b[31m")

    (event,) = await events_of(report, about=a_certificate())

    assert event.metadata.namespace == "default"
    assert event.metadata.name.startswith("web.")
    assert (event.involved_object.kind, event.involved_object.name) == ("Certificate", "web")
    assert event.involved_object.api_version == "cert-manager.io/v1"
    assert event.involved_object.uid
    assert (event.type, event.reason) == (EventType.WARNING, "Failed")
    assert event.message == r"no\x1b[31m"
    assert event.source.component == "cert-manager-certificates-issuing"
    assert event.first_timestamp == event.last_timestamp == START
    assert event.count == 1


async def test_the_same_event_again_is_counted_up() -> None:
    report = normal("x", "Issuing", "again")

    (event,) = await events_of(
        report, report, report, about=a_certificate(), advance=timedelta(seconds=5)
    )

    assert event.count == 3
    assert event.first_timestamp == START
    assert event.last_timestamp == START + timedelta(seconds=10)


async def test_an_event_that_has_gone_after_an_hour_comes_back_with_its_count() -> None:
    clock = FakeClock()
    report = normal("x", "Issuing", "again")
    async with SqliteStore.open(":memory:", clock=clock) as store:
        created = await store.create(a_certificate(), manager="user")
        recorder = Recorder(store, clock)
        await recorder.record([report], created)
        (first,) = (await store.list(Event)).items
        await store.delete(Event, first.key)

        await recorder.record([report], created)

        (event,) = (await store.list(Event)).items

    assert event.count == 2
    assert event.message == "again"


async def test_another_message_is_another_event() -> None:
    events = await events_of(
        normal("x", "Issuing", "one"), normal("x", "Issuing", "two"), about=a_certificate()
    )

    assert [event.count for event in events] == [1, 1]


async def test_events_of_cluster_scoped_objects_go_to_the_default_namespace() -> None:
    (event,) = await events_of(normal("x", "Ready", "yes"), about=a_cluster_issuer())

    assert event.metadata.namespace == "default"
    assert event.involved_object.kind == ClusterIssuer.__name__
    assert event.involved_object.namespace == ""


async def test_a_long_message_is_cut() -> None:
    (event,) = await events_of(normal("x", "y", "m" * 5000), about=a_certificate())

    assert len(event.message) <= 1024


class FullStore:
    """Nothing can be written."""

    async def create(self, resource: Any, *, manager: str) -> Any:
        raise Unavailable("Unavailable", f"the disk is full: {resource.key} of {manager}")


async def test_an_event_that_cannot_be_written_stops_nothing() -> None:
    recorder = Recorder(cast("Store", FullStore()), FakeClock())

    await recorder.record([normal("x", "y", "z")], a_certificate())
