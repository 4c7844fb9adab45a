"""Looks for inputs that break a promise, with coverage as a guide; by hand, for hours.

    python -m tests.fuzz.by_hand TARGET [LIBFUZZER-OPTIONS …]
    python -m tests.fuzz.by_hand dns_answer -max_total_time=600

It needs atheris (PyPI), which is no part of the development environment: install it beside our
dependencies into an environment of its own. What fails is written into the corpus as
`crash-…`: give it a name that says what it is, mend what it found, and keep it. Inputs that only
reached something new are not kept, unless -keep=1 is among the options.
"""

import importlib
import sys
import tempfile
from pathlib import Path


def main(argv: list[str]) -> int:
    """Run one target."""
    try:
        atheris = importlib.import_module("atheris")  # no part of our environment
    except ImportError:
        sys.stderr.write("by_hand: atheris is not installed (pip install atheris)\n")
        return 2
    with atheris.instrument_imports(include=["certwright", "dns", "email"]):
        from tests.fuzz.targets import CORPUS, TARGETS  # noqa: PLC0415
    if len(argv) < 2 or argv[1] not in TARGETS:
        sys.stderr.write(f"by_hand: name one of {', '.join(TARGETS)}\n")
        return 2
    name, options = argv[1], argv[2:]
    kept = CORPUS / name
    keep = "-keep=1" in options
    with tempfile.TemporaryDirectory() as found:
        folders = [str(kept)] if keep else [found, str(kept)]
        rest = [option for option in options if option != "-keep=1"]
        arguments = [argv[0], *folders, f"-artifact_prefix={Path(kept)}/", "-max_len=4096", *rest]
        atheris.Setup(arguments, TARGETS[name])
        atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
