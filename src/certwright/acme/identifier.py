"""What a certificate is ordered for (RFC 8555 §9.7.7, RFC 8738)."""

import msgspec


class Identifier(msgspec.Struct, frozen=True):
    """A name to be proven: `type` is `dns` or `ip`, or a word that a later RFC brings."""

    type: str
    value: str

    @classmethod
    def dns(cls, name: str) -> "Identifier":
        """A DNS name, in an order also with `*.` in front."""
        return cls(type="dns", value=name)

    @classmethod
    def ip(cls, address: str) -> "Identifier":
        """An IP address in its canonical text (RFC 8738 §3)."""
        return cls(type="ip", value=address)
