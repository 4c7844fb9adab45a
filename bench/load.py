"""Many that fail beside many that do not, and a large folder: `python -m bench.load WHAT`.

* `crowd`: `--count` Certificates of which half fail for ever; the other half alone, then among
  them, then after them, then one more.
* `folder`: `--count` manifests; one is edited: how soon is the store told?
"""

import argparse
import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from bench.fleet import CLOCK, add_ca, own_folder, product, quiet_log
from bench.usage import tell, tell_usage, used
from certwright.api.certificate import Certificate
from certwright.api.meta import Key, Resource
from certwright.runtime.cache import Observed
from tests.load.crowd import SILENT, Crowd, certificates, crowd, refuse
from tests.load.test_folder import write

_PAUSE = timedelta(seconds=2)


async def crowded(count: int) -> None:
    """Compare how fast the good half is issued alone, among the bad half, and after it."""
    half, quarter = count // 2, count // 4
    refused = certificates("refused", range(quarter))
    unproven = certificates("unproven", range(quarter), SILENT)
    bad = [*refused, *unproven]
    with own_folder() as folder:
        async with crowd(_below(folder, "alone")) as running:
            await _together(running, f"{half} alone", [], word="good", count=half)
        async with crowd(_below(folder, "among")) as running:
            refuse(running.ca, refused)
            await _together(running, f"{half} among {2 * quarter}", bad, word="good", count=half)
            await running.until_failed(refused)
            await _together(running, f"{half} after them", [], word="after", count=half)
            await _together(running, "one more", [], word="late", count=1)


def _below(folder: Path, name: str) -> Path:
    (folder / name).mkdir(mode=0o700)
    return folder / name


async def _together(
    running: Crowd, what: str, others: Sequence[Certificate], *, word: str, count: int
) -> None:
    good = certificates(word, range(count))
    with used() as usage:
        began = await running.apply([*others, *good])
        last = await running.until_ready(good)
    usage.seconds = last - began
    tell_usage(what, usage, count)


async def edited(count: int) -> None:
    """Start on a large folder, then edit one file after the other."""
    with own_folder() as folder:
        manifests = _below(folder, "manifests")
        for number in range(count):
            write(manifests, number, f"site-{number}.example.com")
        with used() as usage:
            async with product(folder, directory=manifests) as app:
                await add_ca(app.store, app)
                while not app.runtime.at_rest:
                    await CLOCK.sleep(_PAUSE)
                reactions = []
                for number in range(5):
                    reactions.append(await _react(app, manifests, number))
                    await CLOCK.sleep(_PAUSE)
        tell_usage(f"a folder of {count}", usage, count)
        tell("reactions to an edit: " + ", ".join(f"{one:.2f} s" for one in reactions))


async def _react(app: Any, manifests: Path, number: int) -> float:
    told = asyncio.Event()
    key, name = Key("default", f"site-{number}"), f"www.site-{number}.example.com"

    def look(_kind: type[Resource], seen: Observed[Any]) -> None:
        after = seen.after
        if isinstance(after, Certificate) and after.key == key and name in after.spec.dns_names:
            told.set()

    app.view.listen(look)
    write(manifests, number, f"site-{number}.example.com", name)
    began = CLOCK.monotonic()
    await told.wait()
    return CLOCK.monotonic() - began


WHAT: Mapping[str, Callable[[int], Awaitable[None]]] = {"crowd": crowded, "folder": edited}
FULL = {"crowd": 1000, "folder": 10_000}


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=WHAT)
    parser.add_argument("--count", type=int, help="1,000 Certificates or 10,000 files if unset")
    options = parser.parse_args()
    with quiet_log():
        asyncio.run(WHAT[options.what](options.count or FULL[options.what]))


if __name__ == "__main__":
    main()
