"""From Ingress to Secret, all of it: `python -m bench.ingress`.

Pebble, our own name server in this process, DNS-01; `--count` Ingresses at once, every second one
with two names. Keys are RSA, as cert-manager's default is.
"""

import argparse
import asyncio
from pathlib import Path
from statistics import median

from msgspec.structs import replace

from bench.fleet import CLOCK, Awaited, create_all, own_folder, quiet_log
from bench.usage import tell, tell_usage, used
from certwright.api.meta import Key
from certwright.app import App, real_seams, started
from certwright.net.http import HttpClient
from certwright.settings import Settings
from tests.builders import an_ingress
from tests.fakes.store import RecordingStore
from tests.integration.issuance.stage import APEX, Stage, add_issuer
from tests.integration.servers import pebble as ca
from tests.integration.servers.names import ZONE, NameServerUnderTest
from tests.integration.servers.ours import running_ours


async def run(count: int) -> None:
    """Create the Ingresses at once, and say how long each took."""
    with own_folder() as folder:
        async with running_ours(folder, {APEX: ZONE}) as dns:
            host, port = dns.address
            async with ca.pebble(folder, ca.Options(dns=f"{host}:{port}")) as pebble:
                settings = _settings(folder, dns.address)
                seams = replace(
                    real_seams(settings),
                    connect=lambda trust: HttpClient(trust, connections=ca.CONNECTIONS),
                )
                async with started(settings, CLOCK, seams) as app:
                    stage = _stage(app, pebble, dns)
                    await add_issuer(stage)
                    awaited = Awaited(app)
                    for name in ("warm", "site"):
                        await _issue(stage, awaited, name, count)


def _stage(app: App, pebble: ca.Pebble, dns: NameServerUnderTest) -> Stage:
    return Stage(
        store=app.store,
        recording=RecordingStore(app.store),
        runtime=app.runtime,
        ca=pebble,
        dns=dns,
        clock=CLOCK,
        task=asyncio.current_task(),
    )


def _settings(folder: Path, address: tuple[str, int]) -> Settings:
    host, port = address
    return Settings(
        state=folder / "state.db",
        resolvers=(f"{host}:{port}",),
        name_servers={("ns1.example.test", 53): address, ("127.0.0.1", 53): address},
    )


async def _issue(stage: Stage, awaited: Awaited, word: str, count: int) -> None:
    ingresses = []
    for number in range(count):
        names = (f"{word}-{number}.example.test", f"www.{word}-{number}.example.test")
        hosts = names if number % 2 else names[:1]
        ingresses.append(an_ingress(f"{word}-{number}", hosts=hosts, secret=f"{word}-{number}-tls"))
    keys = [Key("default", f"{one.key.name}-tls") for one in ingresses]
    awaited.expect(keys)
    began = CLOCK.monotonic()
    with used() as usage:
        await create_all(stage.store, ingresses)
        await awaited.wait()
    spans = sorted(awaited.ready[key] - began for key in keys)
    tell_usage(f"{count} Ingresses ({word})", usage, count)
    tell(f"median {median(spans):.2f} s, slowest {spans[-1]:.2f} s")


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20)
    options = parser.parse_args()
    with quiet_log():
        asyncio.run(run(options.count))


if __name__ == "__main__":
    main()
