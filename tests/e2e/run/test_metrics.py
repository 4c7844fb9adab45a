"""What the program tells about itself over HTTP, when it is asked to."""

import contextlib
import urllib.error
import urllib.request

from certwright.net.tcp import free_port
from tests.e2e.run.home import Home, until


def ask(url: str) -> str:
    with contextlib.suppress(urllib.error.URLError), urllib.request.urlopen(url) as answer:
        text: str = answer.read().decode()
        return text
    return ""


def test_metrics_and_probes_are_served_where_they_were_asked_for(home: Home) -> None:
    home.certificate("web")
    metrics, health = (f"127.0.0.1:{free_port()}" for _ in range(2))
    ready = 'certmanager_certificate_ready_status{condition="True"'

    with home.running(
        f"--metrics-listen-address={metrics}", f"--internal-healthz-listen-address={health}"
    ):
        until(lambda: home.published("web"), home)
        until(lambda: ask(f"http://{health}/readyz") == "ok", home)

        until(lambda: ready in ask(f"http://{metrics}/metrics"), home)
        text = ask(f"http://{metrics}/metrics")

    assert 'certmanager_clusterissuer_ready_status{condition="True",name="ca"} 1.0' in text
    assert 'certmanager_controller_sync_call_count{controller="certificates-issuing"}' in text
