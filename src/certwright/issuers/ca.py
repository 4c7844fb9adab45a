"""The CA issuer: signs with a key pair of a Secret (compat-spec 3.13.1, 5.2, 5.4)."""

from datetime import timedelta

from certwright.api.core import CA_CERT, TLS_CERT, TLS_KEY, Secret
from certwright.api.duration import parse_duration
from certwright.api.issuer import CAIssuer
from certwright.api.meta import Key
from certwright.api.request import CertificateRequest
from certwright.base.clock import Clock
from certwright.base.problem import Stalled, Waiting
from certwright.base.reason import Reason
from certwright.issuers.protocol import ReadSecret, Signed
from certwright.pki.certificate import (
    KeyPair,
    Template,
    first_certificate,
    key_matches,
    sign_certificate,
)
from certwright.pki.certificate import certificate_facts as facts_of
from certwright.pki.chain import build_chain
from certwright.pki.errors import BadCsr, BadKey, PkiError
from certwright.pki.keys import parse_key
from certwright.pki.signing import DEFAULT_DURATION


class CaSigner:
    """Signs for one CA issuer; the key is read for each signature and not kept."""

    def __init__(
        self, config: CAIssuer, namespace: str, *, read_secret: ReadSecret, clock: Clock
    ) -> None:
        self._config = config
        self._secret = Key(namespace, config.secret_name)
        self._read_secret = read_secret
        self._clock = clock

    async def sign(self, request: CertificateRequest) -> Signed:
        """Sign; see `SigningIssuer.sign`. The CA's own expiry is not checked (compat-spec 10)."""
        secret = await self._read_secret(self._secret)
        if secret is None:
            raise Waiting(
                Reason.SECRET_MISSING,
                f"Required secret resource not found: secret {self._secret} not found",
            )
        try:
            pair = read_key_pair(secret)
        except PkiError as error:
            raise Waiting(
                Reason.SECRET_INVALID_DATA,
                f"Failed to parse signing CA keypair from secret resource: {error}",
            ) from error
        template = Template(
            csr=request.spec.request,
            not_before=self._clock.now(),
            duration=duration_of(request),
            usages=request.spec.usages,
            is_ca=request.spec.is_ca,
            crl_distribution_points=self._config.crl_distribution_points,
            ocsp_servers=self._config.ocsp_servers,
            issuing_certificate_urls=self._config.issuing_certificate_urls,
        )
        return _signed(template, pair, secret)


def _signed(template: Template, pair: KeyPair, secret: Secret) -> Signed:
    try:
        leaf = sign_certificate(template, issuer=pair)
        known = [leaf, secret.data[TLS_CERT]]
        if secret.data.get(CA_CERT):
            known.append(first_certificate(secret.data[CA_CERT]))
        chain = build_chain(known)
    except BadCsr as error:
        raise Stalled(
            Reason.SIGNING_ERROR, f"Error generating certificate template: {error}"
        ) from error
    except PkiError as error:
        raise Stalled(Reason.SIGNING_ERROR, f"Error signing certificate: {error}") from error
    return Signed(chain=chain.chain, ca=chain.ca)


def read_key_pair(secret: Secret) -> KeyPair:
    """Return the key pair of a CA's Secret.

    Raises:
        PkiError: one half is missing or unreadable, or they do not belong together.
    """
    for name in (TLS_CERT, TLS_KEY):
        if not secret.data.get(name):
            raise BadKey(f"the Secret {secret.key} has no data for {name}")
    key = parse_key(secret.data[TLS_KEY])
    if not key_matches(key, facts_of(secret.data[TLS_CERT])):
        raise BadKey(f"tls.key of the Secret {secret.key} is not the key of its tls.crt")
    return KeyPair(key, secret.data[TLS_CERT])


def duration_of(request: CertificateRequest) -> timedelta:
    """Return the lifetime asked for, or 90 days (compat-spec 5.2)."""
    text = request.spec.duration
    return parse_duration(text) if text is not None else DEFAULT_DURATION
