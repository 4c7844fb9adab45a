"""Every file stands where the tree of docs/architecture.md says it may."""

import ast
import re

from tests.unit.house.tree import PACKAGE, ROOT, modules, name_of, parse, tracked_files

# Names that say nothing: what is in such a file belongs into the room it is about.
SAYS_NOTHING = re.compile(r"(^|_)(utils?|common|helpers?|misc|manager|impl|stuff|data|info)(_|$)")
SPELLED = re.compile(r"^(__init__|__main__|[a-z][a-z0-9]*(_[a-z0-9]+)*)$")

# `name.attribute` that only base/clock.py may say, whatever a noqa permits.
TIME = {
    ("asyncio", "sleep"),
    ("date", "today"),
    ("datetime", "now"),
    ("datetime", "today"),
    ("datetime", "utcnow"),
    ("time", "sleep"),
    ("time", "time"),
}


def test_every_module_has_a_name_that_says_what_it_is_about() -> None:
    stems = {name_of(module): module.stem for module in modules("src", "tests")}

    wrong = [
        name for name, stem in stems.items() if SAYS_NOTHING.search(stem) or not SPELLED.match(stem)
    ]

    assert wrong == []


def test_every_folder_of_the_package_says_in_one_docstring_what_it_is_for() -> None:
    folders = {module.parent for module in modules("src") if module.parent != ROOT / "src"}

    silent = [
        name_of(folder)
        for folder in sorted(folders)
        if not (folder / "__init__.py").is_file()
        or not ast.get_docstring(parse(folder / "__init__.py"))
    ]

    assert silent == []


def test_every_module_says_why_it_exists() -> None:
    silent = [
        name_of(module)
        for module in modules("src", "scripts")
        if not ast.get_docstring(parse(module))
    ]

    assert silent == []


def test_the_unit_tests_mirror_the_rooms() -> None:
    rooms = {entry.stem for entry in PACKAGE.iterdir() if not entry.name.startswith("__")}
    tested = {
        name_of(module).split("/")[2]
        for module in modules("tests")
        if name_of(module).startswith("tests/unit/") and name_of(module).count("/") > 2
    }

    assert sorted(tested - rooms - {"house"}) == []


def test_a_module_of_tests_is_one_that_pytest_finds() -> None:
    lost = [
        name_of(module)
        for module in modules("tests")
        if not module.name.startswith("test_")
        and any(
            isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            and node.name.startswith("test_")
            for node in parse(module).body
        )
    ]

    assert lost == []


def test_only_the_clock_reads_time_or_sleeps() -> None:
    elsewhere = [
        f"{name_of(module)}:{node.lineno} {node.value.id}.{node.attr}"
        for module in modules("src")
        if module != PACKAGE / "base" / "clock.py"
        for node in ast.walk(parse(module))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and (node.value.id, node.attr) in TIME
    ]

    assert elsewhere == []


def test_no_test_patches_our_own_code() -> None:
    patches = [
        f"{name_of(module)}:{node.lineno}"
        for module in modules("tests")
        for node in ast.walk(parse(module))
        if isinstance(node, ast.ImportFrom | ast.Import)
        and any("mock" in alias.name.split(".") for alias in node.names)
    ]

    assert patches == []


def test_every_silenced_type_error_says_why() -> None:
    silenced = re.compile(r"#\s*type: ignore\[[a-z-, ]+\](.*)$")

    unexplained = [
        f"{name_of(module)}:{number}"
        for module in modules("src", "tests", "scripts")
        for number, line in enumerate(module.read_text().splitlines(), start=1)
        if (found := silenced.search(line)) and not re.search(r"[a-z]{2,}", found[1])
    ]

    assert unexplained == []


def test_no_file_is_tracked_that_a_tool_makes() -> None:
    made = re.compile(
        r"(^|/)(__pycache__|\.venv|build|dist|site|\.mypy_cache)/|\.(pyc|log|sqlite)$"
    )

    assert [name for file in tracked_files() if made.search(name := name_of(file))] == []
