"""How fast certificates are issued: `python -m bench.issue WHAT [--count N]`.

* `ca`: Certificates of a CA issuer, applied at once, through the whole product.
"""

import argparse
import asyncio
import cProfile
import pstats
import time
from collections.abc import Awaitable, Callable, Mapping

from bench.fleet import Awaited, add_ca, certificates, create_all, own_folder, product, quiet_log
from bench.usage import tell_usage, used
from certwright.api.certificate import KeyAlgorithm


async def ca(count: int, algorithm: KeyAlgorithm) -> None:
    """Apply `count` Certificates and wait until all are Ready."""
    with own_folder() as folder:
        async with product(folder) as app:
            await add_ca(app.store, app)
            warm, cold = certificates(1, algorithm), certificates(count, algorithm, first=1)
            awaited = Awaited(app)
            awaited.expect(one.key for one in warm)
            await create_all(app.store, warm)
            await awaited.wait()
            awaited.expect(one.key for one in cold)
            with used() as usage:
                await create_all(app.store, cold)
                await awaited.wait()
            tell_usage(f"{count} by CA, {algorithm}", usage, count)


async def _ca_ecdsa(count: int) -> None:
    await ca(count, KeyAlgorithm.ECDSA)


async def _ca_rsa(count: int) -> None:
    await ca(count, KeyAlgorithm.RSA)


WHAT: Mapping[str, Callable[[int], Awaitable[None]]] = {"ca": _ca_ecdsa, "ca-rsa": _ca_rsa}


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=WHAT)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--profile", action="store_true", help="print where the time went")
    options = parser.parse_args()
    profile = cProfile.Profile(time.thread_time)  # other processes do not count
    if options.profile:
        profile.enable()
    with quiet_log():
        asyncio.run(WHAT[options.what](options.count))
    if options.profile:
        profile.disable()
        pstats.Stats(profile).sort_stats("tottime").print_stats(45)


if __name__ == "__main__":
    main()
