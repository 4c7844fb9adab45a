"""What was done, counted while it is done; `runtime.metrics` shows it.

One object per process, handed to whoever counts; what can be read from the cache is not counted.
"""

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final, Protocol
from urllib.parse import urlsplit

from msgspec import Struct

_WINDOW_SECONDS: Final = 600.0
_MOST: Final = 500
"""Durations that are kept per kind of request, for its quantiles."""
_KINDS: Final = 1000
"""Kinds of requests that are told apart: a CA's redirects must not fill the memory."""


class AcmeCall(Struct, frozen=True, kw_only=True):
    """A kind of request to a CA, by cert-manager's labels (compat-spec 7.4)."""

    scheme: str
    host: str
    action: str
    method: str
    status: str


ACTIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "directory": "discover",
        "newAccount": "register_account",
        "account": "get_registration",
        "newOrder": "authorize_order",
        "order": "get_order",
        "finalize": "create_order_cert",
        "certificate": "fetch_cert",
        "authorization": "get_authorization",
        "challenge": "accept_challenge",
    }
)
"""cert-manager's word for what a request is for, by RFC 8555's; others are `unnamed_action`."""
NO_ANSWER: Final = "999"


class Asked(Protocol):
    """One request to a CA, as `acme` tells of it; status 0: nothing answered."""

    @property
    def operation(self) -> str:
        """What it was for, in RFC 8555's word."""

    @property
    def method(self) -> str:
        """The HTTP method."""

    @property
    def url(self) -> str:
        """Where it went."""

    @property
    def status(self) -> int:
        """The HTTP status."""

    @property
    def seconds(self) -> float:
        """How long it took."""


class Durations:
    """How long requests of one kind took: all of them, and the latest for quantiles."""

    def __init__(self) -> None:
        self.count = 0
        self.total_seconds = 0.0
        self._latest: deque[tuple[float, float]] = deque(maxlen=_MOST)

    def add(self, at: float, seconds: float) -> None:
        """Take in one; `at` is the monotonic moment at which it ended."""
        self.count += 1
        self.total_seconds += seconds
        self._latest.append((at, seconds))

    def quantiles(self, now: float, wanted: Iterable[float]) -> Mapping[float, float]:
        """Return quantiles of the last ten minutes; none where nothing happened."""
        recent = sorted(took for at, took in self._latest if now - at <= _WINDOW_SECONDS)
        if not recent:
            return {}
        last = len(recent) - 1
        return {part: recent[min(last, int(part * len(recent)))] for part in wanted}


class Counts:
    """The counters of one process."""

    def __init__(self) -> None:
        self.syncs: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()
        self.acme: dict[AcmeCall, Durations] = {}

    def synced(self, controllers: Iterable[str], *, failed: bool) -> None:
        """Count a reconcile for each of cert-manager's controllers that it stands for."""
        for name in controllers:
            self.syncs[name] += 1
            if failed:
                self.failures[name] += 1

    def asked(self, request: Asked, now: float) -> None:
        """Count a request to a CA that ended at the monotonic moment `now`."""
        url = urlsplit(request.url)
        call = AcmeCall(
            scheme=url.scheme,
            host=url.netloc,
            action=ACTIONS.get(request.operation, "unnamed_action"),
            method=request.method,
            status=str(request.status) if request.status else NO_ANSWER,
        )
        durations = self.acme.get(call)
        if durations is None:
            if len(self.acme) >= _KINDS:
                return
            durations = self.acme[call] = Durations()
        durations.add(now, request.seconds)
