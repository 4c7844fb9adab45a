"""One question, one checked answer: UDP, then TCP, or DNS over HTTPS.

Between the message library and `Network`. What comes back is parsed, bounded by the protocol to
64 KiB, and compared with what was asked (id, direction, question, signature) before anyone sees it.
"""

import asyncio

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.tsig
import msgspec

from certwright.base.evidence import printable
from certwright.dns.doh import post_message
from certwright.dns.network import Address, Network
from certwright.dns.problem import NameServerSilent
from certwright.dns.server import Server
from certwright.net.http import Http

TIMEOUT_SECONDS = 5.0
"""How long an answer may take, by UDP and then TCP together: who waits learns of it soon, and the
next look comes soon (cert-manager waits 10 s for each: compat-spec 6.8)."""
_UDP_SHARE = 0.4
AT_ONCE = 100
"""Messages under way at the same time."""

TsigError = (
    dns.tsig.PeerError,
    dns.tsig.BadSignature,
    dns.tsig.BadTime,
    dns.tsig.BadKey,
    dns.tsig.BadAlgorithm,
)
"""What the library raises about signatures; only `update` signs and so only `update` sees them."""


class Exchange(msgspec.Struct, frozen=True):
    """How messages travel: the `network`, and `http` where a resolver is asked over HTTPS.

    `slots` bounds how many sockets are open; a message that waits for one does not age yet.
    """

    network: Network
    http: Http | None = None
    timeout_seconds: float = TIMEOUT_SECONDS
    slots: asyncio.Semaphore = msgspec.field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    async def ask(
        self, message: dns.message.Message, address: Address, *, tcp: bool = False
    ) -> dns.message.Message:
        """Send `message`; a truncated or missing UDP answer is asked for again over TCP.

        Raises:
            NameServerSilent: neither way brought an answer to this question.
            TsigError: the message was signed and the answer's signature says no.
        """
        subject = str(Server(*address))
        if not tcp:
            try:
                wire = await self._carry(message, address, tcp=False)
            except TimeoutError:  # lost, or a firewall: TCP has its own chance
                wire = b""
            except OSError as error:
                raise NameServerSilent(subject, _detail(error)) from error
            if wire and not _is_truncated(wire):
                return _read(wire, message, subject)
        try:
            wire = await self._carry(message, address, tcp=True)
        except TimeoutError as error:
            raise NameServerSilent(
                subject, f"no answer within {self.timeout_seconds:g} s"
            ) from error
        except OSError as error:
            raise NameServerSilent(subject, _detail(error)) from error
        return _read(wire, message, subject)

    async def ask_over_https(self, message: dns.message.Message, url: str) -> dns.message.Message:
        """Post `message` to a DNS-over-HTTPS resolver (RFC 8484 §4.1).

        Raises:
            NameServerSilent: the resolver did not answer with a DNS message.
            Retryable: the HTTP room could not reach it.
        """
        if self.http is None:
            raise NameServerSilent(url, "no HTTP client was handed in")
        # RFC 8484 §4.1: an id of 0 lets HTTP caches work; TLS authenticates the answer
        message.set_id(0)
        wire = await post_message(self.http, url, message.to_wire(), self.timeout_seconds)
        return _read(wire, message, url)

    async def _carry(self, message: dns.message.Message, address: Address, *, tcp: bool) -> bytes:
        share = 1 - _UDP_SHARE if tcp else _UDP_SHARE
        async with self.slots, asyncio.timeout(self.timeout_seconds * share):
            return await self.network.query(message.to_wire(), address, tcp=tcp)


def _read(wire: bytes, asked: dns.message.Message, subject: str) -> dns.message.Message:
    """Parse the answer and compare it with the question (RFC 5452 §9.1)."""
    try:
        answer = _parse(wire, asked)
        if not asked.is_response(answer):
            raise NameServerSilent(subject, "the answer belongs to another question")
    except TsigError:
        raise
    except (dns.exception.DNSException, ValueError) as error:
        raise NameServerSilent(subject, f"the answer is malformed ({_detail(error)})") from error
    return answer


def _parse(wire: bytes, asked: dns.message.Message) -> dns.message.Message:
    if not asked.had_tsig:
        return dns.message.from_wire(wire, keyring=False)
    try:
        return dns.message.from_wire(wire, keyring=asked.keyring, request_mac=asked.mac or b"")
    except dns.exception.FormError:
        # RFC 8945 §5.3.2: a server that knows no key answers unsigned; only its error is believed
        answer = dns.message.from_wire(wire, keyring=False)
        if answer.had_tsig or answer.rcode() == dns.rcode.NOERROR:
            raise
        return answer


def _is_truncated(wire: bytes) -> bool:
    return len(wire) > 3 and bool(int.from_bytes(wire[2:4], "big") & dns.flags.TC)  # noqa: PLR2004


def _detail(error: BaseException) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return printable(str(text), 200)
