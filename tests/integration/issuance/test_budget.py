"""What an issuance costs: the writes and events of an ACME issuance of two names (design §6)."""

from datetime import timedelta
from pathlib import Path

from certwright.api.certificate import Certificate
from certwright.api.core import Secret
from certwright.pki.certificate import certificate_facts
from tests.builders import an_ingress
from tests.integration.issuance.stage import ISSUER, Stage, add_issuer, stage

HOSTS = ("foo.example.test", "*.foo.example.test")
ANNOTATIONS = {
    "cert-manager.io/cluster-issuer": ISSUER,
    "cert-manager.io/private-key-algorithm": "ECDSA",
}

WRITES = 23
WRITES_WITH_REASONS = 25
EVENTS = (
    "CreateCertificate",
    "Issuing",
    "Generated",
    "Requested",
    "cert-manager.io",
    "OrderCreated",
    "Created",
    "Created",
    "Started",
    "Presented",
    "Started",
    "Presented",
    "DomainVerified",
    "DomainVerified",
    "Complete",
    "CertificateIssued",
    "Issuing",
)


async def _issue(running: Stage) -> timedelta:
    await add_issuer(running)
    await running.rest()
    running.recording.writes.clear()
    running.recording.events.clear()

    async def ready() -> bool:
        found = await running.find(Certificate, "foo-tls")
        conditions = found.status.conditions if found is not None else ()
        return any(one.type == "Ready" and one.status == "True" for one in conditions)

    ingress = an_ingress("foo", hosts=HOSTS, secret="foo-tls", annotations=ANNOTATIONS)
    await running.store.create(ingress, manager="user")
    return await running.until(ready)


async def test_ingress_becomes_secret_within_the_budget(tmp_path: Path) -> None:
    async with stage(tmp_path) as running:
        span = await _issue(running)
        await running.rest_but_for_renewal()
        secret = await running.find(Secret, "foo-tls")
        writes, events = running.recording.writes, await running.events()

    assert secret is not None
    assert set(certificate_facts(secret.data["tls.crt"]).dns) == set(HOSTS)
    assert span < timedelta(seconds=2), span
    assert len(writes) in range(WRITES - 1, WRITES_WITH_REASONS + 1), writes
    assert sorted(reason for reason, _ in events) == sorted(EVENTS), events
