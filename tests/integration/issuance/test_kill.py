"""kill -9 at every write of an issuance, then a restart: nothing is lost, little is done twice."""

from pathlib import Path

from certwright.api.order import Challenge, Order
from certwright.pki.certificate import certificate_facts
from tests.integration.issuance.stage import (
    Ground,
    add_issuer,
    ask_for,
    ground,
    played,
    published,
    ready_of,
    settled,
)

WRITES = 16
"""From the approval to the last finalizer, for two names."""


async def _survives(on: Ground, name: str, dies_after: int) -> int:
    """Issue, die after that many writes, start again; returns how many Orders there were."""
    hosts = (f"{name}.example.test", f"*.{name}.example.test")
    async with played(on, dies_after=dies_after) as first:
        await ask_for(first, *hosts, name=name)
        await first.until(first.dead)
    async with played(on) as second:
        request = await settled(second, name)
        await second.rest()

        assert ready_of(request) == "Issued"
        assert set(certificate_facts(request.status.certificate).dns) == set(hosts)
        assert await second.all(Challenge) == ()
        return len(await second.all(Order))


async def test_an_issuance_survives_a_kill_after_each_write(tmp_path: Path) -> None:
    async with ground(tmp_path) as on:
        async with played(on) as running:
            await add_issuer(running)
            await running.rest()
        placed = []
        for write in range(1, WRITES + 1):
            orders = await _survives(on, f"n{write}", write)
            placed.append(orders)

        asked = _orders_asked_for(on)
        left = [await published(on.dns, f"n{write}.example.test") for write in range(1, WRITES + 1)]

    assert placed == list(range(1, WRITES + 1))
    # only the kill between newOrder and the write of its URL may cost one more
    assert asked in {WRITES, WRITES + 1}
    assert left == [()] * WRITES


def _orders_asked_for(on: Ground) -> int:
    """Count them by the CA's own log."""
    return on.ca.log.read_text(errors="replace").count("POST /order-plz")
