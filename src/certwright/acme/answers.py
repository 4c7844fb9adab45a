"""From the CA's answers to objects: JSON, plus what stands in the headers."""

from datetime import datetime
from urllib.parse import urljoin

import msgspec

from certwright.acme.account import Account, OrdersList
from certwright.acme.authorization import Authorization
from certwright.acme.challenge import Challenge
from certwright.acme.order import Order
from certwright.acme.problem import ProblemDocument, clean
from certwright.acme.transport import bad_answer, decode
from certwright.net.http import Response

_CREATED = 201


def read_account(answer: Response, url: str) -> Account:
    """Read an account whose URL is known."""
    account = decode(answer, Account, "account")
    return msgspec.structs.replace(account, url=url, created=answer.status == _CREATED)


def read_order(answer: Response, url: str, retry_at: datetime | None) -> Order:
    """Read an order whose URL is known."""
    order = decode(answer, Order, "order")
    return msgspec.structs.replace(order, url=url, retry_at=retry_at, error=_clean(order.error))


def read_authorization(answer: Response, url: str, retry_at: datetime | None) -> Authorization:
    """Read an authorization with its challenges."""
    authorization = decode(answer, Authorization, "authorization")
    return msgspec.structs.replace(
        authorization,
        url=url,
        retry_at=retry_at,
        challenges=tuple(
            msgspec.structs.replace(challenge, error=_clean(challenge.error))
            for challenge in authorization.challenges
        ),
    )


def read_challenge(answer: Response, url: str, retry_at: datetime | None) -> Challenge:
    """Read a challenge."""
    challenge = decode(answer, Challenge, "challenge")
    return msgspec.structs.replace(
        challenge, url=challenge.url or url, retry_at=retry_at, error=_clean(challenge.error)
    )


def read_orders(answer: Response) -> tuple[str, ...]:
    """Read one page of an account's orders: an object, or from Caddy the array alone."""
    if answer.body.lstrip().startswith(b"["):
        return decode(answer, tuple[str, ...], "orders")
    return decode(answer, OrdersList, "orders").orders


def location(answer: Response, operation: str) -> str:
    """URL of what an answer made or found.

    Raises:
        Retryable: there is none (cause SERVER).
    """
    target = answer.header("Location")
    if not target:
        raise bad_answer(operation, "it has no Location")
    return urljoin(answer.url, target)


def _clean(document: ProblemDocument | None) -> ProblemDocument | None:
    return clean(document) if document else None
