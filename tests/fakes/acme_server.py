"""An ACME server in memory that speaks RFC 8555 on the wire, without a wire: it is an `Http`.

The real client signs, this verifies; what it proves it looks up by the function that the test hands
in. It passes the suite that Pebble passes (tests/contract/acme), lives by the test's clock, and
misbehaves as `Moods` say: that makes years of renewals and every crash point affordable.
"""

import base64
import hashlib
import warnings
from collections.abc import Awaitable, Callable, Mapping
from copy import copy, deepcopy
from datetime import datetime, timedelta
from random import Random
from typing import Any

import msgspec
from joserfc import jws
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey
from msgspec import Struct, field

from certwright.base.clock import Clock
from certwright.base.problem import Cause, Retryable
from certwright.net.http import Response
from certwright.pki.certificate import KeyPair, Template, sign_certificate
from certwright.pki.csr import parse_csr
from certwright.pki.errors import PkiError
from certwright.pki.keys import spki_sha256
from certwright.pki.pem import encode_pem
from tests.builders import a_ca

ORIGIN = "https://ca.example"
DIRECTORY = f"{ORIGIN}/directory"
ERROR = "urn:ietf:params:acme:error:"

Answer = tuple[int, Any, dict[str, str]]
"""Status, content, headers."""
Lookup = Callable[[str], Awaitable[tuple[str, ...]]]
"""The TXT values at a name."""

_ALGORITHMS = ["ES256", "ES384", "ES512", "RS256", "EdDSA", "HS256"]
_KEYS: Mapping[str, Any] = {"EC": ECKey, "RSA": RSAKey, "OKP": OKPKey}
_PAGE = 5
_BAD = 400


class Refused(Exception):  # noqa: N818  # a problem document on its way
    """What the server answers with instead."""

    def __init__(self, word: str, detail: str, status: int = 400, **headers: str) -> None:
        super().__init__(detail)
        self.document = {"type": ERROR + word, "detail": detail, "status": status}
        self.status = status
        self.headers = headers


class Moods(Struct, kw_only=True):
    """How the server misbehaves; may be changed at any time.

    Attributes:
        bad_nonces: share of requests that are refused with badNonce.
        failing: share of requests answered with 500.
        away: nobody answers.
        limited_until: newOrder is refused with 429 and this Retry-After,
        limited_below: for names below this domain alone; empty for all.
        blocked: names that are refused by policy.
        lost: answers of requests whose path contains this are lost after they took effect.
        wrong: validations fail whatever is published.
    """

    bad_nonces: float = 0.0
    failing: float = 0.0
    away: bool = False
    limited_until: datetime | None = None
    limited_below: str = ""
    blocked: frozenset[str] = frozenset()
    lost: str = ""
    wrong: bool = False


class Offer(Struct, kw_only=True):
    """What the server offers."""

    lifetime: timedelta = timedelta(days=90)
    profiles: dict[str, timedelta] = field(
        default_factory=lambda: {
            "default": timedelta(days=90),
            "shortlived": timedelta(days=6),
        }
    )
    external_accounts: dict[str, str] = field(default_factory=dict)
    alternates: int = 0


class Account(Struct):
    url: str
    jwk: dict[str, Any]
    contact: list[str]
    status: str = "valid"
    orders: list[str] = field(default_factory=list)


class Challenge(Struct):
    url: str
    token: str
    type: str = "dns-01"
    status: str = "pending"
    error: dict[str, Any] | None = None


class Authorization(Struct):
    url: str
    account: str
    identifier: dict[str, str]
    wildcard: bool
    challenges: list[Challenge]
    status: str = "pending"


class Order(Struct):
    url: str
    account: str
    identifiers: list[dict[str, str]]
    authorizations: list[str]
    profile: str
    expires: datetime
    certificate: str = ""
    failed: bool = False


class Signed(Struct, frozen=True):
    """A verified request: who signed, and what."""

    account: Account | None
    jwk: dict[str, Any]
    payload: dict[str, Any] | None


class AcmeServer:
    """The server; `orders`, `chains` and `requests` are there to be counted."""

    def __init__(
        self,
        clock: Clock,
        lookup: Lookup,
        *,
        offer: Offer | None = None,
        moods: Moods | None = None,
        random: Random | None = None,
    ) -> None:
        self.offer = offer or Offer()
        self.moods = moods or Moods()
        self.accounts: dict[str, Account] = {}
        self.orders: dict[str, Order] = {}
        self.authorizations: dict[str, Authorization] = {}
        self.chains: dict[str, list[bytes]] = {}
        self.requests = 0
        self.pairs: list[KeyPair] = [
            a_ca(f"Test CA {number}") for number in range(1 + self.offer.alternates)
        ]
        self._revoked: set[bytes] = set()
        self._owners: dict[bytes, tuple[str, str]] = {}
        self._nonces: set[str] = set()
        self._clock = clock
        self._lookup = lookup
        self._random = random or Random(1)
        self._serial = 0

    def twin(self, clock: Clock, lookup: Lookup) -> "AcmeServer":
        """Return a server that knows what this one knows, in a world of its own."""
        twin = AcmeServer(clock, lookup, offer=self.offer, moods=copy(self.moods))
        twin.accounts, twin.orders = deepcopy(self.accounts), deepcopy(self.orders)
        twin.authorizations, twin.chains = deepcopy(self.authorizations), deepcopy(self.chains)
        twin.pairs, twin._serial = self.pairs, self._serial
        twin._revoked, twin._owners = set(self._revoked), dict(self._owners)
        return twin

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout: timedelta = timedelta(),  # noqa: ASYNC109  # as in Http
        limit_bytes: int = 0,
    ) -> Response:
        """Answer one request, as `net.http.HttpClient` would bring it."""
        del headers, timeout, limit_bytes
        self.requests += 1
        if self.moods.away:
            raise Retryable("ConnectionFailed", "nobody answers", cause=Cause.TRANSPORT)
        try:
            self._fail_sometimes()
            status, document, extra = await self._answer(method, url, body)
        except Refused as refused:
            status, document, extra = refused.status, refused.document, refused.headers
        if self.moods.lost and self.moods.lost in url:
            raise Retryable("ConnectionFailed", "the answer was lost", cause=Cause.TRANSPORT)
        kind = "application/json" if status < _BAD else "application/problem+json"
        extra = {"Content-Type": kind, **extra}
        content = document if isinstance(document, bytes) else msgspec.json.encode(document)
        pairs = [("Replay-Nonce", self._new_nonce()), *((k, v) for k, v in extra.items())]
        links = extra.get("Links", "")
        pairs += [("Link", link) for link in links.split("\n") if link]
        return Response(status, tuple(pairs), content, url)

    def _fail_sometimes(self) -> None:
        if self._random.random() < self.moods.failing:
            raise Refused("serverInternal", "try again", 500)

    async def aclose(self) -> None:
        """Nothing is held."""

    async def _answer(self, method: str, url: str, body: bytes | None) -> Answer:
        path, _, query = url.removeprefix(ORIGIN).partition("?")
        if method != "POST":
            return 200, self._directory() if path == "/directory" else {}, {}
        signed = self._verify(url, body or b"")
        noun, _, rest = path.removeprefix("/").partition("/")
        if noun == "challenge":
            return await self._challenge_at(url, signed)
        handlers: Mapping[str, Callable[[], Answer]] = {
            "new-account": lambda: self._new_account(signed, url),
            "key-change": lambda: self._change_key(self._account(signed), signed, url),
            "revoke": lambda: self._revoke(signed),
            "account": lambda: self._account_at(self._account(signed), signed),
            "orders": lambda: self._list_orders(self._account(signed), query),
            "new-order": lambda: self._new_order(self._account(signed), signed.payload or {}),
            "order": lambda: (200, self._shown(self._own(self.orders, url, signed)), {}),
            "finalize": lambda: self._finalize(f"{ORIGIN}/order/{rest}", signed),
            "certificate": lambda: self._certificate(url),
            "authorization": lambda: self._authorization_at(url, signed),
        }
        if noun not in handlers:
            raise Refused("malformed", "no such resource", 404)
        return handlers[noun]()

    def _directory(self) -> dict[str, Any]:
        return {
            "newNonce": f"{ORIGIN}/nonce",
            "newAccount": f"{ORIGIN}/new-account",
            "newOrder": f"{ORIGIN}/new-order",
            "revokeCert": f"{ORIGIN}/revoke",
            "keyChange": f"{ORIGIN}/key-change",
            "meta": {
                "profiles": dict.fromkeys(self.offer.profiles, "a profile"),
                "externalAccountRequired": bool(self.offer.external_accounts),
            },
        }

    # signatures and nonces (RFC 8555 §6)

    def _new_nonce(self) -> str:
        nonce = self._token()
        self._nonces.add(nonce)
        return nonce

    def _token(self) -> str:
        return base64.urlsafe_b64encode(self._random.randbytes(16)).decode().rstrip("=")

    def _verify(self, url: str, body: bytes) -> Signed:
        try:
            flattened = msgspec.json.decode(body)
            header = msgspec.json.decode(_unbase64(flattened["protected"]))
        except (msgspec.DecodeError, KeyError, TypeError, ValueError) as error:
            raise Refused("malformed", "not a JWS") from error
        nonce = header.get("nonce")
        fresh = nonce in self._nonces
        self._nonces.discard(nonce)
        if not fresh or self._random.random() < self.moods.bad_nonces:
            raise Refused("badNonce", "another nonce, please")
        if header.get("url") != url:
            raise Refused("unauthorized", "signed for another URL", 403)
        account = self.accounts.get(header.get("kid", ""))
        jwk = account.jwk if account is not None else header.get("jwk")
        if jwk is None:
            raise Refused("accountDoesNotExist", "no such account")
        payload = _verified(flattened, jwk)
        return Signed(account, jwk, msgspec.json.decode(payload) if payload else None)

    def _account(self, signed: Signed) -> Account:
        if signed.account is None:
            raise Refused("malformed", "an account must sign", 403)
        if signed.account.status != "valid":
            raise Refused("unauthorized", "the account is deactivated", 403)
        return signed.account

    def _own(self, shelf: Mapping[str, Any], url: str, signed: Signed) -> Any:
        found = shelf.get(url)
        if found is None or found.account != self._account(signed).url:
            raise Refused("malformed", "no such resource", 404)
        return found

    def _url(self, kind: str) -> str:
        self._serial += 1
        return f"{ORIGIN}/{kind}/{self._serial}"

    # accounts (§7.3)

    def _by_key(self, jwk: dict[str, Any]) -> Account | None:
        return next((one for one in self.accounts.values() if one.jwk == jwk), None)

    def _new_account(self, signed: Signed, url: str) -> Answer:
        payload = signed.payload or {}
        known = self._by_key(signed.jwk)
        if known is not None:
            return 200, self._shown_account(known), {"Location": known.url}
        if payload.get("onlyReturnExisting"):
            raise Refused("accountDoesNotExist", "no such account")
        if self.offer.external_accounts:
            self._check_binding(payload.get("externalAccountBinding"), signed.jwk, url)
        account = Account(self._url("account"), signed.jwk, _contacts(payload))
        self.accounts[account.url] = account
        return 201, self._shown_account(account), {"Location": account.url}

    def _check_binding(self, binding: Any, jwk: dict[str, Any], url: str) -> None:
        if not binding:
            raise Refused("externalAccountRequired", "bind an external account", 403)
        header = msgspec.json.decode(_unbase64(binding["protected"]))
        secret = self.offer.external_accounts.get(header.get("kid", ""))
        if secret is None or header.get("url") != url:
            raise Refused("unauthorized", "unknown key identifier", 403)
        key = {"kty": "oct", "k": secret}
        if msgspec.json.decode(_verified(binding, key)) != jwk:
            raise Refused("unauthorized", "another key is bound", 403)

    def _account_at(self, account: Account, signed: Signed) -> Answer:
        payload = signed.payload or {}
        if "contact" in payload:
            account.contact = _contacts(payload)
        if payload.get("status") == "deactivated":
            account.status = "deactivated"
        return 200, self._shown_account(account), {}

    def _change_key(self, account: Account, signed: Signed, url: str) -> Answer:
        inner = signed.payload or {}
        header = msgspec.json.decode(_unbase64(inner["protected"]))
        content = msgspec.json.decode(_verified(inner, header["jwk"]))
        if header.get("url") != url or content != {"account": account.url, "oldKey": account.jwk}:
            raise Refused("malformed", "the rollover does not fit", 400)
        if self._by_key(header["jwk"]) is not None:
            raise Refused("malformed", "another account has that key", 409)
        account.jwk = header["jwk"]
        return 200, {}, {}

    def _list_orders(self, account: Account, query: str) -> Answer:
        start = int(query.removeprefix("from=") or 0)
        page = account.orders[start : start + _PAGE]
        more = start + _PAGE < len(account.orders)
        where = self._orders_url(account)
        links = f'<{where}?from={start + _PAGE}>;rel="next"' if more else ""
        return 200, {"orders": page}, {"Links": links}

    def _orders_url(self, account: Account) -> str:
        return account.url.replace("/account/", "/orders/")

    def _shown_account(self, account: Account) -> dict[str, Any]:
        return {
            "status": account.status,
            "contact": account.contact,
            "orders": self._orders_url(account),
        }

    # orders (§7.4)

    def _new_order(self, account: Account, payload: dict[str, Any]) -> Answer:
        now = self._clock.now()
        names = [one["value"] for one in payload["identifiers"]]
        until = self.moods.limited_until
        limited = any(name.endswith(self.moods.limited_below) for name in names)
        if limited and until is not None and now < until:
            seconds = str(int((until - now).total_seconds()) + 1)
            raise Refused("rateLimited", "too many orders", 429, **{"Retry-After": seconds})
        for name in names:
            if any(name == end or name.endswith(f".{end}") for end in self.moods.blocked):
                raise Refused("rejectedIdentifier", f"{name} is blocked")
        order = Order(
            url=self._url("order"),
            account=account.url,
            identifiers=payload["identifiers"],
            authorizations=[self._authorize(account, one) for one in payload["identifiers"]],
            profile=payload.get("profile", "default"),
            expires=now + timedelta(days=7),
        )
        self.orders[order.url] = order
        account.orders.append(order.url)
        return 201, self._shown(order), {"Location": order.url}

    def _authorize(self, account: Account, identifier: dict[str, str]) -> str:
        url = self._url("authorization")
        name = identifier["value"]
        self.authorizations[url] = Authorization(
            url,
            account.url,
            {"type": identifier["type"], "value": name.removeprefix("*.")},
            name.startswith("*."),
            [Challenge(self._url("challenge"), self._token())],
        )
        return url

    def _status(self, order: Order) -> str:
        states = {self.authorizations[url].status for url in order.authorizations}
        if order.certificate:
            return "valid"
        if order.failed or states - {"pending", "valid"} or self._clock.now() >= order.expires:
            return "invalid"
        return "ready" if states == {"valid"} else "pending"

    def _shown(self, order: Order) -> dict[str, Any]:
        shown: dict[str, Any] = {
            "status": self._status(order),
            "expires": order.expires.isoformat(),
            "identifiers": order.identifiers,
            "authorizations": order.authorizations,
            "finalize": order.url.replace("/order/", "/finalize/"),
            "profile": order.profile,
        }
        if order.certificate:
            shown["certificate"] = order.certificate
        return shown

    def _finalize(self, url: str, signed: Signed) -> Answer:
        order: Order = self._own(self.orders, url, signed)
        payload = signed.payload or {}
        if self._status(order) != "ready":
            raise Refused("orderNotReady", f"the order is {self._status(order)}", 403)
        pem = encode_pem("CERTIFICATE REQUEST", _unbase64(payload["csr"]))
        try:
            csr = parse_csr(pem)
        except PkiError as error:
            raise Refused("badCSR", str(error)) from error
        if {*csr.dns, *csr.ips} != {one["value"] for one in order.identifiers}:
            raise Refused("badCSR", "the CSR is for other names")
        lifetime = self.offer.profiles.get(order.profile, self.offer.lifetime)
        template = Template(csr=pem, not_before=self._clock.now(), duration=lifetime)
        bundles = [
            sign_certificate(template, issuer=pair) + pair.certificate for pair in self.pairs
        ]
        number = order.url.rsplit("/", 1)[1]
        order.certificate = f"{ORIGIN}/certificate/{number}/0"
        self.chains[order.certificate] = bundles
        for bundle in bundles:
            self._owners[_der(bundle)] = (order.account, csr.spki_sha256)
        return 200, self._shown(order), {"Location": order.url}

    def _certificate(self, url: str) -> Answer:
        base, _, place = url.rpartition("/")
        index = int(place)
        bundles = self.chains.get(f"{base}/0")
        if bundles is None or index >= len(bundles):
            raise Refused("malformed", "no such certificate", 404)
        others = [f"{base}/{number}" for number in range(len(bundles)) if number != index]
        links = "\n".join(f'<{other}>;rel="alternate"' for other in others)
        return 200, bundles[index], {"Links": links}

    # authorizations (§7.5)

    def _authorization_at(self, url: str, signed: Signed) -> Answer:
        authorization = self._own(self.authorizations, url, signed)
        if (signed.payload or {}).get("status") == "deactivated":
            authorization.status = "deactivated"
        shown = {
            "status": authorization.status,
            "identifier": authorization.identifier,
            "challenges": [_shown_challenge(one) for one in authorization.challenges],
        }
        return 200, shown | ({"wildcard": True} if authorization.wildcard else {}), {}

    async def _challenge_at(self, url: str, signed: Signed) -> Answer:
        account = self._account(signed)
        for authorization in self.authorizations.values():
            for challenge in authorization.challenges:
                if challenge.url == url and authorization.account == account.url:
                    if signed.payload is not None and challenge.status == "pending":
                        await self._validate(account, authorization, challenge)
                    return 200, _shown_challenge(challenge), {}
        raise Refused("malformed", "no such challenge", 404)

    async def _validate(
        self, account: Account, authorization: Authorization, challenge: Challenge
    ) -> None:
        name = f"_acme-challenge.{authorization.identifier['value']}."
        found = await self._lookup(name)
        thumbprint = _key(account.jwk).thumbprint()
        digest = hashlib.sha256(f"{challenge.token}.{thumbprint}".encode()).digest()
        wanted = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        proven = wanted in found and not self.moods.wrong
        challenge.status = authorization.status = "valid" if proven else "invalid"
        if not proven:
            detail = f"no TXT record at {name} has the key; found {len(found)} others"
            challenge.error = {"type": ERROR + "unauthorized", "detail": detail, "status": 403}

    # revocation (§7.6)

    def _revoke(self, signed: Signed) -> Answer:
        der = _unbase64((signed.payload or {})["certificate"])
        owner, spki = self._owners.get(der, ("", ""))
        by_account = signed.account is not None and signed.account.url == owner
        if not by_account and _spki(signed.jwk) != spki:
            raise Refused("unauthorized", "the certificate is not yours", 403)
        if der in self._revoked:
            raise Refused("alreadyRevoked", "revoked before")
        self._revoked.add(der)
        return 200, {}, {}


def _shown_challenge(challenge: Challenge) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "type": challenge.type,
        "url": challenge.url,
        "token": challenge.token,
        "status": challenge.status,
    }
    return shown | ({"error": challenge.error} if challenge.error else {})


def _contacts(payload: dict[str, Any]) -> list[str]:
    contact = list(payload.get("contact", ()))
    for one in contact:
        if " " in one or not one.startswith("mailto:"):
            raise Refused("invalidContact", f"{one!r} is no contact")
    return contact


def _key(jwk: dict[str, Any]) -> Any:
    kind = OctKey if jwk.get("kty") == "oct" else _KEYS.get(jwk.get("kty", ""))
    if kind is None:
        raise Refused("badPublicKey", "an unknown kind of key")
    return kind.import_key(jwk)


def _verified(flattened: dict[str, Any], jwk: dict[str, Any]) -> bytes:
    registry = jws.JWSRegistry(algorithms=_ALGORITHMS, strict_check_header=False)
    registry.max_header_length = 8192  # the JWK of an RSA key stands in the header
    registry.max_payload_length = 65536  # a CSR, or the inner JWS of a rollover
    parts: Any = flattened
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SecurityWarning)  # about names and lengths, not fit
            verified: Any = jws.deserialize_json(parts, _key(jwk), registry=registry)
    except (JoseError, ValueError) as error:
        raise Refused("unauthorized", f"the signature does not fit: {error}", 403) from error
    return bytes(verified.payload or b"")


def _spki(jwk: dict[str, Any]) -> str:
    return key_hash(_key(jwk).as_pem(private=False)) if jwk.get("kty") != "oct" else ""


def key_hash(pem: bytes) -> str:
    """SHA-256 of a public key's DER, as `CsrFacts.spki_sha256` has it."""
    body = b"".join(pem.split(b"-----")[2].split())
    return spki_sha256(base64.b64decode(body))


def _der(bundle: bytes) -> bytes:
    return base64.b64decode(b"".join(bundle.split(b"-----")[2].split()))


def _unbase64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
