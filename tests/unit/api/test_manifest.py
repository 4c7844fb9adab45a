"""Files of manifests: good documents, and every mistake with its place."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certwright.api.core import Secret
from certwright.api.kinds import decode, kind_of
from certwright.api.manifest import FOLDER_KINDS, Parsed, parse_manifest
from certwright.api.meta import Key
from certwright.api.rules.admission import Rules

RULES = Rules()

INGRESS = """\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: foo
  annotations:
    cert-manager.io/cluster-issuer: letsencrypt-prod
spec:
  tls:
  - hosts: [foo.example.com]
    secretName: foo-tls-certificate
"""
CERTIFICATE = """\
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: site, namespace: shop}
spec:
  secretName: site-tls
  issuerRef: {name: ca}
  dnsNames:
  - www.example.com
"""
SECRET = """\
apiVersion: v1
kind: Secret
metadata: {name: key}
stringData: {token: hunter2}
"""


def parsed(text: str | bytes) -> Parsed:
    content = text.encode() if isinstance(text, str) else text
    return parse_manifest(content, "site.yaml", rules=RULES)


def errors(text: str | bytes) -> list[str]:
    return [str(error) for error in parsed(text).errors]


def test_good_documents_are_located() -> None:
    file = parsed(f"{INGRESS}---\n{CERTIFICATE}---\n{SECRET}")

    assert file.errors == ()
    assert file.is_complete
    assert [(one.kind.name, one.key, one.line) for one in file.resources] == [
        ("Ingress", Key("default", "foo"), 1),
        ("Certificate", Key("shop", "site"), 12),
        ("Secret", Key("default", "key"), 21),
    ]
    assert file.named == {(one.kind.name, one.key) for one in file.resources}


def test_a_document_is_what_was_written_with_its_namespace() -> None:
    (ingress,) = parsed(INGRESS).resources

    assert ingress.document["metadata"]["namespace"] == "default"
    assert ingress.document["kind"] == "Ingress"
    assert decode(ingress.document, kind_of(FOLDER_KINDS[0]).type).key == ingress.key


def test_a_cluster_scoped_resource_has_no_namespace() -> None:
    issuer = """\
apiVersion: cert-manager.io/v1
kind: ClusterIssuer
metadata: {name: a}
spec: {selfSigned: {}}
"""

    (located,) = parsed(issuer).resources

    assert located.key == Key("", "a")
    assert "namespace" not in located.document["metadata"]


def test_all_mistakes_of_a_file_are_told_in_their_order() -> None:
    file = f"""{CERTIFICATE}  - 5
  dnsname: a
  duration: 1m
---
{INGRESS}---
kind: Ingress
metadata: {{name: b}}
"""

    assert errors(file) == [
        "site.yaml:9: Certificate shop/site: spec.dnsNames[1]: must be text; put it in quotes (5)",
        "site.yaml:10: Certificate shop/site: spec.dnsname: unknown field; did you mean dnsNames?",
        'site.yaml:11: Certificate shop/site: spec.duration: must be at least 1h ("1m")',
        "site.yaml:24: Ingress b: apiVersion: is required",
    ]
    assert [one.key.name for one in parsed(file).resources] == ["foo"]


def test_a_bad_resource_is_still_named_so_that_it_is_not_taken_for_deleted() -> None:
    file = parsed(CERTIFICATE.replace("site-tls", "Site"))

    assert file.resources == ()
    assert file.named == {("Certificate", Key("shop", "site"))}
    assert file.is_complete


def test_a_resource_with_an_alias_is_still_named() -> None:
    file = parsed(CERTIFICATE + "  commonName: *x\n")

    assert file.named == {("Certificate", Key("shop", "site"))}
    assert file.is_complete
    assert [str(error) for error in file.errors] == [
        (
            "site.yaml:9: Certificate shop/site: spec.commonName: "
            "anchors and aliases are refused: write the value out"
        )
    ]


def test_an_unknown_resource_with_an_alias_makes_the_file_incomplete() -> None:
    file = parsed("apiVersion: v1\nkind: Thing\nmetadata: {name: a}\nspec: *x\n")

    assert [str(error) for error in file.errors] == [
        "site.yaml:4: Thing a: spec: anchors and aliases are refused: write the value out"
    ]
    assert (file.named, file.is_complete) == (frozenset(), False)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("a: [", "site.yaml:1: is not YAML: did not find expected node content"),
        ("text", "site.yaml:1: must be a mapping with apiVersion, kind and metadata"),
        ("- a", "site.yaml:1: must be a mapping with apiVersion, kind and metadata"),
        ("apiVersion: v1", "site.yaml:1: kind: is required"),
        ("apiVersion: 1\nkind: Secret", "site.yaml:1: Secret: apiVersion: must be text"),
        ("apiVersion: v1\nkind: ''", "site.yaml:2: kind: is required"),
        (
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}",
            (
                "site.yaml:2: ConfigMap a: kind: must be one of Ingress, Certificate, Issuer, "
                'ClusterIssuer, Secret, Service ("ConfigMap")'
            ),
        ),
        (
            "apiVersion: acme.cert-manager.io/v1\nkind: Order\nmetadata: {name: a, namespace: b}",
            (
                "site.yaml:2: Order b/a: kind: must be one of Ingress, Certificate, Issuer, "
                'ClusterIssuer, Secret, Service ("Order")'
            ),
        ),
        (
            "apiVersion: extensions/v1beta1\nkind: Ingress\nmetadata: {name: a}",
            (
                "site.yaml:1: Ingress a: apiVersion: must be networking.k8s.io/v1 for a Ingress "
                '("extensions/v1beta1")'
            ),
        ),
        ("apiVersion: v1\nkind: Secret", "site.yaml:1: Secret: metadata: is required"),
        (
            "apiVersion: v1\nkind: Secret\nmetadata: a",
            "site.yaml:3: Secret: metadata: must be a mapping",
        ),
        (
            "apiVersion: v1\nkind: Secret\nmetadata: {}",
            "site.yaml:3: Secret: metadata.name: is required",
        ),
        (
            "apiVersion: v1\nkind: Secret\nmetadata: {name: a, namespace: 5}",
            "site.yaml:3: Secret default/a: metadata.namespace: must be text; put it in quotes (5)",
        ),
    ],
)
def test_a_document_that_is_nothing_known_makes_the_file_incomplete(text: str, error: str) -> None:
    file = parsed(text)

    assert [str(one) for one in file.errors] == [error]
    assert (file.resources, file.is_complete) == ((), False)


def test_a_generated_name_is_refused() -> None:
    assert errors("apiVersion: v1\nkind: Secret\nmetadata: {generateName: a-}") == [
        (
            "site.yaml:3: Secret: metadata.generateName: "
            "must be `name` in a file, which is read again and again"
        )
    ]


def test_a_resource_twice_in_a_file_is_refused() -> None:
    file = parsed(f"{SECRET}---\n{SECRET}")

    assert len(file.resources) == 1
    assert [str(error) for error in file.errors] == [
        "site.yaml:8: Secret default/key: metadata.name: is in this file already, at line 1"
    ]


def test_what_only_a_server_writes_is_left_out_with_a_note() -> None:
    file = parsed("""\
apiVersion: cert-manager.io/v1
kind: Certificate
metadata:
  name: site
  namespace: shop
  uid: 0d9f
  resourceVersion: "5"
  creationTimestamp: null
  managedFields: [{manager: kubectl}]
spec: {secretName: a, issuerRef: {name: ca}, dnsNames: [a], commonName: null}
status: {revision: 3}
""")

    (certificate,) = file.resources
    assert certificate.document["metadata"] == {"name": "site", "namespace": "shop"}
    assert "status" not in certificate.document
    assert "commonName" not in certificate.document["spec"]
    assert [str(note) for note in file.notes] == [
        "site.yaml:6: Certificate shop/site: metadata.uid: is left out: only a server writes it",
        (
            "site.yaml:7: Certificate shop/site: metadata.resourceVersion: "
            "is left out: only a server writes it"
        ),
        (
            "site.yaml:9: Certificate shop/site: metadata.managedFields: "
            "is left out: only a server writes it"
        ),
        "site.yaml:11: Certificate shop/site: status: is left out: only controllers write it",
    ]


def test_defaults_are_left_to_the_store() -> None:
    issuer = """\
apiVersion: cert-manager.io/v1
kind: Issuer
metadata: {name: a}
spec: {acme: {server: "https://a", privateKeySecretRef: {name: k}}}
"""

    (located,) = parsed(issuer).resources

    assert "renewalInformationSource" not in located.document["spec"]["acme"]


def test_a_list_stands_for_its_items() -> None:
    file = parsed("""\
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Secret
  metadata: {name: a}
- apiVersion: v1
  kind: Secret
  metadata:
    name: B
""")

    assert [(one.key.name, one.line) for one in file.resources] == [("a", 4)]
    assert [(error.line, error.object, error.field) for error in file.errors] == [
        (10, "Secret default/B", "metadata.name")
    ]


def test_a_list_without_items_is_no_kind() -> None:
    assert errors("apiVersion: v1\nkind: List\nitems: 5")[0].startswith(
        "site.yaml:2: List: kind: must be one of"
    )


def test_yes_in_a_text_field_is_refused_with_the_remedy() -> None:
    annotated = SECRET.replace("{name: key}", "{name: key, labels: {on: yes}}")
    quoted = SECRET.replace("{name: key}", "{name: key, labels: {'on': yes}}")

    assert errors(annotated) == [
        "site.yaml:3: Secret default/key: metadata.labels: has a key that must be put in quotes"
    ]
    assert errors(quoted) == [
        "site.yaml:3: Secret default/key: metadata.labels.on: must be text; put it in quotes (true)"
    ]


def test_a_base_60_number_stays_text() -> None:
    (located,) = parsed(CERTIFICATE.replace("www.example.com", "1:30")).resources

    assert located.document["spec"]["dnsNames"] == ["1:30"]


def test_the_kinds_are_the_caller_s_choice() -> None:
    file = parse_manifest(INGRESS.encode(), "a", rules=RULES, kinds=(Secret,))

    assert file.errors[0].rule == "must be one of Secret"


def test_what_the_controllers_will_refuse_is_told_apart() -> None:
    file = parsed(CERTIFICATE + "  renewal: {windows: [{cron: never, windowDuration: 1h}]}\n")

    assert (len(file.resources), file.errors) == (1, ())
    assert [str(error) for error in file.contents] == [
        (
            "site.yaml:9: Certificate shop/site: spec.renewal.windows[0].cron: "
            'must be five cron fields, or such as @daily or @every 1h ("never")'
        )
    ]


def test_names_in_errors_are_safe_to_print() -> None:
    error = str(
        parse_manifest(
            b'apiVersion: v1\nkind: "\\e[31m"\nmetadata: {name: "\\a"}', "\x1b.yaml", rules=RULES
        ).errors[0]
    )

    assert error.isprintable()


@pytest.mark.parametrize(
    "text",
    [
        SECRET,
        SECRET.replace("stringData", "data"),
        SECRET.replace("{token: hunter2}", "hunter2"),
        SECRET.replace("{token: hunter2}", "[hunter2]"),
        SECRET.replace("{token: hunter2}", "{token: &hunter hunter2}"),
        SECRET.replace("{token: hunter2}", "{token: 'hunter2}"),
        SECRET.replace("{token: hunter2}", "{token: !x hunter2}"),
        SECRET.replace("stringData", "stringdata"),
        SECRET.replace("{name: key}", "{name: key, annotations: {a: hunter2, b/: hunter2}}"),
        SECRET.replace("kind: Secret", "kind: Secrets"),
        SECRET.replace("v1", "v2"),
        SECRET + "stringData: {token: hunter2}",
        SECRET + "immutable: hunter2",
    ],
)
def test_no_value_of_a_secret_is_ever_told(text: str) -> None:
    file = parsed(text)

    assert "hunter2" not in " ".join(map(str, file.errors))
    assert "hunter2" not in repr(file)


KINDS = tuple(kind_of(type_) for type_ in FOLDER_KINDS)
WORDS = st.sampled_from(["a", "name", "spec", "data", "hosts", "tls", "ports", "solvers", "acme"])
PARTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=8,
)


@given(
    kind=st.sampled_from(KINDS),
    metadata=PARTS | st.fixed_dictionaries({"name": st.sampled_from(["a", "A", ""])}),
    rest=st.dictionaries(st.sampled_from(["spec", "data", "type", "status", "x"]), PARTS),
    cut=st.integers(0, 400),
)
def test_no_manifest_makes_the_parser_fall_over(
    *, kind: Any, metadata: Any, rest: dict[str, Any], cut: int
) -> None:
    document = {"apiVersion": kind.api_version, "kind": kind.name, "metadata": metadata} | rest
    text = json.dumps(document).encode()

    for content in (text, text[:cut], text + b"\n---\n" + text[cut:]):
        file = parsed(content)
        assert file.resources or file.errors or not content.strip()
        assert all(decode(one.document, one.kind.type).key == one.key for one in file.resources)


@given(
    names=st.lists(st.sampled_from(["a.example.com", "b.example.com", "*.c"]), min_size=1),
    labels=st.dictionaries(st.sampled_from(["a", "b"]), st.sampled_from(["x", "y", ""])),
)
def test_what_is_written_is_read_back(names: list[str], labels: dict[str, str]) -> None:
    document = {
        "apiVersion": "cert-manager.io/v1",
        "kind": "Certificate",
        "metadata": {"name": "a", "namespace": "b", "labels": labels},
        "spec": {"secretName": "s", "issuerRef": {"name": "i"}, "dnsNames": names},
    }

    (located,) = parsed(json.dumps(document)).resources

    assert located.document == document
    assert parsed(json.dumps(located.document)).resources == (located,)
