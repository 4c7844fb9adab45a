"""Private keys are made without holding the event loop up."""

import asyncio
import threading
from collections.abc import Iterator

import pytest

from certwright.controllers.certificate.keymaker import KeyMaker
from certwright.pki.errors import BadKey
from certwright.pki.keys import Algorithm, key_facts


@pytest.fixture
def maker() -> Iterator[KeyMaker]:
    maker = KeyMaker(threads=1)
    yield maker
    maker.close()


@pytest.mark.parametrize(
    ("algorithm", "size", "found"),
    [
        (Algorithm.RSA, 0, 2048),
        (Algorithm.ECDSA, 384, 384),
        (Algorithm.ED25519, 0, 0),
    ],
)
async def test_a_key_of_each_kind_is_made(
    maker: KeyMaker, algorithm: Algorithm, size: int, found: int
) -> None:
    key = await maker(algorithm, size)

    assert (key_facts(key).algorithm, key_facts(key).size) == (algorithm, found)


async def test_the_loop_goes_on_while_an_rsa_key_is_made(maker: KeyMaker) -> None:
    turns = 0
    making = asyncio.ensure_future(maker(Algorithm.RSA, 3072))

    while not making.done():
        turns += 1
        await asyncio.sleep(0)  # noqa: TID251  # counts turns of the loop, not time

    assert turns > 10


async def test_a_bad_size_is_refused(maker: KeyMaker) -> None:
    with pytest.raises(BadKey):
        await maker(Algorithm.RSA, 1024)


async def test_closing_leaves_no_thread_behind() -> None:
    maker = KeyMaker()
    await maker(Algorithm.RSA, 2048)

    maker.close()

    assert not [one for one in threading.enumerate() if one.name.startswith("make-key")]
