from datetime import timedelta

import pytest

from certwright.dns.lookup import WILDCARD_PROBE
from certwright.dns.problem import CnameLoop, NameServerFailed, NameServerSilent, ZoneNotFound
from certwright.dns.server import Server
from certwright.lab.zone import Zone
from tests.unit.dns.world import NS1, RESOLVER, World

NAME = "_acme-challenge.www.example.test."


async def test_the_zone_is_found_by_climbing_from_the_name() -> None:
    world = World("www A 192.0.2.80")

    zone = await world.resolver().zone_of("_ACME-challenge.www.example.test")

    assert zone.apex == "example.test."
    assert zone.nameservers == ("ns1.example.test.", "ns2.example.test.")
    assert zone.serial == 7
    assert world.network.asked(RESOLVER)[:3] == [
        f"{NAME} SOA",
        "www.example.test. SOA",
        "example.test. SOA",
    ]


async def test_an_alias_on_the_way_leads_one_label_up() -> None:
    world = World("www CNAME other.test.\n*.x CNAME other.test.")

    zone = await world.resolver().zone_of("www.example.test.")
    wild = await world.resolver().zone_of("_acme-challenge.any.x.example.test.")

    assert zone.apex == wild.apex == "example.test."


async def test_a_name_in_nobodys_zone_is_told_as_such() -> None:
    world = World()
    world.network.forge[RESOLVER] = lambda wire: wire[:3] + bytes([3]) + wire[4:]  # NXDOMAIN

    with pytest.raises(ZoneNotFound, match=r"could not find the zone of nothing\.invalid\."):
        await world.resolver().zone_of("nothing.invalid")


async def test_another_error_code_ends_the_climb() -> None:
    with pytest.raises(NameServerFailed, match=r"NS 192\.0\.2\.53:53 returned REFUSED for"):
        await World().resolver().zone_of("nothing.invalid")


async def test_the_next_resolver_is_asked_when_one_is_silent_or_refuses() -> None:
    world = World()
    world.network.down.add(NS1)
    world.network.silent = {(("192.0.2.9", 53), False), (("192.0.2.9", 53), True)}
    resolver = world.resolver("192.0.2.1:53", "192.0.2.9:53", "192.0.2.3:53", "192.0.2.53:53")

    assert (await resolver.zone_of("example.test.")).apex == "example.test."


async def test_no_answer_at_all_names_the_server() -> None:
    world = World()
    world.network.down.add(RESOLVER)

    with pytest.raises(NameServerSilent, match=r"192\.0\.2\.53:53 could not be asked: Conn"):
        await world.resolver().zone_of("example.test.")


async def test_a_zone_is_kept_for_its_ttl_and_then_asked_for_again() -> None:
    world = World()
    resolver = world.resolver()
    await resolver.zone_of("example.test.")
    asked = len(world.network.log)

    await resolver.zone_of("example.test.")
    world.clock.advance(timedelta(seconds=299))
    await resolver.zone_of("example.test.")

    assert len(world.network.log) == asked

    world.clock.advance(timedelta(seconds=2))
    await resolver.zone_of("example.test.")

    assert len(world.network.log) == asked + 2


async def test_aliases_are_followed_to_where_a_record_belongs() -> None:
    world = World("_acme-challenge CNAME hop.other.test.", other="hop CNAME token")

    path = await world.resolver().follow_cname("_acme-challenge.example.test.")

    assert path == ("_acme-challenge.example.test.", "hop.other.test.", "token.other.test.")


async def test_an_alias_made_by_a_wildcard_is_not_followed() -> None:
    world = World("* CNAME www.other.test.")

    path = await world.resolver().follow_cname("_acme-challenge.example.test.")

    assert path == ("_acme-challenge.example.test.",)
    assert f"{WILDCARD_PROBE}.example.test. CNAME" in world.network.asked(RESOLVER)


async def test_an_alias_beside_a_wildcard_is_followed() -> None:
    world = World("* CNAME www.other.test.\n_acme-challenge CNAME token.other.test.")

    path = await world.resolver().follow_cname("_acme-challenge.example.test.")

    assert path[-1] == "token.other.test."


async def test_a_loop_of_aliases_is_named() -> None:
    world = World("_acme-challenge CNAME b\nb CNAME _acme-challenge")

    with pytest.raises(CnameLoop, match=r"Found recursive CNAME record to _acme-challenge"):
        await world.resolver().follow_cname("_acme-challenge.example.test.")


async def test_aliases_without_end_are_a_loop_too() -> None:
    world = World("\n".join(f"n{hop} CNAME n{hop + 1}" for hop in range(20)))

    with pytest.raises(CnameLoop):
        await world.resolver().follow_cname("n0.example.test.")


async def test_the_address_map_replaces_names_and_addresses() -> None:
    resolver = World().resolver(
        address_map={
            ("ns1.example.test", 53): ("127.0.0.1", 5300),
            ("192.0.2.2", 53): ("127.0.0.1", 5301),
        }
    )

    assert await resolver.addresses_of("NS1.example.test.") == (("127.0.0.1", 5300),)
    assert await resolver.addresses_of("ns2.example.test.") == (("127.0.0.1", 5301),)
    assert await resolver.addresses_of("192.0.2.9", 54) == (("192.0.2.9", 54),)
    assert await resolver.addresses_of("localhost", 5353) == (("127.0.0.1", 5353),)


async def test_a_resolver_named_by_a_name_is_found_by_the_machines_own() -> None:
    world = World()
    resolver = world.resolver("ns1.example.test:53")

    assert (await resolver.zone_of("example.test.")).apex == "example.test."
    assert "ns1.example.test. A" in world.network.asked(RESOLVER)
    assert "example.test. SOA" in world.network.asked(NS1)


async def test_a_server_without_address_is_told() -> None:
    with pytest.raises(NameServerSilent, match="its name has no address"):
        await World().resolver().addresses_of("missing.example.test")


async def test_own_nameservers_are_asked_directly_and_keep_the_rest() -> None:
    resolver = World().resolver().with_nameservers(["192.0.2.1:53"])

    assert resolver.servers == (Server("192.0.2.1"),)
    assert resolver.recursive_only


async def test_aliases_of_the_longest_names_are_followed() -> None:
    longest = ".".join(["a", *["b" * 63] * 3, "c" * 44, "other.test."])
    world = World(f"_acme-challenge CNAME {longest}", other=f"{longest} CNAME token")

    path = await world.resolver().follow_cname("_acme-challenge.example.test.")

    assert path == ("_acme-challenge.example.test.", longest, "token.other.test.")


async def test_the_serial_of_a_zone_with_the_longest_names_is_read() -> None:
    octets = ".".join(["\\001" * 63] * 3 + ["\\002" * 61])
    world = World()
    zone = f"@ SOA {octets}. {octets}. 9 1 1 1 1\n@ NS ns\nns A 192.0.2.3\n"
    world.network.servers[RESOLVER] = {(one := Zone.parse("other.test.", zone)).apex: one}

    assert (await world.resolver().zone_of("www.other.test.")).serial == 9
