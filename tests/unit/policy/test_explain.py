"""The state of objects, and what is said of it: verdict, sentence, object, next time, remedy."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from certwright.api.certificate import (
    CertificateKeystores,
    PKCS12Keystore,
    PrivateKeySpec,
    Renewal,
    RenewalPolicy,
    RenewalWindow,
    RotationPolicy,
)
from certwright.api.issuer import Issuer, IssuerSpec, SelfSignedIssuer
from certwright.api.meta import IssuerReference
from certwright.policy.explain_text import MOST_LINES, render
from certwright.policy.explanation import Fault, Local, Verdict
from tests.builders import a_certificate, a_cluster_issuer, a_secret, an_issuer, metadata
from tests.fakes.clock import START
from tests.unit.policy.scene import NOW, Scene, an_acme_issuer, condition

READY = condition("Ready", "True", "KeyPairVerified")
APPROVED = condition("Approved", "True", "cert-manager.io")
FAILED = "The certificate request has failed to complete and will be retried: "


def under_way(*conditions: Any, certificate: Any = None, **choices: Any) -> Scene:
    scene = Scene(certificate, **choices)
    scene.issuing()
    scene.request(*conditions)
    return scene


def pending(message: str) -> Any:
    return condition("Ready", "False", "Pending", message)


def unready(reason: str, message: str) -> Scene:
    scene = under_way(APPROVED)
    scene.issuer(an_issuer(), condition("Ready", "False", reason, message))
    return scene


def well() -> Scene:
    scene = Scene()
    scene.issuer(an_issuer(), READY)
    scene.issued()
    return scene


def nothing_begun() -> Scene:
    return Scene()


def key_being_made() -> Scene:
    scene = Scene()
    scene.status(
        conditions=(condition("Issuing", "True", "DoesNotExist"),), next_private_key_secret_name="k"
    )
    return scene


def mistyped_issuer() -> Scene:
    scene = under_way(APPROVED, certificate=a_certificate(issuer_ref=IssuerReference(name="caa")))
    scene.issuer(an_issuer(), READY)
    return scene


def cluster_issuer_meant() -> Scene:
    scene = under_way(APPROVED)
    scene.issuer(a_cluster_issuer(), READY)
    return scene


def no_kind_of_issuer() -> Scene:
    reference = IssuerReference(name="ca", kind="Isuer")
    scene = under_way(APPROVED, certificate=a_certificate(issuer_ref=reference))
    scene.issuer(an_issuer(), READY)
    return scene


def foreign_issuer() -> Scene:
    reference = IssuerReference(name="ca", group="awspca.cert-manager.io")
    return under_way(APPROVED, certificate=a_certificate(issuer_ref=reference))


def issuer_unchecked() -> Scene:
    scene = under_way(APPROVED)
    scene.issuer(an_issuer())
    return scene


def no_ca_secret() -> Scene:
    text = 'Error getting keypair for CA issuer: secret "ca-key-pair" not found'
    return unready("ErrGetKeyPair", text)


def no_ca_certificate() -> Scene:
    text = "Error getting keypair for CA issuer: certificate is not a CA"
    return unready("ErrInvalidKeyPair", text)


def no_type() -> Scene:
    scene = under_way(APPROVED)
    scene.issuer(Issuer(metadata=metadata("ca"), spec=IssuerSpec()))
    return scene


def ca_key_gone_since() -> Scene:
    text = "Required secret resource not found: secret default/ca-key-pair not found"
    scene = under_way(APPROVED, pending(text))
    scene.issuer(an_issuer(), READY)
    return scene


def being_signed() -> Scene:
    scene = under_way(APPROVED)
    scene.issuer(an_issuer(), READY)
    return scene


def self_signed_key_gone() -> Scene:
    text = "Referenced secret default/web-next not found: it does not exist"
    scene = under_way(APPROVED, pending(text))
    issuer = Issuer(metadata=metadata("ca"), spec=IssuerSpec(self_signed=SelfSignedIssuer()))
    scene.issuer(issuer, READY)
    return scene


def unapproved() -> Scene:
    return under_way(approve=False)


def denied() -> Scene:
    return under_way(condition("Denied", "True", "Policy", "wildcards are not allowed"))


def key_must_stay() -> Scene:
    key = PrivateKeySpec(rotation_policy=RotationPolicy.NEVER)
    scene = Scene(a_certificate(private_key=key))
    scene.issued()  # an ECDSA key, while the spec says RSA
    scene.status(
        conditions=(condition("Issuing", "True", "SecretMismatch"),),
        next_private_key_secret_name="k",
    )
    return scene


def no_csr_possible() -> Scene:
    scene = Scene()
    text = "Failed to generate CSR: bad literal subject - will not retry"
    scene.status(conditions=(condition("Ready", "False", "InvalidSpec", text),))
    return scene


def two_on_one_secret() -> Scene:
    scene = Scene(a_certificate(secret_name="shared", meta={"creation_timestamp": NOW}))
    scene.add(a_certificate("other", secret_name="shared"))
    scene.issued(owner="other")
    return scene


def keystore_wanted() -> Scene:
    stores = CertificateKeystores(pkcs12=PKCS12Keystore(create=True))
    scene = Scene(a_certificate(keystores=stores))
    scene.issuer(an_issuer(), READY)
    scene.issued()
    return scene


def expired_for_ever() -> Scene:
    scene = Scene(a_certificate(renewal=Renewal(policy=RenewalPolicy.DISABLED)))
    scene.issuer(an_issuer(), READY)
    scene.issued(days=5)
    return scene


def not_exported() -> Scene:
    scene = well()
    scene.local = Local(out="/srv/out", export_error="No space left on device")
    return scene


def hook_failing() -> Scene:
    scene = well()
    scene.local = Local(out="/srv/out", hook_error="exit 1", hook_next=NOW + timedelta(minutes=1))
    return scene


def backing_off() -> Scene:
    scene = Scene()
    scene.issuer(an_issuer(), READY)
    scene.status(
        conditions=(condition("Issuing", "False", "Failed", f"{FAILED}The CA said no"),),
        last_failure_time=NOW - timedelta(minutes=1),
        failed_issuance_attempts=3,
    )
    scene.annotate(
        failure_class="policy",
        next_attempt="2026-01-11T00:19:00Z",
        evidence='[["the CA","no"]]',
        remedy="Ask for less.",
    )
    return scene


def wrong_certificate() -> Scene:
    scene = Scene()
    scene.issuer(an_issuer(), READY)
    text = f"{FAILED}Issuer returned an already expired certificate"
    scene.status(
        conditions=(condition("Issuing", "False", "InvalidCertificate", text),),
        last_failure_time=NOW,
        failed_issuance_attempts=1,
    )
    return scene


def failed_and_issuer_gone() -> Scene:
    return backing_off().without(Issuer)


def just_issued() -> Scene:
    return under_way(APPROVED, condition("Ready", "True", "Issued"))


def not_looked_at_yet() -> Scene:
    return under_way()


def request_is_over() -> Scene:
    return under_way(APPROVED, condition("Ready", "False", "Failed", "no"))


def invalid_request() -> Scene:
    return under_way(condition("InvalidRequest", "True", "Bad", "the CSR is bad"))


def issuer_unreachable() -> Scene:
    text = "Failed to register ACME account: connection refused"
    scene = under_way(APPROVED)
    issuer = scene.issuer(an_issuer(), condition("Ready", "False", "ErrRegisterACMEAccount", text))
    scene.tell(issuer, failure_class="transport", failure_reason="ErrRegisterACMEAccount")
    return scene


def credential_missing() -> Scene:
    text = 'secret "tsig" not found'
    scene = under_way(APPROVED)
    scene.issuer(an_acme_issuer(), condition("Ready", "False", "InvalidSolver", text))
    return scene


def account_is_bound_elsewhere() -> Scene:
    text = "Failed to register ACME account: the CA refused newAccount (externalAccountRequired)"
    scene = under_way(APPROVED)
    scene.issuer(an_acme_issuer(), condition("Ready", "False", "ErrRegisterACMEAccount", text))
    return scene


def account_key_unreadable() -> Scene:
    text = "Account private key is invalid: no PEM"
    scene = under_way(APPROVED)
    scene.issuer(an_acme_issuer(), condition("Ready", "False", "ErrVerifyACMEAccount", text))
    return scene


def issuer_told_what_to_do() -> Scene:
    scene = under_way(APPROVED)
    issuer = scene.issuer(an_acme_issuer(), condition("Ready", "False", "Refused", "terms changed"))
    scene.tell(issuer, failure_class="policy", remedy="Read the terms.")
    return scene


def key_stored() -> Scene:
    scene = Scene()
    scene.issuing()
    return scene


def failed_for_a_reason_nobody_kept() -> Scene:
    scene = Scene()
    scene.issuer(an_issuer(), READY)
    scene.status(last_failure_time=NOW, failed_issuance_attempts=1)
    return scene


def secret_of_an_elder() -> Scene:
    young = NOW - timedelta(days=1)
    scene = Scene(a_certificate(secret_name="shared", meta={"creation_timestamp": young}))
    scene.add(a_certificate("elder", secret_name="shared"))
    return scene


Expected = tuple[Verdict, str, str, str]

STATES: dict[Callable[[], Scene], Expected] = {
    nothing_begun: (Verdict.ISSUING, "Secret default/web-tls", "does not exist", ""),
    key_being_made: (Verdict.ISSUING, "Certificate default/web", "private key is being made", ""),
    mistyped_issuer: (
        Verdict.STALLED, "Issuer default/caa", "does not exist", "Did you mean Issuer default/ca",
    ),
    cluster_issuer_meant: (
        Verdict.STALLED, "Issuer default/ca", "does not exist", "kind to ClusterIssuer",
    ),
    no_kind_of_issuer: (
        Verdict.STALLED, "Isuer default/ca", "no kind of issuer", "Issuer or ClusterIssuer",
    ),
    foreign_issuer: (Verdict.WAITING, "Issuer default/ca", "awspca.cert-manager.io", "runs"),
    issuer_unchecked: (Verdict.ISSUING, "Issuer default/ca", "not been checked", ""),
    no_ca_secret: (
        Verdict.STALLED, "Secret default/ca-key-pair", "not found", "into Secret default/ca-key",
    ),
    no_ca_certificate: (
        Verdict.STALLED, "Secret default/ca-key-pair", "is not a CA", "CA:TRUE",
    ),
    no_type: (Verdict.STALLED, "Issuer default/ca", "exactly one type", "exactly one type"),
    ca_key_gone_since: (
        Verdict.STALLED, "Secret default/ca-key-pair", "cannot sign", "Create Secret default/ca",
    ),
    being_signed: (Verdict.ISSUING, "CertificateRequest default/web-1", "is signing", ""),
    self_signed_key_gone: (
        Verdict.STALLED, "Secret default/web-next", "cannot sign", "Create Secret",
    ),
    unapproved: (Verdict.WAITING, "CertificateRequest default/web-1", "approve it", "Approve"),
    denied: (
        Verdict.STALLED, "CertificateRequest default/web-1", "wildcards are not", "who denied it",
    ),
    key_must_stay: (
        Verdict.STALLED, "Secret default/web-tls", "[spec.privateKey.algorithm]", "rotationPolicy",
    ),
    no_csr_possible: (
        Verdict.STALLED, "Certificate default/web", "bad literal subject", "Correct the spec",
    ),
    two_on_one_secret: (
        Verdict.STALLED, "Certificate default/other", "also the target", "secretName of its own",
    ),
    keystore_wanted: (
        Verdict.STALLED, "Certificate default/web", "spec.keystores.pkcs12", "Use what is served",
    ),
    expired_for_ever: (
        Verdict.STALLED, "Secret default/web-tls", "expired on", "certwright renew web -n default",
    ),
    not_exported: (Verdict.FAILED, "Folder /srv/out", "No space left", "Make room in /srv/out"),
    hook_failing: (Verdict.FAILED, "Hook hook", "exit 1", "Run the hook by hand"),
    backing_off: (Verdict.FAILED, "Certificate default/web", "The CA said no", "Ask for less."),
    wrong_certificate: (Verdict.FAILED, "Issuer default/ca", "already expired", "clock"),
    failed_and_issuer_gone: (Verdict.STALLED, "Issuer default/ca", "does not exist", "Create"),
    just_issued: (Verdict.ISSUING, "CertificateRequest default/web-1", "is signed", ""),
    not_looked_at_yet: (Verdict.ISSUING, "CertificateRequest default/web-1", "approver", ""),
    request_is_over: (Verdict.ISSUING, "CertificateRequest default/web-1", "it is settled", ""),
    invalid_request: (
        Verdict.STALLED, "CertificateRequest default/web-1", "the CSR is bad", "Correct the spec",
    ),
    issuer_unreachable: (Verdict.FAILED, "Issuer default/ca", "connection refused", "network"),
    credential_missing: (Verdict.STALLED, "Secret default/tsig", "not found", "the solvers"),
    account_is_bound_elsewhere: (
        Verdict.STALLED, "Issuer default/ca", "newAccount", "external account binding",
    ),
    account_key_unreadable: (
        Verdict.STALLED, "Secret default/account", "is invalid", "into Secret default/account",
    ),
    issuer_told_what_to_do: (
        Verdict.STALLED, "Issuer default/ca", "terms changed", "Read the terms.",
    ),
    key_stored: (Verdict.ISSUING, "Certificate default/web", "Request is about to be made", ""),
    failed_for_a_reason_nobody_kept: (
        Verdict.FAILED, "Certificate default/web", "the last attempt failed", "",
    ),
    secret_of_an_elder: (
        Verdict.STALLED, "Certificate default/elder", "also the target", "of its own",
    ),
    well: (Verdict.READY, "Certificate default/web", "up to date", ""),
}  # fmt: skip


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
def test_each_state_has_its_sentence_its_object_and_its_remedy(state: Callable[[], Scene]) -> None:
    verdict, culprit, sentence, remedy = STATES[state]

    found = state().why()

    assert (found.verdict, str(found.culprit)) == (verdict, culprit)
    assert sentence in found.sentence
    assert remedy in found.remedy if remedy else found.remedy == ""


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
def test_an_explanation_fits_a_screen_without_colour(state: Callable[[], Scene]) -> None:
    lines = render(state().why(), NOW)

    assert len(lines) <= MOST_LINES
    assert all(line.isprintable() for line in lines)


@pytest.mark.parametrize(
    ("state", "at"),
    [
        (backing_off, NOW + timedelta(minutes=19)),
        (two_on_one_secret, NOW + timedelta(minutes=3)),
        (hook_failing, NOW + timedelta(minutes=1)),
        (well, START + timedelta(days=60)),
        (no_ca_secret, None),
    ],
    ids=lambda one: getattr(one, "__name__", ""),
)
def test_the_next_attempt_is_the_one_that_is_decided(state: Callable[[], Scene], at: Any) -> None:
    assert state().why().next_attempt == at


def test_a_failure_shows_its_class_evidence_and_count() -> None:
    found = backing_off().why()

    assert found.fault is Fault.POLICY
    assert [str(one) for one in found.evidence] == ["the CA: no"]
    assert any(note.startswith("3 attempts in a row failed") for note in found.notes)


def test_a_window_that_delays_a_renewal_is_told() -> None:
    certificate = a_certificate(
        renewal=Renewal(windows=(RenewalWindow(cron="0 3 * * 0", window_duration="1h"),))
    )
    scene = Scene(certificate)
    scene.issuer(an_issuer(), READY)
    scene.issued()

    found = scene.why()

    assert found.verdict is Verdict.READY
    assert any("windows of spec.renewal delay it" in note for note in found.notes)


def test_a_ready_certificate_warns_of_an_issuer_that_could_not_renew_it() -> None:
    scene = Scene()
    scene.issuer(an_issuer(), condition("Ready", "False", "ErrGetKeyPair", "the key is gone"))
    scene.issued()

    found = scene.why()

    assert found.verdict is Verdict.READY
    assert "Issuer default/ca is not ready, the renewal would fail: the key is gone" in found.notes


def test_what_is_served_meanwhile_is_told() -> None:
    scene = backing_off()
    scene.issued()

    found = scene.why()

    assert any("stays valid until 2026-04-01" in note for note in found.notes)


def test_a_clock_that_is_behind_is_suspected() -> None:
    scene = well()

    found = scene.why(now=START - timedelta(days=1))

    assert any("clock" in note for note in found.notes)


def test_a_foreign_text_in_an_annotation_cannot_reach_the_terminal() -> None:
    scene = backing_off()
    scene.annotate(remedy="\x1b[31mred")

    lines = render(scene.why(), NOW)

    assert all(line.isprintable() for line in lines)


def test_a_certificate_that_is_being_deleted_is_left_alone() -> None:
    going = a_certificate(meta={"deletion_timestamp": START, "finalizers": ("x",)})

    assert Scene(going).why().sentence == "Certificate default/web is being deleted"


def test_an_issuer_of_another_namespace_is_pointed_out() -> None:
    scene = under_way(APPROVED)
    scene.issuer(replace(an_issuer(), metadata=metadata("ca", "elsewhere")), READY)

    assert "its own namespace only: Issuer elsewhere/ca" in scene.why().remedy


def test_the_issuer_of_a_secret_that_is_no_key_pair_is_at_fault_by_its_secret() -> None:
    scene = no_ca_secret()
    scene.add(a_secret("ca-key-pair"))

    assert str(scene.why().culprit) == "Secret default/ca-key-pair"


def test_an_issuer_that_is_tried_again_tells_its_pace() -> None:
    notes = issuer_unreachable().why().notes

    assert "it is tried again after 5s, then ever more rarely, at least every 10m" in notes


def test_an_expired_certificate_is_called_so() -> None:
    scene = backing_off()
    scene.issued(days=5)

    assert any("has expired at 2026-01-06" in note for note in scene.why().notes)


def test_a_ready_certificate_warns_of_an_issuer_that_is_gone() -> None:
    scene = Scene()
    scene.issued()

    assert "Issuer default/ca does not exist: the renewal would fail" in scene.why().notes


def test_the_owner_of_a_shared_secret_is_told_of_the_other() -> None:
    scene = well()
    scene.add(a_certificate("other", secret_name="web-tls"))

    notes = scene.why().notes

    assert any("also the target of Certificate default/other" in note for note in notes)
