"""The lab's name server as a process sees it: sockets, observer, keys, end."""

import asyncio
import struct

import dns.message
import pytest

from certwright.base.clock import SystemClock
from certwright.base.secret import Redacted
from certwright.dns.exchange import Exchange
from certwright.dns.lookup import Resolver
from certwright.dns.network import SystemNetwork
from certwright.dns.problem import NameServerSilent, UpdateRefused
from certwright.dns.server import Server
from certwright.dns.update import TsigAlgorithm, TsigKey, Updater
from certwright.lab.nameserver import NameServer, Observation
from certwright.lab.zone import Zone
from tests.integration.servers.names import ZONE

APEX = "example.test."
NAME = f"_acme-challenge.{APEX}"
KEY = TsigKey("key.", Redacted(b"0123456789abcdef"), TsigAlgorithm.HMACSHA256)


async def test_the_observer_is_told_of_each_question_and_update() -> None:
    seen: list[Observation] = []
    server = NameServer([Zone.parse(APEX, ZONE)], [KEY], observer=seen.append)
    updater = updater_at(address := await server.start())

    await updater.add_txt(APEX, NAME, "value")
    await updater.resolver.txt(NAME, address)
    await server.aclose()

    update, question = seen
    assert update.is_update
    assert update.changes == (f'added {NAME} 60 TXT "value"',)
    assert not question.is_update
    assert (question.name, question.rdtype, question.rcode) == (NAME, "TXT", "NOERROR")
    assert question.client[0] == "127.0.0.1"


async def test_keys_and_zones_can_be_broken_and_healed() -> None:
    server = NameServer([Zone.parse(APEX, ZONE)], [KEY])
    updater = updater_at(await server.start())

    server.set_keys(())
    with pytest.raises(UpdateRefused, match="BADKEY"):
        await updater.add_txt(APEX, NAME, "value")
    server.set_keys([KEY])
    await updater.add_txt(APEX, NAME, "value")

    server.set_zones(())
    with pytest.raises(UpdateRefused, match="NOTAUTH"):
        await updater.add_txt(APEX, NAME, "value")
    server.set_zones([Zone.parse(APEX, ZONE)])
    await updater.add_txt(APEX, NAME, "value")
    await server.aclose()


async def test_a_taken_port_is_named() -> None:
    first = NameServer([])
    _, port = await first.start()

    with pytest.raises(OSError, match=rf"cannot listen on 127\.0\.0\.1:{port}: "):
        await NameServer([], port=port).start()

    await first.aclose()


async def test_the_end_closes_open_connections_and_frees_the_port() -> None:
    server = NameServer([Zone.parse(APEX, ZONE)])
    address = await server.start()
    reader, writer = await asyncio.open_connection(*address)

    await server.aclose()
    await server.aclose()

    assert await reader.read() == b""
    writer.close()
    with pytest.raises(NameServerSilent):
        await updater_at(address).resolver.zone_of(NAME)


async def test_several_questions_of_one_connection_are_answered_in_order() -> None:
    server = NameServer([Zone.parse(APEX, ZONE)])
    reader, writer = await asyncio.open_connection(*(await server.start()))
    queries = [dns.message.make_query(APEX, "SOA") for _ in range(3)]

    for query in queries:
        writer.write(query.to_wire(prepend_length=True))
    answers = [
        await reader.readexactly(struct.unpack("!H", await reader.readexactly(2))[0])
        for _ in queries
    ]

    assert [dns.message.from_wire(answer).id for answer in answers] == [q.id for q in queries]
    writer.close()
    await server.aclose()


def updater_at(address: tuple[str, int]) -> Updater:
    text = str(Server(*address))
    resolver = Resolver([text], exchange=Exchange(SystemNetwork(), None, 1), clock=SystemClock())
    return Updater(Server(*address), resolver, KEY)
