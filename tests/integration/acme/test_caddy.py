"""The client against Caddy's ACME server, the CA of the lab: another reading of the same RFC."""

from pathlib import Path

from certwright.acme.client import Client
from certwright.acme.identifier import Identifier
from certwright.acme.jws import AccountKey
from certwright.acme.order import OrderStatus
from certwright.base.clock import SystemClock
from certwright.pki.certificate import certificate_facts
from tests.integration.acme.steps import make_csr, prove
from tests.integration.servers.caddy import caddy
from tests.integration.servers.challtestsrv import challenge_server


async def test_caddy_issues_for_a_name_and_its_wildcard(tmp_path: Path) -> None:
    names = ("a.example", "*.a.example")
    async with challenge_server(tmp_path) as dns, caddy(tmp_path, dns.dns) as ca:
        http = ca.http()
        client = Client(ca.directory_url, AccountKey.generate(), http, SystemClock())
        try:
            await client.new_account(("mailto:ops@example.com",), terms_agreed=True)
            order = await client.new_order([Identifier.dns(name) for name in names])
            await prove(client, dns, order)
            order = await client.poll_order(
                await client.order(order.url), leaving=(OrderStatus.PENDING,)
            )
            order = await client.poll_order(await client.finalize(order, make_csr(names)))
            bundles = await client.certificate(order.certificate)
        finally:
            await http.aclose()

    assert order.status == OrderStatus.VALID
    assert set(certificate_facts(bundles[0]).dns) == set(names)


async def test_caddy_leaves_the_system_trust_store_alone(tmp_path: Path) -> None:
    stores = [Path("/usr/local/share/ca-certificates"), Path("/etc/ssl/certs")]
    before = [sorted(path.name for path in store.glob("*")) for store in stores]

    async with challenge_server(tmp_path) as dns, caddy(tmp_path, dns.dns):
        pass

    assert [sorted(path.name for path in store.glob("*")) for store in stores] == before
