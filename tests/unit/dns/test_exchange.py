import dns.message
import dns.rdatatype
import pytest

from certwright.dns.answer import Answer, RdataType, build_query
from certwright.dns.exchange import Exchange
from certwright.dns.problem import NameServerSilent
from tests.unit.dns.world import NS1, World

LONG = "\n".join(f'long TXT "{number}{"x" * 250}"' for number in range(9))


async def ask(
    world: World, name: str = "example.test.", rdtype: str = "SOA"
) -> dns.message.Message:
    query = build_query(name, dns.rdatatype.from_text(rdtype), recursive=False)
    return await Exchange(world.network, None, 0.05).ask(query, NS1)


async def test_a_truncated_answer_is_asked_for_again_over_tcp() -> None:
    world = World(LONG)

    answer = await ask(world, "long.example.test.", "TXT")

    assert len(Answer("ns", answer).values("long.example.test.", RdataType.TXT)) == 9
    assert [tcp for _, _, tcp in world.network.log] == [False, True]


async def test_udp_without_answer_is_tried_over_tcp() -> None:
    world = World()
    world.network.silent.add((NS1, False))

    assert (await ask(world)).answer


async def test_silence_on_both_says_how_long_was_waited() -> None:
    world = World()
    world.network.silent = {(NS1, False), (NS1, True)}

    with pytest.raises(NameServerSilent, match=r"192\.0\.2\.1:53 .* no answer within 0\.05 s"):
        await ask(world)


@pytest.mark.parametrize(
    "forged",
    [
        lambda wire: b"\0\0" + wire[2:],
        lambda wire: wire[:2] + bytes([wire[2] & 0x7F]) + wire[3:],
        lambda wire: wire.replace(b"\7example", b"\7exampla", 1),
        lambda wire: wire[:-4],
        lambda _: b"",
        lambda _: b"\0" * 40,
        lambda wire: wire + b"junk",
    ],
    ids=["id", "direction", "question", "cut", "empty", "zeros", "junk"],
)
async def test_an_answer_to_something_else_or_malformed_is_no_answer(forged: object) -> None:
    world = World()
    world.network.forge[NS1] = forged  # type: ignore[assignment]  # the lambdas above

    with pytest.raises(NameServerSilent):
        await ask(world)


async def test_control_characters_of_a_server_are_made_visible() -> None:
    world = World('evil TXT "\\027[31mred"')

    answer = Answer("ns", await ask(world, "evil.example.test.", "TXT"))

    assert answer.values("evil.example.test.", RdataType.TXT) == (r"\x1b[31mred",)


async def test_a_url_needs_an_http_client() -> None:
    query = build_query("example.test.", RdataType.SOA, recursive=True)

    with pytest.raises(NameServerSilent, match="no HTTP client"):
        await Exchange(World().network).ask_over_https(query, "https://dns.example/dns-query")


async def test_an_address_of_ipv6_is_shown_in_brackets() -> None:
    query = build_query("example.test.", RdataType.SOA, recursive=True)

    with pytest.raises(NameServerSilent, match=r"\[2001:db8::1\]:53"):
        await Exchange(World().network).ask(query, ("2001:db8::1", 53))
