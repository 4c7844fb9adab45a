"""What is given to an API server."""

from typing import Any

import pytest
import yaml

from certwright.api.crd.definitions import COLUMNS, _validation, crds, render_crds
from certwright.api.crd.policies import MUTATION_MINOR, policies, policy_expression
from certwright.api.rules.admission import Rules, _Judged, _Prepared
from certwright.api.rules.cel import ADDED, EvaluationError, Expressions, load_library
from certwright.api.rules.rule import Home, Rule
from certwright.api.rules.tables import RULES
from tests.unit.api.corpus import Case, cases

EMBEDDED = Rules()
EXPRESSIONS = Expressions()
CRDS = crds()
NAMES = {
    "Certificate": ("certificates", ["cert", "certs"], ["cert-manager"], "Namespaced"),
    "CertificateRequest": ("certificaterequests", ["cr", "crs"], ["cert-manager"], "Namespaced"),
    "Issuer": ("issuers", ["iss"], ["cert-manager"], "Namespaced"),
    "ClusterIssuer": ("clusterissuers", ["ciss"], ["cert-manager"], "Cluster"),
    "Order": ("orders", None, ["cert-manager", "cert-manager-acme"], "Namespaced"),
    "Challenge": ("challenges", None, ["cert-manager", "cert-manager-acme"], "Namespaced"),
}


def definition(kind: str) -> dict[str, Any]:
    return next(crd["spec"] for crd in CRDS if crd["spec"]["names"]["kind"] == kind)


def schema(kind: str, *path: str) -> dict[str, Any]:
    node: dict[str, Any] = definition(kind)["versions"][0]["schema"]["openAPIV3Schema"]
    for step in path:
        node = node["items"] if step == "[]" else node["properties"][step]
    return node


@pytest.mark.parametrize("kind", NAMES)
def test_a_kind_has_the_names_of_the_specification(kind: str) -> None:
    spec = definition(kind)

    names = spec["names"]

    plural, short, categories, scope = NAMES[kind]
    assert (names["plural"], names.get("shortNames"), names["categories"]) == (
        plural,
        short,
        categories,
    )
    assert spec["scope"] == scope
    assert names["listKind"] == f"{kind}List"
    assert names["singular"] == kind.lower()


def test_only_v1_is_served_and_stored_with_a_status_of_its_own() -> None:
    versions = [crd["spec"]["versions"] for crd in CRDS]

    assert all(len(each) == 1 for each in versions)
    for (version,) in versions:
        assert (version["name"], version["served"], version["storage"]) == ("v1", True, True)
        assert version["subresources"] == {"status": {}}


@pytest.mark.parametrize(
    ("kind", "columns"),
    [
        ("Certificate", ["Ready", "Secret", "Issuer*", "Status*", "Expiration*", "Age"]),
        (
            "CertificateRequest",
            ["Approved", "Denied", "Ready", "Issuer", "Requester", "Status*", "Age"],
        ),
        ("Issuer", ["Ready", "Status*", "Age"]),
        ("ClusterIssuer", ["Ready", "Status*", "Age"]),
        ("Order", ["State", "Issuer*", "Reason*", "Age"]),
        ("Challenge", ["State", "Domain", "Reason*", "Age"]),
    ],
)
def test_kubectl_shows_the_columns_of_the_specification(kind: str, columns: list[str]) -> None:
    shown = definition(kind)["versions"][0]["additionalPrinterColumns"]

    assert [one["name"] + "*" * one.get("priority", 0) for one in shown] == columns


def test_objects_are_selected_by_their_issuer() -> None:
    selectable = {
        kind: [
            one["jsonPath"] for one in definition(kind)["versions"][0].get("selectableFields", ())
        ]
        for kind in COLUMNS
    }

    issuer = [".spec.issuerRef.group", ".spec.issuerRef.kind", ".spec.issuerRef.name"]
    assert selectable == {
        "Certificate": issuer,
        "CertificateRequest": issuer,
        "Order": issuer,
        "Challenge": issuer,
        "Issuer": [],
        "ClusterIssuer": [],
    }


def test_only_conditions_and_pull_secrets_are_merged_by_key() -> None:
    found = {}

    def walk(node: dict[str, Any], path: str) -> None:
        if node.get("x-kubernetes-list-type") == "map":
            found[path] = node["x-kubernetes-list-map-keys"]
        elif node.get("type") == "array":
            assert node["x-kubernetes-list-type"] == "atomic", path
        for name, below in node.get("properties", {}).items():
            walk(below, f"{path}.{name}")
        for name in ("items", "additionalProperties"):
            if name in node:
                walk(node[name], path)

    walk(schema("Issuer"), "")
    pods = ".spec.acme.solvers.http01.{}.podTemplate.spec.imagePullSecrets"
    assert found == {
        ".status.conditions": ["type"],
        pods.format("ingress"): ["name"],
        pods.format("gatewayHTTPRoute"): ["name"],
    }


def test_only_four_fields_have_defaults() -> None:
    found = {}

    def walk(node: dict[str, Any], path: str) -> None:
        if "default" in node:
            found[path] = node["default"]
        for name, below in node.get("properties", {}).items():
            walk(below, f"{path}.{name}")
        for name in ("items", "additionalProperties"):
            if name in node:
                walk(node[name], path)

    for kind in COLUMNS:
        walk(schema(kind), "")
    assert {path.rpartition(".")[2]: value for path, value in found.items()} == {
        "renewalInformationSource": "ARI",
        "group": "gateway.networking.k8s.io",
        "kind": "Gateway",
        "name": "",
    }


def test_requests_have_no_observed_generation() -> None:
    conditions = schema("CertificateRequest", "status", "conditions", "[]")["properties"]

    assert "observedGeneration" not in conditions
    assert "observedGeneration" in schema("Certificate", "status", "conditions", "[]")["properties"]


def test_a_rule_stands_at_its_node() -> None:
    rules = schema("Issuer", "spec", "venafi")["x-kubernetes-validations"]

    assert {
        "rule": "[has(self.tpp), has(self.cloud), has(self.ngts)].filter(x, x).size() == 1",
        "message": "exactly one of tpp, cloud, or ngts must be configured",
        "reason": "FieldValueInvalid",
    } in rules
    assert {
        "rule": "has(self.zone) && size(self.zone) > 0",
        "message": "is required",
        "reason": "FieldValueRequired",
        "fieldPath": ".zone",
    } in rules


def test_no_rule_of_a_definition_looks_into_an_unbounded_list() -> None:
    homeless = [
        rule
        for rules in RULES.values()
        for rule in rules
        if rule.home is Home.CRD and ("[]" in rule.at or "{}" in rule.at)
    ]

    assert homeless == []


def test_the_text_is_the_documents_without_anchors() -> None:
    text = render_crds()

    assert list(yaml.load_all(text, yaml.CSafeLoader)) == list(CRDS)
    assert not any(
        isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, yaml.CSafeLoader)
    )


def test_a_rule_may_make_its_own_message() -> None:
    rule = Rule(at="spec", rule="true", message="plain", message_expression="'made'")

    assert dict(_validation(rule))["messageExpression"] == "'made'"


def test_each_policy_has_its_binding() -> None:
    documents = policies()

    names = [(one["kind"], one["metadata"]["name"]) for one in documents]

    kinds = ("certificates", "certificaterequests", "issuers", "clusterissuers", "orders")
    validating = ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")
    assert names == [
        *((kind, f"certwright-{plural}") for plural in kinds for kind in validating),
        ("MutatingAdmissionPolicy", "certwright-requester"),
        ("MutatingAdmissionPolicyBinding", "certwright-requester"),
        *((kind, "certwright-requester") for kind in validating),
        ("ConfigMap", "certwright-signers"),
        *((kind, "certwright-approval") for kind in validating),
    ]
    assert documents[1]["spec"]["policyName"] == "certwright-certificates"


def test_a_minor_gets_no_policy_that_it_lacks() -> None:
    kinds = {one["kind"] for one in policies(MUTATION_MINOR - 1)}

    assert kinds == {"ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding", "ConfigMap"}


def test_a_list_of_rules_is_ratcheted_as_a_whole() -> None:
    policy = policies()[0]["spec"]

    assert all(
        one["expression"].startswith("variables.specIsKept || ") for one in policy["validations"]
    )


def test_no_message_of_a_policy_breaks_its_line() -> None:
    texts = [
        validation["message"]
        for document in policies()
        if document["kind"] == "ValidatingAdmissionPolicy"
        for validation in document["spec"]["validations"]
    ]

    assert all(text.isprintable() and text for text in texts)


def policy_verdict(rule: Rule, case: Case) -> bool:
    """Evaluate a rule as a policy: over whole objects."""
    context = load_library().Context(variables={"object": case.document, "oldObject": case.old})
    for name, function in ADDED.items():
        context.add_function(name, function)
    try:
        return EXPRESSIONS.evaluate(policy_expression(rule), context) is True
    except EvaluationError:
        return False


def test_a_policy_says_what_the_embedded_rules_say() -> None:
    for case in cases():
        rules = [rule for rule in RULES.get(case.document["kind"], ()) if rule.home is Home.POLICY]
        judged = _Judged(case.document, case.old, frozenset(case.document))

        by_policy = [rule for rule in rules if not policy_verdict(rule, case)]

        assert by_policy == [
            rule
            for rule in rules
            if any(EMBEDDED._broken_rules((_Prepared.of(rule),), judged, is_well_formed=True))
        ], case.name


def test_every_rule_is_broken_by_some_case() -> None:
    broken = {
        rule
        for case in cases()
        for rule in RULES.get(case.document["kind"], ())
        if any(
            EMBEDDED._broken_rules(
                (_Prepared.of(rule),),
                _Judged(case.document, case.old, frozenset(case.document)),
                is_well_formed=True,
            )
        )
    }

    assert [rule for rules in RULES.values() for rule in rules if rule not in broken] == []
