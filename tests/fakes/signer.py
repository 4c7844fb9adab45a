"""Approves CertificateRequests and signs them with a CA's key: two writes, two events.

Stands in where a test is about Certificates. What it does with a request can be turned to failure.
"""

from datetime import datetime, timedelta
from typing import Literal

from msgspec import Struct, field
from msgspec.structs import replace

from certwright.api.conditions import find_condition, is_true, with_condition
from certwright.api.duration import parse_duration
from certwright.api.meta import Condition, ConditionStatus, Key
from certwright.api.request import CertificateRequest, CertificateRequestStatus
from certwright.base.clock import Clock, whole_seconds
from certwright.base.problem import Problem
from certwright.pki.certificate import KeyPair, Template, sign_certificate
from certwright.runtime.loop import Controller
from certwright.runtime.outcome import DONE, Outcome, normal
from certwright.runtime.view import View
from tests.builders import a_ca

APPROVER = "cert-manager-certificaterequests-approver"
SIGNER = "cert-manager-certificaterequests-issuer-ca"
APPROVED = "Certificate request has been approved by cert-manager.io"
FETCHED = "Certificate fetched from issuer successfully"


class Signer(Struct, kw_only=True):
    """Signs, fails, denies, waits, or signs with what `certificate` holds instead."""

    clock: Clock
    ca: KeyPair = field(default_factory=a_ca)
    mode: Literal["sign", "fail", "deny", "pend", "give"] = "sign"
    certificate: bytes = b""
    tells_ca: bool = True
    backdated: timedelta = timedelta()
    failed_annotations: dict[str, str] = field(default_factory=dict)

    def controller(self) -> Controller[CertificateRequest]:
        return Controller(
            name="signer", kind=CertificateRequest, reconcile=self.reconcile, failed=_failed
        )

    async def reconcile(self, view: View, key: Key) -> Outcome:
        request = view.get(CertificateRequest, key)
        if request is None or find_condition(request.status.conditions, "Denied"):
            return DONE
        if self.mode == "deny":
            return self._set(request, ("Denied", "Policy", "Not this name"))
        if not is_true(request.status.conditions, "Approved"):
            event = normal(APPROVER, "cert-manager.io", APPROVED)
            outcome = self._set(request, ("Approved", "cert-manager.io", APPROVED))
            return replace(outcome, events=(event,))
        ready = find_condition(request.status.conditions, "Ready")
        if ready is not None and ready.reason in {"Failed", "Issued"}:
            return DONE
        return self._answer(request)

    def _answer(self, request: CertificateRequest) -> Outcome:
        now = self.clock.now()
        if self.mode == "pend":
            return _ready(request, "Pending", "Waiting", now)
        if self.mode == "fail":
            outcome = _ready(request, "Failed", "The CA said no", now)
            return replace(outcome, annotations=self.failed_annotations)
        chain = self.certificate or self._sign(request)
        outcome = _ready(request, "Issued", FETCHED, now)
        assert isinstance(outcome.status, CertificateRequestStatus)
        ca = self.ca.certificate if self.tells_ca else b""
        status = replace(outcome.status, certificate=chain, ca=ca)
        event = normal(SIGNER, "CertificateIssued", FETCHED)
        return replace(outcome, status=status, events=(event,))

    def _sign(self, request: CertificateRequest) -> bytes:
        template = Template(
            csr=request.spec.request,
            not_before=whole_seconds(self.clock.now()) - self.backdated,
            duration=parse_duration(request.spec.duration or "2160h"),
            usages=tuple(request.spec.usages),
            is_ca=request.spec.is_ca,
        )
        return sign_certificate(template, issuer=self.ca)

    def _set(self, request: CertificateRequest, words: tuple[str, str, str]) -> Outcome:
        condition = Condition(
            type=words[0], status=ConditionStatus.TRUE, reason=words[1], message=words[2]
        )
        conditions = with_condition(request.status.conditions, condition, self.clock.now())
        return Outcome(status=replace(request.status, conditions=conditions), manager=APPROVER)


def _ready(request: CertificateRequest, reason: str, message: str, now: datetime) -> Outcome:
    condition = Condition(
        type="Ready",
        status=ConditionStatus.TRUE if reason == "Issued" else ConditionStatus.FALSE,
        reason=reason,
        message=message,
    )
    status = replace(
        request.status,
        conditions=with_condition(request.status.conditions, condition, now),
        failure_time=whole_seconds(now) if reason == "Failed" else None,
    )
    return Outcome(status=status, manager=SIGNER)


def _failed(_request: CertificateRequest, _problem: Problem, _now: datetime) -> Outcome:
    return DONE
