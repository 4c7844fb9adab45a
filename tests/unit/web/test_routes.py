"""What is answered over HTTP: metrics and probes."""

import pytest

from certwright.base.problem import Stalled
from certwright.net.http import HttpClient
from certwright.net.server import serve
from certwright.net.tcp import free_port
from certwright.runtime.counts import Counts
from certwright.runtime.health import Health
from certwright.runtime.metrics import Metrics
from certwright.web.routes import Places, health_routes, parse_place, serving
from tests.fakes.clock import FakeClock


async def ask(url: str) -> tuple[int, str]:
    http = HttpClient()
    try:
        answer = await http.request("GET", url)
    finally:
        await http.aclose()
    return answer.status, answer.body.decode()


async def test_metrics_and_probes_are_served_where_it_was_asked_for() -> None:
    clock, metrics, health = FakeClock(), free_port(), free_port()
    places = Places(metrics=f"127.0.0.1:{metrics}", health=f"127.0.0.1:{health}")

    async with serving(places, Metrics(Counts(), clock), Health(clock)):
        status, text = await ask(f"http://127.0.0.1:{metrics}/metrics")
        live = await ask(f"http://127.0.0.1:{health}/livez")
        ready = await ask(f"http://127.0.0.1:{health}/readyz")
        elsewhere, _ = await ask(f"http://127.0.0.1:{health}/metrics")

    assert status == 200
    assert "certmanager_clock_time_seconds_gauge" in text
    assert (live, ready) == ((200, "ok"), (200, "ok"))
    assert elsewhere == 404


async def test_nothing_listens_unless_it_is_asked_to() -> None:
    clock, port = FakeClock(), free_port()

    async with serving(Places(metrics="", health="0"), Metrics(Counts(), clock), Health(clock)):
        server = await serve((), port=port)
        await server.aclose()


async def test_a_probe_says_what_is_wrong() -> None:
    class Reading:
        synced = False

    health = Health(FakeClock())
    health.work_by(Reading())
    server = await serve(health_routes(health))
    try:
        ready = await ask(f"{server.url}/readyz")
        live = await ask(f"{server.url}/livez")
    finally:
        await server.aclose()

    assert ready == (500, "not everything was read yet")
    assert live == (200, "ok")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (":9402", ("0.0.0.0", 9402)),
        ("127.0.0.1:9402", ("127.0.0.1", 9402)),
        ("[::1]:9402", ("::1", 9402)),
        ("localhost:1", ("localhost", 1)),
    ],
)
def test_an_address_is_a_host_and_a_port(text: str, place: tuple[str, int]) -> None:
    assert parse_place("--flag", text) == place


@pytest.mark.parametrize("text", ["9402", "host:9402", ":x", ":70000", "1.2.3:1"])
def test_an_address_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(Stalled, match="--flag"):
        parse_place("--flag", text)
