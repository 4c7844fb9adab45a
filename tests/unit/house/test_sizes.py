"""No module and no function outgrows a reader."""

import ast
from collections.abc import Callable, Mapping

from tests.unit.house.tree import FunctionNode, functions, modules, name_of

MODULE_LINES = 400
TEST_MODULE_LINES = 600
CONFTEST_LINES = 100
STATEMENTS = 40
PARAMETERS = 6

# A module or function that may be longer, with the reason.
LONGER: dict[str, str] = {}


def test_no_module_is_longer_than_a_reader_can_hold() -> None:
    lengths = {
        name_of(module): len(module.read_text().splitlines())
        for module in modules("src", "tests", "scripts")
    }

    assert _too_large(lengths, _most_lines) == []


def test_no_function_has_more_statements_than_fit_one_look() -> None:
    counts = {
        function.where: _statements(function.node)
        for module in modules("src", "tests", "scripts")
        for function in functions(module)
    }

    assert _too_large(counts, lambda _: STATEMENTS) == []


def test_no_function_takes_more_parameters_than_one_can_name() -> None:
    counts = {
        function.where: _parameters(function.node)
        for module in modules("src", "tests", "scripts")
        for function in functions(module)
    }

    assert _too_large(counts, lambda _: PARAMETERS) == []


def test_every_exception_is_still_needed() -> None:
    known = {name_of(module) for module in modules("src", "tests", "scripts")}
    known |= {f.where for module in modules("src", "tests", "scripts") for f in functions(module)}

    assert sorted(set(LONGER) - known) == []


def _too_large(sizes: Mapping[str, int], most: Callable[[str], int]) -> list[str]:
    return [
        f"{where} has {size}, at most {most(where)} are good"
        for where, size in sizes.items()
        if size > most(where) and where not in LONGER
    ]


def _most_lines(name: str) -> int:
    if name.endswith("/conftest.py"):
        return CONFTEST_LINES
    return TEST_MODULE_LINES if name.startswith("tests/") else MODULE_LINES


def _statements(function: FunctionNode) -> int:
    docstring = 1 if ast.get_docstring(function) is not None else 0
    return sum(isinstance(node, ast.stmt) for node in ast.walk(function)) - 1 - docstring


def _parameters(function: FunctionNode) -> int:
    if any("app.command" in ast.unparse(one) for one in function.decorator_list):
        return 0  # a command's options are its parameters, and each is named where it is given
    arguments = function.args
    named = [a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    return len([name for name in named if name not in {"self", "cls"}])
