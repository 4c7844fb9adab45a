"""The one decision about a Certificate: which step comes next (compat-spec 3.3-3.10)."""

from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from certwright.api.certificate import (
    Certificate,
    CertificateSpec,
    CertificateStatus,
    KeyAlgorithm,
    PrivateKeySpec,
)
from certwright.api.meta import Condition, ConditionStatus, ObjectMeta
from certwright.api.secret import SecretSummary, summarize
from certwright.pki.keys import encode_key
from certwright.policy.certificate import (
    CreateRequest,
    DeleteKeys,
    DeleteRequests,
    Fail,
    MakeKey,
    NameKey,
    Rest,
    Seen,
    StartIssuing,
    is_owner,
    next_step,
)
from tests.builders import a_certificate, a_secret
from tests.fakes.clock import START
from tests.unit.policy.facts import a_key, a_target, an_attempt, annotated

KEY = a_key(a_certificate())


def a_next_key(name: str = "web-x", data: bytes | None = None) -> SecretSummary:
    return summarize(a_secret(name, data={"tls.key": encode_key(KEY) if data is None else data}))


def issuing(**status: Any) -> Certificate:
    condition = Condition(type="Issuing", status=ConditionStatus.TRUE, last_transition_time=START)
    fields = {"next_private_key_secret_name": "web-x", **status}
    return replace(a_certificate(), status=CertificateStatus(conditions=(condition,), **fields))


def step(**seen: Any) -> Any:
    return next_step(Seen(**{"certificate": issuing(), **seen}), START)


def test_a_wish_without_a_secret_is_issued() -> None:
    found = step(certificate=a_certificate())

    assert isinstance(found, StartIssuing)
    assert found.finding.reason == "DoesNotExist"


def test_keys_left_over_from_an_issuance_go_first() -> None:
    keys = (a_next_key(),)

    assert step(certificate=a_certificate(), keys=keys) == DeleteKeys(keys)


def test_a_key_without_a_name_gets_one() -> None:
    assert step(certificate=issuing(next_private_key_secret_name="")) == NameKey()


def test_a_lone_key_without_a_name_is_adopted() -> None:
    certificate = issuing(next_private_key_secret_name="")

    assert step(certificate=certificate, keys=(a_next_key("web-y"),)) == NameKey("web-y")


def test_a_named_key_that_is_not_there_is_made() -> None:
    assert step() == MakeKey()


def test_of_several_keys_only_the_named_one_stays() -> None:
    one, two, three = (a_next_key(f"web-{name}") for name in "xyz")

    assert step(keys=(one, two, three)) == DeleteKeys((two, three))


def test_a_key_of_another_name_goes() -> None:
    other = a_next_key("web-y")

    assert step(keys=(other,)) == DeleteKeys((other,))


def test_a_key_that_cannot_be_read_goes() -> None:
    broken, empty = a_next_key(data=b"x"), a_next_key(data=b"")

    assert step(keys=(broken,)) == DeleteKeys((broken,))
    assert step(keys=(empty,)) == DeleteKeys((empty,))


def test_a_key_that_the_spec_does_not_want_goes_and_says_why() -> None:
    spec = replace(a_certificate().spec, private_key=PrivateKeySpec(algorithm=KeyAlgorithm.ED25519))
    keys = (a_next_key(),)

    found = step(certificate=replace(issuing(), spec=spec), keys=keys)

    assert found == DeleteKeys(keys, ("spec.privateKey.algorithm",))


def test_with_a_key_a_request_is_made() -> None:
    assert step(keys=(a_next_key(),)) == CreateRequest(1)


def test_requests_that_do_not_fit_are_deleted() -> None:
    certificate = a_certificate()
    unnumbered = an_attempt(certificate, KEY, "one")
    other_key = an_attempt(certificate, a_key(certificate))
    changed = an_attempt(certificate, KEY, is_ca=True)
    old = an_attempt(certificate, KEY, "0")

    found = step(keys=(a_next_key(),), attempts=(unnumbered, other_key, changed, old))

    assert found == DeleteRequests((unnumbered, other_key, changed))


def with_ready(attempt: Any, **fields: Any) -> Any:
    ready = Condition(type="Ready", status=ConditionStatus.FALSE, reason="Failed")
    status = replace(attempt.request.status, conditions=(ready,), **fields)
    return replace(attempt, request=replace(attempt.request, status=status))


def test_a_request_that_failed_before_this_issuance_is_deleted() -> None:
    attempt = with_ready(
        an_attempt(a_certificate(), KEY), failure_time=START - timedelta(seconds=1)
    )

    assert step(keys=(a_next_key(),), attempts=(attempt,)) == DeleteRequests((attempt,))


def test_a_request_that_failed_in_this_issuance_ends_it() -> None:
    attempt = with_ready(an_attempt(a_certificate(), KEY), failure_time=START)

    assert isinstance(step(keys=(a_next_key(),), attempts=(attempt,)), Fail)


def test_several_requests_of_one_revision_are_waited_out() -> None:
    attempt = an_attempt(a_certificate(), KEY)

    assert step(keys=(a_next_key(),), attempts=(attempt, attempt)) == Rest()


def test_an_invalid_request_ends_the_issuance_with_its_reason() -> None:
    attempt = an_attempt(a_certificate(), KEY)
    invalid = Condition(
        type="InvalidRequest", status=ConditionStatus.TRUE, reason="Bad", message="no"
    )
    status = replace(attempt.request.status, conditions=(invalid,))
    attempt = replace(attempt, request=replace(attempt.request, status=status))

    found = step(keys=(a_next_key(),), attempts=(attempt,))

    assert found == Fail("Bad", "no", attempt)


def test_an_expired_certificate_from_the_issuer_is_a_failure() -> None:
    attempt = an_attempt(a_certificate(), KEY)
    issued = Condition(type="Ready", status=ConditionStatus.TRUE, reason="Issued")
    chain = a_target(a_certificate(), KEY).data["tls.crt"]
    status = replace(attempt.request.status, conditions=(issued,), certificate=chain)
    attempt = replace(attempt, request=replace(attempt.request, status=status))
    seen = Seen(certificate=issuing(), keys=(a_next_key(),), attempts=(attempt,))

    found = next_step(seen, START + timedelta(days=91))

    assert isinstance(found, Fail)
    assert found.reason == "InvalidCertificate"
    assert found.message == (
        "Issuer returned an already expired certificate (notAfter: 2026-04-01T00:00:00Z). This "
        "usually indicates an expired CA certificate in the issuer."
    )


def named(name: str, age: int) -> Certificate:
    created = START - timedelta(days=age)
    spec: CertificateSpec = a_certificate(secret_name="shared").spec
    return Certificate(
        metadata=ObjectMeta(name=name, namespace="default", creation_timestamp=created), spec=spec
    )


def target_of(name: str) -> SecretSummary:
    return summarize(annotated(a_target(a_certificate(), KEY), certificate_name=name))


def test_the_owner_of_a_shared_secret_is_who_it_names_else_the_oldest_else_the_first() -> None:
    old, young, same = named("b", 2), named("a", 1), named("c", 2)

    assert is_owner(Seen(certificate=old))
    assert is_owner(Seen(certificate=old, rivals=(young,)))
    assert not is_owner(Seen(certificate=young, rivals=(old,)))
    assert is_owner(Seen(certificate=old, rivals=(same,)))
    assert not is_owner(Seen(certificate=same, rivals=(old,)))
    assert is_owner(Seen(certificate=young, rivals=(old,), secret=target_of("a")))
    assert not is_owner(Seen(certificate=old, rivals=(young,), secret=target_of("a")))
    assert is_owner(Seen(certificate=old, rivals=(young,), secret=target_of("nobody")))


def test_who_does_not_own_the_secret_looks_again_in_three_minutes() -> None:
    seen = Seen(certificate=named("a", 1), rivals=(named("b", 2),))

    assert next_step(seen, START) == Rest(START + timedelta(minutes=3))
