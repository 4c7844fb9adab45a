import dns.message
import dns.rcode
import pytest
from hypothesis import given
from hypothesis import strategies as st

from certwright.base.secret import Redacted
from certwright.dns.update import TsigAlgorithm, TsigKey
from certwright.lab.respond import respond
from tests.unit.dns.world import zone

ZONES = {zone().apex: zone()}
KEY = TsigKey("key.", Redacted(b"0123456789abcdef"), TsigAlgorithm.HMACSHA256)


@given(st.binary(max_size=80))
def test_no_bytes_of_a_stranger_crash_the_server(wire: bytes) -> None:
    reply = respond(wire, ZONES, {}, tcp=False)

    assert reply is None or reply.wire[:2] == wire[:2]


@given(st.binary(max_size=40), st.integers(0, 45))
def test_no_damaged_question_crashes_the_server(junk: bytes, at: int) -> None:
    wire = dns.message.make_query("www.example.test.", "TXT", use_edns=0).to_wire()

    reply = respond(wire[:at] + junk, ZONES, {}, tcp=False)

    assert reply is None or len(reply.wire) >= 12


def test_an_answer_is_not_answered() -> None:
    query = dns.message.make_query("www.example.test.", "A")

    assert respond(dns.message.make_response(query).to_wire(), ZONES, {}, tcp=False) is None


@pytest.mark.parametrize(("name", "error"), [("key.", 16), ("other.", 17)])
def test_a_wrong_signature_is_named_in_an_unsigned_answer(name: str, error: int) -> None:
    query = dns.message.make_query("example.test.", "SOA")
    wrong = TsigKey(name, Redacted(b"wrong"), TsigAlgorithm.HMACSHA256)
    query.use_tsig(wrong.for_library())
    known = KEY.for_library()

    reply = respond(query.to_wire(), ZONES, {known.name: known}, tcp=False)

    assert reply is not None
    answer = dns.message.from_wire(reply.wire, keyring=False)
    assert answer.rcode() == dns.rcode.NOTAUTH
    assert answer.tsig_error == error  # RFC 8945 §3: BADSIG is 16, BADKEY is 17
    assert answer.mac == b""
