"""Everything that reads what a stranger sends, each as a function of bytes.

A target returns or fails; what it fails with is a bug. `TARGETS` names them all: hypothesis runs
them in CI, atheris by hand (`tests/fuzz/by_hand.py`), and what either found lies in the corpus.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from tests.fuzz.targets import acme, dns, manifests, nameserver, pki, texts

CORPUS = Path(__file__).parent.parent / "corpus"

Target = Callable[[bytes], None]

TARGETS: Mapping[str, Target] = {
    **manifests.TARGETS,
    **acme.TARGETS,
    **dns.TARGETS,
    **nameserver.TARGETS,
    **pki.TARGETS,
    **texts.TARGETS,
}


def corpus(name: str) -> tuple[Path, ...]:
    """The inputs that are kept for a target, by name."""
    folder = CORPUS / name
    return tuple(sorted(path for path in folder.iterdir() if path.is_file()))
