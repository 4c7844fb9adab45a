"""The schemas that are made from the types."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from certwright.api.kinds import KINDS
from certwright.api.rules.schema import Schema, schema_of
from certwright.api.rules.tables import own_schema

NAMES: dict[str, Any] = yaml.safe_load(
    (Path(__file__).parent / "wire_names.yaml").read_text(encoding="utf-8")
)
OURS = tuple(kind for kind in KINDS if kind.name in NAMES["kinds"])


def written(tree: object, path: str = "") -> Iterator[str]:
    """The paths of the table, shared parts filled in."""
    if isinstance(tree, str):
        tree = NAMES["parts"][tree.removeprefix("$")]
    if isinstance(tree, Mapping):
        for name, below in tree.items():
            here = f"{path}.{name}" if path else str(name)
            yield here
            yield from written(below, here)


def generated(schema: Schema, path: str = "") -> Iterator[tuple[str, Schema]]:
    """The paths of a schema, lists left out."""
    schema = schema.get("items", schema)
    for name, below in schema.get("properties", {}).items():
        here = f"{path}.{name}" if path else name
        yield here, below
        yield from generated(below, here)


def required(schema: Schema, path: str = "") -> Iterator[str]:
    schema = schema.get("items", schema)
    for name in schema.get("required", ()):
        yield f"{path}.{name}" if path else name
    for name, below in schema.get("properties", {}).items():
        yield from required(below, f"{path}.{name}" if path else name)


@pytest.mark.parametrize("kind", OURS, ids=lambda kind: kind.name)
def test_every_field_has_the_name_of_the_specification(kind: Any) -> None:
    fields = {path for path, _ in generated(own_schema(kind))}

    assert fields - {"spec", "status"} == set(written(NAMES["kinds"][kind.name])) - {
        "spec",
        "status",
    }


@pytest.mark.parametrize("name", NAMES["required"])
def test_exactly_the_fields_of_the_specification_are_required(name: str) -> None:
    kind = next(kind for kind in OURS if kind.name == name)

    wanted = {path for path in required(own_schema(kind)) if not _of_condition(path)}

    assert wanted - {"spec"} == set(NAMES["required"][name])


def _of_condition(path: str) -> bool:
    return path.startswith("status.conditions.")


@pytest.mark.parametrize("kind", OURS, ids=lambda kind: kind.name)
def test_every_field_says_what_it_is(kind: Any) -> None:
    silent = [path for path, schema in generated(own_schema(kind)) if not schema["description"]]

    assert silent == []


def test_a_type_without_a_schema_is_a_bug_that_is_told() -> None:
    class Odd(msgspec.Struct):
        span: float

    with pytest.raises(TypeError, match="no schema"):
        schema_of(Odd)


def test_an_enum_has_no_empty_word() -> None:
    order = own_schema(next(kind for kind in KINDS if kind.name == "Order"))

    assert "" not in order["properties"]["status"]["properties"]["state"]["enum"]
