"""ACME issuers: compat-spec 6.1 and rows 61, 62, 65 of its chapter 10."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from certwright.acme.jws import AccountKey, Algorithm
from certwright.api.certificate import Certificate
from certwright.api.core import Secret
from certwright.api.issuer import (
    CAIssuer,
    ClusterIssuer,
    ExternalAccountBinding,
    Issuer,
    IssuerSpec,
)
from certwright.api.meta import Key, ObjectMeta, Resource, SecretKeySelector
from certwright.api.solver import DNS01, RFC2136, ACMEChallengeSolver
from certwright.base.problem import Cause, Retryable
from certwright.base.reason import Reason
from certwright.pki.keys import Algorithm as KeyAlgorithm
from certwright.pki.keys import encode_key, generate_key, key_facts, parse_key
from tests.acme_objects import an_acme_cluster_issuer, an_acme_issuer
from tests.builders import a_certificate
from tests.fakes.acme import FakeCa, refusal
from tests.fakes.solver import FakeDns
from tests.unit.controllers.acme_setting import a_scene, condition_of, process

REGISTERED = (
    "True",
    "ACMEAccountRegistered",
    "The ACME account was registered with the ACME server",
)


def a_secret(name: str, namespace: str = "default", **values: bytes) -> Secret:
    data = {key.replace("_", "."): value for key, value in values.items()}
    return Secret(metadata=ObjectMeta(namespace=namespace, name=name), data=data)


def with_account(**acme: Any) -> Issuer:
    return an_acme_issuer(**acme)


async def judged(*resources: Resource, before: Any = None) -> tuple[str, str, str]:
    """Status, reason and message of the issuer once it was looked at."""
    async with a_scene(resources=resources, before=before) as scene:
        return condition_of(await scene.issuer())


async def test_a_missing_key_is_made_and_the_account_registered() -> None:
    async with a_scene() as scene:
        issuer = await scene.issuer()
        secret = await scene.world.get(Secret, "account")

    facts = key_facts(parse_key(secret.data["tls.key"]))
    assert condition_of(issuer) == REGISTERED
    assert (facts.algorithm, facts.size) == (KeyAlgorithm.ECDSA, 256)
    assert secret.type == "Opaque"
    assert secret.metadata.labels == {"app.kubernetes.io/managed-by": "cert-manager"}
    assert secret.metadata.owner_references == ()
    assert issuer.status.acme is not None
    assert issuer.status.acme.uri == "https://ca.example/account/1"
    assert issuer.status.acme.last_registered_email == "ops@example.com"
    assert issuer.status.acme.last_private_key_hash


async def test_an_rsa_key_of_cert_manager_is_taken_as_it_is() -> None:
    pem = encode_key(generate_key(KeyAlgorithm.RSA))

    assert await judged(a_secret("account", tls_key=pem), an_acme_issuer()) == REGISTERED


async def test_a_cluster_issuers_key_is_in_the_cluster_resource_namespace() -> None:
    async with a_scene(
        resources=(an_acme_cluster_issuer(),), cluster_resource_namespace="cluster"
    ) as scene:
        await scene.world.store.get(Secret, Key("cluster", "account"))
        issuer = await scene.world.store.get(ClusterIssuer, Key("", "acme"))

    assert condition_of(issuer) == REGISTERED


async def test_a_settled_account_costs_no_request_after_a_restart() -> None:
    async with a_scene() as scene:
        scene.ca.calls.clear()
        scene.store.writes.clear()
        async with process(scene.clock, scene.ca, scene.dns, store=scene.store) as again:
            await again.world.rest()

        assert scene.ca.calls == []
        assert scene.store.writes == []


async def test_an_order_does_not_wait_for_its_issuers_first_look_after_a_restart() -> None:
    def hide(_: FakeCa, dns: FakeDns) -> None:
        dns.visible = False

    async with a_scene(before=hide) as scene:
        await scene.ask("example.com")
        scene.dns.visible = True
        async with process(scene.clock, scene.ca, scene.dns, store=scene.store) as again:
            await again.wait(20)
            request = await again.request()

    assert condition_of(request)[1] == "Issued"


async def test_a_new_email_is_told_to_the_ca() -> None:
    async with a_scene() as scene:
        await scene.world.patch(Issuer, "acme", {"spec": {"acme": {"email": "New@example.com"}}})

        issuer = await scene.issuer()

    assert scene.ca.contact == ("mailto:new@example.com",)
    assert issuer.status.acme is not None
    assert issuer.status.acme.last_registered_email == "New@example.com"


async def test_a_lost_key_is_made_anew_and_registered() -> None:
    async with a_scene() as scene:
        before = await scene.issuer()
        await scene.world.delete(Secret, "account")

        issuer = await scene.issuer()

    assert condition_of(issuer) == REGISTERED
    assert issuer.status.acme is not None
    assert before.status.acme is not None
    assert issuer.status.acme.last_private_key_hash != before.status.acme.last_private_key_hash


async def test_a_key_that_must_not_be_made_is_waited_for() -> None:
    resources = (an_acme_issuer(disable_account_key_generation=True),)
    async with a_scene(resources=resources) as scene:
        missing = condition_of(await scene.issuer())
        pem = AccountKey.generate().to_pem()
        await scene.world.create(a_secret("account", tls_key=pem))

        found = condition_of(await scene.issuer())

    assert missing == (
        "False",
        "ErrVerifyACMEAccount",
        (
            "Failed to verify ACME account: the ACME issuer config has"
            " 'disableAccountKeyGeneration' set to true, but the secret was not found:"
            ' secret "account" not found'
        ),
    )
    assert found == REGISTERED


async def test_a_v1_server_is_refused() -> None:
    server = "https://acme-v01.api.letsencrypt.org/directory"

    status, reason, message = await judged(an_acme_issuer(server=server))

    assert (status, reason) == ("False", "InvalidConfig")
    assert message.startswith(f"Your ACME server URL is set to a v1 endpoint ({server}).")


@pytest.mark.parametrize("server", ["http://ca.example/directory", "ftp://ca.example", "https://["])
async def test_a_server_that_is_no_https_url_is_refused(server: str) -> None:
    assert (await judged(an_acme_issuer(server=server)))[:2] == ("False", "InvalidURL")


@pytest.mark.parametrize(
    "pem", [b"no key", AccountKey.generate(Algorithm.ES256).to_pem()[:90]], ids=["text", "cut off"]
)
async def test_an_unreadable_account_key_is_refused(pem: bytes) -> None:
    status, reason, message = await judged(a_secret("account", tls_key=pem), an_acme_issuer())

    assert (status, reason) == ("False", "ErrVerifyACMEAccount")
    assert message.startswith("Account private key is invalid: ")


async def test_missing_credentials_of_solvers_are_all_named() -> None:
    def solver(name: str) -> ACMEChallengeSolver:
        secret = SecretKeySelector(name=name, key="secret")
        rfc2136 = RFC2136(nameserver="ns", tsig_key_name="k", tsig_secret_secret_ref=secret)
        return ACMEChallengeSolver(dns01=DNS01(rfc2136=rfc2136))

    issuer = an_acme_issuer(solvers=(solver("one"), solver("two"), ACMEChallengeSolver()))
    key = a_secret("account", tls_key=AccountKey.generate().to_pem())
    async with a_scene(resources=(key, a_secret("two", other=b"x"), issuer)) as scene:
        found = condition_of(await scene.issuer())
        await scene.world.create(a_secret("one", secret=b"x"))

        later = condition_of(await scene.issuer())

    assert found == (
        "False",
        "InvalidSolver",
        (
            'secret "one" not found; secret "two" has no data for key "secret";'
            " no solver type configured"
        ),
    )
    assert later[2].startswith('secret "two" has no data')


async def test_an_account_key_that_is_a_certificates_target_is_refused() -> None:
    async with a_scene() as scene:
        await scene.world.create(a_certificate("web", secret_name="account"))
        taken = condition_of(await scene.issuer())
        await scene.world.delete(Certificate, "web")

        free = condition_of(await scene.issuer())

    assert taken == (
        "False",
        "InvalidConfig",
        'the Secret "default/account" of the account key is the target of Certificate default/web',
    )
    assert free == REGISTERED


async def test_an_account_key_that_is_a_cas_is_refused() -> None:
    ca = replace(
        an_acme_issuer("ca", ready=False), spec=IssuerSpec(ca=CAIssuer(secret_name="account"))
    )

    status, reason, message = await judged(ca, an_acme_issuer())

    assert (status, reason) == ("False", "InvalidConfig")
    assert message.endswith("is the CA key pair of the issuer default/ca")


def bound(**selector: str) -> Issuer:
    fields = {"name": "eab", "key": "hmac", **selector}
    return an_acme_issuer(
        external_account_binding=ExternalAccountBinding(
            key_id="kid-1", key_secret_ref=SecretKeySelector(**fields)
        )
    )


async def test_an_external_account_is_bound_with_the_unpadded_key() -> None:
    async with a_scene(resources=(a_secret("eab", hmac=b"c2VjcmV0LXNlY3JldA"), bound())) as scene:
        issuer = await scene.issuer()

    assert condition_of(issuer) == REGISTERED
    assert scene.ca.external is not None
    assert scene.ca.external.key_id == "kid-1"
    assert scene.ca.external.hmac_key.reveal() == b"secret-secret"


@pytest.mark.parametrize(
    "secrets", [(), (a_secret("eab", other=b"x"),), (a_secret("eab", hmac=b"not base64!"),)]
)
async def test_an_external_account_key_that_cannot_be_used_is_refused(
    secrets: tuple[Secret, ...],
) -> None:
    status, reason, message = await judged(*secrets, bound())

    assert (status, reason) == ("False", "ErrRegisterACMEAccount")
    assert "not base64" not in message or "url" in message


async def test_a_cas_refusal_is_not_tried_again() -> None:
    def refuse(ca: FakeCa, _: FakeDns) -> None:
        ca.failures["newAccount"] = [refusal("unsupportedContact", detail="bad mail")] * 9

    async with a_scene(before=refuse) as scene:
        await scene.wait(3600)
        status, reason, message = condition_of(await scene.issuer())
        warnings = await scene.reasons()

    assert (status, reason) == ("False", "ErrRegisterACMEAccount")
    assert message.startswith("Failed to register ACME account: ")
    assert scene.ca.count("newAccount") == 1
    assert warnings == ["ErrRegisterACMEAccount"]


@pytest.mark.parametrize(
    "problem",
    [
        refusal("serverInternal", 500),
        Retryable(Reason.CONNECTION_FAILED, "no answer", cause=Cause.TRANSPORT),
    ],
)
async def test_a_ca_that_is_away_is_asked_again(problem: Retryable) -> None:
    def refuse(ca: FakeCa, _: FakeDns) -> None:
        ca.failures["newAccount"] = [problem]

    async with a_scene(before=refuse) as scene:
        first = condition_of(await scene.issuer())
        warnings = await scene.world.warnings()
        await scene.wait(60)

        second = condition_of(await scene.issuer())

    assert first[:2] == ("False", "ErrRegisterACMEAccount")
    assert ("ErrInitIssuer", f"Error initializing issuer: {first[2]}") in warnings
    assert second == REGISTERED


async def test_a_contact_that_cannot_be_changed_is_shown() -> None:
    async with a_scene() as scene:
        scene.ca.failures["updateAccount"] = [refusal("invalidContact")]
        await scene.world.patch(Issuer, "acme", {"spec": {"acme": {"email": "x@example.com"}}})

        status, reason, message = condition_of(await scene.issuer())

    assert (status, reason) == ("False", "ErrUpdateACMEAccount")
    assert message.startswith("Failed to update ACME account:the CA refused")


async def test_an_issuer_waits_at_the_moment_that_the_ca_names() -> None:
    async with a_scene(resources=()) as scene:
        later = scene.clock.now() + timedelta(hours=1)
        scene.ca.failures["newAccount"] = [refusal("rateLimited", 429, retry_at=later)]
        issuer = replace(an_acme_issuer(), metadata=ObjectMeta(namespace="default", name="acme"))
        await scene.world.create(issuer)
        await scene.wait(3500)
        early = scene.ca.count("newAccount")
        await scene.wait(200)

        found = condition_of(await scene.issuer())

    assert early == 1
    assert found == REGISTERED
