"""A whole issuance in memory at a CA of which some answers are twisted."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from certwright.api.certificate import Certificate
from certwright.api.issuer import ACMEIssuer, Issuer, IssuerSpec
from certwright.api.kinds import KINDS, encode
from certwright.api.meta import Condition, IssuerReference, Resource, SecretKeySelector
from certwright.api.order import Challenge, Order
from certwright.controllers.certificate.controller import build_certificate_controller
from certwright.controllers.challenge import build_challenge_controller
from certwright.controllers.issuer import build_issuer_controllers
from certwright.controllers.order import build_order_controller
from certwright.controllers.request import build_request_controller
from certwright.issuers.accounts import AcmeAccounts
from certwright.net.http import Response
from certwright.store.sqlite.store import SqliteStore
from tests.acme_objects import a_dns_solver
from tests.builders import a_certificate, a_secret, metadata
from tests.fakes.acme_server import DIRECTORY, ORIGIN, AcmeServer
from tests.fakes.clock import FakeClock
from tests.fakes.solver import FakeDns
from tests.harness import Running, a_world, running

R = TypeVar("R", bound=Resource)
Twist = Callable[[Response], Response]


class TwistedCa:
    """A good CA whose answers below some paths are changed; `asked` has all paths."""

    def __init__(self, server: AcmeServer, twists: Mapping[str, Twist]) -> None:
        self._server = server
        self._twists = twists
        self.asked: list[str] = []

    async def request(self, method: str, url: str, **rest: Any) -> Response:
        path = url.removeprefix(ORIGIN)
        self.asked.append(path)
        answer = await self._server.request(method, url, **rest)
        for below, twist in self._twists.items():
            answer = twist(answer) if method == "POST" and path.startswith(below) else answer
        return answer

    async def aclose(self) -> None:
        """Nothing is held."""


class Attack(Struct, kw_only=True):
    """What a test looks at."""

    clock: FakeClock
    ca: TwistedCa
    world: Running

    async def all(self, kind: type[R]) -> tuple[R, ...]:
        return (await self.world.store.list(kind)).items

    async def wait(self, seconds: float) -> None:
        """Let time pass, timer by timer."""
        end = self.clock.now() + timedelta(seconds=seconds)
        while (due := self.world.runtime.next_due) is not None and due <= end:
            await self.world.advance(max(due - self.clock.now(), timedelta()))
        await self.world.advance(end - self.clock.now())

    async def order(self) -> Order:
        (order,) = await self.all(Order)
        return order

    async def challenges(self) -> tuple[Challenge, ...]:
        return await self.all(Challenge)

    async def condition(self, type_: str) -> Condition | None:
        certificate = await self.world.get(Certificate, "web")
        return next((one for one in certificate.status.conditions if one.type == type_), None)

    async def everything(self) -> str:
        """All that is stored, events too, as text."""
        lists = [await self.all(kind.type) for kind in KINDS]
        return "\n".join(
            msgspec.json.encode(encode(one)).decode() for items in lists for one in items
        )


@asynccontextmanager
async def attacked(twists: Mapping[str, Twist]) -> AsyncIterator[Attack]:
    """Ask for a certificate of one name at such a CA."""
    clock, dns = FakeClock(), FakeDns()

    async def look_up(name: str) -> tuple[str, ...]:
        return tuple(value for fqdn, value in dns.records if fqdn == name)

    ca = TwistedCa(AcmeServer(clock, look_up), twists)
    accounts = AcmeAccounts(clock, connect=lambda _trust: ca)
    world = a_world(clock, accounts=accounts, build_solver=dns.build)
    controllers = (
        build_certificate_controller(world),
        build_request_controller(world),
        *build_issuer_controllers(world),
        build_order_controller(world),
        build_challenge_controller(world),
    )
    acme = ACMEIssuer(
        server=DIRECTORY,
        private_key_secret_ref=SecretKeySelector(name="account"),
        solvers=(a_dns_solver(),),
    )
    async with SqliteStore.open(":memory:", clock=clock) as store:
        await store.create(a_secret("tsig", data={"secret": b"c2VjcmV0"}), manager="user")
        issuer = Issuer(metadata=metadata("acme"), spec=IssuerSpec(acme=acme))
        await store.create(issuer, manager="user")
        async with running(controllers, store, clock) as works:
            attack = Attack(clock=clock, ca=ca, world=works)
            await attack.wait(2)
            await works.create(a_certificate(issuer_ref=IssuerReference(name="acme")))
            await attack.wait(30)
            yield attack


def saying(**fields: Any) -> Twist:
    """Change fields of the JSON of an answer."""

    def twist(answer: Response) -> Response:
        content = msgspec.json.decode(answer.body) | fields
        return msgspec.structs.replace(answer, body=msgspec.json.encode(content))

    return twist


def refusing(detail: str, *, status: int = 403) -> Twist:
    """Refuse in these words."""

    def twist(answer: Response) -> Response:
        part = {"type": detail, "detail": detail, "identifier": {"type": "dns", "value": detail}}
        document = {**part, "type": "urn:ietf:params:acme:error:caa", "subproblems": [part] * 300}
        nonce = tuple(pair for pair in answer.headers if pair[0] == "Replay-Nonce")
        kind = ("Content-Type", "application/problem+json")
        body = msgspec.json.encode(document)
        return Response(status, (*nonce, kind), body, answer.url)

    return twist


def handing_out(chain: bytes) -> Twist:
    """Hand out this instead of the certificate."""
    return lambda answer: msgspec.structs.replace(answer, body=chain)
