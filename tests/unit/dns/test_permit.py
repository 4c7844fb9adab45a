"""No update of a zone without leave."""

import pytest

from certwright.base.problem import Stalled
from certwright.dns.network import Address
from certwright.dns.permit import PermittedNetwork

QUESTION = bytes((0, 1, 0b0_0000_001, 0))
UPDATE = bytes((0, 1, 0b0_0101_000, 0))
HERE = ("127.0.0.1", 53)


class Echo:
    """Answers with the message."""

    async def query(self, message: bytes, address: Address, *, tcp: bool) -> bytes:
        del address, tcp
        return message


def refuse() -> None:
    raise Stalled("NotLeading", "no")


async def test_an_update_needs_a_permit_and_a_question_does_not() -> None:
    network = PermittedNetwork(Echo(), refuse)

    with pytest.raises(Stalled):
        await network.query(UPDATE, HERE, tcp=False)

    assert await network.query(QUESTION, HERE, tcp=False) == QUESTION


async def test_a_permitted_update_is_sent() -> None:
    assert await PermittedNetwork(Echo(), lambda: None).query(UPDATE, HERE, tcp=True) == UPDATE
