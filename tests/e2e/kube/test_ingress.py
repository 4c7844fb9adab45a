"""The annotated Ingress of the seed becomes a Secret, on a real API server with a real CA."""

from base64 import b64encode
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec import Struct

from certwright.api.core import Ingress, Secret
from certwright.api.kinds import Document
from certwright.api.meta import Key
from certwright.api.order import Challenge
from tests.e2e.kube.place import CLUSTER, Place, names_of
from tests.integration.issuance.stage import TSIG
from tests.integration.servers import pebble as ca
from tests.integration.servers.names import KEYS, NameServerUnderTest, base64_text
from tests.integration.servers.ours import running_ours

ZONE = """
$TTL 300
@    SOA  ns1 admin 1 3600 600 86400 60
@    NS   ns1
ns1  A    127.0.0.1
"""


class World(Struct):
    """A place whose names are ours to prove."""

    place: Place
    dns: NameServerUnderTest
    ca: ca.Pebble
    issuer: str

    def options(self) -> tuple[str, ...]:
        host, port = self.dns.address
        return (
            f"--dns01-recursive-nameservers={host}:{port}",
            "--dns01-recursive-nameservers-only",
        )

    def ingress(self, *hosts: str) -> Document:
        return {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "Ingress",
            "metadata": {
                "name": "foo",
                "annotations": {"cert-manager.io/cluster-issuer": self.issuer},
            },
            "spec": {
                "ingressClassName": "traefik",
                "rules": [{"host": host, "http": _PATHS} for host in hosts],
                "tls": [{"hosts": list(hosts), "secretName": "foo-tls-certificate"}],
            },
        }


_PATHS = {
    "paths": [
        {
            "path": "/",
            "pathType": "Prefix",
            "backend": {"service": {"name": "foo", "port": {"number": 80}}},
        }
    ]
}


@pytest.fixture
async def world(place: Place, tmp_path: Path) -> AsyncIterator[World]:
    async with running_ours(tmp_path, {"example.com.": ZONE}) as dns:
        host, port = dns.address
        async with ca.pebble(tmp_path, ca.Options(dns=f"{host}:{port}")) as running:
            issuer = f"letsencrypt-{place.namespace}"
            made = World(place, dns, running, issuer)
            await _add_issuer(made)
            yield made
            for kind, key in ((Secret, Key(CLUSTER, f"tsig-{place.namespace}")),):
                await place.store.delete(kind, key)


async def _add_issuer(world: World) -> None:
    place, (host, port) = world.place, world.dns.address
    tsig = f"tsig-{place.namespace}"
    await place.create(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": tsig, "namespace": CLUSTER},
            "stringData": {"secret": base64_text(KEYS[TSIG])},
        }
    )
    rfc2136 = {
        "nameserver": f"{host}:{port}",
        "tsigKeyName": KEYS[TSIG].name,
        "tsigAlgorithm": TSIG,
        "tsigSecretSecretRef": {"name": tsig, "key": "secret"},
    }
    await place.create(
        {
            "apiVersion": "cert-manager.io/v1",
            "kind": "ClusterIssuer",
            "metadata": {"name": world.issuer},
            "spec": {
                "acme": {
                    "server": world.ca.directory_url,
                    "caBundle": _base64(world.ca.trust.ca_bundle or b""),
                    "email": "ops@example.com",
                    "profile": "default",
                    "privateKeySecretRef": {"name": f"account-{place.namespace}"},
                    "solvers": [{"dns01": {"rfc2136": rfc2136}}],
                }
            },
        }
    )


def _base64(content: bytes) -> str:
    return b64encode(content).decode()


async def test_an_ingress_gets_its_secret_and_keeps_it_through_everything(world: World) -> None:
    place = world.place
    place.start(*world.options())
    await place.create(world.ingress("foo.example.com"))

    first = await place.ready("foo-tls-certificate", 1)

    leaf = await place.leaf("foo-tls-certificate")
    assert names_of(leaf) == ["foo.example.com"]
    assert first.metadata.owner_references[0].kind == "Ingress"
    assert (await place.store.list(Challenge, namespace=place.namespace)).items == ()

    await place.store.delete(Secret, Key(place.namespace, "foo-tls-certificate"))
    await place.ready("foo-tls-certificate", 2)
    again = await place.leaf("foo-tls-certificate")
    assert again.serial_number != leaf.serial_number

    rules = world.ingress("foo.example.com", "bar.example.com")["spec"]
    key = Key(place.namespace, "foo")
    await place.store.patch(Ingress, key, {"spec": rules}, manager="user")
    await place.ready("foo-tls-certificate", 3)
    wider = await place.leaf("foo-tls-certificate")
    assert names_of(wider) == ["foo.example.com", "bar.example.com"]
