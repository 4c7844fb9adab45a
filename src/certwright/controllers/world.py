"""What the controllers are handed: time, options, chance, and the ways to the outside."""

from collections.abc import Awaitable, Callable
from random import Random

from msgspec import Struct

from certwright.base.clock import Clock
from certwright.controllers.options import Options
from certwright.pki.keys import Algorithm, PrivateKey


class World(Struct, frozen=True, kw_only=True):
    """Everything but the store, which a reconcile gets as its view.

    Attributes:
        make_key: generates a private key without blocking the loop (RSA in a niced thread).
    """

    clock: Clock
    options: Options
    random: Random
    make_key: Callable[[Algorithm, int], Awaitable[PrivateKey]]
