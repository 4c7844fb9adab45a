"""What goes wrong with a real CA and a real zone, and what is said of it."""

import json
from datetime import timedelta
from pathlib import Path

import msgspec
from msgspec.structs import replace

from certwright.api.annotations import EVIDENCE, FAILURE_CLASS, PROBLEM
from certwright.api.core import Secret
from certwright.api.issuer import ClusterIssuer, ExternalAccountBinding
from certwright.api.meta import Key, ObjectMeta, SecretKeySelector
from certwright.api.order import Challenge, Order
from certwright.api.request import CertificateRequest
from certwright.controllers.options import Options
from certwright.pki.certificate import certificate_facts, parse_chain
from tests.acme_objects import a_challenge
from tests.integration.issuance.stage import (
    CLUSTER,
    ISSUER,
    add_issuer,
    ask_for,
    ready_of,
    settled,
    stage,
)
from tests.integration.servers.challtestsrv import challenge_server
from tests.integration.servers.names import ZONE

TWO_SERVERS = f"{ZONE}\n@ NS ns2\nns2 A 127.0.0.2\n"


async def test_a_failed_validation_brings_the_cas_words_to_the_request(tmp_path: Path) -> None:
    # The CA asks a name server that never saw the record: every validation fails.
    async with (
        challenge_server(tmp_path) as elsewhere,
        stage(tmp_path, dns=elsewhere.dns) as running,
    ):
        await add_issuer(running)
        await ask_for(running, "www.example.test")

        request = await settled(running)
        await running.rest()
        (challenge,), (order,) = await running.all(Challenge), await running.all(Order)

    assert ready_of(request) == "Failed"
    assert (challenge.status.state, order.status.state) == ("invalid", "invalid")
    assert request.metadata.annotations[FAILURE_CLASS] == "validation"
    document = json.loads(request.metadata.annotations[PROBLEM])
    assert document["type"].startswith("urn:ietf:params:acme:error:")
    assert EVIDENCE in request.metadata.annotations
    assert challenge.metadata.finalizers == ()


async def test_a_refused_name_fails_at_once(tmp_path: Path) -> None:
    async with stage(tmp_path, blocked=("blocked.example.test",)) as running:
        await add_issuer(running)
        await ask_for(running, "blocked.example.test")

        request = await settled(running)
        (order,) = await running.all(Order)

    assert ready_of(request) == "Failed"
    assert order.status.state == "errored"
    assert request.metadata.annotations[FAILURE_CLASS] == "policy"
    assert "rejectedIdentifier" in request.metadata.annotations[PROBLEM]


async def test_a_profile_that_is_not_on_offer_fails_without_an_order(tmp_path: Path) -> None:
    async with stage(tmp_path) as running:
        await add_issuer(running, profile="unknown")
        await ask_for(running, "www.example.test")

        request = await settled(running)
        (order,) = await running.all(Order)

    assert ready_of(request) == "Failed"
    assert order.status.url == ""
    assert "profile" in order.status.reason


async def test_bad_nonces_and_retry_after_only_cost_time(tmp_path: Path) -> None:
    async with stage(tmp_path, bad_nonces=50, retry_after=1) as running:
        await add_issuer(running)
        await ask_for(running, "www.example.test")

        request = await settled(running)

    assert ready_of(request) == "Issued"


async def test_an_account_is_bound_to_an_external_one(tmp_path: Path) -> None:
    mac = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"
    binding = ExternalAccountBinding(
        key_id="kid-1", key_secret_ref=SecretKeySelector(name="eab", key="hmac")
    )
    async with stage(tmp_path, external_accounts={"kid-1": mac}) as running:
        await add_issuer(running, external_account_binding=binding)
        before = await running.find(ClusterIssuer, ISSUER, "")
        secret = Secret(
            metadata=ObjectMeta(namespace=CLUSTER, name="eab"), data={"hmac": mac.encode()}
        )
        await running.store.create(secret, manager="user")

        async def ready() -> bool:
            found = await running.find(ClusterIssuer, ISSUER, "")
            return found is not None and found.status.conditions[0].status == "True"

        await running.until(ready)

    assert before is not None
    assert before.status.conditions[0].reason == "ErrRegisterACMEAccount"


async def test_the_preferred_chain_is_taken(tmp_path: Path) -> None:
    async with stage(tmp_path, alternate_roots=2, chain_length=2) as running:
        roots = await running.ca.roots(3)
        preferred = certificate_facts(roots[2]).common_name
        await add_issuer(running, preferred_chain=preferred)
        await ask_for(running, "www.example.test")

        request = await settled(running)

    last = parse_chain(request.status.certificate)[-1]
    assert last.issuer.rfc4514_string() == f"CN={preferred}"


async def test_a_name_server_that_cannot_be_reached_only_delays(tmp_path: Path) -> None:
    options = Options(dns01_evidence_limit=timedelta(seconds=2))
    async with stage(tmp_path, options=options, zone=TWO_SERVERS) as running:
        await add_issuer(running)
        await ask_for(running, "www.example.test")
        seen: list[str] = []

        async def issued() -> bool:
            seen.extend(one.status.reason for one in await running.all(Challenge))
            return ready_of(await running.find(CertificateRequest, "web-1")) == "Issued"

        await running.until(issued)

    reasons = {reason for reason in seen if "ns2" in reason}
    assert any(reason.startswith("asked the CA without full evidence: ") for reason in reasons)


async def test_waiting_may_replace_the_look(tmp_path: Path) -> None:
    async with stage(tmp_path) as running:
        await add_issuer(running)
        issuer = await running.store.get(ClusterIssuer, Key("", ISSUER))
        assert issuer.spec.acme is not None
        solver = {**_wire(issuer), "waitInsteadOfSelfCheck": "1s"}
        patch = {"spec": {"acme": {"solvers": [solver]}}}
        await running.store.patch(ClusterIssuer, issuer.key, patch, manager="user")
        began = running.clock.monotonic()
        await ask_for(running, "www.example.test")

        request = await settled(running)

    assert ready_of(request) == "Issued"
    # presentedAt has whole seconds: the wait may begin up to one second early
    assert running.clock.monotonic() - began >= 0.2


def _wire(issuer: ClusterIssuer) -> dict[str, object]:
    assert issuer.spec.acme is not None
    wire: dict[str, object] = msgspec.to_builtins(issuer.spec.acme.solvers[0])
    return wire


async def test_a_forged_challenge_borrows_nothing(tmp_path: Path) -> None:
    async with stage(tmp_path) as running:
        await add_issuer(running)
        issuer = await running.store.get(ClusterIssuer, Key("", ISSUER))
        await ask_for(running, "www.example.test")
        await settled(running)
        await running.rest()
        forged = _forged(issuer)
        await running.store.create(forged, manager="mallory")

        async def ignored() -> bool:
            return bool(await running.events("NotOurs"))

        await running.until(ignored)
        (left,) = await running.all(Challenge)

    assert not left.status.presented


def _forged(issuer: ClusterIssuer) -> Challenge:
    assert issuer.spec.acme is not None
    challenge = a_challenge()
    spec = replace(
        challenge.spec,
        dns_name="victim.example.test",
        solver=issuer.spec.acme.solvers[0],
        issuer_ref=replace(challenge.spec.issuer_ref, name=ISSUER, kind="ClusterIssuer"),
    )
    return Challenge(metadata=ObjectMeta(namespace="default", name="forged"), spec=spec)
