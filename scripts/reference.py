"""Writes docs/reference/ from the code, or with --check says whether it is as the code has it.

What cannot be read from the code is not in the reference, so the reference cannot lie.
"""

import asyncio
import inspect
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import typer
from typer.main import get_command

from certwright.api import annotations
from certwright.api.crd.definitions import crds
from certwright.api.crd.policies import MUTATION_MINOR, OLDEST_MINOR
from certwright.api.rules.contents import CHECKED
from certwright.api.rules.tables import RULES
from certwright.base import reason
from certwright.base.clock import SystemClock
from certwright.cli.flags.accepted import ACCEPTED
from certwright.cli.flags.gates import DONE, NOT_DONE
from certwright.cli.flags.honoured import HONOURED
from certwright.cli.flags.own import OWN
from certwright.cli.main import program
from certwright.policy.remedies import REMEDIES
from certwright.runtime.counts import Counts
from certwright.runtime.metrics import Metrics

_EVERYWHERE = frozenset({"help", "install_completion", "show_completion"})
TOP = Path(__file__).resolve().parent.parent / "docs" / "reference"


def main() -> None:
    """Write or check every page."""
    pages = {
        "commands.md": "\n".join(commands()),
        "flags.md": "\n".join(flags()),
        "resources.md": "\n".join(resources()),
        "reasons.md": "\n".join(reasons()),
        "annotations.md": "\n".join(keys()),
        "rules.md": "\n".join(rules()),
        "metrics.md": "\n".join(metrics()),
    }
    stale = [name for name, text in pages.items() if _read(TOP / name) != f"{text}\n"]
    if "--check" in sys.argv:
        if stale:
            sys.exit(f"docs/reference is not as the code has it: {', '.join(stale)}")
        return
    TOP.mkdir(parents=True, exist_ok=True)
    for name, text in pages.items():
        (TOP / name).write_text(f"{text}\n")


def commands() -> Iterator[str]:
    """Every command with its arguments and options, as the program has them."""
    yield "# Commands\n"
    yield "Exit codes: 0 done, 1 failed, 2 bad usage or bad input, 3 not ready."
    root: Any = get_command(program)
    context = typer.Context(root, info_name="certwright")
    for name in root.list_commands(context):
        yield from _command(f"certwright {name}", root.get_command(context, name))


def flags() -> Iterator[str]:
    """Every flag of `run` with its place in cert-manager's file, and those that do nothing."""
    yield "# Flags of `certwright run`\n"
    yield "Names and defaults are those of cert-manager's controller. `--config FILE` reads a"
    yield "`ControllerConfiguration` of `controller.config.cert-manager.io/v1alpha1`; a flag on the"
    yield "command line comes before the file.\n"
    yield "| flag | takes | default | field in the file | meaning |\n|---|---|---|---|---|"
    for flag in (*OWN, *HONOURED):
        default, field = (f"`{text}`" if text else "" for text in (flag.default, flag.field))
        form, meaning = _one_line(flag.form.value), _one_line(flag.help)
        yield f"| `--{flag.name}` | {form} | {default} | {field} | {meaning} |"
    yield "\n## Accepted without effect\n"
    yield "| flag | field in the file | what replaces it |\n|---|---|---|"
    for flag in ACCEPTED:
        yield f"| `--{flag.name}` | `{flag.field}` | {_one_line(flag.instead)} |"
    yield "\n## Feature gates\n"
    yield "| gate of cert-manager | as if | because |\n|---|---|---|"
    for value, gates in (("true", DONE), ("false", NOT_DONE)):
        for name, why in gates.items():
            yield f"| `{name}` | {value} | {_one_line(why)} |"


def _command(path: str, command: Any) -> Iterator[str]:
    yield f"\n## {path}\n"
    yield _one_line(command.help or "")
    if path == "certwright run":
        yield "\nIts flags have [a page of their own](flags.md)."
        return
    rows = [_parameter(one) for one in command.params if one.name not in _EVERYWHERE]
    if rows:
        yield "\n| option or argument | default | meaning |\n|---|---|---|"
        yield from rows
    for name, below in getattr(command, "commands", {}).items():
        yield from _command(f"{path} {name}", below)


def _parameter(parameter: Any) -> str:
    names = ", ".join(f"`{name}`" for name in parameter.opts) or f"`{parameter.name}`"
    if parameter.param_type_name == "argument":
        names = f"`{parameter.name.upper()}`"
    default = "required" if parameter.required else _default(parameter.default)
    return f"| {names} | {default} | {_one_line(getattr(parameter, 'help', None) or '')} |"


def _default(value: Any) -> str:
    return "" if value in (None, "", (), []) else f"`{str(value).lower()}`"


def resources() -> Iterator[str]:
    """Every field of every kind, from the CRDs."""
    yield "# Resources\n"
    yield "What can be written in a manifest, kind by kind: from the types, as the CRDs are."
    for crd in crds():
        names, version = crd["spec"]["names"], crd["spec"]["versions"][0]
        schema = version["schema"]["openAPIV3Schema"]
        yield f"\n## {names['kind']}\n"
        api_version = f"{crd['spec']['group']}/{version['name']}"
        yield f"`{api_version}`. {_one_line(schema.get('description', ''))}"
        yield "\n| field | type | meaning |\n|---|---|---|"
        for part in ("spec", "status"):
            yield from _fields(part, schema["properties"].get(part, {}))


def _fields(path: str, schema: Mapping[str, Any]) -> Iterator[str]:
    required = set(schema.get("required", ()))
    for name, below in schema.get("properties", {}).items():
        items = below.get("items", {})
        kind = f"{items.get('type', 'any')}[]" if items else below.get("type", "any")
        words = [_one_line(below.get("description", ""))]
        enum = below.get("enum") or items.get("enum")
        if enum:
            words.append(f"One of {', '.join(f'`{one}`' for one in enum)}.")
        if name in required:
            words.append("Required.")
        here = f"{path}.{name}{'[]' if items else ''}"
        yield f"| `{here}` | {kind} | {' '.join(filter(None, words))} |"
        yield from _fields(here, items or below)


def reasons() -> Iterator[str]:
    """Every word of `base.reason`, with what it means and what a person can do."""
    yield "# Reasons\n"
    yield "The words that conditions and events carry, and that `certwright why` explains."
    for line in inspect.getsource(reason.Reason).splitlines():
        headline = re.match(r"    # (.+)$", line)
        word = re.match(r'    (\w+) = "([^"]+)"(?:  # (.*))?$', line)
        if headline:
            yield f"\n## {headline[1].split(': compat')[0]}\n"
            yield "| reason | meaning | what helps |\n|---|---|---|"
        elif word:
            yield f"| `{word[2]}` | {word[3] or ''} | {REMEDIES.get(word[2], '')} |"


def keys() -> Iterator[str]:
    """Every annotation and label that has a name in the code."""
    yield "# Annotations and labels\n"
    yield "| key | name in the code |\n|---|---|"
    for name, value in vars(annotations).items():
        if name.isupper() and isinstance(value, str) and not value.endswith("/"):
            yield f"| `{value}` | `{name}` |"


def metrics() -> Iterator[str]:
    """Every metric with what it means, from an empty process."""
    yield "# Metrics\n"
    yield "What `/metrics` tells, by cert-manager's names; what objects say goes with them."
    text = asyncio.run(Metrics(Counts(), SystemClock()).render()).decode()
    types = dict(re.findall(r"^# TYPE (certmanager_\w+) (\w+)$", text, re.MULTILINE))
    yield "\n| metric | type | meaning |\n|---|---|---|"
    for name, meaning in re.findall(r"^# HELP (certmanager_\w+) (.+)$", text, re.MULTILINE):
        yield f"| `{name}` | {types[name]} | {_one_line(meaning)} |"
    yield "\nThose of the process (`process_…`) are the metrics library's."


def rules() -> Iterator[str]:
    """Every rule with its home, and from which Kubernetes minor it is in force there."""
    oldest, mutation = f"1.{OLDEST_MINOR}", f"1.{MUTATION_MINOR}"
    yield "# Rules\n"
    yield "What an object must keep to, beside the types of its fields, and who sees to it."
    yield f"""
No webhook is needed. A rule stands in the CustomResourceDefinition where it can; in a
ValidatingAdmissionPolicy where it is about elements of a list, annotations, or old and new; and in
the controller where only the bytes tell: then the object stays, and is not ready for a reason that
names the field. On one machine the same rules hold, evaluated by certwright itself. *From* is the
Kubernetes minor from which a rule holds on an API server; the oldest that is supported is {oldest}.
Below {mutation} nobody writes the requester into a CertificateRequest: a foreign one is refused.
"""
    yield "| kind | field | rule | home | from |\n|---|---|---|---|---|"
    for kind, table in RULES.items():
        for rule in table:
            where = f"{rule.at}{rule.field}" if rule.at else rule.field.removeprefix(".")
            yield f"| {kind} | `{where}` | {_one_line(rule.message)} | {rule.home} | {oldest} |"
    for kind, where, text in CHECKED:
        yield f"| {kind} | `{where}` | {_one_line(text)} | controller | {oldest} |"
    for where, text, home, minor in _ACCESS:
        yield f"| CertificateRequest | `{where}` | {text} | {home} | 1.{minor} |"


_ACCESS = (
    (
        "spec.username, uid, groups, extra",
        "are those of the requester, written by the server",
        "MutatingAdmissionPolicy",
        MUTATION_MINOR,
    ),
    (
        "spec.username, uid, groups, extra",
        "where set, must be those of the requester",
        "ValidatingAdmissionPolicy",
        OLDEST_MINOR,
    ),
    (
        "status.conditions",
        "only who may `approve` for the issuer (resource `signers`) may set Approved or Denied",
        "ValidatingAdmissionPolicy",
        OLDEST_MINOR,
    ),
)


def _one_line(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _read(path: Path) -> str:
    return path.read_text() if path.exists() else ""


if __name__ == "__main__":
    main()
