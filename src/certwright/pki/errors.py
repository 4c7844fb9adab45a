"""What can be wrong with keys, CSRs and certificates; the messages never hold key material."""


class PkiError(ValueError):
    """The base of every failure of this room; its text is one sentence that may be shown."""


class BadKey(PkiError):  # noqa: N818  # reads as what was found, as everywhere in this room
    """A private key that cannot be made, read or used for this."""


class BadCsr(PkiError):  # noqa: N818
    """Bytes that are not a CSR, a CSR that contradicts its request, or one that cannot be built."""


class BadCertificate(PkiError):  # noqa: N818
    """Bytes that are not a certificate, or a certificate that cannot be built."""


class BadSubject(PkiError):  # noqa: N818
    """A subject or name that cannot be written as DER."""


class BrokenChain(PkiError):  # noqa: N818
    """Certificates that do not link into exactly one chain."""
