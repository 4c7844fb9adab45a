"""Whether an Order or a Challenge is one that we made (design §8).

Both borrow an issuer's account and credentials. So they are never taken at their word: what they
say is derived anew from CertificateRequest, Order and Issuer before each outside effect.
"""

from collections import OrderedDict

from msgspec.structs import replace

from certwright.api.issuer import ACMEIssuer
from certwright.api.order import Challenge, Order
from certwright.api.request import CertificateRequest
from certwright.pki.csr import CsrFacts, parse_csr
from certwright.pki.errors import PkiError
from certwright.policy import order as policy
from certwright.policy.challenge import expected_spec

_REMEMBERED = 500


class Trust:
    """Judges Orders; remembers the CSRs of those under way, for their signatures cost time."""

    def __init__(self) -> None:
        self._read: OrderedDict[bytes, CsrFacts] = OrderedDict()

    def distrust_of_order(self, order: Order, request: CertificateRequest | None) -> str:
        """Say why an Order is not one of ours; empty where it is."""
        if request is None:
            return "it is not owned by a CertificateRequest"
        try:
            csr = self._csr(request.spec.request)
        except PkiError as error:
            return f"the CSR of its CertificateRequest cannot be read: {error}"
        return policy.distrust_of_order(order, request, csr)

    def _csr(self, pem: bytes) -> CsrFacts:
        found = self._read.get(pem)
        if found is None:
            found = self._read[pem] = parse_csr(pem)
            if len(self._read) > _REMEMBERED:
                self._read.popitem(last=False)
        return found


def distrust_of_challenge(challenge: Challenge, order: Order, acme: ACMEIssuer, key: str) -> str:
    """Say why a Challenge is not what its Order and Issuer ask for now; empty where it is.

    Args:
        challenge: as it is stored.
        order: its owner, of ours.
        acme: the issuer's configuration.
        key: the answer, derived from the account key.
    """
    wanted = expected_spec(challenge, order, acme.solvers)
    if wanted is None:
        return "its Order asks for no such proof"
    if challenge.spec != replace(wanted, key=key):
        return "it is not what its Order and Issuer ask for now"
    return ""
