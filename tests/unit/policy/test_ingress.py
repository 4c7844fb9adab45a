"""Which Certificates an Ingress asks for (compat-spec 2.1, 3.2 and rows 43-48 of chapter 10)."""

from typing import Any

import pytest
from msgspec.structs import replace

from certwright.api.certificate import Certificate, SecretTemplate, X509Subject
from certwright.api.core import Ingress, IngressSpec, IngressTLS
from certwright.api.kinds import owner_reference
from certwright.api.meta import IssuerReference, ObjectMeta
from certwright.policy.ingress import Defaults, Plan, choose_issuer, is_ours, needs_update, plan
from certwright.policy.ingress_annotations import BadAnnotationError, read_wishes
from tests.builders import an_ingress
from tests.fakes.clock import START

CM = "cert-manager.io/"
ACME = "acme.cert-manager.io/"


def planned(ingress: Ingress, *present: Certificate, **defaults: Any) -> Plan:
    return plan(
        ingress,
        present={one.metadata.name: one for one in present},
        owned=[one for one in present if one.metadata.owner_references],
        defaults=Defaults(**defaults),
    )


def the_certificate(ingress: Ingress, **defaults: Any) -> Certificate:
    (certificate,) = planned(ingress, **defaults).create
    return certificate


def with_tls(*entries: tuple[tuple[str, ...], str], **fields: Any) -> Ingress:
    ingress = an_ingress(**fields)
    tls = tuple(IngressTLS(hosts=hosts, secret_name=secret) for hosts, secret in entries)
    return replace(ingress, spec=IngressSpec(tls=tls))


@pytest.mark.parametrize(
    ("annotations", "ours"),
    [
        ({CM + "issuer": "a"}, True),
        ({CM + "issuer": ""}, True),
        ({CM + "cluster-issuer": "a"}, True),
        ({"kubernetes.io/tls-acme": "true"}, True),
        ({"kubernetes.io/tls-acme": "T"}, True),
        ({"kubernetes.io/tls-acme": "yes"}, False),
        ({CM + "issuer-kind": "Issuer"}, False),
        ({}, False),
    ],
)
def test_an_ingress_asks_by_an_issuer_or_a_true_automatic_annotation(
    annotations: dict[str, str], *, ours: bool
) -> None:
    assert is_ours(an_ingress(annotations=annotations), Defaults()) is ours


@pytest.mark.parametrize(
    "gone", [{"deletion_timestamp": START}, {"finalizers": ("foregroundDeletion",)}]
)
def test_an_ingress_that_goes_asks_for_nothing(gone: dict[str, Any]) -> None:
    assert not is_ours(an_ingress(**gone), Defaults())


@pytest.mark.parametrize(
    ("annotations", "issuer"),
    [
        ({CM + "issuer": "a"}, ("a", "Issuer", "cert-manager.io")),
        ({CM + "cluster-issuer": "a"}, ("a", "ClusterIssuer", "cert-manager.io")),
        (
            {CM + "issuer": "a", CM + "issuer-kind": "Foo", CM + "issuer-group": "x.io"},
            ("a", "Foo", "x.io"),
        ),
        ({CM + "issuer": "a", CM + "issuer-kind": ""}, ("a", "", "cert-manager.io")),
        ({"kubernetes.io/tls-acme": "1"}, ("default", "ClusterIssuer", "cert-manager.io")),
    ],
)
def test_annotations_choose_the_issuer(
    annotations: dict[str, str], issuer: tuple[str, str, str]
) -> None:
    defaults = Defaults(issuer_name="default", issuer_kind="ClusterIssuer")

    found, problems = choose_issuer(annotations, defaults)

    assert (found.name, found.kind, found.group) == issuer
    assert problems == ()


def test_bad_issuer_annotations_are_all_named_in_one_complaint() -> None:
    ingress = an_ingress(
        annotations={
            CM + "issuer": "a",
            CM + "cluster-issuer": "",
            CM + "issuer-group": "x",
            CM + "issuer-kind": "y",
        }
    )

    found = planned(ingress)

    assert found.create == ()
    assert found.complaints == (
        (
            "Could not determine issuer for ingress due to bad annotations: "
            "failed to determine issuer name to be used for ingress resource, "
            'both "cert-manager.io/issuer" and "cert-manager.io/cluster-issuer" may not be set, '
            'both "cert-manager.io/cluster-issuer" and "cert-manager.io/issuer-group" may not be '
            "set, "
            'both "cert-manager.io/cluster-issuer" and "cert-manager.io/issuer-kind" may not be set'
        ),
    )


def test_one_secret_in_two_entries_rejects_the_whole_ingress() -> None:
    ingress = with_tls((("a.example",), "one"), (("b.example",), "two"), (("c.example",), "one"))

    found = planned(ingress)

    assert found.create == ()
    assert found.complaints == (
        (
            'spec.tls[0].secretName: Invalid value: "one": this secret name must only appear in a '
            "single TLS entry but is also used in spec.tls[2].secretName"
        ),
    )


def test_an_unusable_entry_is_skipped_and_the_others_go_on() -> None:
    found = planned(with_tls(((), ""), (("a.example",), "one"), ((), "two")))

    assert [one.metadata.name for one in found.create] == ["one"]
    assert found.complaints == (
        (
            "Skipped a TLS block: [spec.tls[0].hosts: Required value, "
            "spec.tls[0].secretName: Required value]"
        ),
        "Skipped a TLS block: spec.tls[2].hosts: Required value",
    )


def test_a_certificate_is_made_of_the_hosts_and_belongs_to_the_ingress() -> None:
    ingress = an_ingress(
        hosts=("b.example", "192.0.2.1", "a.example", "b.example"),
        labels={"team": "blue", "applyset.kubernetes.io/part-of": "x"},
        uid="u-1",
    )

    certificate = the_certificate(ingress)

    assert certificate.metadata.name == certificate.spec.secret_name == "site-tls"
    assert certificate.spec.dns_names == ("b.example", "a.example")
    assert certificate.spec.ip_addresses == ("192.0.2.1",)
    assert certificate.spec.issuer_ref == IssuerReference(
        name="letsencrypt", kind="ClusterIssuer", group="cert-manager.io"
    )
    assert [str(usage) for usage in certificate.spec.usages] == [
        "digital signature",
        "key encipherment",
    ]
    assert certificate.metadata.labels == {"team": "blue"}
    assert certificate.metadata.owner_references == (owner_reference(ingress),)


FIELDS: tuple[tuple[str, str, str, Any], ...] = (
    ("common-name", "www.example.com", "common_name", "www.example.com"),
    (
        "email-sans",
        " a@example.com,b@example.com",
        "email_addresses",
        ("a@example.com", "b@example.com"),
    ),
    ("duration", "90m", "duration", "1h30m0s"),
    ("renew-before", "5m", "renew_before", "5m0s"),
    ("renew-before-percentage", "25", "renew_before_percentage", 25),
    ("usages", "server auth, client auth", "usages", ("server auth", "client auth")),
    ("revision-history-limit", "3", "revision_history_limit", 3),
    (
        "secret-template",
        '{"annotations": {"a": "b"}, "labels": {"c": "d"}}',
        "secret_template",
        SecretTemplate(annotations={"a": "b"}, labels={"c": "d"}),
    ),
    ("subject-organizations", '"a, b",c', "subject", X509Subject(organizations=("a, b", "c"))),
    ("subject-countries", "NL", "subject", X509Subject(countries=("NL",))),
    ("subject-serialnumber", "1, 2", "subject", X509Subject(serial_number="1, 2")),
)


@pytest.mark.parametrize(("name", "text", "field", "value"), FIELDS)
def test_an_annotation_becomes_a_field(name: str, text: str, field: str, value: Any) -> None:
    wishes = read_wishes({CM + name: text})

    assert wishes.fields == {field: value}


def test_annotations_of_the_private_key_come_together() -> None:
    wishes = read_wishes(
        {
            CM + "private-key-algorithm": "ECDSA",
            CM + "private-key-encoding": "PKCS8",
            CM + "private-key-size": "384",
            CM + "private-key-rotation-policy": "Never",
        }
    )

    key = wishes.fields["private_key"]
    assert (key.algorithm, key.encoding, key.size, key.rotation_policy) == (
        "ECDSA",
        "PKCS8",
        384,
        "Never",
    )


def test_alt_names_are_neither_trimmed_nor_merged_with_the_hosts() -> None:
    ingress = an_ingress(
        hosts=("a.example",),
        annotations={
            CM + "issuer": "a",
            CM + "alt-names": "a.example, b.example",
            CM + "ip-sans": "192.0.2.1, ::1",
            CM + "uri-sans": "spiffe://x",
        },
    )

    spec = the_certificate(ingress).spec

    assert spec.dns_names == ("a.example", "a.example", " b.example")
    assert spec.ip_addresses == ("192.0.2.1", "::1")
    assert spec.uris == ()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("common-name", "x" * 65),
        ("ip-sans", "not-an-ip"),
        ("email-sans", "Joe <joe@example.com>"),
        ("subject-organizations", ""),
        ("subject-organizations", "a\nb"),
        ("subject-organizations", '"open'),
        ("duration", "59m"),
        ("duration", "1d"),
        ("renew-before", "4m59s"),
        ("renew-before-percentage", "2147483648"),
        ("renew-before-percentage", "ten"),
        ("usages", "flying"),
        ("revision-history-limit", "0"),
        ("private-key-algorithm", "rsa"),
        ("private-key-encoding", "DER"),
        ("private-key-size", "1024"),
        ("private-key-rotation-policy", "Sometimes"),
        ("secret-template", "{"),
        ("secret-template", '{"finalizers": []}'),
        ("secret-template", '{"annotations": {"cert-manager.io/x": "y"}}'),
    ],
)
def test_a_value_that_cannot_be_used_stops_the_ingress(name: str, text: str) -> None:
    ingress = an_ingress(annotations={CM + "issuer": "a", CM + name: text})

    with pytest.raises(BadAnnotationError, match=CM + name):
        planned(ingress)


def test_annotations_on_http01_steer_the_certificate() -> None:
    ingress = an_ingress(
        annotations={
            CM + "issuer": "a",
            ACME + "http01-edit-in-place": "true",
            ACME + "http01-ingress-class": "nginx",
            ACME + "http01-ingress-ingressclassname": "traefik",
        }
    )

    assert the_certificate(ingress).metadata.annotations == {
        ACME + "http01-override-ingress-name": "site",
        CM + "issue-temporary-certificate": "true",
        ACME + "http01-override-ingress-class": "nginx",
        ACME + "http01-override-ingress-ingressclassname": "traefik",
    }


def test_extra_annotations_are_copied_when_the_operator_says_so() -> None:
    ingress = an_ingress(annotations={CM + "issuer": "a", "example.com/x": "y"})

    plain = the_certificate(ingress)
    extra = the_certificate(ingress, extra_annotations=("example.com/x", "example.com/z"))

    assert plain.metadata.annotations == {}
    assert extra.metadata.annotations == {"example.com/x": "y"}


def changed(certificate: Certificate, **spec: Any) -> Certificate:
    return replace(certificate, spec=replace(certificate.spec, **spec))


@pytest.mark.parametrize(
    ("spec", "differs"),
    [
        ({"dns_names": ("b.example", "a.example")}, True),
        ({"common_name": "a.example"}, True),
        ({"issuer_ref": IssuerReference(name="letsencrypt", kind="Issuer")}, True),
        ({"revision_history_limit": 2}, True),
        ({"duration": "10h"}, True),
        ({"renew_before": "1h"}, True),
        (
            {
                "issuer_ref": IssuerReference(
                    name="letsencrypt", kind="ClusterIssuer", group="other.io"
                )
            },
            False,
        ),
        ({"ip_addresses": ("192.0.2.1",)}, False),
        ({"email_addresses": ("a@example.com",)}, False),
        ({"subject": X509Subject(organizations=("o",))}, False),
        ({"usages": ()}, False),
        ({"renew_before_percentage": 10}, False),
        ({"secret_template": SecretTemplate(labels={"a": "b"})}, False),
    ],
)
def test_only_some_fields_of_a_present_certificate_are_compared(
    spec: dict[str, Any], *, differs: bool
) -> None:
    certificate = the_certificate(an_ingress(hosts=("a.example", "b.example")))

    assert needs_update(changed(certificate, **spec), certificate) is differs


def test_other_labels_are_a_reason_to_update() -> None:
    certificate = the_certificate(an_ingress(labels={"a": "b"}))
    relabelled = replace(certificate, metadata=replace(certificate.metadata, labels={"a": "c"}))

    assert needs_update(relabelled, certificate)


@pytest.mark.parametrize("owners", [(), "another"])
def test_a_certificate_of_nobody_or_of_another_is_left_alone(owners: Any) -> None:
    other = an_ingress("other", uid="u-2")
    certificate = the_certificate(an_ingress(uid="u-1"))
    references = (owner_reference(other),) if owners else ()
    foreign = replace(
        changed(certificate, dns_names=("old.example",)),
        metadata=ObjectMeta(name="site-tls", namespace="default", owner_references=references),
    )

    found = plan(
        an_ingress(uid="u-1"), present={"site-tls": foreign}, owned=(), defaults=Defaults()
    )

    assert found == Plan()


def test_a_certificate_whose_entry_went_is_deleted_and_an_updated_one_keeps_its_annotations() -> (
    None
):
    ingress = with_tls((("a.example",), "one"), (("b.example",), "two"), uid="u-1")
    one, two = planned(ingress).create
    one = replace(one, metadata=replace(one.metadata, annotations={"mine": "x"}))

    found = planned(with_tls((("c.example",), "one"), uid="u-1"), one, two)

    assert found.delete == (two,)
    ((old, new),) = found.update
    assert old == one
    assert new.spec.dns_names == ("c.example",)
    assert new.metadata.annotations == {"mine": "x"}


def test_nothing_is_deleted_when_the_annotations_go() -> None:
    (certificate,) = planned(an_ingress(uid="u-1")).create

    assert planned(an_ingress(annotations={}, uid="u-1"), certificate) == Plan()
