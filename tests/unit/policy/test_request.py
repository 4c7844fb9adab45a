"""CertificateRequests: compat-spec 3.12, 3.13 and rows 36, 37, 41 of its chapter 10."""

import pytest
from msgspec.structs import replace

from certwright.api.issuer import IssuerSpec, SelfSignedIssuer
from certwright.api.meta import Condition, ConditionStatus, IssuerReference
from certwright.base.reason import Reason
from certwright.policy import request as policy
from certwright.policy.issuer import IssuerType
from certwright.policy.request import (
    Approve,
    AwaitApproval,
    Deny,
    Facts,
    Idle,
    Pend,
    Sign,
    next_step,
)
from tests.acme_objects import APPROVED, a_condition, a_request, an_acme, an_acme_issuer
from tests.fakes.clock import START

DENIED = a_condition("Denied")
INVALID = a_condition("InvalidRequest")


def ready(reason: str) -> Condition:
    return a_condition("Ready", ConditionStatus.FALSE, reason)


def test_every_request_is_approved_whatever_its_issuers_group() -> None:
    foreign = IssuerReference(name="x", kind="Y", group="example.com")
    request = a_request(conditions=(), issuer_ref=foreign)

    assert next_step(Facts(request=request, issuer=None)) == Approve()


@pytest.mark.parametrize(
    ("conditions", "step"),
    [
        pytest.param((DENIED,), Deny(), id="denied"),
        pytest.param((DENIED, ready("Denied")), Idle("it is denied"), id="denied and settled"),
        pytest.param((APPROVED, INVALID), Idle("it is invalid"), id="invalid"),
        pytest.param((ready("Failed"),), AwaitApproval(), id="failed, not approved"),
        pytest.param((APPROVED, ready("Failed")), Idle("it is settled"), id="failed"),
        pytest.param((APPROVED, ready("Issued")), Idle("it is settled"), id="issued"),
    ],
)
def test_conditions_decide_in_the_order_of_the_spec(
    conditions: tuple[Condition, ...], step: policy.Step
) -> None:
    request = a_request(conditions=conditions)

    assert next_step(Facts(request=request, issuer=an_acme_issuer())) == step


def test_without_the_approver_a_request_waits_for_somebody_else() -> None:
    facts = Facts(request=a_request(conditions=()), issuer=an_acme_issuer(), approves=False)

    assert next_step(facts) == AwaitApproval()


def test_a_foreign_issuer_answers_for_its_own_requests() -> None:
    foreign = IssuerReference(name="x", group="example.com")

    step = next_step(Facts(request=a_request(issuer_ref=foreign), issuer=None))

    assert step == Idle("its issuer is not ours")


def test_a_request_that_is_being_deleted_is_left_alone() -> None:
    request = a_request(conditions=(), meta={"deletion_timestamp": START})

    assert next_step(Facts(request=request, issuer=None)) == Idle("it is being deleted")


def test_a_missing_issuer_is_waited_for() -> None:
    step = next_step(Facts(request=a_request(), issuer=None))

    assert step == Pend(
        Reason.ISSUER_NOT_FOUND,
        'Referenced "Issuer" not found: issuer.cert-manager.io "acme" not found',
    )


@pytest.mark.parametrize(
    "spec", [IssuerSpec(), IssuerSpec(acme=an_acme(), self_signed=SelfSignedIssuer())]
)
def test_an_issuer_without_exactly_one_type_is_waited_for(spec: IssuerSpec) -> None:
    issuer = replace(an_acme_issuer(), spec=spec)

    step = next_step(Facts(request=a_request(), issuer=issuer))

    assert step == Pend(Reason.ISSUER_TYPE_MISSING, "Missing issuer type")


def test_an_issuer_that_is_not_ready_is_waited_for_without_failure() -> None:
    step = next_step(Facts(request=a_request(), issuer=an_acme_issuer(ready=False)))

    assert step == Pend(
        Reason.ISSUER_NOT_READY,
        "Referenced issuer does not have a Ready status condition",
    )


def test_an_approved_request_goes_to_its_issuer() -> None:
    issuer = an_acme_issuer()

    step = next_step(Facts(request=a_request(), issuer=issuer))

    assert step == Sign(IssuerType.ACME, issuer)


def test_the_condition_has_one_of_four_reasons() -> None:
    request = a_request()
    statuses = (
        policy.pending(request, "wait", START),
        policy.failed(request, "no", START),
        policy.denied(request, START),
        policy.issued(request, b"chain", b"ca", START),
    )

    ready_conditions = [
        next(one for one in status.conditions if one.type == "Ready") for status in statuses
    ]

    assert [(one.status, one.reason) for one in ready_conditions] == [
        ("False", "Pending"),
        ("False", "Failed"),
        ("False", "Denied"),
        ("True", "Issued"),
    ]


def test_only_failure_and_denial_set_the_time_of_failure() -> None:
    request = a_request()
    earlier = replace(request, status=replace(request.status, failure_time=START))

    assert policy.failed(request, "no", START).failure_time == START
    assert policy.denied(earlier, START.replace(year=2030)).failure_time == START
    assert policy.pending(request, "wait", START).failure_time is None


def test_approval_is_said_in_cert_managers_words() -> None:
    status = policy.approved(a_request(conditions=()), START)

    assert [(one.type, one.status, one.reason, one.message) for one in status.conditions] == [
        (
            "Approved",
            "True",
            "cert-manager.io",
            "Certificate request has been approved by cert-manager.io",
        )
    ]
