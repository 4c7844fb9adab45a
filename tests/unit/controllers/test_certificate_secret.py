"""The target Secret: what is written, what is kept up, and what is left alone (3.7, 3.8)."""

import base64
from typing import Any

import pytest

from certwright.api.certificate import (
    AdditionalOutputFormat,
    Certificate,
    OutputFormat,
    SecretTemplate,
)
from certwright.api.conditions import find_condition
from certwright.api.core import Secret
from certwright.pki.keys import der_of, parse_key
from tests.builders import a_certificate, a_secret
from tests.harness import Running
from tests.unit.controllers.setting import Setting, a_setting

APPLY = ("apply", "Secret", "web-tls", "cert-manager-certificates-issuing")
BOTH = tuple(AdditionalOutputFormat(type=one) for one in OutputFormat)


async def edited(setting: Setting, world: Running, spec: dict[str, Any]) -> Secret:
    """Edit the spec of an issued Certificate; nothing but the Secret may be written then."""
    setting.store.writes.clear()
    setting.store.events.clear()
    await world.patch(Certificate, "web", {"spec": spec})
    assert [one for one in setting.store.writes if one[1] != "Certificate"] == [APPLY]
    assert setting.store.events == []
    return await world.get(Secret, "web-tls")


async def test_an_edited_template_reaches_the_secret_without_issuing() -> None:
    async with a_setting() as setting, setting.running() as world:
        await world.create(a_certificate())
        before = await world.get(Secret, "web-tls")
        template = {"labels": {"a": "b"}, "annotations": {"c": "d"}}

        secret = await edited(setting, world, {"secretTemplate": template})

        status = (await world.get(Certificate, "web")).status

    assert secret.metadata.labels["a"] == "b"
    assert secret.metadata.annotations["c"] == "d"
    assert secret.data == before.data
    assert secret.metadata.annotations["cert-manager.io/issuer-name"] == "ca"
    assert [one.type for one in status.conditions] == ["Ready"]
    assert status.revision == 1


async def test_what_leaves_the_template_leaves_the_secret() -> None:
    template = SecretTemplate(labels={"a": "b", "keep": "it"}, annotations={"c": "d"})
    async with a_setting() as setting, setting.running() as world:
        await world.create(a_certificate(secret_template=template))

        secret = await edited(
            setting,
            world,
            {"secretTemplate": {"labels": {"a": None}, "annotations": {"c": None}}},
        )

    assert "a" not in secret.metadata.labels
    assert secret.metadata.labels["keep"] == "it"
    assert "c" not in secret.metadata.annotations


async def test_what_others_put_into_the_secret_survives_an_issuance() -> None:
    mine = a_secret("web-tls", data={"mine": b"1"}, type="Opaque")
    async with a_setting() as setting, setting.running() as world:
        await world.create(mine)
        await world.patch(Secret, "web-tls", {"metadata": {"labels": {"theirs": "x"}}})

        await world.create(a_certificate())

        secret = await world.get(Secret, "web-tls")

    assert secret.data["mine"] == b"1"
    assert secret.metadata.labels["theirs"] == "x"
    assert secret.type == "Opaque"  # a type never changes


async def test_removed_metadata_is_restored() -> None:
    async with a_setting() as setting, setting.running() as world:
        await world.create(a_certificate())
        gone = {
            "labels": {"controller.cert-manager.io/fao": None},
            "annotations": {"cert-manager.io/alt-names": None},
        }

        await world.patch(Secret, "web-tls", {"metadata": gone})

        secret = await world.get(Secret, "web-tls")
        status = (await world.get(Certificate, "web")).status

    assert secret.metadata.labels == {"controller.cert-manager.io/fao": "true"}
    assert secret.metadata.annotations["cert-manager.io/alt-names"] == "www.example.com"
    assert status.revision == 1


async def test_a_label_of_another_value_is_restored_without_issuing() -> None:
    async with a_setting() as setting, setting.running() as world:
        await world.create(a_certificate())

        await world.patch(
            Secret, "web-tls", {"metadata": {"labels": {"controller.cert-manager.io/fao": "no"}}}
        )

        secret = await world.get(Secret, "web-tls")
        assert secret.metadata.labels == {"controller.cert-manager.io/fao": "true"}
        assert (await world.get(Certificate, "web")).status.revision == 1


async def test_further_formats_come_and_go_without_issuing() -> None:
    async with a_setting() as setting, setting.running() as world:
        await world.create(a_certificate())

        asked = [{"type": "DER"}, {"type": "CombinedPEM"}]
        with_both = await edited(setting, world, {"additionalOutputFormats": asked})
        with_one = await edited(setting, world, {"additionalOutputFormats": asked[:1]})

    key = with_both.data["tls.key"]
    assert with_both.data["key.der"] == der_of(parse_key(key))
    assert with_both.data["tls-combined.pem"] == key + b"\n" + with_both.data["tls.crt"]
    assert "key.der" in with_one.data
    assert "tls-combined.pem" not in with_one.data


async def test_a_damaged_format_is_written_again() -> None:
    async with a_setting() as setting, setting.running() as world:
        await world.create(a_certificate(additional_output_formats=BOTH))
        whole = (await world.get(Secret, "web-tls")).data
        damage = {name: base64.b64encode(b"x").decode() for name in ("key.der", "tls-combined.pem")}

        await world.patch(Secret, "web-tls", {"data": damage})

        assert (await world.get(Secret, "web-tls")).data == whole
        assert (await world.get(Certificate, "web")).status.revision == 1


@pytest.mark.parametrize(
    "spec",
    [
        {"privateKey": {"encoding": "PKCS8"}},
        {"revisionHistoryLimit": 3},
        {"renewBefore": "240h"},
    ],
)
async def test_some_edits_write_no_secret(spec: dict[str, Any]) -> None:
    async with a_setting() as setting, setting.running() as world:
        await world.create(a_certificate())
        setting.store.writes.clear()

        await world.patch(Certificate, "web", {"spec": spec})

    assert [one for one in setting.store.writes if one[1] == "Secret"] == []


async def test_the_owner_reference_follows_the_operators_choice() -> None:
    async with a_setting() as setting:
        setting.options["enable_certificate_owner_ref"] = True
        async with setting.running() as world:
            created = await world.create(a_certificate())
            owned = await world.get(Secret, "web-tls")
        setting.options["enable_certificate_owner_ref"] = False
        async with setting.running() as world:
            freed = await world.get(Secret, "web-tls")

    (owner,) = owned.metadata.owner_references
    assert (owner.uid, owner.controller) == (created.metadata.uid, True)
    assert freed.metadata.owner_references == ()


async def test_a_ca_that_is_not_known_any_more_leaves_the_secret() -> None:
    async with a_setting() as setting, setting.running() as world:
        await world.create(a_certificate())
        assert "ca.crt" in (await world.get(Secret, "web-tls")).data
        setting.signer.tells_ca = False

        await world.patch(Certificate, "web", {"spec": {"dnsNames": ["new.example.com"]}})

        assert "ca.crt" not in (await world.get(Secret, "web-tls")).data


async def test_pkcs8_is_written_when_it_is_asked_for() -> None:
    key = {"privateKey": {"algorithm": "ECDSA", "encoding": "PKCS8"}}
    async with a_setting() as setting, setting.running() as world:
        await world.create(a_certificate())
        await world.patch(Certificate, "web", {"spec": {**key, "dnsNames": ["new.example.com"]}})

        secret = await world.get(Secret, "web-tls")

    assert secret.data["tls.key"].startswith(b"-----BEGIN PRIVATE KEY-----")


async def test_an_adopted_secret_is_kept_and_gets_its_metadata() -> None:
    async with a_setting() as setting, setting.running() as world:
        await world.create(a_certificate())
        data = (await world.get(Secret, "web-tls")).data
        await world.create(a_secret("other-tls", data=data, type="kubernetes.io/tls"))
        before = setting.store.writes[:]

        await world.create(a_certificate("other"))

        secret = await world.get(Secret, "other-tls")
        status = (await world.get(Certificate, "other")).status

    written = [one[:2] for one in setting.store.writes[len(before) :]]
    assert written == [("apply", "Secret"), ("status", "Certificate")]
    assert secret.data == data
    assert secret.metadata.labels == {"controller.cert-manager.io/fao": "true"}
    assert secret.metadata.annotations["cert-manager.io/alt-names"] == "www.example.com"
    assert status.revision is None
    assert [one.status for one in status.conditions] == ["True"]


async def test_a_secret_that_cannot_be_written_is_told_until_it_goes() -> None:
    frozen = a_secret("web-tls", data={"mine": b"1"}, type="Opaque", immutable=True)
    async with a_setting() as setting, setting.running() as world:
        await world.create(frozen)
        await world.create(a_certificate())
        stuck = (await world.get(Certificate, "web")).status

        await world.delete(Secret, "web-tls")

        ready = find_condition(stuck.conditions, "Ready")
        assert ready is not None
        assert (ready.status, ready.reason) == ("False", "Refused")
        assert ready.message.startswith("The target Secret cannot be written: ")
        assert (await world.get(Certificate, "web")).status.revision == 1
