"""The lab from start to end: its parts, the tour, and what comes after it.

    pull, backend, name servers ──▶ edge (CA and HTTPS) ──▶ manifests ──▶ the product (app.started)
                                                                              │ observations
    a person ◀── narrator ◀── tour (pure) ◀── one queue ◀──────────────── store, name server, visits

Everything is on loopback and ends with this process.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from msgspec import Struct

from certwright.api.core import TLS_CERT, Ingress, Secret
from certwright.api.issuer import ClusterIssuer
from certwright.api.meta import Key, Resource
from certwright.api.secret import SecretSummary
from certwright.app import App, started
from certwright.base.clock import Clock, whole_seconds
from certwright.base.problem import Stalled
from certwright.base.reason import Reason
from certwright.lab.breaks import Part, Works
from certwright.lab.edge import DEFAULT_LIFETIME, DOMAIN, Edge, Wiring
from certwright.lab.nameserver import NameServer, Observation
from certwright.lab.narrate import Narrator, farewell, program, summary
from certwright.lab.page import Site
from certwright.lab.place import Place, new_key, opened, write_manifests
from certwright.lab.ports import BASE, Ports, require_free
from certwright.lab.pull import Pull
from certwright.lab.seen import MessageSeen, ResourceSeen, Seen
from certwright.lab.tour import Progress, Step, advance
from certwright.lab.visit import site_url, visit
from certwright.lab.zone import Zone
from certwright.net.server import Server, serve
from certwright.net.tcp import LOOPBACK
from certwright.pki.certificate import certificate_facts, encode_certificate, parse_chain
from certwright.runtime.cache import Observed
from certwright.settings import Settings

ZONE = f"""\
$TTL 60
@    IN SOA ns1 hostmaster 1 3600 600 86400 5
@    IN NS  ns1
ns1  IN A   {LOOPBACK}
acme IN A   {LOOPBACK}
foo  IN A   {LOOPBACK}
*.foo IN A  {LOOPBACK}
"""
Explain = Callable[[App, Key, Clock], Awaitable[str]]
PATIENCE = timedelta(seconds=45)
_CERTIFICATE = Key("default", "foo-tls-certificate")
_ISSUER = Key("", "letsencrypt-prod")
_HEALED = {"certwright.io/lab": "healed"}
_MANAGER = "certwright-lab"
_VISITS = 5
_SETTLE = timedelta(milliseconds=400)
"""From the first sign of trouble until what is said of it is complete."""


class Wishes(Struct, frozen=True, kw_only=True):
    """What the person asked for.

    Attributes:
        once: end after the first page.
        lifetime: of the certificates.
        folder: where everything lies; None: a fresh folder, removed at the end.
        broken: what is broken at first.
        open: show the page in a browser.
        patience: how long a page may take.
    """

    once: bool = False
    lifetime: timedelta = DEFAULT_LIFETIME
    ports: Ports = Ports(BASE)
    folder: Path | None = None
    broken: Part | None = None
    open: bool = False
    patience: timedelta = PATIENCE


class Around(Struct, frozen=True, kw_only=True):
    """What the lab is given: time, a voice, an explanation, and a person's Enter."""

    clock: Clock
    narrator: Narrator
    explain: Explain
    enter: Callable[[], Awaitable[None]] | None = None
    """Waits for Enter; None where nobody sits in front of it."""
    set_up: Callable[[Place], None] = lambda _place: None
    """Called once the folder is there, before anything logs."""
    on_page: Callable[[], None] = lambda: None
    """Called when the first page came and the lab stays up."""


async def run_lab(wishes: Wishes, around: Around) -> None:
    """Run the lab until the first page (`once`), or until it is cancelled.

    Raises:
        Stalled: it cannot start, or the page did not come; the text names step and reason.
    """
    require_free(wishes.ports)
    with opened(wishes.folder) as place:
        around.set_up(place)
        async with AsyncExitStack() as stack:
            lab = Lab(wishes, around, place)
            await lab.start(stack)
            await lab.show()


class Lab:
    """One running lab."""

    def __init__(self, wishes: Wishes, around: Around, place: Place) -> None:
        self._wishes = wishes
        self._around = around
        self._place = place
        self._progress = Progress()
        self._began = whole_seconds(around.clock.now())
        self._seen: asyncio.Queue[Seen] = asyncio.Queue()
        self._pull = Pull()
        self._site = Site(around.clock, lambda: self._progress)
        self._root = b""
        self._app: App | None = None
        self._works: Works | None = None
        self._tasks: asyncio.TaskGroup

    async def start(self, stack: AsyncExitStack) -> None:
        """Start every part; `stack` ends them in reverse."""
        ports, around = self._wishes.ports, self._around
        await self._pull.start()
        stack.push_async_callback(self._pull.aclose)
        backend: Server = await serve(self._site.routes)
        stack.push_async_callback(backend.aclose)
        ours = NameServer((), observer=partial(self._heard, by_ca=False), port=ports.dns)
        # the CA asks a door of its own, so that the tour can tell its questions from ours
        the_cas = NameServer((), observer=partial(self._heard, by_ca=True))
        for server in (ours, the_cas):
            stack.push_async_callback(server.aclose)
        await ours.start()
        _, resolver_port = await the_cas.start()
        wiring = Wiring(
            folder=self._place.root,
            ports=ports,
            resolver_port=resolver_port,
            backend_port=backend.port,
            pull=self._pull.certificate_url,
            permission=self._pull.permission_url,
            lifetime=self._wishes.lifetime,
        )
        edge = Edge(wiring, around.clock)
        stack.push_async_callback(edge.aclose)
        zone = Zone.parse(f"{DOMAIN}.", ZONE)
        self._works = Works(edge, (ours, the_cas), zone, new_key())
        await self._works.start(self._wishes.broken)
        await asyncio.to_thread(self._write, wiring.root, self._works)
        self._app = await stack.enter_async_context(self._product())

    def _write(self, root: Path, works: Works) -> None:
        self._root = root.read_bytes()
        self._place.certificate.write_bytes(self._root)
        write_manifests(self._place, self._wishes.ports, root=self._root, key=works.key)

    @asynccontextmanager
    async def _product(self) -> AsyncIterator[App]:
        ports = self._wishes.ports
        ours = (LOOPBACK, ports.dns)
        settings = Settings(
            state=self._place.state,
            directory=self._place.manifests,
            resolvers=(f"{LOOPBACK}:{ports.dns}",),
            name_servers={(f"ns1.{DOMAIN}", 53): ours, (LOOPBACK, 53): ours},
            hosts={f"acme.{DOMAIN}": (LOOPBACK, ports.acme)},
        )
        async with started(settings, self._around.clock) as app:
            app.view.listen(self._noticed)
            self._pull.use(app.store)
            self._site.use(app.store)
            yield app

    # Observations

    def _heard(self, message: Observation, *, by_ca: bool) -> None:
        self._seen.put_nowait(MessageSeen(message, by_ca, self._around.clock.monotonic()))

    def _noticed(self, kind: type[Resource], change: Observed[Any]) -> None:
        del kind
        created = change.resource.metadata.creation_timestamp
        was_there = change.before is None and created is not None and created < self._began
        self._seen.put_nowait(
            ResourceSeen(change, self._around.clock.monotonic(), was_there=was_there)
        )

    # The tour

    async def show(self) -> None:
        """Show the tour: the first round, and unless `once` what comes after it."""
        wishes, narrator = self._wishes, self._around.narrator
        narrator.say(_heading(wishes))
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            if wishes.broken is not None:
                narrator.say(f"Broken on purpose: {wishes.broken.broken}.")
                await self._until(lambda: self._progress.trouble is not None or self._is_done())
                await self._explain_and_heal(wishes.broken)
            await self._until(self._is_done)
            narrator.say(summary(self._progress))
            hosts = [host for host, _ in await self._served()]
            narrator.say(farewell(self._place, wishes.ports, hosts, stays=not wishes.once))
            if not wishes.once:
                self._around.on_page()
                await self._stay()

    async def _stay(self) -> None:
        async with AsyncExitStack() as stack:
            if self._wishes.open:
                await self._open(stack)
            while True:
                number, was_open = self._progress.number, self._progress.open
                await self._next()
                is_news = was_open or self._progress.number != number
                if is_news and not self._progress.open:
                    self._around.narrator.say(summary(self._progress))

    async def _until(self, is_enough: Callable[[], bool]) -> None:
        """Go on with the tour until something is reached.

        Raises:
            Stalled: it is not, in time; the text names the step that is not done, and the reason.
        """
        try:
            async with asyncio.timeout(self._wishes.patience.total_seconds()):
                while not is_enough():
                    await self._next()
        except TimeoutError as error:
            reason = await self._explanation()
            step = self._progress.trouble.step if self._progress.trouble else self._next_step()
            raise Stalled(
                Reason.FAILED,
                f"the step {step} was not done within"
                f" {self._wishes.patience.total_seconds():g} s:\n{_indented(reason)}",
            ) from error

    async def _next(self) -> None:
        seen = await self._seen.get()
        self._progress, lines = advance(self._progress, seen)
        for line in lines:
            self._around.narrator.line(line)
        if isinstance(seen, ResourceSeen) and _is_new_certificate(seen.change):
            self._tasks.create_task(self._visit(seen.change.resource.key))

    def _is_done(self) -> bool:
        return self._progress.number > 0 and not self._progress.open and self._progress.ready

    def _next_step(self) -> Step:
        order = list(Step)
        reached = order.index(self._progress.last_step)
        return order[min(reached + 1, len(order) - 1)]

    async def _visit(self, key: Key) -> None:
        """Visit the host that is served with a Secret, if one is; a few times if need be."""
        host = next((host for host, secret in await self._served() if secret == key), None)
        if host is None or self._app is None:
            return
        for attempt in range(1, _VISITS + 1):
            secret = await self._app.view.live(Secret, key)
            if secret is None:
                return
            page = await visit(
                host, secret, self._wishes.ports, root=self._root, clock=self._around.clock
            )
            if page.is_good or attempt == _VISITS:
                self._seen.put_nowait(page)
                return
            await self._around.clock.sleep(_SETTLE)

    async def _served(self) -> list[tuple[str, Key]]:
        """Return the hosts of all Ingresses with their Secrets, names before wildcards."""
        if self._app is None:
            return []
        ingresses = (await self._app.store.list(Ingress)).items
        found = [
            (host, Key(ingress.metadata.namespace, tls.secret_name))
            for ingress in ingresses
            for tls in ingress.spec.tls
            for host in tls.hosts
        ]
        names = [(host, key) for host, key in found if not host.startswith("*.")]
        return names + [(f"any{host[1:]}", key) for host, key in found if host.startswith("*.")]

    # What is broken

    async def _explain_and_heal(self, part: Part) -> None:
        narrator, works = self._around.narrator, self._works
        if self._is_done():
            narrator.say("Nothing needs that part now: the certificate is there already.")
        await self._around.clock.sleep(_SETTLE)
        while not self._seen.empty():
            await self._next()
        narrator.say(f"\n$ {program()} why {_CERTIFICATE.name} --state {self._place.state}")
        narrator.say(_indented(await self._explanation()))
        if self._around.enter is not None:
            narrator.say("\nPress Enter to heal it.")
            await self._around.enter()
        if works is not None and self._app is not None:
            await works.heal(part)
            # as a person does who does not want to wait for the next attempt: change the issuer
            await self._app.store.patch(
                ClusterIssuer, _ISSUER, {"metadata": {"annotations": _HEALED}}, manager=_MANAGER
            )
        narrator.say(f"Healed: {part.healed}; the issuer is touched, so it is tried at once.\n")

    async def _explanation(self) -> str:
        if self._app is None:
            return "the controllers did not start"
        return await self._around.explain(self._app, _CERTIFICATE, self._around.clock)

    async def _open(self, stack: AsyncExitStack) -> None:
        from certwright.lab.browser import Visit, open_page  # noqa: PLC0415  # only with --open

        host, key = (await self._served())[0]
        try:
            browser, how = await open_page(
                Visit(
                    url=site_url(host, self._wishes.ports),
                    profile=self._place.root / "browser",
                    root=self._place.certificate,
                    signer_spki=await self._signer_spki(key),
                    log=self._place.root / "browser.log",
                )
            )
        except Stalled as lack:
            self._around.narrator.say(f"{lack.message}; {lack.remedy}.")
            return
        stack.push_async_callback(browser.aclose)
        self._around.narrator.say(f"Opened in a browser; {how}.")

    async def _signer_spki(self, key: Key) -> str:
        """Return the hash of the public key that signed: second in the chain, or its own."""
        secret = await self._app.view.live(Secret, key) if self._app is not None else None
        chain = parse_chain(secret.data.get(TLS_CERT, b"") if secret is not None else b"")
        signer = chain[min(1, len(chain) - 1)]
        return certificate_facts(encode_certificate(signer)).spki_sha256


def _is_new_certificate(change: Observed[Any]) -> bool:
    before, after = change.before, change.after
    if not isinstance(after, SecretSummary) or after.certificate is None:
        return False
    known = before.certificate if isinstance(before, SecretSummary) else None
    return known is None or known.serial != after.certificate.serial


def _heading(wishes: Wishes) -> str:
    ports = wishes.ports
    return (
        f"certwright lab on {LOOPBACK}: ACME CA :{ports.acme}, name server :{ports.dns},"
        f" site :{ports.edge}"
    )


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())
