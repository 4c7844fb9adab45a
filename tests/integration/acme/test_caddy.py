"""The client against Caddy's ACME server, the CA of the lab: another reading of the same RFC."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from certwright.acme.client import Client
from certwright.acme.identifier import Identifier
from certwright.acme.jws import AccountKey, Algorithm
from certwright.acme.order import OrderStatus
from certwright.acme.problem import AcmeProblem, AcmeRefused
from certwright.base.clock import SystemClock
from certwright.pki.certificate import certificate_facts
from tests.integration.acme.steps import der_of, make_csr, prove
from tests.integration.servers.caddy import caddy
from tests.integration.servers.challtestsrv import ChallengeServer, challenge_server


@asynccontextmanager
async def stage(
    folder: Path, algorithm: Algorithm = Algorithm.ES256
) -> AsyncIterator[tuple[Client, ChallengeServer]]:
    async with challenge_server(folder) as dns, caddy(folder, dns.dns) as ca:
        http = ca.http()
        client = Client(ca.directory_url, AccountKey.generate(algorithm), http, SystemClock())
        try:
            await client.new_account(("mailto:ops@example.com",), terms_agreed=True)
            yield client, dns
        finally:
            await http.aclose()


async def test_caddy_issues_for_a_name_and_its_wildcard_and_revokes(tmp_path: Path) -> None:
    names = ("a.example", "*.a.example")
    async with stage(tmp_path) as (client, dns):
        order = await client.new_order([Identifier.dns(name) for name in names])
        await prove(client, dns, order)
        ready = await client.poll_order(
            await client.order(order.url), leaving=(OrderStatus.PENDING,)
        )
        done = await client.poll_order(await client.finalize(ready, make_csr(names)))
        bundles = await client.certificate(done.certificate)
        await client.revoke(der_of(bundles[0]))

    assert done.status == OrderStatus.VALID
    assert set(certificate_facts(bundles[0]).dns) == set(names)


async def test_failed_attempt_at_caddy_can_be_tried_again(tmp_path: Path) -> None:
    async with stage(tmp_path) as (client, dns):
        order = await client.new_order([Identifier.dns("a.example")])
        (failed,) = await prove(client, dns, order, value="wrong")
        await dns.clear_txt("_acme-challenge.a.example")
        (proven,) = await prove(client, dns, order)

    assert failed.status == "pending"
    assert failed.failed_attempt is not None
    assert failed.failed_attempt.error is not None
    assert proven.status == "valid"


@pytest.mark.parametrize("algorithm", list(Algorithm))
async def test_caddy_takes_account_keys_of_every_kind(tmp_path: Path, algorithm: Algorithm) -> None:
    async with stage(tmp_path, algorithm) as (client, _):
        account = await client.account()

    assert account.status == "valid"
    assert account.contact == ("mailto:ops@example.com",)


async def test_account_at_caddy_lists_its_orders_and_ends(tmp_path: Path) -> None:
    async with stage(tmp_path) as (client, _):
        order = await client.new_order([Identifier.dns("a.example")])
        listed = await client.orders()
        await client.deactivate_account()
        with pytest.raises(AcmeRefused):
            await client.order(order.url)

    assert listed == (order.url,)


async def test_part_that_caddy_lacks_is_told(tmp_path: Path) -> None:
    async with stage(tmp_path) as (client, _):
        with pytest.raises(AcmeProblem, match="not implemented"):
            await client.roll_key(AccountKey.generate())


async def test_caddy_leaves_the_system_trust_store_alone(tmp_path: Path) -> None:
    stores = [Path("/usr/local/share/ca-certificates"), Path("/etc/ssl/certs")]
    before = [sorted(path.name for path in store.glob("*")) for store in stores]

    async with stage(tmp_path):
        pass

    assert [sorted(path.name for path in store.glob("*")) for store in stores] == before
