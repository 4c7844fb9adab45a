"""Makes private keys without holding the event loop up.

RSA takes tens of milliseconds and more: it runs in a thread with a lower priority. The rest is
made at once. One Certificate never asks twice at a time, for its key is worked on once at a time
(`runtime.queue`).
"""

import asyncio
import contextlib
import os
import threading
from concurrent.futures import ThreadPoolExecutor

from certwright.pki.keys import Algorithm, PrivateKey, generate_key

NICENESS = 10


class KeyMaker:
    """`World.make_key`; built by `app`, which closes it."""

    def __init__(self, threads: int = 2) -> None:
        self._threads = ThreadPoolExecutor(
            max_workers=threads, thread_name_prefix="make-key", initializer=_be_nice
        )

    async def __call__(self, algorithm: Algorithm, size: int) -> PrivateKey:
        """Generate a key.

        Raises:
            BadKey: the size is outside what is allowed.
        """
        if algorithm is not Algorithm.RSA:
            return generate_key(algorithm, size)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, generate_key, algorithm, size)

    def close(self) -> None:
        """End the threads; a key that is being made is finished first."""
        self._threads.shutdown(wait=True, cancel_futures=True)


def _be_nice() -> None:
    # Linux counts niceness per thread; elsewhere it would lower the whole process, so not there.
    if hasattr(os, "setpriority") and os.uname().sysname == "Linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
