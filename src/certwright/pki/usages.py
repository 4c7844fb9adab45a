"""The words of `spec.usages` and the X.509 key usages they stand for (RFC 5280 §4.2.1.3, .12)."""

from collections.abc import Iterable
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from certwright.pki.errors import PkiError


class Usage(StrEnum):
    """What a certificate may be used for; the values are the words on the wire."""

    SIGNING = "signing"
    DIGITAL_SIGNATURE = "digital signature"
    CONTENT_COMMITMENT = "content commitment"
    KEY_ENCIPHERMENT = "key encipherment"
    KEY_AGREEMENT = "key agreement"
    DATA_ENCIPHERMENT = "data encipherment"
    CERT_SIGN = "cert sign"
    CRL_SIGN = "crl sign"
    ENCIPHER_ONLY = "encipher only"
    DECIPHER_ONLY = "decipher only"
    ANY = "any"
    SERVER_AUTH = "server auth"
    CLIENT_AUTH = "client auth"
    CODE_SIGNING = "code signing"
    EMAIL_PROTECTION = "email protection"
    S_MIME = "s/mime"
    IPSEC_END_SYSTEM = "ipsec end system"
    IPSEC_TUNNEL = "ipsec tunnel"
    IPSEC_USER = "ipsec user"
    TIMESTAMPING = "timestamping"
    OCSP_SIGNING = "ocsp signing"
    MICROSOFT_SGC = "microsoft sgc"
    NETSCAPE_SGC = "netscape sgc"


class KeyUsage(StrEnum):
    """The bits of the KeyUsage extension by their RFC 5280 names, in the order of the bits."""

    DIGITAL_SIGNATURE = "digitalSignature"
    CONTENT_COMMITMENT = "contentCommitment"
    KEY_ENCIPHERMENT = "keyEncipherment"
    DATA_ENCIPHERMENT = "dataEncipherment"
    KEY_AGREEMENT = "keyAgreement"
    KEY_CERT_SIGN = "keyCertSign"
    CRL_SIGN = "cRLSign"
    ENCIPHER_ONLY = "encipherOnly"
    DECIPHER_ONLY = "decipherOnly"


KEY_USAGE_BITS: Final = tuple(KeyUsage)
DEFAULT_USAGES: Final = (Usage.DIGITAL_SIGNATURE, Usage.KEY_ENCIPHERMENT)

_KEY_USAGES: Final = MappingProxyType(
    {
        Usage.SIGNING: KeyUsage.DIGITAL_SIGNATURE,
        Usage.DIGITAL_SIGNATURE: KeyUsage.DIGITAL_SIGNATURE,
        Usage.CONTENT_COMMITMENT: KeyUsage.CONTENT_COMMITMENT,
        Usage.KEY_ENCIPHERMENT: KeyUsage.KEY_ENCIPHERMENT,
        Usage.KEY_AGREEMENT: KeyUsage.KEY_AGREEMENT,
        Usage.DATA_ENCIPHERMENT: KeyUsage.DATA_ENCIPHERMENT,
        Usage.CERT_SIGN: KeyUsage.KEY_CERT_SIGN,
        Usage.CRL_SIGN: KeyUsage.CRL_SIGN,
        Usage.ENCIPHER_ONLY: KeyUsage.ENCIPHER_ONLY,
        Usage.DECIPHER_ONLY: KeyUsage.DECIPHER_ONLY,
    }
)

_EXTENDED: Final = MappingProxyType(
    {
        Usage.ANY: "2.5.29.37.0",
        Usage.SERVER_AUTH: "1.3.6.1.5.5.7.3.1",
        Usage.CLIENT_AUTH: "1.3.6.1.5.5.7.3.2",
        Usage.CODE_SIGNING: "1.3.6.1.5.5.7.3.3",
        Usage.EMAIL_PROTECTION: "1.3.6.1.5.5.7.3.4",
        Usage.S_MIME: "1.3.6.1.5.5.7.3.4",
        Usage.IPSEC_END_SYSTEM: "1.3.6.1.5.5.7.3.5",
        Usage.IPSEC_TUNNEL: "1.3.6.1.5.5.7.3.6",
        Usage.IPSEC_USER: "1.3.6.1.5.5.7.3.7",
        Usage.TIMESTAMPING: "1.3.6.1.5.5.7.3.8",
        Usage.OCSP_SIGNING: "1.3.6.1.5.5.7.3.9",
        Usage.MICROSOFT_SGC: "1.3.6.1.4.1.311.10.3.3",
        Usage.NETSCAPE_SGC: "2.16.840.1.113730.4.1",
    }
)

KNOWN_EXTENDED: Final = frozenset(_EXTENDED.values()) | {
    # Microsoft's code signing usages: no word on the wire asks for them, but Go knows them, so a
    # CSR that has one contradicts every request, where an unknown one would be kept.
    "1.3.6.1.4.1.311.2.1.22",
    "1.3.6.1.4.1.311.61.1.1",
}


def key_usages(
    usages: Iterable[str],
    is_ca: bool,  # noqa: FBT001  # the two fields of a spec, always read together
) -> tuple[frozenset[KeyUsage], tuple[str, ...]]:
    """Return the key usages and the extended key usage OIDs that `usages` ask for.

    No usages at all stand for digital signature and key encipherment; a CA may also sign
    certificates. The OIDs keep the order of the usages, each one once.

    Raises:
        PkiError: words that are no usages.
    """
    words = tuple(usages) or DEFAULT_USAGES
    unknown = [word for word in words if word not in _KEY_USAGES and word not in _EXTENDED]
    if unknown:
        raise PkiError(f"unknown key usages: {', '.join(map(repr, unknown))}")
    wanted = {_KEY_USAGES[Usage(word)] for word in words if word in _KEY_USAGES}
    if is_ca:
        wanted.add(KeyUsage.KEY_CERT_SIGN)
    extended = dict.fromkeys(_EXTENDED[Usage(word)] for word in words if word in _EXTENDED)
    return frozenset(wanted), tuple(extended)
