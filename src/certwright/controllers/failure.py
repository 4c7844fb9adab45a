"""Failures on our resources: class, evidence and the CA's words as annotations, carried upwards.

Never written on the happy path; removed when what failed succeeds (design §5).
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from certwright.acme.problem import AcmeProblem, ProblemDocument
from certwright.api.annotations import (
    EVIDENCE,
    FAILURE_CLASS,
    FAILURE_MESSAGE,
    FAILURE_REASON,
    NEXT_ATTEMPT,
    PROBLEM,
    REMEDY,
)
from certwright.api.meta import Resource
from certwright.base.clock import whole_seconds
from certwright.base.evidence import Evidence, printable
from certwright.base.problem import Cause, Problem, Retryable

Annotations = Mapping[str, str | None]

_LONGEST = 2000
_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
_KEYS = (
    FAILURE_CLASS,
    FAILURE_REASON,
    FAILURE_MESSAGE,
    NEXT_ATTEMPT,
    EVIDENCE,
    PROBLEM,
    REMEDY,
)
CLEARED: Annotations = dict.fromkeys(_KEYS)
"""Removes what an earlier failure left; no write where there was none."""


def described(problem: Problem, *, next_attempt: datetime | None = None) -> Annotations:
    """Return the annotations that tell of a problem; older ones are removed."""
    document = problem.document if isinstance(problem, AcmeProblem) else None
    cause = problem.cause if isinstance(problem, Retryable) else Cause.POLICY
    return {
        **failure(cause, evidence=problem.evidence, document=document),
        FAILURE_REASON: problem.reason,
        FAILURE_MESSAGE: printable(problem.message, _LONGEST),
        NEXT_ATTEMPT: _moment(next_attempt),
        REMEDY: printable(problem.remedy, _LONGEST) or None,
    }


def failure(
    cause: Cause,
    *,
    evidence: tuple[Evidence, ...] = (),
    document: ProblemDocument | None = None,
) -> Annotations:
    """Return the annotations of a failure that is not an exception."""
    return {
        **CLEARED,
        FAILURE_CLASS: cause,
        EVIDENCE: encode_evidence(evidence) or None,
        PROBLEM: encode_document(document) if document is not None else None,
    }


def carried(resource: Resource) -> Annotations:
    """Return what a resource tells of a failure, for its owner."""
    known = resource.metadata.annotations
    return {key: known.get(key) for key in _KEYS}


def next_attempt(problem: Problem, created: datetime | None, now: datetime) -> datetime | None:
    """Return when something is tried again: when the server says, else as the runtime plans.

    Where a server that limits us names no time, the pause is as long as the resource is old, from
    10 minutes to 6 hours: a doubling that needs no memory.
    """
    if not isinstance(problem, Retryable):
        return None
    if problem.not_before is not None or problem.cause is not Cause.RATE:
        return problem.not_before or problem.planned
    age = now - created if created is not None else timedelta()
    return whole_seconds(now) + min(max(age, timedelta(minutes=10)), timedelta(hours=6))


def rate_limited_until(resource: Resource, now: datetime) -> datetime | None:
    """Return the moment before which nothing may be asked; whatever wakes us, and after a restart.

    Taking the annotation off ends the wait.
    """
    known = resource.metadata.annotations
    if known.get(FAILURE_CLASS) != Cause.RATE:
        return None
    try:
        moment = datetime.strptime(known.get(NEXT_ATTEMPT, ""), _FORMAT).replace(tzinfo=UTC)
    except ValueError:
        return None
    return moment if moment > now else None


def encode_evidence(evidence: tuple[Evidence, ...]) -> str:
    """Encode as JSON of at most 2,000 characters; what does not fit is left out from the end."""
    pairs = [[printable(one.subject, 300), printable(one.seen, 600)] for one in evidence]
    while pairs:
        text = msgspec.json.encode(pairs).decode()
        if len(text) <= _LONGEST:
            return text
        pairs.pop()
    return ""


def encode_document(document: ProblemDocument) -> str:
    """Encode as JSON of at most 2,000 characters; subproblems are left out from the end."""
    wire: dict[str, Any] = {
        name: value for name, value in msgspec.to_builtins(document).items() if value
    }
    while len(text := msgspec.json.encode(wire).decode()) > _LONGEST:
        if wire.get("subproblems"):
            wire = {**wire, "subproblems": wire["subproblems"][:-1]}
        else:
            wire = {
                "type": printable(document.type, 200),
                "status": document.status,
                "detail": printable(document.detail, 500),
            }
    return text


def _moment(moment: datetime | None) -> str | None:
    return whole_seconds(moment).strftime(_FORMAT) if moment is not None else None
