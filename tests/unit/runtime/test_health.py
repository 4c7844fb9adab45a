"""When a process should be started anew, and when it can work."""

from datetime import timedelta

from certwright.runtime.health import Health
from tests.fakes.clock import FakeClock


class Lease:
    """A lease that was last renewed some time ago, or that somebody else has."""

    def __init__(self, silent_for: timedelta | None) -> None:
        self.silent_for = silent_for


def test_a_leader_that_does_not_renew_is_not_alive() -> None:
    health = Health(FakeClock(), longest_silence=timedelta(seconds=80))

    health.lead_by(Lease(timedelta(seconds=80)))
    in_time = health.why_not_alive()
    health.lead_by(Lease(timedelta(seconds=81)))

    assert in_time == ""
    assert health.why_not_alive() == ("this process leads, but has not renewed its lease for 81 s")


def test_who_stands_by_is_alive_and_ready() -> None:
    health = Health(FakeClock(), longest_silence=timedelta(seconds=80))

    health.lead_by(Lease(None))

    assert (health.why_not_alive(), health.why_not_ready()) == ("", "")


def test_clocks_that_part_make_every_time_doubtful() -> None:
    clock = FakeClock()
    health = Health(clock)

    clock.step(timedelta(minutes=4))
    little = health.why_not_alive()
    clock.step(timedelta(minutes=2))

    assert little == ""
    assert "360 s" in health.why_not_alive()
