"""A place whose names are ours to prove: a name server, Pebble, and an issuer for both."""

from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from msgspec import Struct

from certwright.api.issuer import ClusterIssuer
from certwright.api.kinds import Document
from certwright.api.meta import Key
from certwright.dns.answer import RdataType, build_query
from certwright.dns.exchange import Exchange
from certwright.dns.network import SystemNetwork
from certwright.store.protocol import StoreProblem
from tests.e2e.kube.place import CLUSTER, Place
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

    async def zone_serial(self) -> int:
        """The zone's serial, which every update moves."""
        query = build_query("example.com.", RdataType.SOA, recursive=False)
        answer = await Exchange(SystemNetwork(), timeout_seconds=2).ask(query, self.dns.address)
        return int(str(answer.answer[0][0]).split()[2])

    def ingress(self, *hosts: str, name: str = "foo") -> Document:
        return {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "Ingress",
            "metadata": {
                "name": name,
                "annotations": {"cert-manager.io/cluster-issuer": self.issuer},
            },
            "spec": {
                "ingressClassName": "traefik",
                "rules": [{"host": host, "http": _PATHS} for host in hosts],
                "tls": [{"hosts": list(hosts), "secretName": f"{name}-tls-certificate"}],
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


@asynccontextmanager
async def a_world(place: Place, folder: Path) -> AsyncIterator[World]:
    """Run the peers, and make the issuer."""
    async with running_ours(folder, {"example.com.": ZONE}) as dns:
        host, port = dns.address
        async with ca.pebble(folder, ca.Options(dns=f"{host}:{port}")) as running:
            made = World(place, dns, running, f"letsencrypt-{place.namespace}")
            await _add_issuer(made)
            yield made
            with suppress(StoreProblem):  # a test may have ended the server
                await place.store.delete(ClusterIssuer, Key("", made.issuer))


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
