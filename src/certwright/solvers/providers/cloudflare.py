"""Cloudflare's API v4: zones by name, TXT records one by one (compat-spec 6.9).

Used: `GET /zones?name=`, `GET`, `POST` and `DELETE` under `/zones/{id}/dns_records`. Answers are
envelopes with `success`, `errors` and `result`.
"""

from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from certwright.api.solver import DNS01
from certwright.api.solver import Cloudflare as Settings
from certwright.base.clock import Clock
from certwright.base.evidence import printable
from certwright.base.problem import Cause, Problem, Retryable, Stalled
from certwright.base.reason import Reason
from certwright.base.secret import Redacted, scrub
from certwright.dns.name import parents
from certwright.dns.problem import BadSettings
from certwright.net.http import Http, Response
from certwright.solvers.provider import (
    TTL_SECONDS,
    Credentials,
    Provider,
    Surroundings,
    ZoneLocks,
    require_text,
)

API = "https://api.cloudflare.com/client/v4"
TIMEOUT = timedelta(seconds=30)
PER_PAGE = 100
MAX_PAGES = 50
LIMIT_BYTES = 4 * 1024 * 1024
LONGEST_PAUSE = timedelta(hours=1)

_KEY, _TOKEN = "apiKeySecretRef", "apiTokenSecretRef"  # names of fields
_BAD_CREDENTIALS = frozenset({6003, 6111, 9103, 9106, 9109, 10000})
"""Codes that come with 400 though they mean the token or the key."""
_ALREADY_THERE = frozenset({81057, 81058})
_GONE = frozenset({81044})


class _Complaint(msgspec.Struct, frozen=True):
    code: int = 0
    message: str = ""


class _Pages(msgspec.Struct, frozen=True):
    total_pages: int = 1


class _Envelope(msgspec.Struct, frozen=True):
    success: bool
    errors: tuple[_Complaint, ...] | None = None
    result: Any = None
    result_info: _Pages | None = None


class _Item(msgspec.Struct, frozen=True):
    id: str
    name: str = ""
    content: str = ""


class Login(msgspec.Struct, frozen=True):
    """Who we are: an API token, or the account's key with its e-mail."""

    secret: Redacted[str]
    email: str = ""

    def headers(self) -> dict[str, str]:
        """Headers of a request; they show the secret, never print them."""
        if self.email:
            return {"X-Auth-Email": self.email, "X-Auth-Key": self.secret.reveal()}
        return {"Authorization": f"Bearer {self.secret.reveal()}"}


class CloudflareProvider:
    """Writes TXT records by HTTP; finds its zone by asking for each parent of the name."""

    def __init__(
        self,
        login: Login,
        *,
        http: Http,
        clock: Clock,
        base_url: str = API,
    ) -> None:
        self._login = login
        self._http = http
        self._clock = clock
        self._base_url = base_url.rstrip("/")
        self._locks = ZoneLocks()

    async def add_txt(self, fqdn: str, value: str) -> None:
        """Create the record unless it is there; see `Provider.add_txt`."""
        zone = await self._zone_of(fqdn)
        async with self._locks.of(zone):
            if await self._records(zone, fqdn, value):
                return
            record = {
                "type": "TXT",
                "name": fqdn.rstrip("."),
                # the API wants the quotes of RFC 1035's character strings as part of the content
                "content": f'"{value}"',
                "ttl": TTL_SECONDS,
            }
            await self._send("POST", f"/zones/{zone}/dns_records", record, fine=_ALREADY_THERE)

    async def remove_txt(self, fqdn: str, value: str) -> None:
        """Delete the records with this value; see `Provider.remove_txt`."""
        zone = await self._zone_of(fqdn)
        async with self._locks.of(zone):
            for record in await self._records(zone, fqdn, value):
                path = f"/zones/{zone}/dns_records/{quote(record, safe='')}"
                await self._send("DELETE", path, fine=_GONE)

    async def _zone_of(self, fqdn: str) -> str:
        """Id of the nearest zone that the credentials can see."""
        for name in parents(fqdn):
            query = urlencode({"name": name.rstrip(".")})
            envelope = await self._send("GET", f"/zones?{query}")
            for zone in _items(envelope):
                if zone.name.lower() == name.rstrip("."):
                    return quote(zone.id, safe="")
        raise Stalled(
            Reason.ZONE_NOT_FOUND,
            f"Cloudflare has no zone for {fqdn} that these credentials can see",
            remedy="See that the zone is in this account and the token has Zone:Read for it.",
        )

    async def _records(self, zone: str, fqdn: str, value: str) -> tuple[str, ...]:
        """Ids of the TXT records with this name and value."""
        found: list[str] = []
        for page in range(1, MAX_PAGES + 1):
            wanted = {"type": "TXT", "name": fqdn.rstrip("."), "per_page": PER_PAGE, "page": page}
            envelope = await self._send("GET", f"/zones/{zone}/dns_records?{urlencode(wanted)}")
            found.extend(
                record.id
                for record in _items(envelope)
                if record.name.lower() == fqdn.rstrip(".") and _unquoted(record.content) == value
            )
            if page >= (envelope.result_info or _Pages()).total_pages:
                break
        return tuple(found)

    async def _send(
        self,
        method: str,
        path: str,
        body: dict[str, object] | None = None,
        *,
        fine: frozenset[int] = frozenset(),
    ) -> _Envelope:
        """Send one request; an answer whose codes are all `fine` is no error."""
        response = await self._http.request(
            method,
            self._base_url + path,
            headers={
                **self._login.headers(),
                "Content-Type": "application/json",
                "Accept": "application/json",
            },
            body=msgspec.json.encode(body) if body is not None else None,
            timeout=TIMEOUT,
            limit_bytes=LIMIT_BYTES,
        )
        envelope = _parse(response)
        if envelope is not None and envelope.success and response.status < HTTPStatus.BAD_REQUEST:
            return envelope
        complaints = (envelope.errors if envelope else None) or ()
        codes = frozenset(complaint.code for complaint in complaints)
        if envelope is not None and codes and codes <= fine:
            return envelope
        raise self._problem(response, codes, complaints)

    def _problem(
        self, response: Response, codes: frozenset[int], complaints: tuple[_Complaint, ...]
    ) -> Problem:
        said = "; ".join(f"{complaint.message} ({complaint.code})" for complaint in complaints)
        # a provider may well quote our own headers back
        text = (
            printable(scrub(said, (self._login.secret,)), 500) or f"HTTP status {response.status}"
        )
        if response.status == HTTPStatus.TOO_MANY_REQUESTS:
            return Retryable(
                Reason.RATE_LIMITED,
                f"Cloudflare asks for fewer requests: {text}",
                cause=Cause.RATE,
                not_before=self._not_before(response),
            )
        if response.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN) or (
            codes & _BAD_CREDENTIALS
        ):
            return Stalled(
                Reason.CREDENTIALS_REFUSED,
                f"Cloudflare refused the credentials: {text}",
                remedy="The token needs Zone:Read and DNS:Edit for the zone, and must be active.",
            )
        if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR or not complaints:
            return Retryable(
                Reason.SERVER_ERROR,
                f"Cloudflare failed with HTTP status {response.status}: {text}",
                cause=Cause.SERVER,
                not_before=self._not_before(response),
            )
        return Retryable(Reason.REFUSED, f"Cloudflare refused: {text}", cause=Cause.POLICY)

    def _not_before(self, response: Response) -> datetime | None:
        """The moment that Retry-After names, in seconds or as a date (RFC 9110 §10.2.3)."""
        text = response.header("Retry-After").strip()
        now = self._clock.now()
        try:
            wanted = (
                now + timedelta(seconds=int(text))
                if text.isascii() and text.isdigit()
                else parsedate_to_datetime(text)
            )
            return min(max(wanted, now), now + LONGEST_PAUSE)
        except (ValueError, TypeError, OverflowError):
            return None


def build(
    config: DNS01, credentials: Credentials, around: Surroundings, *, base_url: str = API
) -> Provider:
    """Make the provider out of `dns01.cloudflare`.

    Raises:
        Stalled: there is not exactly one of token and key, the e-mail or the Secret is missing.
    """
    settings = config.cloudflare or Settings()
    return CloudflareProvider(
        _login(settings, credentials), http=around.http, clock=around.clock, base_url=base_url
    )


def _login(settings: Settings, credentials: Credentials) -> Login:
    if (settings.api_key_secret_ref is None) == (settings.api_token_secret_ref is None):
        raise BadSettings(f"cloudflare needs exactly one of {_KEY} and {_TOKEN}")
    if settings.api_token_secret_ref is not None:
        return Login(require_text(credentials, _TOKEN))
    email = settings.email.strip()
    if not email or not email.isascii() or not email.isprintable():
        raise BadSettings(f"cloudflare needs the account's email with {_KEY}")
    return Login(require_text(credentials, _KEY), email)


def _parse(response: Response) -> _Envelope | None:
    try:
        return msgspec.json.decode(response.body, type=_Envelope)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _items(envelope: _Envelope) -> tuple[_Item, ...]:
    try:
        return msgspec.convert(envelope.result, tuple[_Item, ...])
    except msgspec.ValidationError as error:
        text = "Cloudflare's answer has another shape than documented"
        raise Retryable(Reason.SERVER_ERROR, text, cause=Cause.SERVER) from error


def _unquoted(content: str) -> str:
    """Content as one text: `"a" "b"` and `ab` are the same value (RFC 1035 §5.1)."""
    content = content.strip()
    if not content.startswith('"'):
        return content
    return "".join(part for part in content.split('"') if part.strip())
