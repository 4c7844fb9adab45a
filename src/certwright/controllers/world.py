"""What the controllers are handed: time, options, chance, and the ways to the outside."""

from collections.abc import Awaitable, Callable
from random import Random

from msgspec import Struct

from certwright.api.solver import DNS01
from certwright.base.clock import Clock
from certwright.controllers.options import Options
from certwright.issuers.accounts import Accounts
from certwright.pki.keys import Algorithm, PrivateKey
from certwright.solvers.protocol import Solver
from certwright.solvers.provider import Credentials


class World(Struct, frozen=True, kw_only=True):
    """Everything but the store, which a reconcile gets as its view.

    Attributes:
        make_key: generates a private key without blocking the loop (RSA in a niced thread).
        accounts: the ACME accounts of all issuers; the one way to the CAs.
        build_solver: makes a DNS-01 solver; the one way to DNS and its providers.
    """

    clock: Clock
    options: Options
    random: Random
    make_key: Callable[[Algorithm, int], Awaitable[PrivateKey]]
    accounts: Accounts
    build_solver: Callable[[DNS01, Credentials], Solver]
