"""What is kept of a resource says the same, in less memory."""

import msgspec
from msgspec.structs import replace

from certwright.api.certificate import Certificate
from certwright.api.kept import kept
from certwright.api.kinds import to_wire
from certwright.api.meta import Condition, ConditionStatus, ManagedFields
from certwright.api.secret import SecretSummary
from tests.builders import a_certificate, a_secret

OWNED = ManagedFields(manager="somebody", fields_v1={"f:data": {"f:tls.key": {}}})


def decoded(certificate: Certificate) -> Certificate:
    """Return a copy that shares nothing with any other."""
    return msgspec.json.decode(msgspec.json.encode(to_wire(certificate)), type=Certificate)


def a_ready_certificate(name: str) -> Certificate:
    one = a_certificate(name)
    ready = Condition(
        type="Ready", status=ConditionStatus.TRUE, message="Certificate is up to date by now"
    )
    return replace(one, status=replace(one.status, conditions=(ready,)))


def test_what_is_kept_of_a_certificate_is_equal_to_it() -> None:
    certificate = decoded(a_ready_certificate("a"))

    assert kept(certificate) == certificate


def test_two_certificates_share_what_they_say_in_the_same_words() -> None:
    one, other = (kept(decoded(a_ready_certificate(name))) for name in ("a", "b"))

    assert isinstance(one, Certificate)
    assert isinstance(other, Certificate)
    assert one.spec.issuer_ref is other.spec.issuer_ref
    assert one.metadata.labels is other.metadata.labels
    assert one.status.conditions[0].message is other.status.conditions[0].message


def test_of_a_secret_it_is_kept_who_owns_which_field_and_none_of_its_bytes() -> None:
    secret = a_secret("a", data={"tls.key": b"top secret"})
    owned = replace(secret, metadata=replace(secret.metadata, managed_fields=(OWNED,)))

    summary = kept(owned)

    assert isinstance(summary, SecretSummary)
    assert summary.metadata.managed_fields == (OWNED,)
    assert b"top secret" not in repr(summary).encode()
