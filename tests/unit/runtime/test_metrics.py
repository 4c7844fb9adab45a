"""The metrics by cert-manager's names, from what is known at the moment."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from msgspec import Struct
from msgspec.structs import replace

from certwright.api.certificate import Certificate, CertificateStatus
from certwright.api.issuer import ClusterIssuer, Issuer
from certwright.api.order import Challenge, State
from certwright.runtime.cache import Cache
from certwright.runtime.counts import Counts
from certwright.runtime.metrics import Metrics
from certwright.runtime.view import View
from certwright.store.protocol import Change
from certwright.store.sqlite.store import SqliteStore
from tests.acme_objects import a_challenge, a_condition
from tests.builders import a_certificate, a_cluster_issuer, an_issuer
from tests.fakes.clock import START, FakeClock

OF_WEB = 'issuer_group="",issuer_kind="",issuer_name="ca",name="web",namespace="default"'
EVERY = """
# TYPE certmanager_clock_time_seconds counter
# TYPE certmanager_clock_time_seconds_gauge gauge
# TYPE certmanager_controller_sync_call_count counter
# TYPE certmanager_controller_sync_error_count counter
# TYPE certmanager_http_acme_client_request_count counter
# TYPE certmanager_http_acme_client_request_duration_seconds summary
# TYPE certmanager_certificate_ready_status gauge
# TYPE certmanager_certificate_not_after_timestamp_seconds gauge
# TYPE certmanager_certificate_not_before_timestamp_seconds gauge
# TYPE certmanager_certificate_expiration_timestamp_seconds gauge
# TYPE certmanager_certificate_renewal_timestamp_seconds gauge
# TYPE certmanager_certificate_challenge_status gauge
# TYPE certmanager_issuer_ready_status gauge
# TYPE certmanager_clusterissuer_ready_status gauge
"""


class Went(Struct, frozen=True, kw_only=True):
    """A request to a CA."""

    operation: str = "newOrder"
    method: str = "POST"
    url: str = "https://ca.example:14000/order"
    status: int = 201
    seconds: float = 0.5


@pytest.fixture
async def view() -> AsyncIterator[View]:
    async with SqliteStore.open(":memory:", clock=FakeClock()) as store:
        yield View(store, Cache([Certificate, Issuer, ClusterIssuer, Challenge], []))


async def lines(metrics: Metrics) -> list[str]:
    return (await metrics.render()).decode().splitlines()


async def test_the_names_and_types_are_those_of_cert_manager(view: View) -> None:
    metrics = Metrics(Counts(), FakeClock())
    metrics.show(view)

    text = await lines(metrics)

    ours = [line for line in text if line.startswith("# TYPE certmanager_")]
    assert ours == EVERY.strip().splitlines()
    assert "# TYPE process_resident_memory_bytes gauge" in text


async def test_a_certificate_has_one_status_of_three_and_its_times(view: View) -> None:
    status = CertificateStatus(
        conditions=(a_condition("Ready"),), not_after=START + timedelta(days=90)
    )
    view.observe(Change.ADDED, replace(a_certificate(), status=status))
    metrics = Metrics(Counts(), FakeClock())
    metrics.show(view)

    text = await lines(metrics)

    ready = [line for line in text if line.startswith("certmanager_certificate_ready_status{")]
    assert [line.split('condition="')[1].split('"')[0] + line[-4:] for line in ready] == [
        "True 1.0",
        "False 0.0",
        "Unknown 0.0",
    ]
    end = (START + timedelta(days=90)).timestamp()
    (after,) = (one for one in text if one.startswith("certmanager_certificate_not_after"))
    assert float(after.split()[-1]) == end
    (renewal,) = (one for one in text if one.startswith("certmanager_certificate_renewal"))
    assert renewal.split()[-1] == "0.0"


async def test_what_has_no_condition_is_unknown(view: View) -> None:
    view.observe(Change.ADDED, an_issuer())
    view.observe(Change.ADDED, a_cluster_issuer())
    metrics = Metrics(Counts(), FakeClock())
    metrics.show(view)

    text = await lines(metrics)

    for start in ("certmanager_issuer_ready_status{", "certmanager_clusterissuer_ready_status{"):
        found = {line for line in text if line.startswith(start) and line.endswith(" 1.0")}
        assert [line for line in found if 'condition="Unknown"' in line] == list(found)
        assert len(found) == 1


async def test_a_challenge_has_one_of_all_states(view: View) -> None:
    view.observe(Change.ADDED, a_challenge(state=State.PENDING, processing=True))
    metrics = Metrics(Counts(), FakeClock())
    metrics.show(view)

    text = await lines(metrics)

    found = [line for line in text if line.startswith("certmanager_certificate_challenge_status{")]
    assert len(found) == len(State)
    (current,) = (line for line in found if line.endswith(" 1.0"))
    assert 'status="pending"' in current
    assert 'processing="true"' in current
    assert 'type="DNS-01"' in current


async def test_series_go_with_their_object(view: View) -> None:
    certificate = a_certificate()
    metrics = Metrics(Counts(), FakeClock())
    metrics.show(view)
    view.observe(Change.ADDED, certificate)
    before = await lines(metrics)

    view.observe(Change.DELETED, certificate)

    assert any('name="web"' in line for line in before)
    assert not any('name="web"' in line for line in await lines(metrics))


async def test_reconciles_count_for_the_controllers_that_they_stand_for() -> None:
    counts = Counts()
    counts.synced(("certificates-trigger", "certificates-issuing"), failed=False)
    counts.synced(("certificates-trigger",), failed=True)

    text = await lines(Metrics(counts, FakeClock()))

    calls, errors = (f"certmanager_controller_sync_{word}_count" for word in ("call", "error"))
    assert f'{calls}{{controller="certificates-trigger"}} 2.0' in text
    assert f'{calls}{{controller="certificates-issuing"}} 1.0' in text
    assert f'{errors}{{controller="certificates-trigger"}} 1.0' in text


async def test_requests_to_a_ca_are_counted_and_measured() -> None:
    counts, clock = Counts(), FakeClock()
    counts.asked(Went(), clock.monotonic())
    counts.asked(Went(seconds=1.5), clock.monotonic())
    counts.asked(Went(operation="newNonce", method="GET", status=0), clock.monotonic())

    text = await lines(Metrics(counts, clock))

    name = "certmanager_http_acme_client_request"
    labels = 'action="authorize_order",host="ca.example:14000",method="POST",scheme="https"'
    assert any(
        line.startswith(f"{name}_count{{") and 'status="999"' in line and "unnamed_action" in line
        for line in text
    )
    ours = [line for line in text if "authorize_order" in line]
    assert all(part in ours[0] for part in labels.split(","))
    assert [float(line.split()[-1]) for line in ours] == [2, 1.5, 1.5, 1.5, 2.0, 2]


async def test_old_requests_have_no_quantiles() -> None:
    counts, clock = Counts(), FakeClock()
    counts.asked(Went(), clock.monotonic())

    clock.advance(timedelta(minutes=11))
    text = await lines(Metrics(counts, clock))

    assert not [line for line in text if "quantile" in line]
    assert [line for line in text if line.startswith("certmanager_http_acme_client_request_count{")]
