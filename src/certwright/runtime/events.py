"""Tells events: one object per thing that happened, counted up when it happens again.

Events explain; they are never read to decide. A failure to write one is logged and forgotten.
"""

from collections import OrderedDict
from collections.abc import Iterable
from secrets import token_hex

import structlog
from msgspec.structs import replace

from certwright.api.core import Event, EventSource, ObjectReference
from certwright.api.kinds import encode, kind_of
from certwright.api.meta import ObjectMeta, Resource
from certwright.base.clock import Clock, whole_seconds
from certwright.base.evidence import printable
from certwright.runtime.outcome import Report
from certwright.store.protocol import NotFound, Store, StoreProblem

_KNOWN = 4096
_LONGEST = 1024
"""Kubernetes cuts an event's message here."""

log = structlog.get_logger(__name__)


class Recorder:
    """Writes events, and counts repetitions of the same one."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._known: OrderedDict[tuple[str, ...], Event] = OrderedDict()

    async def record(self, reports: Iterable[Report], resource: Resource) -> None:
        """Write the events of one reconcile of `resource`, in their order."""
        for report in reports:
            await self._record(report, report.about if report.about is not None else resource)

    async def _record(self, report: Report, about: Resource) -> None:
        message = printable(report.message, _LONGEST)
        same = (about.metadata.uid, report.source, report.type, report.reason, message)
        log.info(
            "event", kind=kind_of(about).name, object=str(about.key), reason=report.reason,
            message=message, source=report.source,
        )  # fmt: skip
        try:
            known = self._known.get(same)
            written = await (
                self._count_up(known) if known is not None else self._create(report, about, message)
            )
        except StoreProblem as problem:
            log.warning("event not written", reason=report.reason, problem=problem.message)
            return
        self._known[same] = written
        self._known.move_to_end(same)
        if len(self._known) > _KNOWN:
            self._known.popitem(last=False)

    async def _count_up(self, known: Event) -> Event:
        again = replace(
            known, count=known.count + 1, last_timestamp=whole_seconds(self._clock.now())
        )
        patch = {"count": again.count, "lastTimestamp": encode(again)["lastTimestamp"]}
        try:
            return await self._store.patch(Event, known.key, patch, manager=known.source.component)
        except NotFound:  # it was an hour ago
            fresh = replace(again, metadata=_metadata(known.metadata.namespace, known))
            return await self._store.create(fresh, manager=known.source.component)

    async def _create(self, report: Report, about: Resource, message: str) -> Event:
        kind, now = kind_of(about), whole_seconds(self._clock.now())
        reference = ObjectReference(
            kind=kind.name,
            api_version=kind.api_version,
            namespace=about.metadata.namespace,
            name=about.metadata.name,
            uid=about.metadata.uid,
            resource_version=about.metadata.resource_version,
        )
        event = Event(
            metadata=ObjectMeta(),
            involved_object=reference,
            reason=report.reason,
            message=message,
            type=report.type,
            source=EventSource(component=report.source),
            reporting_component=report.source,
            first_timestamp=now,
            last_timestamp=now,
        )
        # client-go's rule: events of cluster-scoped objects go to the namespace "default"
        namespace = about.metadata.namespace or "default"
        event = replace(event, metadata=_metadata(namespace, event))
        return await self._store.create(event, manager=report.source)


def _metadata(namespace: str, event: Event) -> ObjectMeta:
    return ObjectMeta(namespace=namespace, name=f"{event.involved_object.name}.{token_hex(8)}")
