"""Run a program that ends with its parent, however the parent ends.

A script, not a module: `python -I -S tied.py PARENT PROGRAM ARGUMENT…`. On Linux the kernel keeps
the promise and the program takes this process's place; elsewhere this process stays and watches.
"""

import ctypes
import os
import signal
import subprocess
import sys

_PR_SET_PDEATHSIG = 1
_LOOK_SECONDS = 0.3


def main(parent: int, argv: list[str]) -> int:
    """Become `argv`, tied to the process `parent`; or run it and return its exit code."""
    if os.uname().sysname == "Linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it ended before the line above
            return 1
        os.execv(argv[0], argv)  # noqa: S606  # our own words, no shell
    return _watch(parent, argv)


def _watch(parent: int, argv: list[str]) -> int:
    child = subprocess.Popen(argv)  # noqa: S603  # our own words
    signal.signal(signal.SIGTERM, lambda _number, _frame: child.terminate())
    while True:
        try:
            return child.wait(_LOOK_SECONDS)
        except subprocess.TimeoutExpired:
            if os.getppid() != parent:
                child.kill()


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
