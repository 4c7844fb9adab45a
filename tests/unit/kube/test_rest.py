"""Requests to an API server: patience, warnings, refusals."""

from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from certwright.api.certificate import Certificate
from certwright.api.issuer import ClusterIssuer
from certwright.api.kinds import kind_of
from certwright.api.meta import Key
from certwright.kube.pace import Pace
from certwright.kube.paths import collection, item
from certwright.kube.problem import ApiProblem
from certwright.kube.rest import Call
from tests.fakes.api_link import FakeLink, a_rest, refused, said
from tests.fakes.clock import FakeClock


@pytest.mark.parametrize("status", [429, 503])
async def test_a_busy_server_is_given_the_time_it_asks_for(status: int) -> None:
    clock = FakeClock(auto=True)
    link = FakeLink([refused(status, headers=(("Retry-After", "3"),)), said({"a": 1})])

    body = await a_rest(link, clock=clock).request(Call(path="/x"))

    assert body == b'{"a":1}'
    assert clock.monotonic() == 3


async def test_nobody_waits_for_ever() -> None:
    clock = FakeClock(auto=True)
    busy = refused(429, "TooManyRequests", headers=(("Retry-After", "99999"),))

    with pytest.raises(ApiProblem) as problem:
        await a_rest(FakeLink([busy] * 10), clock=clock).request(Call(path="/x"))

    assert problem.value.status == 429
    assert clock.monotonic() <= 60


async def test_a_failure_without_retry_after_is_the_callers() -> None:
    link = FakeLink([refused(500, "InternalError"), said({})])

    with pytest.raises(ApiProblem):
        await a_rest(link).request(Call(path="/x"))

    assert len(link.asked) == 1


async def test_a_refusal_names_its_fields() -> None:
    causes = [{"field": "spec.secretName", "message": "must be a string"}]
    status = {
        "kind": "Status", "reason": "Invalid", "message": "no", "code": 422,
        "details": {"causes": causes},
    }  # fmt: skip

    with pytest.raises(ApiProblem) as problem:
        await a_rest(FakeLink([said(status, 422)])).request(Call(path="/x"))

    assert problem.value.reason == "Invalid"
    assert problem.value.causes == (("spec.secretName", "must be a string"),)


async def test_a_warning_is_logged_once() -> None:
    warned = said({}, headers=(("Warning", '299 - "v1beta1 is old"'),))
    rest = a_rest(FakeLink([warned, warned]))

    with capture_logs() as logs:
        await rest.request(Call(path="/x"))
        await rest.request(Call(path="/x"))

    assert [entry["text"] for entry in logs] == ["v1beta1 is old"]


async def test_the_pace_is_kept_after_a_burst() -> None:
    clock = FakeClock(auto=True)
    pace = Pace(clock, per_second=10, burst=5)

    moments = []
    for _ in range(10):
        await pace.wait()
        moments.append(clock.monotonic())

    assert moments[:5] == [0] * 5
    assert moments[-1] == pytest.approx(0.5)


async def test_a_burst_is_allowed_again_after_a_pause() -> None:
    clock = FakeClock()
    pace = Pace(clock, per_second=10, burst=3)
    for _ in range(3):
        await pace.wait()

    clock.advance(timedelta(seconds=10))
    for _ in range(3):
        await pace.wait()

    assert clock.monotonic() == 10


def test_paths_are_kubernetes_own() -> None:
    certificate, issuer = kind_of(Certificate), kind_of(ClusterIssuer)

    assert collection(certificate) == "/apis/cert-manager.io/v1/certificates"
    assert (
        item(certificate, Key("web", "site"), "status")
        == "/apis/cert-manager.io/v1/namespaces/web/certificates/site/status"
    )
    assert item(issuer, Key("", "../x")) == "/apis/cert-manager.io/v1/clusterissuers/..%2Fx"
