"""From CertificateRequest to chain, for real: Pebble asks a name server that we updated."""

from pathlib import Path

import pytest

from certwright.api.issuer import ClusterIssuer
from certwright.api.order import Challenge, Order
from certwright.pki.certificate import certificate_facts, key_matches
from tests.integration.issuance.stage import (
    ISSUER,
    StartServer,
    add_issuer,
    ask_for,
    ready_of,
    settled,
    stage,
)
from tests.integration.servers.bind import running_bind
from tests.integration.servers.ours import running_ours


async def test_account_is_registered_with_a_new_es256_key(tmp_path: Path) -> None:
    async with stage(tmp_path) as running:
        await add_issuer(running)

        issuer = await running.find(ClusterIssuer, ISSUER, "")

    assert issuer is not None
    ready = issuer.status.conditions[0]
    assert (ready.status, ready.reason) == ("True", "ACMEAccountRegistered"), ready.message
    assert issuer.status.acme is not None
    assert issuer.status.acme.last_registered_email == "ops@example.com"


@pytest.mark.parametrize("server", [running_ours, running_bind])
async def test_name_and_wildcard_are_issued_in_one_pass(
    tmp_path: Path, server: StartServer
) -> None:
    async with stage(tmp_path, server=server) as running:
        await add_issuer(running)
        key = await ask_for(running, "www.example.test", "*.www.example.test")

        request = await settled(running)
        await running.rest()
        challenges, orders = await running.all(Challenge), await running.all(Order)

    facts = certificate_facts(request.status.certificate)
    assert ready_of(request) == "Issued"
    assert key_matches(key, facts)
    assert set(facts.dns) == {"www.example.test", "*.www.example.test"}
    assert challenges == ()
    assert [order.status.state for order in orders] == ["valid"]
