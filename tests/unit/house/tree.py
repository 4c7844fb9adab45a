"""What the house rules look at: the files of the tree, and the functions in them."""

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PACKAGE = ROOT / "src" / "certwright"

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Function:
    """A function and where it stands, as `src/certwright/base/clock.py:Clock.now`."""

    where: str
    node: FunctionNode


@cache
def tracked_files() -> tuple[Path, ...]:
    """List the files that are, or are about to be, under version control."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    files = (ROOT / name for name in listing.stdout.split("\0") if name)
    return tuple(file for file in sorted(files) if file.is_file() and not file.is_symlink())


def name_of(file: Path) -> str:
    """Name a file as people do, from the root of the tree."""
    return file.relative_to(ROOT).as_posix()


def modules(*folders: str) -> tuple[Path, ...]:
    """List the Python files below these folders of the tree."""
    return tuple(
        file
        for file in tracked_files()
        if file.suffix == ".py" and name_of(file).split("/")[0] in folders
    )


@cache
def parse(module: Path) -> ast.Module:
    """Parse a module, once for all rules."""
    return ast.parse(module.read_text(), filename=name_of(module))


def functions(module: Path) -> Iterator[Function]:
    """Yield every function of a module with its qualified name."""
    yield from _functions(parse(module), f"{name_of(module)}:")


def _functions(parent: ast.AST, prefix: str) -> Iterator[Function]:
    for node in ast.iter_child_nodes(parent):
        inner = prefix
        if isinstance(node, FunctionNode | ast.ClassDef):
            inner = f"{prefix}{node.name}."
        if isinstance(node, FunctionNode):
            yield Function(inner.removesuffix("."), node)
        yield from _functions(node, inner)
