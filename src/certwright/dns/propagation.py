"""Evidence that a TXT value is visible: asks every server of the zone instead of sleeping.

Called by the DNS-01 solver. `check` looks once and returns a `Report`, a pure value; `next_look`
says when to look again. Aliases are always followed for checking, on the word of the zone's own
servers, so an alias that a wildcard once made and a resolver still remembers fools nobody. Design
chapter 8; compat-spec 6.8.
"""

import asyncio
from collections.abc import Coroutine, Iterable
from datetime import timedelta
from enum import StrEnum
from typing import TypeVar

import msgspec

from certwright.base.clock import Clock
from certwright.base.evidence import Evidence
from certwright.base.problem import Problem
from certwright.dns.answer import Answer, RdataType
from certwright.dns.lookup import MAX_HOPS, Resolver, Zone
from certwright.dns.name import canonical
from certwright.dns.network import Address
from certwright.dns.problem import CnameLoop
from certwright.dns.server import Server

_T = TypeVar("_T")

FIRST_LOOK = timedelta(milliseconds=100)
LONGEST_PAUSE = timedelta(seconds=10)
GRACE_SECONDS = 1.0
"""How long the other addresses of a server may still take once one of them has answered."""


class Seen(StrEnum):
    """What a server has."""

    HAS = "has it"
    LACKS = "does not have it"
    ALIAS = "has an alias"
    FAILED = "failed"


class ServerReport(msgspec.Struct, frozen=True, gc=False):
    """What one address of one name server said.

    `cname_path` is how we came to ask it: the aliases from the name of the challenge to the name it
    was asked for. `detail` is one printable line for people.
    """

    name: str
    address: str
    answer: Seen
    detail: str = ""
    serial: int | None = None
    cname_path: tuple[str, ...] = ()

    def __str__(self) -> str:
        said = f"{self.answer}: {self.detail}" if self.detail else str(self.answer)
        return said if self.serial is None else f"{said} (serial {self.serial})"


class Report(msgspec.Struct, frozen=True, gc=False):
    """What all servers said about one value; `failure` where they could not even be found."""

    fqdn: str
    servers: tuple[ServerReport, ...] = ()
    failure: str = ""

    @property
    def complete(self) -> bool:
        """Every server has the value.

        A server with several addresses may leave some unanswered (no IPv6 here, say), but no
        address may lack the value, and one must have it.
        """
        if self.failure or not any(server.answer is Seen.HAS for server in self.servers):
            return False
        groups: dict[tuple[str, tuple[str, ...]], set[Seen]] = {}
        for server in self.servers:
            groups.setdefault((server.name, server.cname_path), set()).add(server.answer)
        return all(Seen.LACKS not in seen and seen != {Seen.FAILED} for seen in groups.values())

    @property
    def message(self) -> str:
        """One sentence in the words of compat-spec 6.8, with what the first laggard said."""
        if self.complete:
            return f"all name servers have the TXT record at {self.fqdn}"
        if self.failure:
            return self.failure
        for server in self.servers:
            if server.answer is Seen.FAILED and server.detail.startswith("NS "):
                return server.detail
        domain = self.fqdn.removeprefix("_acme-challenge.").rstrip(".")
        return f'DNS record for "{domain}" not yet propagated'

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """One line per server address."""
        if self.failure and not self.servers:
            return (Evidence(self.fqdn, self.failure),)
        return tuple(
            Evidence(
                f"{server.name} ({server.address})" if server.address else server.name, str(server)
            )
            for server in self.servers
        )


def next_look(waited: timedelta) -> timedelta:
    """Pause before the next look, given how long the record has been presented.

    Grows by half of the time waited, from 100 ms to 10 s; needs no memory between looks.
    """
    return min(max(waited / 2, FIRST_LOOK), LONGEST_PAUSE)


async def check(resolver: Resolver, fqdn: str, value: str) -> Report:
    """Look once whether every server has `value` in a TXT record at `fqdn`.

    Never raises a Problem: what fails is in the report.
    """
    name = canonical(fqdn)
    question = _Question(resolver, value, (name,))
    if resolver.recursive_only:
        return Report(name, await _each(question.to_resolver(at) for at in resolver.servers))
    try:
        return Report(name, await question.to_authorities())
    except Problem as error:
        return Report(name, failure=error.message)


async def wait_until_complete(
    resolver: Resolver, fqdn: str, value: str, *, clock: Clock, patience: timedelta
) -> Report:
    """Look again and again, at growing intervals, until all have it or `patience` is over."""
    began = clock.monotonic()
    while True:
        report = await check(resolver, fqdn, value)
        waited = timedelta(seconds=clock.monotonic() - began)
        if report.complete or waited >= patience:
            return report
        await clock.sleep(next_look(waited))


class _Question(msgspec.Struct, frozen=True):
    """Who has `value` at the last name of `path`? The names before it are the aliases to it."""

    resolver: Resolver
    value: str
    path: tuple[str, ...]

    async def to_authorities(self) -> tuple[ServerReport, ...]:
        """Ask the servers of the name's zone, then those of where its aliases lead."""
        zone = await self.resolver.zone_of(self.path[-1])
        if not zone.nameservers:
            return (self._failed(zone.apex, "the zone has no NS records"),)
        groups = await _each(self._to_server(zone, host) for host in zone.nameservers)
        reports = [report for group in groups for report in group]
        # a mapping, since it keeps the order and each target once
        targets = {report.detail: None for report in reports if report.answer is Seen.ALIAS}
        for target in targets:
            reports.extend(await self._follow(target))
        return tuple(reports)

    async def to_resolver(self, at: Server) -> ServerReport:
        """Ask a resolver, and again for the target where it does not follow an alias by itself."""
        path = self.path
        try:
            while True:
                answer = await self.resolver.txt(path[-1], at)
                steps = answer.path(path[-1])
                path = (*path, *steps[1:])
                if len(set(path)) < len(path) or len(path) > MAX_HOPS or answer.alias(path[-1]):
                    raise CnameLoop(path[-1], path[:-1] or path)
                seen, detail = _judge(answer, path[-1], self.value, str(at))
                if seen is not Seen.LACKS or len(steps) == 1:
                    return ServerReport(str(at), "", seen, detail, cname_path=path)
        except Problem as error:
            return ServerReport(str(at), "", Seen.FAILED, error.message, cname_path=path)

    async def _follow(self, target: str) -> tuple[ServerReport, ...]:
        if target in self.path or len(self.path) > MAX_HOPS:
            return (self._failed(self.path[-1], CnameLoop(target, self.path).message),)
        onward = _Question(self.resolver, self.value, (*self.path, target))
        try:
            return await onward.to_authorities()
        except Problem as error:
            return (onward._failed(target, error.message),)

    async def _to_server(self, zone: Zone, host: str) -> tuple[ServerReport, ...]:
        try:
            addresses = await self.resolver.addresses_of(host)
        except Problem as error:
            return (self._failed(host, error.message),)
        tasks = [asyncio.ensure_future(self._to_address(zone, host, at)) for at in addresses]
        try:
            await _one_and_grace(tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        return tuple(
            self._failed(host, "no answer in time", str(Server(*at)))
            if task.cancelled()
            else task.result()
            for task, at in zip(tasks, addresses, strict=True)
        )

    async def _to_address(self, zone: Zone, host: str, address: Address) -> ServerReport:
        shown = str(Server(*address))
        try:
            answer = await self.resolver.txt(self.path[-1], address)
        except Problem as error:
            return self._failed(host, error.message, shown)
        seen, detail = _judge(answer, self.path[-1], self.value, host)
        if seen is Seen.FAILED:
            return self._failed(host, detail, shown)
        if not answer.is_authoritative:
            # somebody in between answers for whom we asked; that word is no evidence
            doubt = "the answer is not authoritative: is port 53 intercepted?"
            return self._failed(host, doubt, shown)
        serial = await self.resolver.serial(zone.apex, address)
        return ServerReport(host, shown, seen, detail, serial, self.path)

    def _failed(self, name: str, detail: str, address: str = "") -> ServerReport:
        return ServerReport(name, address, Seen.FAILED, detail, cname_path=self.path)


def _judge(answer: Answer, name: str, value: str, host: str) -> tuple[Seen, str]:
    """Weigh one answer; the words of the error are those of compat-spec 6.8."""
    if alias := answer.alias(name):
        # whatever the code: it may be about the alias's end, and that is asked for itself
        return Seen.ALIAS, alias
    if not answer.is_known:
        return Seen.FAILED, f"NS {host} returned {answer.rcode} for {name}"
    held = answer.values(name, RdataType.TXT)
    if value in held:
        return Seen.HAS, ""
    if held:
        return Seen.LACKS, f"{len(held)} other value{'s' if len(held) > 1 else ''}"
    return Seen.LACKS, "no such name" if answer.rcode == "NXDOMAIN" else "no TXT record"


async def _each(questions: Iterable[Coroutine[object, object, _T]]) -> tuple[_T, ...]:
    """Ask all at once; the answers stand in the order of the questions."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(question) for question in questions]
    return tuple(task.result() for task in tasks)


async def _one_and_grace(tasks: Iterable[asyncio.Future[ServerReport]]) -> None:
    """Wait until all are done, or one has answered and the others had their grace."""
    pending = set(tasks)
    answered = False
    while pending and not answered:
        done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        answered = any(task.result().answer is not Seen.FAILED for task in done)
    if pending:
        # an address that leads nowhere (IPv6 without a route) must not hold up the evidence
        await asyncio.wait(pending, timeout=GRACE_SECONDS)
