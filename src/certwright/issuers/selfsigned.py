"""The SelfSigned issuer: each certificate is signed by its own key (compat-spec 3.13.2)."""

from certwright.api.annotations import PRIVATE_KEY_SECRET
from certwright.api.core import TLS_KEY
from certwright.api.issuer import SelfSignedIssuer
from certwright.api.meta import Key
from certwright.api.request import CertificateRequest
from certwright.base.clock import Clock
from certwright.base.problem import Stalled, Waiting
from certwright.base.reason import Reason
from certwright.issuers.ca import duration_of
from certwright.issuers.protocol import ReadSecret, Signed
from certwright.pki.certificate import Template, key_matches, self_sign
from certwright.pki.csr import CsrFacts, parse_csr
from certwright.pki.errors import BadCsr, PkiError
from certwright.pki.keys import PrivateKey, parse_key
from certwright.pki.names import EMPTY_NAME

EMPTY_SUBJECT = (
    "Certificate will be issued with an empty Issuer DN, which contravenes RFC 5280 and could break"
    " some strict clients"
)


class SelfSigner:
    """Signs with the key that the request's annotation names."""

    def __init__(self, config: SelfSignedIssuer, *, read_secret: ReadSecret, clock: Clock) -> None:
        self._config = config
        self._read_secret = read_secret
        self._clock = clock

    async def sign(self, request: CertificateRequest) -> Signed:
        """Sign; see `SigningIssuer.sign`."""
        key = await self._key(request)
        csr = _csr(request)
        if not key_matches(key, csr):
            raise Stalled(
                Reason.ERROR_KEY_MATCH,
                "Referenced private key in Secret does not match that in the request",
            )
        template = Template(
            csr=request.spec.request,
            not_before=self._clock.now(),
            duration=duration_of(request),
            usages=request.spec.usages,
            is_ca=request.spec.is_ca,
            crl_distribution_points=self._config.crl_distribution_points,
        )
        try:
            certificate = self_sign(template, key=key)
        except BadCsr as error:
            raise Stalled(
                Reason.ERROR_GENERATING, f"Error generating certificate template: {error}"
            ) from error
        except PkiError as error:
            raise Stalled(Reason.ERROR_SIGNING, f"Error signing certificate: {error}") from error
        empty = csr.subject_der == EMPTY_NAME
        warnings = ((Reason.BAD_CONFIG, EMPTY_SUBJECT),) if empty else ()
        return Signed(chain=certificate, ca=certificate, warnings=warnings)

    async def _key(self, request: CertificateRequest) -> PrivateKey:
        name = request.metadata.annotations.get(PRIVATE_KEY_SECRET, "")
        if not name:
            raise Stalled(
                Reason.MISSING_ANNOTATION,
                f'Annotation "{PRIVATE_KEY_SECRET}" missing or reference empty',
            )
        where = Key(request.metadata.namespace, name)
        secret = await self._read_secret(where)
        if secret is None:
            raise Waiting(
                Reason.MISSING_SECRET, f"Referenced secret {where} not found: it does not exist"
            )
        try:
            return parse_key(secret.data.get(TLS_KEY, b""))
        except PkiError as error:
            raise Waiting(
                Reason.ERROR_PARSING_KEY, f'Failed to get key "{name}" referenced: {error}'
            ) from error


def _csr(request: CertificateRequest) -> CsrFacts:
    try:
        return parse_csr(request.spec.request)
    except PkiError as error:
        raise Stalled(
            Reason.ERROR_GENERATING, f"Error generating certificate template: {error}"
        ) from error
