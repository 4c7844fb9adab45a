"""Updates and look-ups against real name servers, over real sockets."""

import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from pathlib import Path

import pytest

from certwright.base.clock import SystemClock
from certwright.dns import propagation
from certwright.dns.answer import RdataType
from certwright.dns.exchange import Exchange
from certwright.dns.lookup import Resolver
from certwright.dns.network import Address, SystemNetwork
from certwright.dns.problem import NameServerSilent, UpdateRefused
from certwright.dns.server import Server
from certwright.dns.update import Transport, TsigAlgorithm, Updater
from certwright.net.tcp import free_port
from tests.integration.servers.bind import running_bind
from tests.integration.servers.knot import running_knot
from tests.integration.servers.names import KEYS, ZONE, NameServerUnderTest
from tests.integration.servers.ours import running_ours

APEX = "example.test."
NAME = f"_acme-challenge.{APEX}"
Run = Callable[[Path, Mapping[str, str]], AbstractAsyncContextManager[NameServerUnderTest]]
SERVERS: Mapping[str, Run] = {"bind": running_bind, "knot": running_knot, "ours": running_ours}


@pytest.fixture(params=SERVERS)
async def server(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[NameServerUnderTest]:
    async with SERVERS[request.param](tmp_path, {APEX: ZONE}) as running:
        yield running


def resolver(address: Address) -> Resolver:
    return Resolver(
        [str(Server(*address))],
        exchange=Exchange(SystemNetwork(), None, 2),
        clock=SystemClock(),
        address_map={("ns1.example.test", 53): address},
    )


@pytest.mark.parametrize("algorithm", TsigAlgorithm)
@pytest.mark.parametrize("transport", Transport)
async def test_every_algorithm_and_both_transports_are_accepted(
    server: NameServerUnderTest, algorithm: TsigAlgorithm, transport: Transport
) -> None:
    view = resolver(server.address)
    updater = Updater(Server(*server.address), view, KEYS[algorithm], transport)

    await updater.add_txt(APEX, NAME, algorithm)
    await updater.delete_txt(APEX, NAME, "another")
    answer = await view.txt(NAME, server.address)

    assert answer.values(NAME, RdataType.TXT) == (algorithm,)
    assert answer.ttl_seconds(NAME, RdataType.TXT) == 60


async def test_a_presented_value_is_seen_by_asking_every_server(
    server: NameServerUnderTest,
) -> None:
    view = resolver(server.address)
    updater = Updater(Server(*server.address), view, KEYS[TsigAlgorithm.HMACMD5])
    before = await propagation.check(view, NAME, "value")

    await updater.add_txt(APEX, NAME, "value")
    after = await propagation.wait_until_complete(
        view, NAME, "value", clock=SystemClock(), patience=timedelta(seconds=10)
    )

    assert not before.complete
    assert after.complete
    assert before.servers[0].serial != after.servers[0].serial


async def test_a_zone_that_the_server_does_not_hold_is_refused(server: NameServerUnderTest) -> None:
    updater = Updater(
        Server(*server.address), resolver(server.address), KEYS[TsigAlgorithm.HMACSHA512]
    )

    with pytest.raises(UpdateRefused, match=r"refused to update zone elsewhere\.test\.: "):
        await updater.add_txt("elsewhere.test.", "_acme-challenge.elsewhere.test.", "value")


async def test_a_port_where_nobody_listens_is_told_at_once() -> None:
    began = SystemClock().monotonic()

    with pytest.raises(NameServerSilent, match=r"[Rr]efused"):
        await resolver(("127.0.0.1", free_port())).zone_of("example.test.")

    assert SystemClock().monotonic() - began < 2


async def test_many_questions_at_once_are_all_answered(tmp_path: Path) -> None:
    async with running_ours(tmp_path, {APEX: ZONE}) as ours:
        view = resolver(ours.address)
        answers = await propagation._each(view.txt(NAME, ours.address) for _ in range(300))

    assert {answer.rcode for answer in answers} == {"NXDOMAIN"}


@pytest.mark.parametrize("name", ["bind", "knot"])
async def test_a_server_dies_with_a_test_run_that_is_killed(name: str, tmp_path: Path) -> None:
    module = f"tests.integration.servers.{name}"
    script = (
        "import asyncio, pathlib, sys\n"
        f"from {module} import running_{name} as run\n"
        "async def main():\n"
        f"    async with run(pathlib.Path({str(tmp_path)!r}), {{{APEX!r}: {ZONE!r}}}) as server:\n"
        "        print(server.address[1], flush=True)\n"
        "        await asyncio.get_running_loop().create_future()\n"
        "asyncio.run(main())\n"
    )
    root = Path(__file__).parents[3]
    run = subprocess.Popen(  # noqa: ASYNC220  # it returns at once
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, cwd=root
    )
    assert run.stdout is not None
    port = int(run.stdout.readline() or pytest.skip("the server did not start there"))

    run.send_signal(signal.SIGKILL)
    run.wait(5)
    run.stdout.close()

    await SystemClock().sleep(timedelta(seconds=0.5))
    with pytest.raises(NameServerSilent):
        await resolver(("127.0.0.1", port)).zone_of("example.test.")
