"""The demo backend: one page that shows the steps to, and the facts of, its own certificate.

Behind the edge; loads nothing from elsewhere, and a small script reloads it after a renewal.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache
from importlib import resources

import jinja2
import msgspec
from msgspec import Struct

from certwright.api.certificate import Certificate
from certwright.api.core import TLS_CERT, Ingress, Secret
from certwright.api.meta import Key
from certwright.base.clock import Clock
from certwright.lab.pull import find_secret
from certwright.lab.seen import serial_text
from certwright.lab.tour import Line, Progress
from certwright.net.server import Reply, Request, Route
from certwright.pki.certificate import certificate_facts
from certwright.pki.errors import PkiError
from certwright.store.protocol import NotFound, Store

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = (
    ("Content-Security-Policy", POLICY),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cache-Control", "no-store"),
)
_WIDTH = 100.0


class Facts(Struct, frozen=True, kw_only=True):
    """What the page says of its certificate; `renewal` is None until the Certificate knows."""

    secret: str
    serial: str
    issuer: str
    names: tuple[str, ...]
    not_before: datetime
    not_after: datetime
    renewal: datetime | None


class Shown(Struct, frozen=True, kw_only=True):
    """All that the page shows."""

    host: str
    lines: tuple[Line, ...]
    round: int
    now: datetime
    facts: Facts | None

    @property
    def seconds(self) -> float:
        """From the first line to the last but the visit itself."""
        return self.lines[-1].seconds if self.lines else 0.0

    @property
    def elapsed(self) -> float:
        """How much of the certificate's life is over, in percent."""
        return self.share(self.now)

    def share(self, moment: datetime | None) -> float:
        """Where a moment lies in the certificate's life, in percent."""
        if self.facts is None or moment is None:
            return 0.0
        life = (self.facts.not_after - self.facts.not_before) or timedelta(seconds=1)
        return min(_WIDTH, max(0.0, _WIDTH * ((moment - self.facts.not_before) / life)))


class Site:
    """Answers the edge's requests; `use` gives it the store once there is one."""

    def __init__(self, clock: Clock, progress: Callable[[], Progress]) -> None:
        self._clock = clock
        self._progress = progress
        self._store: Store | None = None

    def use(self, store: Store) -> None:
        """Read certificates from this store."""
        self._store = store

    @property
    def routes(self) -> tuple[Route, ...]:
        """What it serves."""
        return (
            Route("GET", "/", self._page),
            Route("GET", "/state.json", self._state),
            Route("GET", "/lab.css", _stylesheet),
            Route("GET", "/lab.js", _script),
        )

    async def _page(self, request: Request) -> Reply:
        html = render(await self._shown(request))
        return _reply(html.encode(), "text/html; charset=utf-8")

    async def _state(self, request: Request) -> Reply:
        shown = await self._shown(request)
        serial = shown.facts.serial if shown.facts else ""
        state = {"serial": serial, "round": shown.round, "lines": len(shown.lines)}
        return _reply(msgspec.json.encode(state), "application/json")

    async def _shown(self, request: Request) -> Shown:
        host = request.host.partition(":")[0].lower()
        progress = self._progress()
        return Shown(
            host=host,
            lines=progress.lines,
            round=progress.number,
            now=self._clock.now(),
            facts=await self._facts(host),
        )

    async def _facts(self, host: str) -> Facts | None:
        if self._store is None:
            return None
        key = find_secret((await self._store.list(Ingress)).items, host)
        if key is None:
            return None
        try:
            secret = await self._store.get(Secret, key)
            found = certificate_facts(secret.data.get(TLS_CERT, b""))
        except (NotFound, PkiError):
            return None
        return Facts(
            secret=str(key),
            serial=serial_text(found.serial),
            issuer=found.issuer_common_name or found.common_name or "itself",
            names=found.dns,
            not_before=found.not_before,
            not_after=found.not_after,
            renewal=await self._renewal(key),
        )

    async def _renewal(self, key: Key) -> datetime | None:
        if self._store is None:
            return None
        certificates = (await self._store.list(Certificate, namespace=key.namespace)).items
        found = (one for one in certificates if one.spec.secret_name == key.name)
        return next((one.status.renewal_time for one in found), None)


def render(shown: Shown) -> str:
    """Make the page."""
    return _environment().get_template("page.html").render(shown=shown)


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_text),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["utc"] = _utc
    return environment


def _utc(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _text(name: str) -> str:
    return (resources.files("certwright.lab") / "templates" / name).read_text("utf-8")


async def _stylesheet(request: Request) -> Reply:
    del request
    return _reply(_text("lab.css").encode(), "text/css; charset=utf-8")


async def _script(request: Request) -> Reply:
    del request
    return _reply(_text("lab.js").encode(), "text/javascript; charset=utf-8")


def _reply(body: bytes, content_type: str) -> Reply:
    return Reply(body=body, content_type=content_type, headers=_HEADERS)
