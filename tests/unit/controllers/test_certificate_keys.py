"""The next private key: made, kept, refused, replaced (compat-spec 3.4, 10: rows 5-7)."""

from datetime import timedelta

from certwright.api.certificate import Certificate, KeyAlgorithm, PrivateKeySpec, RotationPolicy
from certwright.api.conditions import find_condition
from certwright.api.core import Secret
from certwright.api.meta import ObjectMeta
from certwright.api.request import CertificateRequest
from certwright.pki.keys import Algorithm, algorithm_of, parse_key
from tests.builders import a_certificate, a_secret
from tests.unit.controllers.setting import a_setting

NEVER = PrivateKeySpec(algorithm=KeyAlgorithm.ECDSA, rotation_policy=RotationPolicy.NEVER)


async def test_a_kept_key_is_reused_with_an_event_that_says_so() -> None:
    async with a_setting() as setting, setting.running() as world:
        await world.create(a_certificate(private_key=NEVER))
        first = await world.get(Secret, "web-tls")

        await world.advance(timedelta(days=60))

        second = await world.get(Secret, "web-tls")
        events = await world.events()

    assert second.data["tls.key"] == first.data["tls.key"]
    assert second.data["tls.crt"] != first.data["tls.crt"]
    message = 'Reusing private key stored in existing Secret resource "web-tls"'
    assert ("Reused", message) in events


async def test_another_algorithm_gets_a_new_key() -> None:
    async with a_setting() as setting, setting.running() as world:
        await world.create(a_certificate())

        await world.patch(Certificate, "web", {"spec": {"privateKey": {"algorithm": "Ed25519"}}})

        secret = await world.get(Secret, "web-tls")
        events = await world.events()

    assert algorithm_of(parse_key(secret.data["tls.key"])) is Algorithm.ED25519
    assert (
        "Issuing",
        "Existing private key is not up to date for spec: [spec.privateKey.algorithm]",
    ) in events


async def test_another_algorithm_with_a_kept_key_is_stuck_until_somebody_acts() -> None:
    async with a_setting() as setting, setting.running() as world:
        await world.create(a_certificate(private_key=NEVER))

        await world.patch(Certificate, "web", {"spec": {"privateKey": {"algorithm": "Ed25519"}}})
        await world.advance(timedelta(days=1))
        stuck = (await world.get(Certificate, "web")).status
        warnings = await world.warnings()
        await world.delete(Secret, "web-tls")
        freed = (await world.get(Certificate, "web")).status

    issuing = find_condition(stuck.conditions, "Issuing")
    assert issuing is not None
    assert (issuing.status, issuing.reason) == ("True", "SecretMismatch")
    assert stuck.last_failure_time is None
    assert warnings == [
        (
            "CannotRegenerateKey",
            (
                'User intervention required: existing private key in Secret "web-tls" does not '
                "match requirements on Certificate resource, mismatching fields: "
                "[spec.privateKey.algorithm]"
            ),
        )
    ]
    assert freed.revision == 2


async def test_a_kept_key_that_cannot_be_read_is_replaced_with_a_warning() -> None:
    async with a_setting() as setting, setting.running() as world:
        await world.create(a_secret("web-tls", data={"tls.key": b"nonsense"}))

        await world.create(a_certificate(private_key=NEVER))

        warnings = await world.warnings()
        assert (await world.get(Certificate, "web")).status.revision == 1

    message = 'Failed to decode private key stored in Secret "web-tls" - generating new key'
    assert warnings == [("DecodeFailed", message)]


async def test_a_changed_wish_during_an_issuance_replaces_key_and_request() -> None:
    async with a_setting(mode="pend") as setting, setting.running() as world:
        await world.create(a_certificate())
        first = await world.get(CertificateRequest, "web-1")
        name = (await world.get(Certificate, "web")).status.next_private_key_secret_name

        await world.patch(Certificate, "web", {"spec": {"privateKey": {"size": 384}}})

        second = await world.get(CertificateRequest, "web-1")
        events = await world.events()
        status = (await world.get(Certificate, "web")).status

    assert second.metadata.uid != first.metadata.uid
    assert status.next_private_key_secret_name == name
    message = "Regenerating private key due to change in fields: [spec.privateKey.size]"
    assert ("Deleted", message) in events


async def test_a_lost_temporary_secret_comes_back_under_its_name_with_a_new_request() -> None:
    async with a_setting(mode="pend") as setting, setting.running() as world:
        await world.create(a_certificate())
        first = await world.get(CertificateRequest, "web-1")
        (name,) = await world.names(Secret)

        await world.delete(Secret, name)

        second = await world.get(CertificateRequest, "web-1")
        names = await world.names(Secret)

    assert names == [name]
    assert second.metadata.uid != first.metadata.uid


async def test_a_taken_name_is_left_to_whoever_took_it() -> None:
    async with a_setting(mode="pend") as setting, setting.running() as world:
        await setting.inner.create(
            Secret(metadata=ObjectMeta(namespace="default", name="web-aaaaa")), manager="user"
        )
        issuing = {"type": "Issuing", "status": "True", "reason": "ManuallyTriggered"}
        created = await setting.inner.create(a_certificate(), manager="user")
        status = {"conditions": [issuing], "nextPrivateKeySecretName": "web-aaaaa"}

        await setting.inner.patch_status(Certificate, created.key, status, manager="cmctl")
        await world.rest()

        chosen = (await world.get(Certificate, "web")).status.next_private_key_secret_name
        taken = await world.get(Secret, "web-aaaaa")

    assert chosen != "web-aaaaa"
    assert taken.data == {}
