"""The values themselves: conditions, durations, patches, keys and what they show of themselves."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from certwright.api import annotations
from certwright.api.certificate import Certificate, CertificateSpec
from certwright.api.conditions import find_condition, is_true, with_condition, without_condition
from certwright.api.core import TLS_CERT, TLS_KEY, Secret
from certwright.api.duration import BadDurationError, format_duration, parse_duration
from certwright.api.issuer import ClusterIssuer, IssuerSpec
from certwright.api.kinds import KINDS, decode, encode, find_kind, kind_of, owner_reference
from certwright.api.meta import (
    Condition,
    ConditionStatus,
    IssuerReference,
    Key,
    ObjectMeta,
    OwnerReference,
)
from certwright.api.order import State
from certwright.api.patch import merge, merge_diff
from certwright.api.rules.admission import Rules
from certwright.api.secret import (
    COMBINED_PEM,
    KEY_DER,
    SecretSummary,
    partial_summary,
    read_as,
    stored_as,
    summarize,
)
from certwright.pki.certificate import Template, self_sign
from certwright.pki.csr import Names, Request, Subject, build_csr
from certwright.pki.keys import Algorithm, encode_key, generate_key

NOW = datetime(2026, 1, 31, 12, 0, 0, 500, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
REFERENCE = IssuerReference(name="ca")


def a_certificate(uid: str = "") -> Certificate:
    spec = CertificateSpec(secret_name="tls", issuer_ref=REFERENCE)
    return Certificate(metadata=ObjectMeta(name="site", namespace="shop", uid=uid), spec=spec)


def ready(status: ConditionStatus, reason: str = "") -> Condition:
    return Condition(type="Ready", status=status, reason=reason)


def test_a_new_condition_is_put_last_with_its_time() -> None:
    issuing = Condition(type="Issuing", status=ConditionStatus.TRUE)

    conditions = with_condition((issuing,), ready(ConditionStatus.TRUE), NOW)

    assert [condition.type for condition in conditions] == ["Issuing", "Ready"]
    assert conditions[1].last_transition_time == NOW.replace(microsecond=0)


def test_the_time_of_a_condition_moves_only_with_its_status() -> None:
    first = with_condition((), ready(ConditionStatus.FALSE, "Pending"), NOW)
    same = with_condition(first, ready(ConditionStatus.FALSE, "Failed"), LATER)
    moved = with_condition(same, ready(ConditionStatus.TRUE, "Issued"), LATER)

    assert (same[0].reason, same[0].last_transition_time) == (
        "Failed",
        first[0].last_transition_time,
    )
    assert moved[0].last_transition_time == LATER.replace(microsecond=0)


def test_other_conditions_stay_as_they_are() -> None:
    issuing = Condition(type="Issuing", status=ConditionStatus.TRUE)
    conditions = with_condition(
        (issuing, ready(ConditionStatus.FALSE)), ready(ConditionStatus.TRUE), NOW
    )

    assert conditions[0] is issuing
    assert is_true(conditions, "Ready")
    assert without_condition(conditions, "Ready") == (issuing,)
    assert find_condition(conditions, "Nothing") is None
    assert not is_true(conditions, "Nothing")


@pytest.mark.parametrize(
    ("text", "span", "written"),
    [
        ("2160h", timedelta(days=90), "2160h0m0s"),
        ("1h30m", timedelta(minutes=90), "1h30m0s"),
        ("90m", timedelta(minutes=90), "1h30m0s"),
        ("1.5s", timedelta(seconds=1.5), "1.5s"),
        ("5m", timedelta(minutes=5), "5m0s"),
        (".5m", timedelta(seconds=30), "30s"),
        ("250ms", timedelta(milliseconds=250), "250ms"),
        ("1.5ms", timedelta(microseconds=1500), "1.5ms"),
        ("7us", timedelta(microseconds=7), "7µs"),
        ("7µs", timedelta(microseconds=7), "7µs"),
        ("0", timedelta(), "0s"),
        ("-1h", timedelta(hours=-1), "-1h0m0s"),
        ("+1s", timedelta(seconds=1), "1s"),
    ],
)
def test_durations_are_read_and_written_as_in_go(text: str, span: timedelta, written: str) -> None:
    assert parse_duration(text) == span
    assert format_duration(span) == written


@pytest.mark.parametrize(
    "text", ["", "-", "5", "1d", "h", "1h 30m", "1h-30m", "9999999h", "1,5h", "\u0661h"]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(BadDurationError):
        parse_duration(text)


@pytest.mark.parametrize("text", ["9" * 1_100_000 + "h", "1ns" * 100_000, "\x1b[31m" * 1000])
def test_a_text_without_end_is_refused_in_a_short_printable_sentence(text: str) -> None:
    with pytest.raises(BadDurationError) as error:
        parse_duration(text)

    assert len(str(error.value)) < 1000
    assert str(error.value).isprintable()


@given(st.timedeltas(timedelta(days=-90_000), timedelta(days=90_000)))
def test_a_written_duration_is_read_back(span: timedelta) -> None:
    assert parse_duration(format_duration(span)) == span


PLAIN = st.recursive(
    st.integers() | st.text(max_size=3) | st.lists(st.integers(), max_size=2),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)
DOCUMENTS = st.dictionaries(st.sampled_from("abc"), PLAIN, max_size=3)


@given(old=DOCUMENTS, new=DOCUMENTS)
def test_a_difference_leads_from_old_to_new(
    *, old: dict[str, object], new: dict[str, object]
) -> None:
    assert merge(old, merge_diff(old, new)) == new
    assert merge_diff(new, new) == {}


def test_a_merge_leaves_its_target_alone() -> None:
    target = {"a": {"b": 1}, "c": 2}

    assert merge(target, {"a": {"b": None, "d": 3}, "c": {"e": 4}}) == {
        "a": {"d": 3},
        "c": {"e": 4},
    }
    assert target == {"a": {"b": 1}, "c": 2}


def test_a_kind_is_found_by_its_words_and_its_class() -> None:
    for kind in KINDS:
        assert find_kind(kind.api_version, kind.name) is kind
        assert kind_of(kind.type) is kind
    assert find_kind("v2", "Secret") is None
    assert kind_of(a_certificate()).name == "Certificate"


def test_a_resource_is_read_back_from_its_document() -> None:
    certificate = a_certificate()

    document = encode(certificate)

    assert document["apiVersion"] == "cert-manager.io/v1"
    assert decode(document, Certificate) == certificate
    with pytest.raises(msgspec.ValidationError, match=r"spec\.secretName"):
        decode(document | {"spec": {"secretName": 5, "issuerRef": {"name": "a"}}}, Certificate)


def test_an_owner_is_named_by_its_uid() -> None:
    reference = owner_reference(a_certificate(uid="u"))

    assert reference == OwnerReference(
        api_version="cert-manager.io/v1",
        kind="Certificate",
        name="site",
        uid="u",
        controller=True,
        block_owner_deletion=True,
    )
    owned = ObjectMeta(owner_references=(reference,))
    assert owned.controller == reference
    assert ObjectMeta().controller is None


def test_metadata_tells_its_key_and_whether_it_is_going() -> None:
    metadata = ObjectMeta(name="a", namespace="b", deletion_timestamp=NOW)

    assert (metadata.key, str(metadata.key), metadata.deleting) == (Key("b", "a"), "b/a", True)
    cluster = ClusterIssuer(metadata=ObjectMeta(name="a"), spec=IssuerSpec())
    assert str(cluster.key) == "a"
    assert not cluster.metadata.deleting


def test_an_issuer_reference_has_defaults_that_are_not_written() -> None:
    full = IssuerReference(name="ca", kind="Issuer", group="cert-manager.io")

    assert REFERENCE.same_as(full)
    assert not REFERENCE.same_as(IssuerReference(name="ca", kind="ClusterIssuer"))
    assert REFERENCE.is_built_in
    assert not IssuerReference(name="ca", group="example.com").is_built_in
    assert msgspec.to_builtins(REFERENCE) == {"name": "ca"}


def test_a_secret_shows_its_names_only() -> None:
    secret = Secret(
        metadata=ObjectMeta(name="a", namespace="b"),
        data={"key": b"hunter2"},
        string_data={"other": "hunter2"},
    )

    assert str(secret) == "Secret(b/a, type='', data=[key, other])"
    assert repr(secret) == str(secret)


@pytest.mark.parametrize(
    ("state", "failed", "final"),
    [
        (State.UNKNOWN, False, False),
        (State.PENDING, False, False),
        (State.READY, False, False),
        (State.VALID, False, True),
        (State.INVALID, True, True),
        (State.EXPIRED, True, True),
        (State.ERRORED, True, True),
    ],
)
def test_a_state_knows_whether_it_is_the_end(state: State, *, failed: bool, final: bool) -> None:
    assert (state.failed, state.final) == (failed, final)


def test_every_key_of_ours_is_one_that_kubernetes_takes() -> None:
    keys = {
        name: value
        for name, value in vars(annotations).items()
        if name.isupper() and not name.endswith("PREFIX")
    }
    metadata = {"name": "a", "namespace": "b", "annotations": dict.fromkeys(keys.values(), "x")}

    assert (
        Rules().violations({"apiVersion": "v1", "kind": "Secret", "metadata": metadata}, None) == ()
    )
    assert len(set(keys.values())) == len(keys)


def test_a_summary_holds_facts_and_no_bytes() -> None:
    key = generate_key(Algorithm.ECDSA)
    csr = build_csr(Request(subject=Subject(common_name="a"), names=Names(dns=("a",))), key)
    template = Template(csr=csr, not_before=NOW, duration=timedelta(days=1))
    pem = encode_key(key)
    data = {
        TLS_KEY: pem,
        TLS_CERT: self_sign(template, key=key),
        KEY_DER: b"",
        COMBINED_PEM: b"x",
    }

    summary = summarize(Secret(metadata=ObjectMeta(name="a"), data=data))

    assert summary.has(TLS_KEY)
    assert not summary.has(KEY_DER)
    assert summary.certificate is not None
    assert summary.key_facts is not None
    assert summary.certificate.spki_sha256 == summary.key_facts.spki_sha256
    assert set(summary.derived) == {KEY_DER, COMBINED_PEM}
    assert pem.decode() not in repr(summary)


def test_a_summary_does_not_keep_the_copy_that_kubectl_makes() -> None:
    copy = {"kubectl.kubernetes.io/last-applied-configuration": "hunter2", "a": "b"}
    metadata = ObjectMeta(name="a", annotations=copy)

    whole = summarize(Secret(metadata=metadata))
    part = partial_summary(metadata)

    assert (whole.metadata.annotations, whole.partial) == ({"a": "b"}, False)
    assert (part.metadata.annotations, part.partial) == ({"a": "b"}, True)


def test_a_summary_is_what_is_read_of_a_stored_secret() -> None:
    secret = Secret(metadata=ObjectMeta(name="a"))

    assert stored_as(SecretSummary) is Secret
    assert stored_as(Certificate) is Certificate
    assert read_as(SecretSummary, secret) == summarize(secret)
    assert read_as(Secret, secret) is secret


def test_a_summary_tells_what_cannot_be_read() -> None:
    broken = summarize(
        Secret(metadata=ObjectMeta(name="a"), data={TLS_KEY: b"x", TLS_CERT: b"y", KEY_DER: b"z"})
    )
    empty = summarize(Secret(metadata=ObjectMeta(name="a")))

    assert broken.key_error
    assert broken.certificate_error
    assert (broken.key_facts, broken.certificate, broken.derived) == (None, None, {})
    assert (empty.key_error, empty.certificate_error, empty.has_data) == ("", "", False)
