"""Dynamic updates (RFC 2136) of one TXT value at a time, signed by TSIG (RFC 8945).

Called by the rfc2136 provider. Both verbs are idempotent by the protocol: a record that is there is
not added twice, one that is gone is not missed; other values at the name stay.
"""

import base64
import binascii
from enum import StrEnum

import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.TXT
import dns.tsig
import dns.update
import msgspec

from certwright.base.evidence import printable
from certwright.base.problem import Cause, Retryable
from certwright.base.reason import Reason
from certwright.base.secret import Redacted
from certwright.dns.exchange import TsigError
from certwright.dns.lookup import Resolver
from certwright.dns.name import BadName, canonical
from certwright.dns.network import Address
from certwright.dns.problem import BadSettings, NameServerSilent, UpdateRefused
from certwright.dns.server import Server

TTL_SECONDS = 60
FUDGE_SECONDS = 300
"""How far the two clocks may differ (RFC 8945 §10)."""


class TsigAlgorithm(StrEnum):
    """The words of an issuer's `tsigAlgorithm` (compat-spec 6.9)."""

    HMACMD5 = "HMACMD5"
    HMACSHA1 = "HMACSHA1"
    HMACSHA256 = "HMACSHA256"
    HMACSHA512 = "HMACSHA512"


class Transport(StrEnum):
    """The words of an issuer's `protocol`."""

    UDP = "UDP"
    TCP = "TCP"


class TsigKey(msgspec.Struct, frozen=True):
    """A key shared with a name server; `secret` is the key itself, decoded."""

    name: str
    secret: Redacted[bytes]
    algorithm: TsigAlgorithm = TsigAlgorithm.HMACMD5

    def for_library(self) -> dns.tsig.Key:
        """The key as the DNS library takes it; it shows the secret, never print it."""
        return dns.tsig.Key(
            dns.name.from_text(self.name), self.secret.reveal(), _WIRE_NAME[self.algorithm]
        )


_WIRE_NAME = {
    TsigAlgorithm.HMACMD5: dns.tsig.HMAC_MD5,
    TsigAlgorithm.HMACSHA1: dns.tsig.HMAC_SHA1,
    TsigAlgorithm.HMACSHA256: dns.tsig.HMAC_SHA256,
    TsigAlgorithm.HMACSHA512: dns.tsig.HMAC_SHA512,
}


def parse_tsig_key(name: str, secret: Redacted[bytes], algorithm: str = "") -> TsigKey:
    """Build a key from an issuer's words and a Secret's value, which is base64 text.

    Raises:
        BadSettings: the name, the algorithm or the base64 is wrong; the secret is not in the text.
    """
    word = algorithm.upper() or TsigAlgorithm.HMACMD5
    if word not in set(TsigAlgorithm):
        allowed = ", ".join(TsigAlgorithm)
        raise BadSettings(f"tsigAlgorithm {printable(algorithm, 50)} is not one of {allowed}")
    try:
        decoded = base64.b64decode(b"".join(secret.reveal().split()), validate=True)
        key_name = canonical(name)
    except binascii.Error:
        # no "from": the library's error may quote what it could not decode
        raise BadSettings(
            "the TSIG secret is not base64 text", reason=Reason.SECRET_INVALID_DATA
        ) from None
    except BadName as error:
        raise BadSettings(f"tsigKeyName {printable(name, 100)} is not a domain name") from error
    if not decoded:
        raise BadSettings("the TSIG secret is empty", reason=Reason.SECRET_INVALID_DATA)
    return TsigKey(key_name, Redacted(decoded), TsigAlgorithm(word))


class Updater(msgspec.Struct, frozen=True):
    """Sends updates to one server, signed by `key` if there is one."""

    server: Server
    resolver: Resolver
    key: TsigKey | None = None
    transport: Transport = Transport.UDP

    async def add_txt(
        self, zone: str, fqdn: str, value: str, *, ttl_seconds: int = TTL_SECONDS
    ) -> None:
        """Add one TXT value at `fqdn`; other values stay.

        Raises:
            UpdateRefused: the key or the zone is not accepted.
            Retryable: the server could not be asked, or failed.
        """
        update = dns.update.UpdateMessage(zone)
        update.add(dns.name.from_text(fqdn), ttl_seconds, _txt(value))
        await self._send(update, zone)

    async def delete_txt(self, zone: str, fqdn: str, value: str) -> None:
        """Delete this TXT value at `fqdn` and no other.

        Raises:
            UpdateRefused: the key or the zone is not accepted.
            Retryable: the server could not be asked, or failed.
        """
        update = dns.update.UpdateMessage(zone)
        update.delete(dns.name.from_text(fqdn), _txt(value))
        await self._send(update, zone)

    async def _send(self, update: dns.update.UpdateMessage, zone: str) -> None:
        if self.key is not None:
            update.use_tsig(self.key.for_library(), fudge=FUDGE_SECONDS)
        failure: Retryable = NameServerSilent(str(self.server), "it has no address")
        for address in await self.resolver.addresses_of_configured(self.server):
            try:
                answer = await self._ask(update, address, zone)
            except NameServerSilent as error:
                failure = error
            else:
                return self._judge(answer, zone)
        raise failure

    async def _ask(
        self, update: dns.update.UpdateMessage, address: Address, zone: str
    ) -> dns.message.Message:
        tcp = self.transport is Transport.TCP
        try:
            return await self.resolver.exchange.ask(update, address, tcp=tcp)
        except (dns.tsig.PeerBadTime, dns.tsig.BadTime) as error:
            raise Retryable(
                Reason.REFUSED,
                f"name server {self.server} refused to update zone {zone}: BADTIME",
                cause=Cause.SERVER,
                remedy=f"The two clocks differ by more than {FUDGE_SECONDS} s: set them right.",
            ) from error
        except TsigError as error:
            word = _TSIG_WORD.get(type(error), "a signature that does not fit")
            raise self._refused(zone, word, Reason.CREDENTIALS_REFUSED) from error

    def _judge(self, answer: dns.message.Message, zone: str) -> None:
        rcode = answer.rcode()
        word = dns.rcode.to_text(rcode)
        if rcode == dns.rcode.NOERROR:
            return
        if rcode == dns.rcode.NOTAUTH and answer.had_tsig:
            # RFC 2136 §3.1.1: it knows the key, and does not have the zone
            raise self._refused(zone, f"{word} (it does not have the zone)", Reason.REFUSED)
        if rcode in (dns.rcode.NOTAUTH, dns.rcode.BADKEY, dns.rcode.BADSIG):
            raise self._refused(zone, word, Reason.CREDENTIALS_REFUSED)
        if rcode in (dns.rcode.REFUSED, dns.rcode.NOTZONE, dns.rcode.NOTIMP, dns.rcode.FORMERR):
            raise self._refused(zone, word, Reason.REFUSED)
        raise Retryable(
            Reason.SERVER_ERROR,
            f"name server {self.server} could not update zone {zone}: {word}",
            cause=Cause.SERVER,
        )

    def _refused(self, zone: str, word: str, reason: Reason) -> UpdateRefused:
        remedy = (
            f"See that {self.server} is the primary server of {zone} and lets the key"
            f" {self.key.name if self.key else '(none: the update was not signed)'} update it."
        )
        if reason is Reason.CREDENTIALS_REFUSED:
            remedy += " Name, secret and algorithm of the key must be the same on both sides."
        return UpdateRefused(
            server=str(self.server), zone=zone, answer=word, remedy=remedy, reason=reason
        )


_TSIG_WORD: dict[type[Exception], str] = {
    dns.tsig.PeerBadKey: "NOTAUTH (BADKEY: it does not know the key)",
    dns.tsig.PeerBadSignature: "NOTAUTH (BADSIG: the secret differs)",
    dns.tsig.BadSignature: "an answer signed with another secret",
}


def _txt(value: str) -> dns.rdtypes.ANY.TXT.TXT:
    octets = value.encode()
    # RFC 1035 §3.3.14: strings of at most 255 octets each
    strings = [octets[at : at + 255] for at in range(0, len(octets), 255)] or [b""]
    return dns.rdtypes.ANY.TXT.TXT(dns.rdataclass.IN, dns.rdatatype.TXT, strings)
