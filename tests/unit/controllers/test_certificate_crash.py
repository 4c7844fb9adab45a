"""The process dies after any single write; the next one finishes the job (issue: crash safety)."""

from datetime import timedelta

import pytest

from certwright.api.certificate import Certificate
from certwright.api.core import Secret
from certwright.api.request import CertificateRequest
from certwright.pki.certificate import certificate_facts
from certwright.pki.keys import key_facts, parse_key
from tests.builders import a_certificate
from tests.harness import Running
from tests.unit.controllers.setting import a_setting

WRITES_OF_AN_ISSUANCE = 8
WRITES_OF_A_RENEWAL = 9


async def assert_consistent(world: Running, revision: int) -> None:
    status = (await world.get(Certificate, "web")).status
    secret = await world.get(Secret, "web-tls")
    assert [(one.type, one.status) for one in status.conditions] == [("Ready", "True")]
    assert status.revision == revision
    assert status.next_private_key_secret_name == ""
    assert await world.names(Secret) == ["web-tls"]
    assert await world.names(CertificateRequest) == [f"web-{revision}"]
    key, leaf = parse_key(secret.data["tls.key"]), certificate_facts(secret.data["tls.crt"])
    assert key_facts(key).spki_sha256 == leaf.spki_sha256


@pytest.mark.parametrize("k", range(1, WRITES_OF_AN_ISSUANCE + 1))
async def test_an_issuance_survives_death_after_write(k: int) -> None:
    async with a_setting() as setting:
        async with setting.running(dies_after=k) as world:
            await setting.inner.create(a_certificate(), manager="user")
            await setting.store.dead.wait()
        died = list(setting.store.writes)

        async with setting.running() as world:
            await world.rest()
            after = list(setting.store.writes)
            await assert_consistent(world, revision=1)

    assert len(died) == k
    written = [(verb, kind) for verb, kind, *_ in died + after]
    assert written.count(("create", "CertificateRequest")) == 1
    assert len(died + after) <= WRITES_OF_AN_ISSUANCE + 1  # only the target may be written twice


@pytest.mark.parametrize("k", range(1, WRITES_OF_A_RENEWAL + 1))
async def test_a_renewal_survives_death_after_write(k: int) -> None:
    async with a_setting() as setting:
        async with setting.running() as world:
            await world.create(a_certificate())
        setting.clock.advance(timedelta(days=60))

        async with setting.running(dies_after=k):
            await setting.store.dead.wait()
        died = list(setting.store.writes)
        async with setting.running() as world:
            await world.rest()
            after = list(setting.store.writes)
            await assert_consistent(world, revision=2)

    written = [(verb, kind) for verb, kind, *_ in died + after]
    assert written.count(("create", "CertificateRequest")) == 1
