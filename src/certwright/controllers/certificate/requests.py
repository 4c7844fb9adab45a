"""The CertificateRequest of an issuance (certificates-request-manager, compat-spec 3.5).

Its pruning stands for certificates-revision-manager (3.10).
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta

from msgspec.structs import replace

from certwright.api import annotations as names
from certwright.api.conditions import find_condition, with_condition
from certwright.api.duration import BadDurationError, format_duration, parse_duration
from certwright.api.kinds import owner_reference
from certwright.api.meta import Condition, ConditionStatus, ObjectMeta
from certwright.api.request import CertificateRequest, CertificateRequestSpec
from certwright.base.reason import Reason
from certwright.controllers.certificate.keys import read_next_key
from certwright.controllers.certificate.turn import REQUEST_MANAGER, Turn
from certwright.controllers.failure import CLEARED
from certwright.pki.csr import build_csr
from certwright.pki.errors import PkiError
from certwright.policy.certificate import CreateRequest, DeleteRequests
from certwright.policy.csr import csr_request
from certwright.policy.naming import request_name
from certwright.runtime.outcome import Outcome, again_at, normal, warning
from certwright.store.protocol import AlreadyExists, Invalid

_RETRY = timedelta(seconds=8)

OF_FAILURES = frozenset({*CLEARED, names.FAILED_WITH})
"""Annotations that tell of one object's failure; they are never copied to the next attempt."""


async def delete_requests(turn: Turn, step: DeleteRequests) -> Outcome:
    """Delete CertificateRequests; their Orders and Challenges go with them."""
    for attempt in step.attempts:
        await turn.view.delete(attempt.request)
    return turn.report()


async def create_request(turn: Turn, step: CreateRequest) -> Outcome:
    """Ask for a signature over the next private key."""
    certificate = turn.seen.certificate
    key = await read_next_key(turn)
    if key is None:
        return again_at(turn.now + _RETRY)  # it was deleted a moment ago: the watch will tell
    try:
        csr = build_csr(csr_request(certificate.spec), key)
        duration = normal_duration(certificate.spec.duration)
    except (PkiError, BadDurationError) as error:
        return _unbuildable(turn, str(error))
    request = CertificateRequest(
        metadata=ObjectMeta(
            name=request_name(certificate.metadata.name, step.revision),
            namespace=certificate.metadata.namespace,
            labels=certificate.metadata.labels,
            annotations=_annotations(turn, step.revision),
            owner_references=(owner_reference(certificate),),
        ),
        spec=CertificateRequestSpec(
            request=csr,
            issuer_ref=certificate.spec.issuer_ref,
            duration=duration,
            is_ca=certificate.spec.is_ca,
            usages=certificate.spec.usages,
        ),
    )
    try:
        created = await turn.view.create(request, manager=REQUEST_MANAGER)
    except (AlreadyExists, Invalid) as problem:
        message = f"Failed to create CertificateRequest: {problem.message}"
        event = warning(REQUEST_MANAGER, Reason.REQUEST_FAILED, message)
        return turn.report(REQUEST_MANAGER, event, again_at=turn.now + _RETRY)
    message = f'Created new CertificateRequest resource "{created.metadata.name}"'
    return turn.report(REQUEST_MANAGER, normal(REQUEST_MANAGER, Reason.REQUESTED, message))


def _unbuildable(turn: Turn, error: str) -> Outcome:
    """Say in Ready that the spec makes no CSR; a person must change it."""
    message = f"Failed to generate CSR: {error} - will not retry"
    ready = Condition(
        type="Ready",
        status=ConditionStatus.FALSE,
        reason=Reason.INVALID_SPEC,
        message=message,
        observed_generation=turn.seen.certificate.metadata.generation,
    )
    status = turn.status
    status = replace(status, conditions=with_condition(status.conditions, ready, turn.now))
    known = find_condition(turn.seen.certificate.status.conditions, "Ready")
    if known is not None and known.message == message:
        return turn.report(REQUEST_MANAGER, status=status)
    event = warning(REQUEST_MANAGER, Reason.REQUEST_FAILED, message)
    return turn.report(REQUEST_MANAGER, event, status=status)


def normal_duration(text: str | None) -> str | None:
    """Write a duration as Go would, `90m` as `1h30m0s`.

    Raises:
        BadDurationError: it is none.
    """
    return None if text is None else format_duration(parse_duration(text))


def copied_annotations(annotations: Mapping[str, str], prefixes: Iterable[str]) -> dict[str, str]:
    """Return the annotations that a request takes over (compat-spec 2.2: order matters)."""
    prefixes = tuple(prefixes)
    everything = "*" in prefixes
    copied: dict[str, str] = {}
    for prefix in prefixes:
        if prefix.startswith("-"):
            gone = [name for name in copied if name.startswith(prefix[1:])]
            for name in gone:
                del copied[name]
            continue
        copied |= {
            name: text
            for name, text in annotations.items()
            if everything or name.startswith(prefix)
        }
    return {name: text for name, text in copied.items() if name not in OF_FAILURES}


def _annotations(turn: Turn, revision: int) -> dict[str, str]:
    certificate = turn.seen.certificate
    prefixes = turn.world.options.copied_annotation_prefixes
    return {
        **copied_annotations(certificate.metadata.annotations, prefixes),
        names.CERTIFICATE_REVISION: str(revision),
        names.PRIVATE_KEY_SECRET: certificate.status.next_private_key_secret_name,
        names.CERTIFICATE_NAME: certificate.metadata.name,
    }
