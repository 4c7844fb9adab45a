"""No more requests per second than the user allows (`--kube-api-qps`, `--kube-api-burst`).

Called by `kube.rest`, only where the user gave a number: the server's own flow control is better.
"""

from datetime import timedelta

from certwright.base.clock import Clock


class Pace:
    """A bucket of `burst` permits that fills with `per_second`."""

    def __init__(self, clock: Clock, *, per_second: float, burst: int) -> None:
        self._clock = clock
        self._per_second = per_second
        self._burst = float(max(burst, 1))
        self._permits = self._burst
        self._filled_at = clock.monotonic()

    async def wait(self) -> None:
        """Take a permit, in order of asking."""
        now = self._clock.monotonic()
        gained = (now - self._filled_at) * self._per_second
        self._permits = min(self._burst, self._permits + gained) - 1
        self._filled_at = now
        if self._permits < 0:  # a debt: those who come later wait longer
            await self._clock.sleep(timedelta(seconds=-self._permits / self._per_second))
