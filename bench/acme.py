"""What an order costs the `acme` room alone, against Pebble: `python -m bench.acme`.

Pebble takes every challenge for granted here, so that no name server is part of it. Only this
room and what it stands on is imported: the memory is its own.
"""

import argparse
import asyncio
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.usage import megabytes, peak, resident, tell, tell_usage, used
from certwright.acme.client import Client
from certwright.acme.identifier import Identifier
from certwright.acme.jws import AccountKey
from certwright.acme.order import OrderStatus
from certwright.base.clock import SystemClock
from certwright.pki.csr import Names, Request, build_csr, parse_csr
from certwright.pki.keys import Algorithm, generate_key
from certwright.pki.names import Subject
from tests.integration.servers.pebble import Options, pebble


async def _obtain(client: Client, name: str, csr: bytes) -> None:
    order = await client.new_order([Identifier.dns(name)], profile="default")
    for url in order.authorizations:
        authorization = await client.authorization(url)
        challenge = authorization.challenge("dns-01")
        if challenge is None:
            raise LookupError(f"{name} cannot be proven by dns-01")
        client.dns01_value(challenge.token)
        await client.accept(challenge.url)
        await client.poll_authorization(authorization)
    order = await client.order(order.url)
    unfinished = (OrderStatus.PENDING, OrderStatus.PROCESSING)
    order = await client.poll_order(order, leaving=unfinished)
    order = await client.poll_order(await client.finalize(order, csr))
    await client.certificate(order.certificate)


async def acme(count: int) -> None:
    """Have `count` orders in flight at once, from newOrder to the chain."""
    os.environ["PEBBLE_VA_ALWAYS_VALID"] = "1"
    names = [f"site-{number}.example" for number in range(count)]
    csrs = _make_csrs(names)
    with tempfile.TemporaryDirectory() as folder:
        async with pebble(Path(folder), Options(dns="127.0.0.1:1")) as ca:
            http = ca.http()
            client = Client(ca.directory_url, AccountKey.generate(), http, SystemClock())
            try:
                await client.new_account(terms_agreed=True)
                await _obtain(client, "warm.example", _make_csrs(["warm.example"])[0])
                tell(f"before: {megabytes(resident())} resident")
                with used() as usage:
                    async with asyncio.TaskGroup() as tasks:
                        for name, csr in zip(names, csrs, strict=True):
                            tasks.create_task(_obtain(client, name, csr))
            finally:
                await http.aclose()
    tell_usage(f"{count} orders in flight", usage, count)
    tell(f"after: {megabytes(resident())} resident, {megabytes(peak())} at most")


def _make_csrs(names: Sequence[str]) -> list[bytes]:
    key = generate_key(Algorithm.ECDSA)
    requests = (Request(subject=Subject(), names=Names(dns=(name,))) for name in names)
    return [parse_csr(build_csr(request, key)).der for request in requests]


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2000)
    asyncio.run(acme(parser.parse_args().count))


if __name__ == "__main__":
    main()
