"""What the embedded store asks before it writes."""

import base64
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certwright.api.kinds import Document
from certwright.api.rules.admission import Rules
from certwright.api.rules.rule import Rule as OneRule
from certwright.api.rules.rule import Violation, format_path, parse_at, placed, shown
from certwright.api.rules.tables import RULES as TABLES

if TYPE_CHECKING:
    from certwright.store.protocol import Admission

RULES = Rules()


def a_certificate(**spec: Any) -> Document:
    wanted = {"secretName": "tls", "issuerRef": {"name": "ca"}, "dnsNames": ["a.example.com"]}
    return {
        "apiVersion": "cert-manager.io/v1",
        "kind": "Certificate",
        "metadata": {"name": "site", "namespace": "shop"},
        "spec": wanted | spec,
    }


def a_secret(**fields: Any) -> Document:
    metadata = {"name": "tls", "namespace": "shop"}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata} | fields


def test_the_rules_are_what_a_store_asks_for() -> None:
    admission: Admission = RULES

    assert admission.violations(a_certificate(), None) == ()


def test_all_mistakes_are_told_at_once_with_the_value() -> None:
    broken = RULES.broken(a_certificate(secretName="A", duration="1m", usages=["web"]), None)

    assert [str(one).partition(" (")[0][:40] for one in broken] == [
        "spec.usages[0]: must be one of signing, ",
        "spec.secretName: must be the name of a S",
        "spec.duration: must be at least 1h",
    ]
    assert [one.value for one in broken] == ['"web"', '"A"', '"1m"']


def test_a_message_may_name_what_it_is_about() -> None:
    request = {
        "apiVersion": "cert-manager.io/v1",
        "kind": "CertificateRequest",
        "metadata": {"name": "a", "namespace": "b"},
        "spec": {
            "request": "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0K",
            "issuerRef": {"name": "ca"},
        },
        "status": {"conditions": [{"type": "Denied", "status": "False"}]},
    }

    assert RULES.violations(request, None) == (
        ("status.conditions[0].status", '"Denied" condition may only be set to True'),
    )


def test_a_message_that_fails_gives_way_to_the_plain_one(monkeypatch: pytest.MonkeyPatch) -> None:
    rule = OneRule(at="spec", rule="false", message="plain", message_expression="self.nothing")
    monkeypatch.setattr("certwright.api.rules.admission.RULES", {"Certificate": (rule,)})

    assert Rules().violations(a_certificate(), None) == (("spec", "plain"),)


def test_values_of_secrets_are_never_told() -> None:
    secret = a_secret(
        data={"a": "hunter2!", "b": ["hunter2"], "c/d": "hunter2"},
        stringData={"e": 4711, "f/g": "hunter2"},
        metadata={
            "name": "tls",
            "namespace": "shop",
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": 4711},
        },
    )

    told = " ".join(map(str, RULES.broken(secret, None)))

    assert told.count("must be") == 7
    assert "hunter2" not in told
    assert "4711" not in told


def test_a_password_in_a_certificate_is_never_told() -> None:
    keystores = {"jks": {"create": True, "password": 4711}}

    (broken,) = RULES.broken(a_certificate(keystores=keystores), None)

    assert str(broken) == "spec.keystores.jks.password: must be text; put it in quotes"


def test_long_and_dangerous_values_are_cut_and_escaped() -> None:
    (broken,) = RULES.broken(a_certificate(secretName="\x1b[31m" + "A" * 5000), None)

    assert broken.value.startswith('"\\x1b[31mAAA')
    assert len(broken.value) < 110


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        ("a", '"a"'),
        (5, "5"),
        (1.5, "1.5"),
        (10**200, "1e+200"),
        (10**400, "a number of more than 300 digits"),
        ({"a": 1}, ""),
        ([1], ""),
    ],
)
def test_values_are_shown_as_they_are_written(value: object, text: str) -> None:
    assert shown(value) == text


def test_paths_are_written_as_in_kubernetes() -> None:
    assert format_path(("spec", "dnsNames", 2)) == "spec.dnsNames[2]"
    assert format_path(("metadata", "labels", "a/b")) == "metadata.labels[a/b]"
    assert format_path(()) == ""
    assert parse_at("spec.solvers[].dns01.a{}") == ("spec", "solvers", "[]", "dns01", "a", "{}")


def test_rules_of_a_part_are_put_where_it_stands() -> None:
    rule = OneRule(at="[].a", rule="true", message="")

    (moved,) = placed([rule], "spec.list")

    assert moved.at == "spec.list[].a"


def test_defaults_are_those_of_the_schema_and_no_others() -> None:
    issuer = {
        "apiVersion": "cert-manager.io/v1",
        "kind": "Issuer",
        "metadata": {"name": "a", "namespace": "b"},
        "spec": {
            "acme": {
                "server": "s",
                "privateKeySecretRef": {"name": "k"},
                "solvers": [{"http01": {"gatewayHTTPRoute": {"parentRefs": [{"name": "g"}]}}}],
            }
        },
    }

    defaulted = RULES.defaulted(issuer)

    assert defaulted["spec"]["acme"]["renewalInformationSource"] == "ARI"
    (solver,) = defaulted["spec"]["acme"]["solvers"]
    assert solver["http01"]["gatewayHTTPRoute"]["parentRefs"] == [
        {"name": "g", "group": "gateway.networking.k8s.io", "kind": "Gateway"}
    ]
    assert RULES.defaulted(a_certificate()) == a_certificate()


def test_null_is_not_set() -> None:
    document = a_certificate(commonName=None, otherNames=[None])

    assert RULES.tidied(document) == a_certificate(otherNames=[None])
    assert "commonName" not in RULES.defaulted(document)["spec"]


def test_what_a_solver_outside_takes_is_left_as_it_is() -> None:
    webhook = {"groupName": "g", "solverName": "s", "config": {"a": None, "b": [None]}}
    issuer = {
        "apiVersion": "cert-manager.io/v1",
        "kind": "ClusterIssuer",
        "metadata": {"name": "a"},
        "spec": {
            "acme": {
                "server": "s",
                "privateKeySecretRef": {"name": "k"},
                "solvers": [{"dns01": {"webhook": webhook}}],
            }
        },
    }

    assert RULES.tidied(issuer) == issuer
    assert RULES.unknown(issuer) == ()
    assert RULES.broken(issuer, None) == ()


def test_a_whole_number_may_be_written_with_a_point() -> None:
    certificate = a_certificate(privateKey={"size": 2048.0})

    size = RULES.tidied(certificate)["spec"]["privateKey"]["size"]

    assert RULES.violations(certificate, None) == ()
    assert (size, type(size)) == (2048, int)
    assert RULES.violations(a_certificate(privateKey={"size": 2048.5}), None) == (
        ("spec.privateKey.size", "must be a whole number"),
    )


def test_base64_of_several_lines_becomes_one() -> None:
    secret = a_secret(data={"a": "aGVs\nbG8=\n", "b": 5})

    assert RULES.tidied(secret)["data"] == {"a": "aGVsbG8=", "b": 5}
    assert RULES.violations(a_secret(data={"a": "aGVs\nbG8=\n"}), None) == ()


def test_text_of_a_secret_becomes_data() -> None:
    secret = a_secret(data={"a": "YQ==", "b": "YQ=="}, stringData={"b": "é", "c": 5})

    assert RULES.defaulted(secret) == a_secret(
        type="Opaque", data={"a": "YQ==", "b": base64.b64encode("é".encode()).decode()}
    )


def test_a_secret_keeps_its_type() -> None:
    assert RULES.defaulted(a_secret(type="kubernetes.io/tls"))["type"] == "kubernetes.io/tls"


def test_a_kind_that_is_not_ours_is_left_alone() -> None:
    foreign: Document = {"apiVersion": "v1", "kind": "ConfigMap"}

    assert RULES.defaulted(foreign) == foreign
    assert RULES.tidied(foreign) == foreign
    assert RULES.unknown(foreign) == ()
    assert RULES.violations(foreign, None) == (("kind", "is not a known kind"),)


def test_events_are_judged_by_their_types_alone() -> None:
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": "a", "namespace": "b"},
        "involvedObject": {"kind": "Certificate"},
        "count": 1,
    }

    assert RULES.violations(event, None) == ()
    assert RULES.violations(event | {"count": "1"}, None) == (("count", "must be a whole number"),)


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ("dnsname", "unknown field; did you mean dnsNames?"),
        ("dns_names", "unknown field; did you mean dnsNames?"),
        ("issuerReff", "unknown field; did you mean issuerRef?"),
        ("zzz", "unknown field"),
    ],
)
def test_unknown_fields_are_told_with_what_was_meant(field: str, message: str) -> None:
    unknown = RULES.unknown(a_certificate(**{field: 1}))

    assert unknown == (Violation(("spec", field), message),)


def test_unknown_fields_are_found_in_lists() -> None:
    unknown = RULES.unknown(a_certificate(otherNames=[{"oid": "1.2", "value": "a"}, 5]))

    assert [one.field for one in unknown] == ["spec.otherNames[0].value"]


def test_a_value_that_a_rule_cannot_take_breaks_it() -> None:
    too_long = a_certificate(duration="99999999h")

    assert RULES.violations(too_long, None) == (("spec.duration", "must be at least 1h"),)


def test_annotations_have_a_limit() -> None:
    big = a_certificate()
    big["metadata"]["annotations"] = {"a": "x" * (256 * 1024)}

    assert RULES.violations(big, None) == (
        ("metadata.annotations", "must have at most 256 KiB together"),
    )


def test_a_cluster_scoped_kind_has_no_namespace() -> None:
    issuer: Document = {
        "apiVersion": "cert-manager.io/v1",
        "kind": "ClusterIssuer",
        "metadata": {"name": "a", "namespace": "b"},
        "spec": {"selfSigned": {}},
    }

    assert RULES.violations(issuer, None) == (
        ("metadata.namespace", "must not be set: a ClusterIssuer has none"),
    )


def test_an_order_s_old_authorizations_may_be_missing() -> None:
    assert all(rule.is_transition for rule in TABLES["Order"])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["name", "key", "acme", "solvers", "dns01", "a", "data", "labels"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


@given(
    kind=st.sampled_from(["Certificate", "Issuer", "Order", "CertificateRequest", "Challenge"]),
    spec=JSON,
    metadata=JSON,
    old=st.none() | JSON,
    subresource=st.sampled_from(["", "status"]),
)
def test_no_document_makes_the_rules_fall_over(
    *, kind: str, spec: Any, metadata: Any, old: Any, subresource: str
) -> None:
    group = "acme.cert-manager.io" if kind in {"Order", "Challenge"} else "cert-manager.io"
    document = {"apiVersion": f"{group}/v1", "kind": kind, "metadata": metadata, "spec": spec}

    before = None if old is None else document | {"spec": old}
    broken = RULES.broken(document, before, subresource=subresource)
    defaulted = RULES.defaulted(document)

    assert RULES.defaulted(defaulted) == defaulted
    assert all(isinstance(one.field, str) for one in broken)
    assert isinstance(RULES.unknown(document), tuple)
