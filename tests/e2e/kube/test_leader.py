"""Never two actors: cert-manager's lease, standbys, and a leader that slept through its end."""

import signal
import subprocess
from datetime import timedelta

from certwright.api.certificate import Certificate
from certwright.api.core import Event, Secret
from certwright.api.issuer import ClusterIssuer
from certwright.api.lease import Lease, micro_time
from certwright.api.meta import Key, Resource
from certwright.api.order import Challenge, Order
from certwright.api.request import CertificateRequest
from certwright.runtime.leader import NAME
from tests.e2e.kube.place import Place
from tests.e2e.kube.world import World

QUICK = (
    "--leader-election-lease-duration=4s",
    "--leader-election-renew-deadline=3s",
    "--leader-election-retry-period=500ms",
)
KINDS: tuple[type[Resource], ...] = (
    Certificate, CertificateRequest, Order, Challenge, ClusterIssuer, Secret, Event,
)  # fmt: skip


async def leads(place: Place, process: subprocess.Popen[bytes]) -> None:
    """Wait until this process, the only one that leads, has said so."""

    async def said() -> bool:
        assert process.poll() is None, place.words()
        return '"running"' in place.words()

    await place.until(said)


async def ended(place: Place, process: subprocess.Popen[bytes]) -> int:
    async def gone() -> bool:
        return process.poll() is not None

    await place.until(gone)
    assert process.returncode is not None
    return process.returncode


async def versions(place: Place) -> dict[str, str]:
    """The version of everything here but the lease."""
    found = {}
    for kind in KINDS:
        for one in (await place.store.list(kind)).items:
            found[f"{kind.__name__} {one.key}"] = one.metadata.resource_version
    return found


async def test_a_live_lease_of_cert_managers_prevents_the_start_and_says_who_holds_it(
    place: Place,
) -> None:
    now = micro_time(place.clock.now())
    await place.create(
        {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": NAME, "namespace": f"{place.namespace}-old"},
            "spec": {
                "holderIdentity": "cert-manager-7d-external-cert-manager-controller",
                "leaseDurationSeconds": 60,
                "acquireTime": now,
                "renewTime": now,
            },
        }
    )

    process = place.start()

    assert await ended(place, process) == 1
    assert "cert-manager-7d-external-cert-manager-controller holds the lease" in place.words()
    await place.store.delete(Lease, Key(f"{place.namespace}-old", NAME))


async def test_a_stopped_leader_lets_its_standby_lead_at_once(place: Place) -> None:
    first = place.start()
    await leads(place, first)
    place.log.unlink()
    second = place.start("--leader-election-retry-period=200ms")

    async def stands_by() -> bool:
        return "standing by" in place.words()

    await place.until(stands_by)
    assert '"running"' not in place.words()

    first.send_signal(signal.SIGTERM)
    assert await ended(place, first) == 0

    await leads(place, second)


async def until_quiet(world: World) -> None:
    """Wait until the CA has said nothing for two seconds."""
    said = b""
    while said != (said := world.ca.log.read_bytes()):
        await world.place.clock.sleep(timedelta(seconds=2))


async def test_a_leader_that_slept_through_its_end_touches_nothing_any_more(
    world: World,
) -> None:
    place = world.place
    first = place.start(*QUICK, *world.options())
    await leads(place, first)
    place.log.unlink()
    second = place.start(*QUICK, *world.options())
    await place.create(world.ingress("foo.example.com"))

    async def under_way() -> bool:
        return bool((await place.store.list(Order, namespace=place.namespace)).items)

    await place.until(under_way)
    first.send_signal(signal.SIGSTOP)
    await leads(place, second)
    await place.ready("foo-tls-certificate", 1)
    await place.create(world.ingress("bar.example.com", name="bar"))
    second.send_signal(signal.SIGSTOP)  # whatever is done from here on, the first one does
    await until_quiet(world)  # what the second sent before may take its time at a busy CA
    before, said = await versions(place), world.ca.log.read_bytes()
    serial = await world.zone_serial()

    first.send_signal(signal.SIGCONT)

    assert await ended(place, first) == 1
    assert await versions(place) == before
    assert world.ca.log.read_bytes() == said
    assert await world.zone_serial() == serial
