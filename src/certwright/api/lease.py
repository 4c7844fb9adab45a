"""Lease (coordination.k8s.io/v1): who works, so that nobody else does."""

from datetime import UTC, datetime

from msgspec import Struct

from certwright.api.meta import Resource


class LeaseSpec(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Who holds it and how long; times are Kubernetes' MicroTime, see `micro_time`."""

    holder_identity: str | None = None
    lease_duration_seconds: int | None = None
    acquire_time: str | None = None
    renew_time: str | None = None
    lease_transitions: int | None = None


class Lease(Resource, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A lease."""

    spec: LeaseSpec = LeaseSpec()


def micro_time(moment: datetime) -> str:
    """Write a moment as MicroTime: always six digits, which the API server insists on."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_micro_time(text: str | None) -> datetime | None:
    """Read a MicroTime; None where there is none, or it is none."""
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None
