"""Prometheus metrics by cert-manager's names (compat-spec 7.4), computed when they are asked for.

What objects say comes from the cache, so a series goes with its object and nothing has to be kept
in step. The library knows the format; its counters would get `_total` behind their names, which
cert-manager's have not.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar

from msgspec import Struct

from certwright.api.certificate import Certificate
from certwright.api.conditions import find_condition
from certwright.api.issuer import ClusterIssuer, Issuer
from certwright.api.meta import Condition, Resource
from certwright.api.order import Challenge, State
from certwright.base.clock import Clock
from certwright.runtime.counts import Counts
from certwright.runtime.view import View

if TYPE_CHECKING:
    from prometheus_client.registry import CollectorRegistry

R = TypeVar("R", bound=Resource)

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_STATUSES: Final = ("True", "False", "Unknown")
_QUANTILES: Final = (0.5, 0.9, 0.99)
_COUNTERS: Final = (
    "certmanager_clock_time_seconds",
    "certmanager_controller_sync_call_count",
    "certmanager_controller_sync_error_count",
    "certmanager_http_acme_client_request_count",
)
_TIMES: Final[tuple[tuple[str, str, Callable[[Certificate], datetime | None]], ...]] = (
    (
        "certmanager_certificate_not_after_timestamp_seconds",
        "When the certificate ends, as a Unix time; 0 where it is not known.",
        lambda one: one.status.not_after,
    ),
    (
        "certmanager_certificate_not_before_timestamp_seconds",
        "When the certificate begins, as a Unix time; 0 where it is not known.",
        lambda one: one.status.not_before,
    ),
    (
        "certmanager_certificate_expiration_timestamp_seconds",
        "When the certificate ends, as a Unix time; the older name.",
        lambda one: one.status.not_after,
    ),
    (
        "certmanager_certificate_renewal_timestamp_seconds",
        "When the certificate is renewed, as a Unix time; 0 where it is not known.",
        lambda one: one.status.renewal_time,
    ),
)


class _Seen(Struct, frozen=True, kw_only=True):
    """The objects at one moment."""

    certificates: tuple[Certificate, ...] = ()
    challenges: tuple[Challenge, ...] = ()
    issuers: tuple[Issuer, ...] = ()
    cluster_issuers: tuple[ClusterIssuer, ...] = ()


class Metrics:
    """What a process tells Prometheus; objects come in when it leads (`show`)."""

    def __init__(self, counts: Counts, clock: Clock) -> None:
        self._counts = counts
        self._clock = clock
        self._view: View | None = None
        self._registry: CollectorRegistry | None = None

    def show(self, view: View) -> None:
        """Tell about the objects of a view from now on."""
        self._view = view

    async def render(self) -> bytes:
        """Return the text; the cache is read at once, the text is written beside the loop."""
        families = [
            *self._clock_families(),
            *self._sync_families(),
            *self._acme_families(),
        ]
        return await asyncio.to_thread(self._written, families, self._seen())

    def _seen(self) -> "_Seen":
        if self._view is None:
            return _Seen()
        return _Seen(
            certificates=_known(self._view, Certificate),
            challenges=_known(self._view, Challenge),
            issuers=_known(self._view, Issuer),
            cluster_issuers=_known(self._view, ClusterIssuer),
        )

    def _written(self, families: list[Any], seen: "_Seen") -> bytes:
        from prometheus_client import (  # noqa: PLC0415  # nobody else needs its memory
            CollectorRegistry,
            ProcessCollector,
            generate_latest,
        )

        if self._registry is None:
            self._registry = CollectorRegistry(auto_describe=False)
            ProcessCollector(registry=self._registry)
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Ready([*families, *_object_families(seen)]))
        text = generate_latest(registry)
        for name in _COUNTERS:
            for word in ("HELP", "TYPE"):
                text = text.replace(
                    f"# {word} {name}_total ".encode(), f"# {word} {name} ".encode()
                )
        return text + generate_latest(self._registry)

    def _clock_families(self) -> Iterator[Any]:
        now = self._clock.now().timestamp()
        for name, type_, text in (
            (
                "certmanager_clock_time_seconds",
                "counter",
                "The time of day, as a Unix time; use the gauge instead.",
            ),
            (
                "certmanager_clock_time_seconds_gauge",
                "gauge",
                "The time of day, as a Unix time.",
            ),
        ):
            family = _family(name, type_, text)
            family.add_sample(name, {}, now)
            yield family

    def _sync_families(self) -> Iterator[Any]:
        for name, counter, text in (
            (
                "certmanager_controller_sync_call_count",
                self._counts.syncs,
                "Reconciles, by the controller of cert-manager that they stand for.",
            ),
            (
                "certmanager_controller_sync_error_count",
                self._counts.failures,
                "Reconciles that failed and are tried again.",
            ),
        ):
            family = _family(name, "counter", text)
            for controller, count in counter.items():
                family.add_sample(name, {"controller": controller}, count)
            yield family

    def _acme_families(self) -> Iterator[Any]:
        count, took = (
            "certmanager_http_acme_client_request_count",
            "certmanager_http_acme_client_request_duration_seconds",
        )
        calls = _family(count, "counter", "Requests to ACME servers; status 999: no answer.")
        spans = _family(took, "summary", "How long they took.")
        now = self._clock.monotonic()
        for call, durations in self._counts.acme.items():
            labels = {name: getattr(call, name) for name in call.__struct_fields__}
            calls.add_sample(count, labels, durations.count)
            for part, seconds in durations.quantiles(now, _QUANTILES).items():
                spans.add_sample(took, labels | {"quantile": str(part)}, seconds)
            spans.add_sample(f"{took}_sum", labels, durations.total_seconds)
            spans.add_sample(f"{took}_count", labels, durations.count)
        yield calls
        yield spans


class _Ready:
    """A collector of what was computed already."""

    def __init__(self, families: list[Any]) -> None:
        self._families = families

    def collect(self) -> list[Any]:
        """Return it."""
        return self._families


def _family(name: str, type_: str, text: str) -> Any:
    from prometheus_client.metrics_core import Metric  # noqa: PLC0415  # as above

    return Metric(name, text, type_)


def _known(view: View, kind: type[R]) -> tuple[R, ...]:
    try:
        return view.list(kind)
    except KeyError:  # a kind that this process does not serve
        return ()


def _object_families(seen: _Seen) -> Iterator[Any]:
    yield from _certificate_families(seen.certificates)
    yield _challenge_family(seen.challenges)
    yield _issuer_family(seen.issuers)
    yield _cluster_issuer_family(seen.cluster_issuers)


def _certificate_families(certificates: Iterable[Certificate]) -> Iterator[Any]:
    name = "certmanager_certificate_ready_status"
    ready = _family(name, "gauge", "1 for the status of the Ready condition, 0 for the others.")
    times = [(_family(name, "gauge", text), name, read) for name, text, read in _TIMES]
    for one in certificates:
        labels = {
            "name": one.metadata.name,
            "namespace": one.metadata.namespace,
            "issuer_name": one.spec.issuer_ref.name,
            "issuer_kind": one.spec.issuer_ref.kind,
            "issuer_group": one.spec.issuer_ref.group,
        }
        _add_ready(ready, name, labels, one.status.conditions)
        for family, metric, read in times:
            moment = read(one)
            family.add_sample(metric, labels, moment.timestamp() if moment else 0)
    yield ready
    yield from (family for family, _, _ in times)


def _challenge_family(challenges: Iterable[Challenge]) -> Any:
    name = "certmanager_certificate_challenge_status"
    family = _family(name, "gauge", "1 for the state of the Challenge, 0 for the others.")
    for one in challenges:
        labels = {
            "domain": one.spec.dns_name,
            "reason": one.status.reason,
            "processing": str(one.status.processing).lower(),
            "name": one.metadata.name,
            "namespace": one.metadata.namespace,
            "type": str(one.spec.type),
        }
        for state in State:
            value = int(one.status.state == state)
            family.add_sample(name, {"status": str(state)} | labels, value)
    return family


def _issuer_family(issuers: Iterable[Issuer]) -> Any:
    name = "certmanager_issuer_ready_status"
    family = _family(name, "gauge", "1 for the status of the Ready condition, 0 for the others.")
    for one in issuers:
        labels = {"name": one.metadata.name, "namespace": one.metadata.namespace}
        _add_ready(family, name, labels, one.status.conditions)
    return family


def _cluster_issuer_family(issuers: Iterable[ClusterIssuer]) -> Any:
    name = "certmanager_clusterissuer_ready_status"
    family = _family(name, "gauge", "1 for the status of the Ready condition, 0 for the others.")
    for one in issuers:
        _add_ready(family, name, {"name": one.metadata.name}, one.status.conditions)
    return family


def _add_ready(
    family: Any, name: str, labels: dict[str, str], conditions: Iterable[Condition]
) -> None:
    ready = find_condition(conditions, "Ready")
    current = str(ready.status) if ready is not None else "Unknown"
    for status in _STATUSES:
        family.add_sample(name, labels | {"condition": status}, int(status == current))
