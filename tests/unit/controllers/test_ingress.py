"""Ingresses in the store become Certificates, with the events that tell of it (compat-spec 3.2)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from certwright.api.certificate import Certificate
from certwright.api.core import Ingress
from certwright.controllers.ingress import build_ingress_controller
from certwright.store.sqlite.store import SqliteStore
from tests.builders import an_ingress
from tests.fakes.clock import FakeClock
from tests.fakes.inline import INLINE
from tests.fakes.store import RecordingStore
from tests.harness import Running, a_world, running


@asynccontextmanager
async def shim() -> AsyncIterator[tuple[Running, RecordingStore]]:
    clock = FakeClock()
    async with SqliteStore.open(":memory:", clock=clock, tuning=INLINE) as inner:
        store = RecordingStore(inner)
        controllers = (build_ingress_controller(a_world(clock)),)
        async with running(controllers, store, clock, user=inner) as world:
            yield world, store


async def test_an_ingress_gets_its_certificate_by_one_write_and_one_event() -> None:
    async with shim() as (world, store):
        await world.create(an_ingress())

        certificate = await world.get(Certificate, "site-tls")
        events = await world.events()

    assert certificate.spec.dns_names == ("www.example.com",)
    assert store.writes == [("create", "Certificate", "site-tls", "cert-manager-ingress-shim")]
    assert events == [("CreateCertificate", 'Successfully created Certificate "site-tls"')]


async def test_a_changed_host_updates_the_certificate_in_place() -> None:
    async with shim() as (world, _store):
        await world.create(an_ingress())
        tls = [{"hosts": ["new.example.com"], "secretName": "site-tls"}]

        await world.patch(Ingress, "site", {"spec": {"tls": tls}})

        certificate = await world.get(Certificate, "site-tls")
        events = await world.events()

    assert certificate.spec.dns_names == ("new.example.com",)
    assert events[1:] == [("UpdateCertificate", 'Successfully updated Certificate "site-tls"')]


async def test_a_renamed_secret_makes_a_new_certificate_and_deletes_the_old_one() -> None:
    async with shim() as (world, _store):
        await world.create(an_ingress())
        tls = [{"hosts": ["www.example.com"], "secretName": "other-tls"}]

        await world.patch(Ingress, "site", {"spec": {"tls": tls}})

        names = await world.names(Certificate)
        events = await world.events()

    assert names == ["other-tls"]
    assert events[1:] == [
        ("CreateCertificate", 'Successfully created Certificate "other-tls"'),
        ("DeleteCertificate", 'Successfully deleted unrequired Certificate "site-tls"'),
    ]


async def test_removing_the_annotation_leaves_the_certificate_in_place() -> None:
    async with shim() as (world, _store):
        await world.create(an_ingress())
        gone = {"metadata": {"annotations": {"cert-manager.io/cluster-issuer": None}}}

        await world.patch(Ingress, "site", gone)

        assert await world.names(Certificate) == ["site-tls"]
        assert len(await world.events()) == 1


async def test_a_deleted_ingress_takes_its_certificate_along() -> None:
    async with shim() as (world, _store):
        await world.create(an_ingress())

        await world.delete(Ingress, "site")

        assert await world.names(Certificate) == []


async def test_a_deleted_certificate_is_made_again() -> None:
    async with shim() as (world, _store):
        await world.create(an_ingress())

        await world.delete(Certificate, "site-tls")

        assert await world.names(Certificate) == ["site-tls"]


async def test_a_bad_issuer_is_told_by_a_warning() -> None:
    async with shim() as (world, store):
        await world.create(an_ingress(annotations={"cert-manager.io/issuer": ""}))

        warnings = await world.warnings()

    assert store.writes == []
    assert warnings == [
        (
            "BadConfig",
            (
                "Could not determine issuer for ingress due to bad annotations: failed to "
                "determine issuer name to be used for ingress resource"
            ),
        )
    ]


async def test_a_bad_value_makes_nothing_and_tells_no_event() -> None:
    annotations = {"cert-manager.io/issuer": "a", "cert-manager.io/duration": "soon"}
    async with shim() as (world, store):
        await world.create(an_ingress(annotations=annotations))

        assert store.writes == []
        assert await world.events() == []
