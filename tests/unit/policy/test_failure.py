"""How long a failure waits, and what it depended on (compat-spec 3.3 step 4; divergences)."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from certwright.api.certificate import CertificateStatus
from certwright.api.meta import Condition, ConditionStatus
from certwright.api.secret import summarize
from certwright.base.backoff import ISSUANCE
from certwright.base.problem import Cause
from certwright.policy.failure import (
    Backoff,
    became_ready,
    cause_of,
    choose_next_attempt,
    fingerprint,
    next_attempt,
)
from tests.builders import a_certificate, a_secret, an_issuer
from tests.fakes.clock import START
from tests.unit.policy.facts import a_key, an_attempt

NEXT = "certwright.io/next-attempt"
CLASS = "certwright.io/failure-class"
HOUR = timedelta(hours=1)


def failed(attempts: int | None = 1, **annotations: str) -> Any:
    words = {f"certwright.io/{name.replace('_', '-')}": t for name, t in annotations.items()}
    certificate = a_certificate(meta={"annotations": words})
    status = CertificateStatus(last_failure_time=START, failed_issuance_attempts=attempts)
    return replace(certificate, status=status)


def request(**annotations: str) -> Any:
    certificate = a_certificate()
    made = an_attempt(certificate, a_key(certificate)).request
    return replace(made, metadata=replace(made.metadata, annotations=annotations))


def test_the_class_is_read_from_the_request() -> None:
    assert cause_of(request(**{CLASS: "rate"})) is Cause.RATE
    assert cause_of(request(**{CLASS: "weather"})) is Cause.POLICY
    assert cause_of(request()) is Cause.POLICY
    assert cause_of(None) is Cause.POLICY


def test_what_has_not_failed_does_not_wait() -> None:
    assert next_attempt(a_certificate(), backoff=Backoff()) is None


def test_the_written_moment_counts_and_without_one_the_class_does() -> None:
    written = failed(next_attempt="2026-01-01T07:00:00Z")
    lost = failed(2, failure_class="transport")
    broken = failed(next_attempt="soon", failure_class="nonsense")
    stale = failed(next_attempt="2025-01-01T07:00:00Z")
    naive = failed(next_attempt="2026-01-01T07:00:00")

    assert next_attempt(written, backoff=Backoff()) == START + 7 * HOUR
    assert next_attempt(lost, backoff=Backoff()) == START + timedelta(seconds=10)
    for one in (broken, stale, naive):
        assert next_attempt(one, backoff=Backoff()) == START + timedelta(minutes=5)


@pytest.mark.parametrize(
    ("attempts", "hours"), [(None, 1), (0, 1), (1, 1), (2, 2), (3, 4), (6, 32), (7, 32), (99, 32)]
)
def test_cert_managers_way_doubles_from_the_minimum(attempts: int | None, hours: int) -> None:
    way = Backoff(minimum=HOUR)

    assert next_attempt(failed(attempts), backoff=way) == START + hours * HOUR


def test_a_maximum_caps_and_a_minimum_of_nothing_switches_the_wait_off() -> None:
    capped = Backoff(minimum=HOUR, maximum=3 * HOUR)
    off = Backoff(minimum=timedelta())

    assert next_attempt(failed(9), backoff=capped) == START + 3 * HOUR
    assert next_attempt(failed(9), backoff=off) == START
    assert choose_next_attempt(None, 3, START, backoff=capped, jitter=0.9) == START + 3 * HOUR


@given(
    cause=st.sampled_from(list(Cause)),
    attempts=st.integers(1, 100),
    jitter=st.floats(0, 1, exclude_max=True),
)
def test_the_chosen_moment_lies_within_the_classs_bounds(
    cause: Cause, attempts: int, jitter: float
) -> None:
    chosen = choose_next_attempt(
        request(**{CLASS: str(cause)}), attempts, START, backoff=Backoff(), jitter=jitter
    )

    schedule = ISSUANCE[cause]
    assert START + schedule.first <= chosen <= START + schedule.cap * 1.2


def test_a_moment_that_the_ca_asked_for_is_the_earliest() -> None:
    later = request(**{NEXT: "2026-01-02T00:00:00Z"})
    earlier = request(**{NEXT: "2026-01-01T00:00:01Z"})

    assert choose_next_attempt(later, 1, START, backoff=Backoff(), jitter=0) == START + timedelta(
        days=1
    )
    assert choose_next_attempt(earlier, 1, START, backoff=Backoff(), jitter=0) == START + timedelta(
        minutes=5
    )


def test_a_fingerprint_follows_spec_issuer_and_credentials_and_nothing_else() -> None:
    certificate, issuer = failed(), an_issuer()
    secret = summarize(a_secret(data={"key": b"1"}))
    plain = fingerprint(certificate, issuer, [secret])

    edited = replace(certificate, metadata=replace(certificate.metadata, generation=2))
    other = replace(issuer, metadata=replace(issuer.metadata, generation=2))
    turned = summarize(a_secret(data={"key": b"2"}))
    renamed = summarize(replace(a_secret(data={"key": b"1"}), type="x"))

    assert fingerprint(edited, issuer, [secret]) != plain
    assert fingerprint(certificate, other, [secret]) != plain
    assert fingerprint(certificate, None, [secret]) != plain
    assert fingerprint(certificate, issuer, [turned]) != plain
    assert fingerprint(certificate, issuer, []) != plain
    assert fingerprint(certificate, issuer, [renamed]) == plain


@pytest.mark.parametrize(
    ("status", "after", "ready"),
    [
        (ConditionStatus.TRUE, 1, True),
        (ConditionStatus.TRUE, 0, False),
        (ConditionStatus.FALSE, 1, False),
    ],
)
def test_an_issuer_has_become_ready_when_it_turned_so_after_the_failure(
    status: ConditionStatus, after: int, *, ready: bool
) -> None:
    condition = Condition(
        type="Ready", status=status, last_transition_time=START + timedelta(seconds=after)
    )
    issuer = an_issuer()
    issuer = replace(issuer, status=replace(issuer.status, conditions=(condition,)))

    assert became_ready(issuer, START) is ready
    assert not became_ready(None, START)
