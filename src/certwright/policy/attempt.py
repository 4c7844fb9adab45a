"""One attempt: a CertificateRequest with what its CSR says and whose revision it is."""

from msgspec import Struct

from certwright.api.annotations import CERTIFICATE_REVISION
from certwright.api.conditions import find_condition, is_true
from certwright.api.meta import Condition
from certwright.api.request import DENIED, INVALID_REQUEST, CertificateRequest
from certwright.base.reason import Reason
from certwright.pki.csr import CsrFacts, parse_csr, read_csr
from certwright.pki.errors import PkiError

READY = "Ready"


class Attempt(Struct, frozen=True, kw_only=True):
    """A CertificateRequest, read.

    Attributes:
        request: the resource.
        revision: its `certificate-revision`; None where that is missing or no number.
        csr: what it asks for; None where that cannot be read.
        csr_error: why it cannot be read.
    """

    request: CertificateRequest
    revision: int | None
    csr: CsrFacts | None
    csr_error: str = ""

    @property
    def ready(self) -> Condition | None:
        """The Ready condition."""
        return find_condition(self.request.status.conditions, READY)

    @property
    def failed(self) -> bool:
        """It has failed for good."""
        return self.ready is not None and self.ready.reason == Reason.FAILED

    @property
    def refused(self) -> Condition | None:
        """The condition by which somebody refused it, denial first."""
        conditions = self.request.status.conditions
        for type_ in (DENIED, INVALID_REQUEST):
            if is_true(conditions, type_):
                return find_condition(conditions, type_)
        return None


def read_attempt(request: CertificateRequest) -> Attempt:
    """Read a CertificateRequest; the CSR of one that was signed has been verified by its signer."""
    revision = _revision(request.metadata.annotations.get(CERTIFICATE_REVISION, ""))
    try:
        read = read_csr if request.status.certificate else parse_csr
        csr = read(request.spec.request)
    except PkiError as error:
        return Attempt(request=request, revision=revision, csr=None, csr_error=str(error))
    return Attempt(request=request, revision=revision, csr=csr)


def _revision(text: str) -> int | None:
    digits = text.removeprefix("-").removeprefix("+")
    return int(text) if digits.isascii() and digits.isdecimal() else None
