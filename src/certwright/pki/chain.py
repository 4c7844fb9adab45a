"""Putting certificates in order: the leaf first, each followed by its issuer."""

from collections.abc import Iterable
from typing import Final

import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from certwright.pki.certificate import (
    X509,
    certificate_extensions,
    certificate_names,
    encode_certificate,
    may_sign,
    parse_chain,
)
from certwright.pki.errors import BrokenChain, PkiError
from certwright.pki.pem import LIMITS, Limits

MAX_CERTIFICATES: Final = 1000
_BROKEN: Final = "certificate chain is malformed or broken"
_MAX_STEPS: Final = 4 * MAX_CERTIFICATES


class Chain(msgspec.Struct, frozen=True, gc=False):
    """Certificates in order, as PEM.

    Attributes:
        chain: the leaf first; a self-signed top is not part of it, unless it stands alone.
        ca: the self-signed top, else the topmost intermediate; empty if neither is known.
    """

    chain: bytes
    ca: bytes


class _Link(msgspec.Struct, frozen=True):
    certificate: X509
    issuer: bytes
    subject: bytes
    may_sign: bool

    def is_issued_by(self, other: "_Link") -> bool:
        """Was this certificate signed by the other one's key, and was that key allowed to?"""
        if self.issuer != other.subject or not other.may_sign:
            return False
        try:
            self.certificate.verify_directly_issued_by(other.certificate)
        except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
            return False
        return True

    def is_self_signed_ca(self) -> bool:
        return self.is_issued_by(self)


def build_chain(pems: Iterable[bytes], *, limits: Limits = LIMITS) -> Chain:
    """Order the certificates of some PEM texts into exactly one chain; duplicates are dropped.

    Raises:
        BadCertificate: a text holds no certificates.
        BrokenChain: they do not link into one chain, or some are left over.
    """
    found = dict.fromkeys(
        certificate for pem in pems for certificate in parse_chain(pem, limits=limits)
    )
    if not found:
        raise BrokenChain("there are no certificates to build a chain of")
    if len(found) > MAX_CERTIFICATES:
        raise BrokenChain(f"{_BROKEN}: more than {MAX_CERTIFICATES} certificates")
    try:
        links = [_link(certificate) for certificate in found]
    except PkiError as error:
        raise BrokenChain(f"{_BROKEN}: {error}") from error
    return _split(_ordered(links))


def _link(certificate: X509) -> _Link:
    issuer, subject = certificate_names(certificate)
    return _Link(certificate, issuer, subject, may_sign(certificate_extensions(certificate)))


def _split(path: list[_Link]) -> Chain:
    """Take the CA off the top of an ordered chain."""
    encoded = [encode_certificate(link.certificate) for link in path]
    rooted = path[-1].is_self_signed_ca()
    if len(path) == 1:
        return Chain(encoded[0], encoded[0] if rooted else b"")
    return Chain(b"".join(encoded[:-1] if rooted else encoded), encoded[-1])


def _ordered(links: list[_Link]) -> list[_Link]:
    """Find the one path from the leaf that uses every certificate.

    Cross-signed CAs give a certificate several issuers, so paths are tried in turn; the number of
    tries is bounded, for the certificates come from strangers.
    """
    issuers = _issuers(links)
    issued_something = {parent for parents in issuers for parent in parents}
    leaves = [index for index in range(len(links)) if index not in issued_something]
    if len(leaves) != 1:
        raise BrokenChain(f"{_BROKEN}: {len(leaves)} certificates issued none of the others")
    open_paths: list[tuple[int, ...]] = [(leaves[0],)]
    for _ in range(_MAX_STEPS):
        if not open_paths:
            break
        path = open_paths.pop()
        if len(path) == len(links):
            return [links[index] for index in path]
        open_paths += [(*path, parent) for parent in issuers[path[-1]] if parent not in path]
    raise BrokenChain(f"{_BROKEN}: not every certificate is part of the chain")


def _issuers(links: list[_Link]) -> list[list[int]]:
    """Return, for each certificate, the numbers of the others that issued it."""
    by_subject: dict[bytes, list[int]] = {}
    for index, link in enumerate(links):
        by_subject.setdefault(link.subject, []).append(index)
    return [
        [
            parent
            for parent in by_subject.get(link.issuer, ())
            if parent != index and link.is_issued_by(links[parent])
        ]
        for index, link in enumerate(links)
    ]
