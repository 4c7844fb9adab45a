"""PEM (RFC 7468) with limits that are checked before anything is decoded."""

import base64
import binascii
import re

import msgspec

from certwright.pki.errors import PkiError


class Limits(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How much PEM is read, in bytes; an operator may change each."""

    certificate: int = 36_500
    private_key: int = 13_000
    chain: int = 95_000
    bundle: int = 330_000


LIMITS = Limits()
"""The limits of cert-manager."""

# A body ends at the next five dashes, so a text of many beginnings is still read in linear time.
_BLOCK = re.compile(
    rb"^-----BEGIN ([A-Z0-9 ]{1,64})-----[ \t]*\r?$([^-]*(?:-(?!----)[^-]*)*)^-----END \1-----",
    re.MULTILINE,
)


class Block(msgspec.Struct, frozen=True, gc=False):
    """One PEM block: its label, the decoded bytes, and how long its text was."""

    label: str
    der: bytes
    length: int


def decode_pem(pem: bytes) -> tuple[Block, ...]:
    """Read the blocks of a PEM text; text between blocks is ignored.

    Raises:
        PkiError: a block is not base64. The text itself is never part of the message.
    """
    return tuple(_decode_block(match) for match in _BLOCK.finditer(pem))


def encode_pem(label: str, der: bytes) -> bytes:
    """Write one block, 64 characters a line, with a final newline."""
    body = base64.b64encode(der)
    lines = [body[start : start + 64] for start in range(0, len(body), 64)]
    mark = label.encode()
    return b"\n".join((b"-----BEGIN %s-----" % mark, *lines, b"-----END %s-----\n" % mark))


def _decode_block(match: re.Match[bytes]) -> Block:
    label = match[1].decode()
    if b":" in match[2]:
        # RFC 7468 §2: headers are not part of this format; they announce encryption (RFC 1421).
        raise PkiError(f"the {label} block has headers; encrypted PEM is not supported")
    try:
        der = base64.b64decode(b"".join(match[2].split()), validate=True)
    except binascii.Error as error:
        raise PkiError(f"the {label} block is not base64") from error
    return Block(label, der, len(match[0]))
