"""The ACME issuer: an Order is its pen (compat-spec 3.13.5, 6.2).

It makes the Order for a request, waits for it, and hands its certificate on. The Order controller
does the rest.
"""

from typing import Protocol

from certwright.api.annotations import NEXT_ATTEMPT
from certwright.api.issuer import ACMEIssuer
from certwright.api.order import Order, State
from certwright.api.request import CertificateRequest
from certwright.base.problem import Cause, Retryable, Stalled, Waiting
from certwright.base.reason import Reason
from certwright.issuers.protocol import NotYet, Signed
from certwright.pki.certificate import certificate_facts
from certwright.pki.csr import CsrFacts, parse_csr
from certwright.pki.errors import PkiError
from certwright.policy.order import build_order, name_problem


class OrderFailed(Stalled):
    """The Order ended without a certificate.

    Attributes:
        order: as it ended, with what was observed in its annotations.
    """

    def __init__(self, order: Order) -> None:
        super().__init__(
            Reason.ORDER_FAILED,
            f'Failed to wait for order resource "{order.metadata.name}" to become ready: order is'
            f' in "{order.status.state}" state: {order.status.reason}',
        )
        self.order = order


class Orders(Protocol):
    """The Orders of the store, as far as this issuer needs them."""

    def of(self, request: CertificateRequest) -> Order | None:
        """Return the Order that a request owns, whatever its name."""

    async def create(self, order: Order) -> bool:
        """Create an Order; False where its name is taken by another request's."""

    async def delete(self, order: Order) -> None:
        """Delete an Order."""


class AcmeSigner:
    """Signs by way of an Order; only the chain is returned, ACME knows no `ca.crt`."""

    def __init__(self, config: ACMEIssuer, orders: Orders) -> None:
        self._config = config
        self._orders = orders

    async def sign(self, request: CertificateRequest) -> Signed:
        """Return the Order's chain; see `SigningIssuer.sign`."""
        csr = _csr(request)
        order = self._orders.of(request)
        if order is None:
            raise await self._start(request, csr)
        if order.status.state.failed:
            raise OrderFailed(order)
        if order.status.state is not State.VALID:
            raise NotYet(Reason.ORDER_PENDING, _waiting(order), source=order)
        if not order.status.certificate:
            raise Waiting(
                Reason.ORDER_PENDING,
                f"Waiting for order-controller to add certificate data to Order {order.key}",
            )
        # the same CSR again would bring the same again: the requester judges what the CA signed
        if order.spec.request != request.spec.request and not _belongs(order, csr):
            await self._orders.delete(order)
            raise Waiting(
                Reason.ORDER_PENDING,
                f"Order {order.key} held a certificate for another key; it is placed again",
            )
        return Signed(chain=order.status.certificate)

    async def _start(self, request: CertificateRequest, csr: CsrFacts) -> Waiting | Retryable:
        order = build_order(request, csr, self._config)
        if await self._orders.create(order):
            # one write for two of cert-manager's: the condition already says what is waited for
            event = f"Created Order resource {order.key}"
            return NotYet(Reason.ORDER_CREATED, _waiting(order), event=event)
        # the same name after a failure: until the old one is collected (compat-spec 6.11)
        return Retryable(
            Reason.ORDER_GET_ERROR,
            f"found Order resource {order.key} not owned by this CertificateRequest, retrying",
            cause=Cause.TRANSPORT,
        )


def _csr(request: CertificateRequest) -> CsrFacts:
    try:
        csr = parse_csr(request.spec.request)
    except PkiError as error:
        raise Stalled(
            Reason.REQUEST_PARSING_ERROR, f"Failed to decode CSR in spec.request: {error}"
        ) from error
    problem = name_problem(csr)
    if problem:
        raise Stalled(Reason.INVALID_ORDER, problem)
    return csr


def _waiting(order: Order) -> str:
    state = order.status.state or State.PENDING
    text = f'Waiting on certificate issuance from order {order.key}: "{state}"'
    attempt = order.metadata.annotations.get(NEXT_ATTEMPT)
    return f"{text}; the next attempt is at {attempt}" if attempt else text


def _belongs(order: Order, csr: CsrFacts) -> bool:
    try:
        return certificate_facts(order.status.certificate).spki_sha256 == csr.spki_sha256
    except PkiError:
        return False
