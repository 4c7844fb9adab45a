"""CEL where no API server evaluates it.

The library speaks less than Kubernetes: what we use of the difference is added here (`ADDED`), and
`KNOWN` lists every function a rule may call. Strings in variables are measured in bytes there, so
rules compare lengths only with 0, or through `bytes()`, or after a pattern that allows only ASCII.
"""

import importlib.machinery
import importlib.util
import ipaddress
import re
import sys
from collections.abc import Callable, Mapping
from datetime import timedelta
from types import ModuleType
from typing import Any, Final

from certwright.api.duration import BadDurationError, parse_duration

_FAILURES: Final = (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError)
MISSING: Final = object()
"""There was no such node before."""


class EvaluationError(Exception):
    """An expression had no value for these variables, such as a field that is not there."""


def is_ip(text: str) -> bool:
    """Kubernetes' `isIP`: no zone, no IPv4 in IPv6 clothes."""
    try:
        address = ipaddress.ip_address(str(text))
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        return address.scope_id is None and address.ipv4_mapped is None
    return True


def is_cidr(text: str) -> bool:
    """Kubernetes' `isCIDR`: an address and a length; bits beside the mask are allowed."""
    address, slash, length = text.partition("/")
    if not slash or not is_ip(address) or not re.fullmatch(r"0|[1-9][0-9]{0,2}", length, re.ASCII):
        return False
    return int(length) <= ipaddress.ip_address(address).max_prefixlen


def go_duration(text: str) -> timedelta | None:
    """CEL's `duration` as Kubernetes has it (the library's does not know `µs`).

    None where the text is none: the library prints what a function raises.
    """
    try:
        return parse_duration(str(text))
    except BadDurationError:
        return None


ADDED: Final[Mapping[str, Callable[[str], Any]]] = {
    "isIP": is_ip,
    "isCIDR": is_cidr,
    "goDuration": go_duration,
}
KNOWN: Final = frozenset(
    {
        *("has", "size", "all", "exists", "exists_one", "filter", "bytes"),
        *("matches", "startsWith", "duration", "getSeconds", "isIP", "isCIDR"),
    }
)
"""Functions and macros that rules may call; each means the same in both evaluators."""

_DURATION_CALL: Final = re.compile(r"(?<![A-Za-z_.])duration\(")


class Expressions:
    """Compiles each expression once, when it is first needed."""

    def __init__(self) -> None:
        self._programs: dict[str, Any] = {}
        self._library: ModuleType | None = None

    def context(self, node: object, before: object = MISSING) -> Any:
        """Return the variables of one node: `self` and, where there was one, `oldSelf`.

        What CEL has no value for is left out.
        """
        variables = {"self": node} | ({} if before is MISSING else {"oldSelf": before})
        try:
            context = self._cel().Context(variables=variables)
        except _FAILURES:  # such as a number beyond 64 bits: no expression about it has a value
            context = self._cel().Context(variables={})
        for name, function in ADDED.items():
            context.add_function(name, function)
        return context

    def evaluate(self, expression: str, context: Any) -> Any:
        """Return the value of an expression.

        Raises:
            EvaluationError: it has none for these variables.
        """
        try:
            return self._program(expression).execute(context)
        except _FAILURES as error:
            raise EvaluationError(str(error)) from error

    def _program(self, expression: str) -> Any:
        program = self._programs.get(expression)
        if program is None:
            program = self._cel().compile(_DURATION_CALL.sub("goDuration(", expression))
            self._programs[expression] = program
        return program

    def _cel(self) -> ModuleType:
        if self._library is None:
            self._library = load_library()
        return self._library


def load_library() -> ModuleType:
    """Import the CEL library's extension without its package.

    The package imports a command line with its terminal libraries: 0.7 s at every start.
    """
    loaded = sys.modules.get("cel.cel")
    if loaded is not None:
        return loaded
    package = importlib.util.find_spec("cel")
    folders = package.submodule_search_locations if package else []
    spec = importlib.machinery.PathFinder.find_spec("cel.cel", folders)
    if spec is None or spec.loader is None:
        raise ImportError("the library common-expression-language is not installed")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.modules["cel.cel"] = module
    return module
