"""When the target Secret is written again without issuing (compat-spec 3.7)."""

from typing import Any

import pytest
from msgspec.structs import replace

from certwright.api.certificate import (
    AdditionalOutputFormat,
    Certificate,
    NameConstraintItem,
    NameConstraints,
    OutputFormat,
    SecretTemplate,
)
from certwright.api.kinds import owner_reference
from certwright.api.meta import ManagedFields
from certwright.api.secret import SecretSummary, summarize
from certwright.policy.csr import csr_request
from certwright.policy.secret import MANAGER, maintenance_finding, target_annotations
from tests.builders import a_certificate
from tests.unit.policy.facts import a_key, a_target

CERTIFICATE = a_certificate(meta={"uid": "u-1"})
TARGET = a_target(CERTIFICATE, a_key(CERTIFICATE))
FAO = "controller.cert-manager.io/fao"
DETAILS: dict[str, Any] = {
    "f:cert-manager.io/common-name": {},
    "f:cert-manager.io/alt-names": {},
    "f:cert-manager.io/ip-sans": {},
    "f:cert-manager.io/uri-sans": {},
    "f:cert-manager.io/certificate-name": {},
}


def a_summary(
    *,
    labels: dict[str, str] | None = None,
    annotations: dict[str, str] | None = None,
    owned: dict[str, Any] | None = None,
    manager: str = MANAGER,
    **fields: Any,
) -> SecretSummary:
    """Summarize a target Secret as our manager applied it; each part can be otherwise."""
    applied: dict[str, Any] = {
        "f:metadata": {
            "f:labels": {f"f:{FAO}": {}},
            "f:annotations": DETAILS,
            **(owned or {}),
        },
        "f:data": {"f:tls.key": {}, "f:tls.crt": {}},
    }
    entry = ManagedFields(manager=manager, operation="Apply", fields_v1=applied)
    metadata = replace(
        TARGET.metadata,
        labels={FAO: "true", **(labels or {})},
        annotations={**TARGET.metadata.annotations, **(annotations or {})},
        managed_fields=(entry,),
        **fields,
    )
    return summarize(replace(TARGET, metadata=metadata))


def found(
    secret: SecretSummary | None, certificate: Certificate = CERTIFICATE, *, owner: bool = False
) -> str:
    finding = maintenance_finding(certificate, secret, owner_wanted=owner)
    return "" if finding is None else str(finding.reason)


def wanting(**spec: Any) -> Certificate:
    return replace(CERTIFICATE, spec=replace(CERTIFICATE.spec, **spec))


TEMPLATE = wanting(secret_template=SecretTemplate(labels={"a": "b"}, annotations={"c": "d"}))
TEMPLATED: dict[str, Any] = {
    "f:labels": {f"f:{FAO}": {}, "f:a": {}},
    "f:annotations": {**DETAILS, "f:c": {}},
}
OWNER = owner_reference(CERTIFICATE)
OWNED: dict[str, Any] = {"f:ownerReferences": {'k:{"uid":"u-1"}': {}}}
INJECTION = "cert-manager.io/allow-direct-injection"


def test_a_secret_as_it_was_applied_is_left_alone() -> None:
    assert found(a_summary()) == ""


def test_no_secret_or_one_that_must_be_issued_anew_is_not_maintained() -> None:
    assert found(None) == ""
    assert found(summarize(replace(TARGET, data={}))) == ""
    assert found(summarize(replace(TARGET, data={**TARGET.data, "tls.crt": b"x"}))) == ""


@pytest.mark.parametrize(
    ("secret", "reason"),
    [
        (a_summary(labels={FAO: "no"}), "SecretManagedMetadataMismatch"),
        (a_summary(annotations={"cert-manager.io/alt-names": "x"}), "SecretTemplateMismatch"),
        (a_summary(manager="somebody"), "SecretManagedMetadataMismatch"),
        (
            a_summary(owned={"f:labels": {f"f:{FAO}": {}, "f:cert-manager.io/x": {}}}),
            "SecretManagedMetadataMismatch",
        ),
        (
            a_summary(owned={"f:annotations": {**DETAILS, "f:cert-manager.io/email-sans": {}}}),
            "SecretManagedMetadataMismatch",
        ),
        (a_summary(owned=TEMPLATED), "SecretTemplateMismatch"),
        (a_summary(owned=OWNED), "SecretMismatch"),
    ],
)
def test_what_differs_is_a_reason_to_write(secret: SecretSummary, reason: str) -> None:
    assert found(secret) == reason


def test_a_template_must_be_there_and_be_ours() -> None:
    there = a_summary(labels={"a": "b"}, annotations={"c": "d"}, owned=TEMPLATED)
    edited = a_summary(labels={"a": "x"}, annotations={"c": "d"}, owned=TEMPLATED)
    not_ours = a_summary(labels={"a": "b"}, annotations={"c": "d"})

    assert found(there, TEMPLATE) == ""
    assert found(edited, TEMPLATE) == "SecretTemplateMismatch"
    assert found(not_ours, TEMPLATE) == "SecretTemplateMismatch"


def test_direct_injection_may_be_allowed_by_a_template() -> None:
    certificate = wanting(secret_template=SecretTemplate(annotations={INJECTION: "true"}))
    secret = a_summary(
        annotations={INJECTION: "true"},
        owned={"f:annotations": {**DETAILS, f"f:{INJECTION}": {}, ".": {}}},
    )

    assert found(secret, certificate) == ""


def test_formats_must_be_there_and_be_ours() -> None:
    der = wanting(additional_output_formats=(AdditionalOutputFormat(type=OutputFormat.DER),))

    assert found(a_summary(), der) == "SecretMismatch"


def test_a_wanted_owner_must_be_there_and_be_ours() -> None:
    assert found(a_summary(), owner=True) == "SecretMismatch"
    assert found(a_summary(owner_references=(OWNER,)), owner=True) == "SecretMismatch"
    assert found(a_summary(owner_references=(OWNER,), owned=OWNED), owner=True) == ""


def test_where_the_content_came_from_is_left_out_when_nobody_knows() -> None:
    annotations = target_annotations(TEMPLATE.spec, {"cert-manager.io/alt-names": "x"}, {})

    assert annotations == {"c": "d", "cert-manager.io/alt-names": "x"}


def test_name_constraints_go_into_the_csr() -> None:
    spec = wanting(
        is_ca=True,
        name_constraints=NameConstraints(
            critical=True,
            permitted=NameConstraintItem(dns_domains=("example.com",), ip_ranges=("10.0.0.0/8",)),
        ),
    ).spec

    constraints = csr_request(spec).name_constraints

    assert constraints is not None
    assert constraints.critical
    assert constraints.permitted.dns_domains == ("example.com",)
    assert constraints.permitted.ip_ranges == ("10.0.0.0/8",)
    assert constraints.excluded.dns_domains == ()
