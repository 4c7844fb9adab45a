import base64

import dns.rcode
import pytest

from certwright.base.problem import Cause, Problem, Retryable, Stalled
from certwright.base.secret import Redacted
from certwright.dns.answer import RdataType
from certwright.dns.problem import BadSettings, NameServerSilent, UpdateRefused
from certwright.dns.server import Server
from certwright.dns.update import Transport, TsigAlgorithm, TsigKey, Updater, parse_tsig_key
from tests.fakes.network import FakeNetwork
from tests.unit.dns.world import NS1, World, zone

SECRET = b"0123456789abcdef"
KEY = TsigKey("key.", Redacted(SECRET), TsigAlgorithm.HMACSHA256)
NAME = "_acme-challenge.example.test."


class Primary:
    """ns1 as a primary that knows `KEY`, and an updater towards it."""

    def __init__(self, key: TsigKey | None = KEY, transport: Transport = Transport.UDP) -> None:
        self.world = World()
        self.zone = zone()
        self.world.network = FakeNetwork({NS1: [self.zone]}, [KEY])
        self.updater = Updater(Server(*NS1), self.world.resolver(), key, transport)

    async def add(self, value: str = "value") -> None:
        await self.updater.add_txt("example.test.", NAME, value)

    def answer_with(self, rcode: dns.rcode.Rcode) -> None:
        self.world.network.forge[NS1] = lambda wire: (
            wire[:2] + bytes([0xA8, rcode]) + bytes(8)  # unsigned, as from one without keys
        )


async def test_adding_and_deleting_raise_the_serial_once_each() -> None:
    primary = Primary()

    await primary.add()
    await primary.add()
    await primary.updater.delete_txt("example.test.", NAME, "value")

    assert primary.zone.serial == 9


async def test_tcp_is_used_when_the_issuer_says_so() -> None:
    primary = Primary(transport=Transport.TCP)

    await primary.add()

    assert [tcp for _, _, tcp in primary.world.network.log] == [True]


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (TsigKey("other.", Redacted(SECRET), TsigAlgorithm.HMACSHA256), "BADKEY"),
        (TsigKey("key.", Redacted(b"wrong"), TsigAlgorithm.HMACSHA256), "BADSIG"),
        (TsigKey("key.", Redacted(SECRET), TsigAlgorithm.HMACSHA512), "BADKEY"),
    ],
    ids=["name", "secret", "algorithm"],
)
async def test_a_wrong_key_needs_a_person(key: TsigKey, said: str) -> None:
    with pytest.raises(UpdateRefused, match=said) as refused:
        await Primary(key).add()

    assert refused.value.reason == "CredentialsRefused"
    assert refused.value.zone == "example.test."


async def test_an_unsigned_update_is_refused_by_who_wants_a_key() -> None:
    with pytest.raises(UpdateRefused, match="REFUSED"):
        await Primary(None).add()


@pytest.mark.parametrize(
    ("rcode", "kind"),
    [
        (dns.rcode.REFUSED, Stalled),
        (dns.rcode.NOTAUTH, Stalled),
        (dns.rcode.NOTZONE, Stalled),
        (dns.rcode.FORMERR, Stalled),
        (dns.rcode.SERVFAIL, Retryable),
        (dns.rcode.YXDOMAIN, Retryable),
    ],
)
async def test_each_error_code_says_who_acts_next(
    rcode: dns.rcode.Rcode, kind: type[Problem]
) -> None:
    primary = Primary()
    primary.answer_with(rcode)

    with pytest.raises(kind, match=dns.rcode.to_text(rcode)):
        await primary.add()


async def test_an_unsigned_success_is_not_believed() -> None:
    primary = Primary()
    primary.answer_with(dns.rcode.NOERROR)

    with pytest.raises(NameServerSilent, match="malformed"):
        await primary.add()


async def test_a_primary_that_is_down_is_tried_again_later() -> None:
    primary = Primary()
    primary.world.network.down.add(NS1)

    with pytest.raises(Retryable) as failed:
        await primary.add()

    assert failed.value.cause is Cause.TRANSPORT


async def test_a_long_value_is_cut_into_strings_and_read_as_one() -> None:
    primary = Primary()

    await primary.add("x" * 600)
    answer = await primary.world.resolver().txt(NAME, NS1)

    assert answer.values(NAME, RdataType.TXT) == ("x" * 600,)


@pytest.mark.parametrize("word", ["", "hmacmd5", "HmacSha1", "HMACSHA256", "hmacSHA512"])
def test_algorithms_are_read_in_any_case_and_md5_is_the_default(word: str) -> None:
    key = parse_tsig_key("Key.Example", Redacted(base64.b64encode(SECRET) + b"\n"), word)

    assert key.name == "key.example."
    assert key.algorithm == (word.upper() or "HMACMD5")
    assert key.secret.reveal() == SECRET


@pytest.mark.parametrize(
    ("name", "secret", "algorithm"),
    [
        ("key", b"bm90IHNvIHNlY3JldA==", "HMACSHA3"),
        ("key", b"not/base64/text!", ""),
        ("key", b"abc", ""),
        ("key", b"\n\n", ""),
        ("a..b", b"bm90IHNvIHNlY3JldA==", ""),
    ],
)
def test_a_key_that_cannot_be_used_is_refused_without_the_secret(
    name: str, secret: bytes, algorithm: str
) -> None:
    with pytest.raises(BadSettings) as refused:
        parse_tsig_key(name, Redacted(secret), algorithm)

    assert secret.decode() not in refused.value.message
