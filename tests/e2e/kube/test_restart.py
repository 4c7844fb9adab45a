"""The API server dies in the middle of an issuance and comes back: nothing is done twice."""

import os
import signal
import subprocess
import uuid
from pathlib import Path

from certwright.api.issuer import ClusterIssuer
from certwright.api.meta import Key
from certwright.api.order import Order
from tests.e2e.kube.place import a_place
from tests.e2e.kube.world import a_world
from tests.integration.servers.apiserver import api_server

ORDERS = b"/order-plz"


def command_of(pid: int) -> list[str]:
    """Return how a running program was started."""
    words = Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").split(b"\0")
    return [os.fsdecode(word) for word in words]


def kill(pid: int) -> None:
    """Kill a child, and wait until its port is free."""
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)


async def test_an_issuance_goes_on_when_the_api_server_was_killed_and_started_again(
    tmp_path: Path,
) -> None:
    namespace = f"e2e-{uuid.uuid4().hex[:8]}"
    async with (
        api_server(tmp_path) as server,
        a_place(server, tmp_path, namespace=namespace) as place,
        a_world(place, tmp_path) as world,
    ):
        process = place.start(*world.options())

        async def is_ready() -> bool:
            issuer = await place.store.get(ClusterIssuer, Key("", world.issuer))
            return any(one.status == "True" for one in issuer.status.conditions)

        await place.until(is_ready)
        argv = command_of(server.pid)
        await place.create(world.ingress("foo.example.com", "*.foo.example.com"))

        async def has_order() -> bool:
            return bool((await place.store.list(Order, namespace=namespace)).items)

        await place.until(has_order)
        kill(server.pid)
        with (tmp_path / "second.log").open("wb") as log:
            again = subprocess.Popen(argv, stdout=log, stderr=log)  # noqa: ASYNC220  # it returns at once
        try:
            certificate = await place.ready("foo-tls-certificate", 1, seconds=60)
            assert process.poll() is None
            assert certificate.status.failed_issuance_attempts is None
            assert world.ca.log.read_bytes().count(ORDERS) <= 2
            process.terminate()
            process.wait(20)
        finally:
            again.kill()
            again.wait()
