"""A week in an hour: `python -m bench.soak --minutes 60`.

Two thousand Certificates that are renewed every five minutes, while somebody edits one and replaces
one each second. Prints memory every minute, its slope after the first ten, and what is left over.
"""

import argparse
import asyncio
from datetime import timedelta

from bench.fleet import own_folder, quiet_log
from bench.usage import megabytes, tell, used
from tests.load.soaking import Held, Soak, Wish, held, soak

WARM_MINUTES = 10


async def run(count: int, minutes: int, rhythm: timedelta) -> None:
    """Soak for some minutes."""
    wish = Wish(count=count, rhythm=rhythm, edits_a_second=1)
    with own_folder() as folder:
        async with soak(folder, wish) as running:
            before = held()
            await running.fill()
            sizes = [await _minute(running, number) for number in range(1, minutes + 1)]
            await running.empty()
            tell(f"slope after warming up: {_slope(sizes)}")
            for line in (*await running.left_over(), *_more(before, held())):
                tell(f"left over: {line}")


async def _minute(running: Soak, number: int) -> int:
    with used() as usage:
        await running.disturb(timedelta(minutes=1))
    now = held()
    tell(
        f"minute {number:3}: {megabytes(now.resident)}, {usage.cpu:.1f} s CPU,"
        f" {len(now.tasks)} tasks, {now.descriptors} files open (load {usage.load:.1f})"
    )
    return now.resident


def _slope(sizes: list[int]) -> str:
    """Fit a line (least squares) to the sizes, one a minute, of the minutes that count."""
    counted = sizes[min(WARM_MINUTES, len(sizes) // 2) :]
    middle = (len(counted) - 1) / 2
    mean = sum(counted) / len(counted)
    spread = sum((place - middle) ** 2 for place in range(len(counted))) or 1
    tilt = sum((place - middle) * (size - mean) for place, size in enumerate(counted)) / spread
    return f"{tilt * 60 / 1e6:+.2f} MB an hour over {len(counted)} minutes"


def _more(before: Held, after: Held) -> list[str]:
    tasks = list(after.tasks)
    for name in before.tasks:
        if name in tasks:
            tasks.remove(name)
    files = after.descriptors - before.descriptors
    return [*(f"task {name}" for name in tasks), *([f"{files} open files"] if files > 1 else [])]


def main() -> None:
    """Soak as the command line asks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--minutes", type=int, default=60)
    parser.add_argument("--rhythm", type=int, default=300, help="seconds between renewals")
    options = parser.parse_args()
    with quiet_log():
        asyncio.run(run(options.count, options.minutes, timedelta(seconds=options.rhythm)))


if __name__ == "__main__":
    main()
