from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from certwright.dns import propagation
from certwright.dns.exchange import Exchange
from certwright.dns.lookup import Resolver
from certwright.dns.propagation import (
    FIRST_LOOK,
    LONGEST_PAUSE,
    Report,
    Seen,
    ServerReport,
    next_look,
    wait_until_complete,
)
from tests.unit.dns.world import NS1, NS2, OTHER, RESOLVER, World

PATIENCE = timedelta(seconds=120)
NAME = "_acme-challenge.example.test."
HAS = '_acme-challenge TXT "right"'


async def check(world: World) -> Report:
    return await propagation.check(world.resolver(), NAME, "right")


def seen(report: Report) -> dict[str, Seen]:
    return {server.name: server.answer for server in report.servers}


async def test_complete_when_every_server_has_the_value() -> None:
    report = await check(World(HAS))

    assert report.complete
    assert seen(report) == {"ns1.example.test.": Seen.HAS, "ns2.example.test.": Seen.HAS}
    assert [server.serial for server in report.servers] == [7, 7]
    assert [str(line) for line in report.evidence] == [
        "ns1.example.test. (192.0.2.1:53): has it (serial 7)",
        "ns2.example.test. (192.0.2.2:53): has it (serial 7)",
    ]


async def test_incomplete_while_one_server_lags() -> None:
    report = await check(World(HAS, second='_acme-challenge TXT "old"'))

    assert not report.complete
    assert report.message == 'DNS record for "example.test" not yet propagated'
    assert "does not have it: 1 other value" in str(report.evidence[1])


async def test_no_such_name_is_not_yet() -> None:
    report = await check(World(HAS, second=""))

    assert not report.complete
    assert report.servers[1].answer is Seen.LACKS
    assert report.servers[1].detail == "no such name"


async def test_another_error_code_is_told_in_the_known_words() -> None:
    world = World(HAS)
    world.network.servers[NS2].clear()

    report = await check(world)

    assert not report.complete
    assert report.message == f"NS ns2.example.test. returned REFUSED for {NAME}"


async def test_a_silent_server_is_in_the_report() -> None:
    world = World(HAS)
    world.network.down.add(NS2)

    report = await check(world)

    assert not report.complete
    assert "Connection refused" in str(report.evidence[1])


async def test_one_unreachable_address_of_a_server_does_no_harm() -> None:
    report = await check(World(f"{HAS}\nns1 AAAA 2001:db8::1"))

    assert report.complete
    assert [server.answer for server in report.servers].count(Seen.FAILED) == 1


async def test_an_address_that_leads_nowhere_does_not_hold_up_the_evidence() -> None:
    world = World(f"{HAS}\nns1 AAAA 2001:db8::1")
    world.network.servers["2001:db8::1", 53] = {}
    world.network.silent = {(("2001:db8::1", 53), False), (("2001:db8::1", 53), True)}
    resolver = Resolver(
        ["192.0.2.53"], exchange=Exchange(world.network, None, 60), clock=world.clock
    )

    report = await propagation.check(resolver, NAME, "right")

    assert report.complete
    assert [server.detail for server in report.servers][1] == "no answer in time"


async def test_an_answer_without_authority_is_no_evidence() -> None:
    world = World(HAS)
    world.network.forge[NS2] = lambda wire: wire[:2] + bytes([wire[2] & ~0x04]) + wire[3:]

    report = await check(world)

    assert not report.complete
    assert "port 53 intercepted" in report.servers[1].detail


async def test_aliases_are_followed_and_both_ends_reported() -> None:
    report = await check(
        World("_acme-challenge CNAME token.other.test.", other='token TXT "right"')
    )

    assert report.complete
    assert seen(report)["ns1.example.test."] is Seen.ALIAS
    assert seen(report)["ns.other.test."] is Seen.HAS
    assert report.servers[-1].cname_path == (NAME, "token.other.test.")


async def test_an_alias_to_where_the_value_is_missing_is_incomplete() -> None:
    report = await check(World("_acme-challenge CNAME token.other.test."))

    assert not report.complete
    assert seen(report)["ns.other.test."] is Seen.LACKS


async def test_servers_that_disagree_about_an_alias_are_each_followed() -> None:
    world = World("_acme-challenge CNAME token.other.test.", second=HAS, other='token TXT "right"')

    assert (await check(world)).complete


async def test_a_wildcard_alias_that_a_resolver_remembers_fools_nobody() -> None:
    world = World(f"* CNAME www.other.test.\n{HAS}")
    # the resolver still has the time before the record: there the wildcard made an alias
    world.network.servers[RESOLVER] = World("* CNAME www.other.test.").network.servers[RESOLVER]

    assert (await check(world)).complete


async def test_a_loop_of_aliases_is_told() -> None:
    report = await check(World("_acme-challenge CNAME b\nb CNAME c\nc CNAME b"))

    assert not report.complete
    assert any("Found recursive CNAME record to" in str(line) for line in report.evidence)


async def test_a_zone_that_cannot_be_found_is_in_the_report_and_not_raised() -> None:
    world = World()
    world.network.down.add(RESOLVER)

    report = await check(world)

    assert not report.complete
    assert "could not be asked" in report.message
    assert report.evidence[0].subject == NAME


async def test_given_resolvers_are_asked_directly() -> None:
    world = World("_acme-challenge CNAME token", second='token TXT "right"')
    world.network.servers[RESOLVER] = World(
        '_acme-challenge CNAME token\ntoken TXT "right"'
    ).network.servers[RESOLVER]
    resolver = world.resolver("192.0.2.53:53", recursive_only=True)

    report = await propagation.check(resolver, NAME, "right")

    assert report.complete
    assert world.network.asked(NS1) == []
    assert report.servers[0].cname_path == (NAME, "token.example.test.")


async def test_all_given_resolvers_must_have_it() -> None:
    world = World(HAS, second="")
    resolver = world.resolver("192.0.2.53:53", "192.0.2.2:53", recursive_only=True)

    assert not (await propagation.check(resolver, NAME, "right")).complete


async def test_a_resolver_that_does_not_follow_is_asked_for_the_target() -> None:
    world = World("_acme-challenge CNAME token.other.test.", other='token TXT "right"')
    resolver = world.resolver("192.0.2.53:53", recursive_only=True)

    report = await propagation.check(resolver, NAME, "right")

    assert report.complete
    assert "token.other.test. TXT" in world.network.asked(RESOLVER)
    assert world.network.asked(OTHER) == []


async def test_waiting_ends_at_once_when_all_have_it() -> None:
    world = World(HAS)

    report = await wait_until_complete(
        world.resolver(), NAME, "right", clock=world.clock, patience=PATIENCE
    )

    assert report.complete
    assert world.clock.monotonic() == 0


async def test_waiting_ends_with_what_was_seen_when_patience_is_over() -> None:
    world = World()

    report = await wait_until_complete(
        world.resolver(), NAME, "right", clock=world.clock, patience=PATIENCE
    )

    assert not report.complete
    assert 120 <= world.clock.monotonic() <= 130
    assert len([line for line in world.network.asked(NS1) if "TXT" in line]) < 50


@given(
    st.timedeltas(timedelta(0), timedelta(days=1)), st.timedeltas(timedelta(0), timedelta(days=1))
)
def test_pauses_grow_with_the_time_waited_within_their_bounds(a: timedelta, b: timedelta) -> None:
    shorter, longer = sorted((a, b))

    assert FIRST_LOOK <= next_look(shorter) <= next_look(longer) <= LONGEST_PAUSE


async def test_an_alias_into_nowhere_is_told_beside_what_was_seen() -> None:
    report = await check(World("_acme-challenge CNAME token.nowhere.invalid."))

    assert not report.complete
    assert report.servers[-1].name == "token.nowhere.invalid."
    assert report.message.startswith("NS 192.0.2.53:53 returned REFUSED for token.nowhere.invalid.")


async def test_a_server_whose_name_has_no_address_is_told() -> None:
    report = await check(World(f"{HAS}\n@ NS ns3"))

    assert not report.complete
    assert "ns3.example.test could not be asked" in str(report.evidence[-1])


async def test_a_resolver_caught_in_a_loop_is_told() -> None:
    world = World("_acme-challenge CNAME b\nb CNAME _acme-challenge")

    report = await propagation.check(world.resolver(recursive_only=True), NAME, "right")

    assert "Found recursive CNAME record to" in report.servers[0].detail


async def test_a_resolver_that_is_silent_is_told() -> None:
    world = World(HAS)
    world.network.down.add(RESOLVER)

    report = await propagation.check(world.resolver(recursive_only=True), NAME, "right")

    assert not report.complete
    assert "Connection refused" in report.servers[0].detail


async def test_the_sentence_of_a_complete_report_says_so() -> None:
    assert (await check(World(HAS))).message == f"all name servers have the TXT record at {NAME}"


def test_nobody_asked_is_no_evidence() -> None:
    assert not Report(NAME).complete


def test_a_server_of_which_one_address_lacks_the_value_is_incomplete() -> None:
    has = ServerReport("ns", "192.0.2.1:53", Seen.HAS)
    lacks = ServerReport("ns", "192.0.2.2:53", Seen.LACKS)

    assert not Report(NAME, (has, lacks)).complete
