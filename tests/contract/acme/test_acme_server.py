"""The client and an ACME server: Pebble in strict mode, and the server in memory of our tests.

Both pass the same suite, so what is proven against the one in memory counts.
"""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from certwright.acme.certificate import RevocationReason, choose_chain
from certwright.acme.jws import AccountKey, Algorithm, ExternalAccount
from certwright.acme.order import OrderStatus
from certwright.acme.problem import AcmeProblem, AcmeRefused
from certwright.base.problem import Cause, Retryable, Stalled
from certwright.pki import keys
from certwright.pki.certificate import certificate_facts, key_matches
from tests.contract.acme.conftest import OpenScene
from tests.integration.acme.steps import der_of, make_csr, obtain, place, prove


async def test_certificate_is_issued_for_a_name_and_its_wildcard(
    tmp_path: Path, open_scene: OpenScene
) -> None:
    key = keys.generate_key(keys.Algorithm.ECDSA)
    async with open_scene(tmp_path) as stage:
        order = await obtain(stage.client, stage.dns, "a.example", "*.a.example", key=key)
        bundles = await stage.client.certificate(order.certificate)

    facts = certificate_facts(bundles[0])
    assert order.status == OrderStatus.VALID
    assert set(facts.dns) == {"a.example", "*.a.example"}
    assert key_matches(key, facts)


@pytest.mark.parametrize("percent", [5, 50])
async def test_bad_nonces_cost_signatures_and_no_order(
    tmp_path: Path, open_scene: OpenScene, percent: int
) -> None:
    async with open_scene(tmp_path, bad_nonces=percent) as stage:
        orders = await asyncio.gather(
            *(obtain(stage.client, stage.dns, f"n{number}.example") for number in range(6))
        )

    assert {order.status for order in orders} == {OrderStatus.VALID}


@pytest.mark.parametrize(
    "algorithm", [Algorithm.ES256, Algorithm.ES384, Algorithm.ES512, Algorithm.RS256]
)
async def test_account_keys_of_every_kind_sign(
    tmp_path: Path, open_scene: OpenScene, algorithm: Algorithm
) -> None:
    async with open_scene(tmp_path) as stage:
        client = stage.other_client(AccountKey.generate(algorithm))
        account = await client.new_account(terms_agreed=True)

    assert account.status == "valid"


async def test_account_is_found_by_its_key_alone(tmp_path: Path, open_scene: OpenScene) -> None:
    async with open_scene(tmp_path) as stage:
        again = stage.other_client(stage.client.key)
        found = await again.new_account(only_existing=True)
        stranger = stage.other_client()
        with pytest.raises(AcmeRefused) as refused:
            await stranger.new_account(only_existing=True)

    assert found.url == stage.client.account_url
    assert not found.created
    assert refused.value.is_type("accountDoesNotExist")


async def test_contact_is_replaced(tmp_path: Path, open_scene: OpenScene) -> None:
    async with open_scene(tmp_path) as stage:
        changed = await stage.client.update_account(("mailto:ops@example.com",))
        read = await stage.client.account()

    assert changed.contact == read.contact == ("mailto:ops@example.com",)


async def test_invalid_contact_needs_a_person(tmp_path: Path, open_scene: OpenScene) -> None:
    async with open_scene(tmp_path) as stage:
        with pytest.raises(Stalled) as refused:
            await stage.client.update_account(("mailto:not an address",))

    assert isinstance(refused.value, AcmeProblem)
    assert refused.value.is_type("invalidContact")


async def test_rolled_key_signs_and_the_old_one_does_not(
    tmp_path: Path, open_scene: OpenScene
) -> None:
    async with open_scene(tmp_path) as stage:
        old = stage.client.key
        await stage.client.roll_key(AccountKey.generate(Algorithm.RS256))
        account = await stage.client.account()
        late = stage.other_client(old, account_url=stage.client.account_url)
        with pytest.raises(AcmeProblem):
            await late.account()

    assert account.status == "valid"
    assert stage.client.key.algorithm is Algorithm.RS256


async def test_deactivated_account_needs_a_person(tmp_path: Path, open_scene: OpenScene) -> None:
    async with open_scene(tmp_path) as stage:
        ended = await stage.client.deactivate_account()
        with pytest.raises(Stalled) as refused:
            await place(stage.client, "a.example")

    assert ended.status == "deactivated"
    assert isinstance(refused.value, AcmeProblem)
    assert refused.value.is_type("unauthorized")


async def test_orders_are_listed_over_several_pages(tmp_path: Path, open_scene: OpenScene) -> None:
    async with open_scene(tmp_path) as stage:
        placed = [await place(stage.client, f"p{number}.example") for number in range(8)]
        listed = await stage.client.orders()
        first = await stage.client.orders(limit=2)

    assert set(listed) == {order.url for order in placed}
    assert len(first) == 2


async def test_external_account_is_bound(tmp_path: Path, open_scene: OpenScene) -> None:
    secret = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"  # a test's own
    credentials = ExternalAccount.from_text("kid-1", secret)
    async with open_scene(
        tmp_path, external_accounts={"kid-1": secret}, external_account=credentials
    ) as stage:
        account = await stage.client.account()
        with pytest.raises(Stalled) as refused:
            await stage.other_client().new_account(terms_agreed=True)
        wrong = ExternalAccount.from_text("kid-1", secret[::-1])
        with pytest.raises(Stalled):
            await stage.other_client().new_account(terms_agreed=True, external_account=wrong)
        meta = (await stage.client.directory()).meta

    assert account.status == "valid"
    assert isinstance(refused.value, AcmeProblem)
    assert refused.value.is_type("externalAccountRequired")
    assert meta.external_account_required


async def test_alternate_chains_are_offered_and_chosen_by_their_issuer(
    tmp_path: Path, open_scene: OpenScene
) -> None:
    async with open_scene(tmp_path, alternate_roots=2, chain_length=3) as stage:
        order = await obtain(stage.client, stage.dns, "a.example")
        bundles = await stage.client.certificate(order.certificate)
        default = await stage.client.certificate(order.certificate, alternates=False)
        roots = await stage.ca.roots(3)

    names = [certificate_facts(root).common_name for root in roots]
    assert len(bundles) == 3
    assert default == bundles[:1]
    assert [choose_chain(bundles, name) for name in names] == list(bundles)
    assert choose_chain(bundles, "nobody's root") == bundles[0]


async def test_failing_validation_tells_what_the_ca_saw(
    tmp_path: Path, open_scene: OpenScene
) -> None:
    async with open_scene(tmp_path) as stage:
        order = await place(stage.client, "a.example")
        (authorization,) = await prove(stage.client, stage.dns, order, value="wrong")
        ended = await stage.client.poll_order(
            await stage.client.order(order.url), leaving=(OrderStatus.PENDING,)
        )

    challenge = authorization.challenge("dns-01")
    assert authorization.status == "invalid"
    assert challenge is not None
    assert challenge.error is not None
    assert challenge.error.word == "unauthorized"
    assert ended.status == OrderStatus.INVALID


async def test_csr_for_other_names_is_refused_at_finalize(
    tmp_path: Path, open_scene: OpenScene
) -> None:
    async with open_scene(tmp_path) as stage:
        order = await place(stage.client, "a.example")
        await prove(stage.client, stage.dns, order)
        ready = await stage.client.poll_order(order, leaving=(OrderStatus.PENDING,))
        with pytest.raises(Retryable) as refused:
            await stage.client.finalize(ready, make_csr(["b.example"]))

    assert isinstance(refused.value, AcmeProblem)
    assert refused.value.is_refusal()
    assert refused.value.cause is Cause.POLICY


async def test_order_that_is_not_ready_is_read_and_the_refusal_told(
    tmp_path: Path, open_scene: OpenScene
) -> None:
    async with open_scene(tmp_path) as stage:
        order = await place(stage.client, "a.example")
        with pytest.raises(AcmeProblem) as refused:
            await stage.client.finalize(order, make_csr(["a.example"]))

    assert refused.value.is_type("orderNotReady")
    assert refused.value.operation == "finalize"


async def test_second_finalize_is_answered_by_the_order_itself(
    tmp_path: Path, open_scene: OpenScene
) -> None:
    async with open_scene(tmp_path) as stage:
        done = await obtain(stage.client, stage.dns, "a.example")
        again = await stage.client.finalize(done, make_csr(["a.example"]))

    assert again.status == OrderStatus.VALID
    assert again.certificate == done.certificate


async def test_order_turns_invalid_when_its_authorization_is_given_up(
    tmp_path: Path, open_scene: OpenScene
) -> None:
    async with open_scene(tmp_path) as stage:
        order = await place(stage.client, "a.example")
        given_up = await stage.client.deactivate_authorization(order.authorizations[0])
        read = await stage.client.order(order.url)

    assert given_up.status == "deactivated"
    assert read.status == OrderStatus.INVALID


async def test_order_that_turned_invalid_before_finalize_is_told_as_such(
    tmp_path: Path, open_scene: OpenScene
) -> None:
    async with open_scene(tmp_path) as stage:
        order = await place(stage.client, "a.example")
        await prove(stage.client, stage.dns, order)
        ready = await stage.client.poll_order(order, leaving=(OrderStatus.PENDING,))
        await stage.client.deactivate_authorization(ready.authorizations[0])
        ended = await stage.client.finalize(ready, make_csr(["a.example"]))

    assert ready.status == OrderStatus.READY
    assert ended.status == OrderStatus.INVALID


async def test_profile_decides_the_lifetime(tmp_path: Path, open_scene: OpenScene) -> None:
    async with open_scene(tmp_path) as stage:
        order = await place(stage.client, "a.example", profile="shortlived")
        await prove(stage.client, stage.dns, order)
        ready = await stage.client.poll_order(order, leaving=(OrderStatus.PENDING,))
        done = await stage.client.poll_order(
            await stage.client.finalize(ready, make_csr(["a.example"]))
        )
        bundle = (await stage.client.certificate(done.certificate))[0]
        with pytest.raises(Stalled, match="does not offer the profile 'gold'"):
            await place(stage.client, "a.example", profile="gold")

    facts = certificate_facts(bundle)
    assert order.profile == "shortlived"
    assert facts.not_after - facts.not_before < timedelta(days=7)


async def test_blocked_name_is_refused_by_policy(tmp_path: Path, open_scene: OpenScene) -> None:
    async with open_scene(tmp_path, blocked=["blocked.example"]) as stage:
        with pytest.raises(Retryable) as refused:
            await place(stage.client, "www.blocked.example", "a.example")

    assert isinstance(refused.value, AcmeProblem)
    assert refused.value.is_type("rejectedIdentifier")
    assert refused.value.cause is Cause.POLICY


async def test_certificate_is_revoked_by_its_account_once(
    tmp_path: Path, open_scene: OpenScene
) -> None:
    async with open_scene(tmp_path) as stage:
        order = await obtain(stage.client, stage.dns, "a.example")
        leaf = der_of((await stage.client.certificate(order.certificate))[0])
        await stage.client.revoke(leaf, RevocationReason.SUPERSEDED)
        await stage.client.revoke(leaf)

        stranger = stage.other_client()
        await stranger.new_account(terms_agreed=True)
        other = await obtain(stage.client, stage.dns, "b.example")
        with pytest.raises(AcmeRefused):
            await stranger.revoke(der_of((await stage.client.certificate(other.certificate))[0]))


async def test_certificate_is_revoked_by_its_own_key_without_an_account(
    tmp_path: Path, open_scene: OpenScene
) -> None:
    key = keys.generate_key(keys.Algorithm.ECDSA)
    async with open_scene(tmp_path) as stage:
        order = await obtain(stage.client, stage.dns, "a.example", key=key)
        leaf = der_of((await stage.client.certificate(order.certificate))[0])
        anonymous = stage.other_client()
        own = AccountKey.from_pem(keys.encode_key(key))
        await anonymous.revoke(leaf, RevocationReason.KEY_COMPROMISE, certificate_key=own)

    assert not anonymous.account_url
