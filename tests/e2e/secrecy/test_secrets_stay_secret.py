"""A full run with every kind of secret, and a search of everything that anybody could see of it."""

import asyncio
import base64
import re
from pathlib import Path

from msgspec import json

from certwright.api.core import Secret
from certwright.api.kinds import KINDS, encode
from certwright.base.clock import SystemClock
from certwright.dns.update import TsigAlgorithm
from certwright.store.sqlite.store import SqliteStore
from tests.e2e.run.home import Home, until
from tests.integration.servers import pebble as ca
from tests.integration.servers.names import KEYS, ZONE, base64_text
from tests.integration.servers.ours import running_ours

EAB = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"  # the test's own
TOKEN = "cf-token-0123456789abcdefghijklmnopqrstuv"  # the test's own
WRONG = base64.b64encode(b"a wrong key of 32 octets, so long").decode()

MANIFESTS = """\
apiVersion: v1
kind: Secret
metadata: {name: eab, namespace: kube-system}
stringData: {key: "%(eab)s"}
---
apiVersion: v1
kind: Secret
metadata: {name: tsig, namespace: kube-system}
stringData: {key: "%(tsig)s", wrong: "%(wrong)s"}
---
apiVersion: v1
kind: Secret
metadata: {name: cloudflare, namespace: kube-system}
stringData: {token: "%(token)s"}
---
apiVersion: v1
kind: Secret
metadata: {name: broken-ca, namespace: kube-system}
type: Opaque
stringData:
  tls.crt: no certificate
  tls.key: "-----BEGIN PRIVATE KEY-----\\nMIIBrokenBrokenBrokenBroken"
"""

ISSUER = """\
---
apiVersion: cert-manager.io/v1
kind: ClusterIssuer
metadata: {name: %(name)s}
spec:
  acme:
    server: %(server)s
    skipTLSVerify: true
    email: ops@example.com
    profile: default
    privateKeySecretRef: {name: %(name)s-account}
    externalAccountBinding: {keyID: kid-1, keySecretRef: {name: eab, key: key}}
    solvers: [{dns01: {%(solver)s}}]
"""

RFC2136 = (
    'rfc2136: {nameserver: "%(server)s", tsigKeyName: %(key)s, tsigAlgorithm: HMACSHA256, '
    "tsigSecretSecretRef: {name: tsig, key: %(entry)s}}"
)
CLOUDFLARE = "cloudflare: {apiTokenSecretRef: {name: cloudflare, key: token}}"
CERTIFICATE = """\
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: %(name)s}
spec:
  secretName: %(name)s
  dnsNames: [%(name)s.example.test]
  issuerRef: {name: %(name)s, kind: ClusterIssuer}
"""


async def test_no_secret_is_ever_printed(home: Home, tmp_path: Path) -> None:
    async with running_ours(tmp_path, {"example.test.": ZONE}) as dns:
        server = f"{dns.address[0]}:{dns.address[1]}"
        options = ca.Options(dns=server, external_accounts={"kid-1": EAB})
        async with ca.pebble(tmp_path, options) as running:
            _write_manifests(home, running.directory_url, server)
            words = await asyncio.to_thread(_run, home, server)
    seen, secrets = await _stored(home)

    everything = words + seen
    leaks = [name for name, forms in secrets.items() if any(form in everything for form in forms)]

    assert leaks == []
    assert len(secrets) >= 10
    assert "CredentialsRefused" in everything or "BADSIG" in everything, "the wrong key was used"


def _write_manifests(home: Home, directory: str, server: str) -> None:
    key = KEYS[TsigAlgorithm.HMACSHA256]
    texts = [MANIFESTS % {"eab": EAB, "tsig": base64_text(key), "wrong": WRONG, "token": TOKEN}]
    solvers = {
        "good": RFC2136 % {"server": server, "key": key.name, "entry": "key"},
        "refused": RFC2136 % {"server": server, "key": key.name, "entry": "wrong"},
        "away": CLOUDFLARE,
    }
    for name, solver in solvers.items():
        texts.append(ISSUER % {"name": name, "server": directory, "solver": solver})
        texts.append(CERTIFICATE % {"name": name})
    path = home.write("all.yaml", "".join(texts))
    path.chmod(0o600)


def _run(home: Home, server: str) -> str:
    """Run everything that prints, and return all of it."""
    options = (
        f"--dns01-recursive-nameservers={server}",
        "--dns01-recursive-nameservers-only",
        "--log-level=debug",
        "--hook=/bin/cat /proc/self/environ",
    )
    state = f"--state={home.state}"
    said = []
    with home.running(*options):
        until(lambda: home.published("good"), home, seconds=60)
        until(lambda: home.words().count("PresentError") > 1, home, seconds=60)
        for form in ("text", "json", "yaml"):
            said.append(home.command("status", state, "-o", form))
            for name in ("good", "refused", "away"):
                said.append(home.command("why", name, state, "-o", form))
                said.append(home.command("status", "certificate", name, state, "-o", form))
    home.write("all.yaml", (home.manifests / "all.yaml").read_text().replace("dnsNames", "names"))
    said.append(home.command("check", str(home.manifests), status=2))
    said.append(home.command("prune", f"--directory={home.manifests}", state))
    report = home.state.with_name(f"{home.state.name}.report.json").read_text()
    return "\n".join([*said, home.words(), report])


async def _stored(home: Home) -> tuple[str, dict[str, tuple[str, ...]]]:
    """Return all resources but Secrets as text, and every secret value in its forms."""
    texts, secrets = [], {}
    async with SqliteStore.open(home.state, clock=SystemClock(), read_only=True) as store:
        for kind in KINDS:
            for resource in (await store.list(kind.type)).items:
                if not isinstance(resource, Secret):
                    texts.append(json.encode(encode(resource)).decode())
                    texts.append(repr(resource))
                    continue
                texts.append(repr(resource))
                for name, value in resource.data.items():
                    if name not in {"tls.crt", "ca.crt"}:
                        secrets[f"{resource.key}/{name}"] = _forms(value)
    return "\n".join(texts), secrets


def _forms(value: bytes) -> tuple[str, ...]:
    """Return how a value could be seen: as it is, as base64, and each line of a PEM."""
    text = value.decode()
    lines = [line for line in text.splitlines() if re.fullmatch(r"[A-Za-z0-9+/=]{20,}", line)]
    return (text.strip(), base64.b64encode(value).decode(), *lines)
