"""The lab's name server and BIND get the same updates and must end with the same zone."""

import random
from pathlib import Path

import dns.message
import dns.rcode
import dns.update

from certwright.dns.answer import RdataType, build_query
from certwright.dns.exchange import Exchange
from certwright.dns.network import Address, SystemNetwork
from certwright.dns.update import TsigAlgorithm
from tests.integration.servers.bind import running_bind
from tests.integration.servers.names import KEYS, ZONE
from tests.integration.servers.ours import running_ours

APEX = "example.test."
LABELS = ("a", "b", "www", "x.a", "alias")
VALUES = {
    "TXT": ('"one"', '"two"', '"three"'),
    "A": ("192.0.2.1", "192.0.2.7"),
    "CNAME": (f"www.{APEX}", f"a.{APEX}"),
}


async def test_random_updates_are_answered_and_done_as_by_bind(tmp_path: Path) -> None:
    dice = random.Random(2136)  # the same updates in each run
    async with (
        running_bind(tmp_path / "bind", {APEX: ZONE}) as bind,
        running_ours(tmp_path, {APEX: ZONE}) as ours,
    ):
        for number in range(150):
            update = random_update(dice)
            codes = [await send(server.address, update) for server in (bind, ours)]
            zones = [await held(server.address) for server in (bind, ours)]

            assert codes[0] == codes[1], f"{number}: {update}"
            assert zones[0] == zones[1], f"{number}: {update}"


def random_update(dice: random.Random) -> dns.update.UpdateMessage:
    update = dns.update.UpdateMessage(APEX)
    update.use_tsig(KEYS[TsigAlgorithm.HMACSHA256].for_library())
    for _ in range(dice.choice((0, 0, 1, 2))):
        add_prerequisite(update, dice)
    for _ in range(dice.randint(1, 3)):
        name, rdtype, value = random_record(dice)
        match dice.randrange(8):
            case 0:
                update.delete(name)
            case 1:
                update.delete(name, rdtype)
            case 2 | 3:
                update.delete(name, rdtype, value)
            case _:
                update.add(name, dice.choice((60, 300)), rdtype, value)
    return update


def add_prerequisite(update: dns.update.UpdateMessage, dice: random.Random) -> None:
    name, rdtype, value = random_record(dice)
    match dice.randrange(5):
        case 0:
            update.present(name)
        case 1:
            update.present(name, rdtype)
        case 2:
            update.present(name, rdtype, value)
        case 3:
            update.absent(name)
        case _:
            update.absent(name, rdtype)


def random_record(dice: random.Random) -> tuple[str, str, str]:
    rdtype = dice.choice(("TXT", "TXT", "A", "CNAME"))
    return f"{dice.choice(LABELS)}.{APEX}", rdtype, dice.choice(VALUES[rdtype])


async def send(address: Address, update: dns.update.UpdateMessage) -> str:
    answer = await Exchange(SystemNetwork()).ask(update, address, tcp=True)
    return dns.rcode.to_text(answer.rcode())


async def held(address: Address) -> list[str]:
    """All records of the names in play, and the serial."""
    found: list[str] = []
    for name in (APEX, *(f"{label}.{APEX}" for label in LABELS)):
        query = build_query(name, RdataType.ANY, recursive=False)
        answer = await Exchange(SystemNetwork()).ask(query, address, tcp=True)
        found.extend(
            f"{rrset.name} {rrset.ttl} {rdata}" for rrset in answer.answer for rdata in rrset
        )
    return sorted(found)
