"""What `certwright approve` and `certwright deny` have in common; words and rules are cmctl's.

Called by the two commands; compat-spec 8 and 1.2.
"""

from datetime import datetime

import typer
from msgspec import Struct

from certwright.api.conditions import is_true, with_condition
from certwright.api.kinds import to_wire
from certwright.api.meta import Condition, ConditionStatus, Key
from certwright.api.request import APPROVED, DENIED, CertificateRequest
from certwright.base.clock import SystemClock, whole_seconds
from certwright.cli.output import fail
from certwright.cli.where import Where, writing
from certwright.store.protocol import NotFound

MANAGER = "cmctl"
REASON = "KubectlCertManager"


class Verdict(Struct, frozen=True):
    """Approved or Denied, and why."""

    type: str
    reason: str
    message: str


async def judge(where: Where, key: Key, verdict: Verdict) -> None:
    """Write a verdict on a request, and say so.

    Raises:
        typer.Exit: there is no such request, or it was judged before.
    """
    async with writing(where) as store:
        try:
            request = await store.get(CertificateRequest, key)
        except NotFound as problem:
            raise fail(problem.message) from problem
        for known in (APPROVED, DENIED):
            if is_true(request.status.conditions, known):
                raise fail(f"CertificateRequest is already {known.lower()}")
        await store.patch_status(
            CertificateRequest,
            key,
            _patch(request, verdict, whole_seconds(SystemClock().now())),
            manager=MANAGER,
            version=request.metadata.resource_version,
        )
    typer.echo(f"{verdict.type} CertificateRequest '{key}'")


def _patch(request: CertificateRequest, verdict: Verdict, now: datetime) -> dict[str, object]:
    condition = Condition(
        type=verdict.type,
        status=ConditionStatus.TRUE,
        reason=verdict.reason,
        message=verdict.message,
    )
    conditions = with_condition(request.status.conditions, condition, now)
    return {"conditions": [to_wire(one) for one in conditions]}
