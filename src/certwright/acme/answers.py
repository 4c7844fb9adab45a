"""From the CA's answers to objects: JSON, plus what stands in the headers.

A CA is a stranger: its words are made printable and bounded here, before anybody keeps them.
"""

from datetime import datetime

import msgspec

from certwright.acme.account import Account, OrdersList
from certwright.acme.authorization import Authorization
from certwright.acme.challenge import Challenge
from certwright.acme.links import absolute
from certwright.acme.order import Order
from certwright.acme.problem import ProblemDocument, clean, clean_identifier
from certwright.acme.transport import bad_answer, decode
from certwright.base.evidence import printable
from certwright.net.http import Response

_CREATED = 201


MAX_AUTHORIZATIONS = 1000
MAX_CHALLENGES = 20
"""What is kept of an authorization; RFC 8555 and its successors know five types."""
MAX_URL = 2000
_WORD, _NAME = 50, 300
"""Characters of a status or type, and of something longer."""


def read_account(answer: Response, url: str) -> Account:
    """Read an account whose URL is known."""
    account = decode(answer, Account, "account")
    return msgspec.structs.replace(
        account,
        status=printable(account.status, _WORD),
        contact=tuple(printable(one, _NAME) for one in account.contact),
        orders=_url(account.orders, "account"),
        url=url,
        created=answer.status == _CREATED,
    )


def read_order(answer: Response, url: str, retry_at: datetime | None) -> Order:
    """Read an order whose URL is known.

    Raises:
        Retryable: it is none, or names too many authorizations (cause SERVER).
    """
    order = decode(answer, Order, "order")
    if len(order.authorizations) > MAX_AUTHORIZATIONS:
        text = f"it has {len(order.authorizations)} authorizations, more than {MAX_AUTHORIZATIONS}"
        raise bad_answer("order", text)
    return msgspec.structs.replace(
        order,
        status=printable(order.status, _WORD),
        finalize=_url(order.finalize, "order"),
        certificate=_url(order.certificate, "order"),
        authorizations=tuple(_url(one, "order") for one in order.authorizations),
        identifiers=tuple(clean_identifier(one) for one in order.identifiers),
        profile=printable(order.profile, _NAME),
        replaces=printable(order.replaces, _NAME),
        url=url,
        retry_at=retry_at,
        error=_clean(order.error),
    )


def read_authorization(answer: Response, url: str, retry_at: datetime | None) -> Authorization:
    """Read an authorization with its challenges."""
    authorization = decode(answer, Authorization, "authorization")
    return msgspec.structs.replace(
        authorization,
        identifier=clean_identifier(authorization.identifier),
        status=printable(authorization.status, _WORD),
        url=url,
        retry_at=retry_at,
        challenges=tuple(
            _clean_challenge(challenge, "authorization")
            for challenge in authorization.challenges[:MAX_CHALLENGES]
        ),
    )


def read_challenge(answer: Response, url: str, retry_at: datetime | None) -> Challenge:
    """Read a challenge."""
    challenge = _clean_challenge(decode(answer, Challenge, "challenge"), "challenge")
    return msgspec.structs.replace(challenge, url=challenge.url or url, retry_at=retry_at)


def read_orders(answer: Response) -> tuple[str, ...]:
    """Read one page of an account's orders: an object, or from Caddy the array alone."""
    if answer.body.lstrip().startswith(b"["):
        found = decode(answer, tuple[str, ...], "orders")
    else:
        found = decode(answer, OrdersList, "orders").orders
    return tuple(_url(one, "orders") for one in found)


def location(answer: Response, operation: str) -> str:
    """URL of what an answer made or found.

    Raises:
        Retryable: there is none (cause SERVER).
    """
    target = answer.header("Location")
    if not target:
        raise bad_answer(operation, "it has no Location")
    url = absolute(answer, target)
    if not url:
        raise bad_answer(operation, "its Location is no URL")
    return _url(url, operation)


def _url(text: str, operation: str) -> str:
    """Return a URL of the CA's; whether it may be asked is decided by who asks it.

    Raises:
        Retryable: it has letters that no URL has (RFC 3986 §2), or is too long (cause SERVER).
    """
    if len(text) > MAX_URL or not text.isascii() or not text.isprintable():
        raise bad_answer(operation, f"it names what is no URL: {printable(text, 100)}")
    return text


def _clean_challenge(challenge: Challenge, operation: str) -> Challenge:
    return msgspec.structs.replace(
        challenge,
        type=printable(challenge.type, _WORD),
        status=printable(challenge.status, _WORD),
        token=printable(challenge.token, _NAME * 2),  # `key_authorization` looks at its letters
        url=_url(challenge.url, operation),
        error=_clean(challenge.error),
    )


def _clean(document: ProblemDocument | None) -> ProblemDocument | None:
    return clean(document) if document else None
