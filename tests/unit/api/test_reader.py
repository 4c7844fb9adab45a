"""How files are read; what is dangerous is refused with its line."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from certwright.api import reader
from certwright.api.reader import Fault, ReadDocument, read_documents


def read(content: str | bytes) -> tuple[ReadDocument, ...]:
    return tuple(read_documents(content.encode() if isinstance(content, str) else content))


def value(content: str | bytes) -> Any:
    (document,) = read(content)
    assert document.faults == ()
    return document.value


def faults(content: str | bytes) -> list[tuple[int, str]]:
    return [(fault.line, fault.rule) for document in read(content) for fault in document.faults]


NO_ANCHORS = "anchors and aliases are refused: write the value out"


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("1:30", "1:30"),
        ("190:20:30", "190:20:30"),
        ("2026-01-31", "2026-01-31"),
        ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00Z"),
        ("yes", True),
        ("On", True),
        ("n", False),
        ("OFF", False),
        ("true", True),
        ("False", False),
        ("'yes'", "yes"),
        ('"5"', "5"),
        ("~", None),
        ("null", None),
        ("", None),
        ("5", 5),
        ("-5", -5),
        ("+5", 5),
        ("0", 0),
        ("1_000", 1000),
        ("0x1F", 31),
        ("0b101", 5),
        ("0o17", 15),
        ("017", 15),
        ("099", 99.0),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("-1.5e-3", -0.0015),
        ("1e999", "1e999"),
        ("9" * 30, float("9" * 30)),
        ("9" * 5000, "9" * 5000),
        ("18446744073709551615", 2**64 - 1),
        ("18446744073709551616", float(2**64)),
        ("-9223372036854775809", float(-(2**63) - 1)),
        ("-a", "-a"),
        ("1.2.3", "1.2.3"),
        ("12 monkeys", "12 monkeys"),
        ("=", "="),
        ("!!str 5", "5"),
        ("! 5", "5"),
        ("!!map {a: 1}", {"a": 1}),
        ("|\n  a\n  b\n", "a\nb\n"),
    ],
)
def test_scalars_mean_what_kubectl_makes_of_them(text: str, meaning: object) -> None:
    (document,) = read(f"a: {text}")

    assert document.faults == ()
    assert document.value == {"a": meaning}
    assert type(document.value["a"]) is type(meaning)


@pytest.mark.parametrize("text", [".inf", "-.INF", ".nan"])
def test_numbers_that_json_has_not_are_refused(text: str) -> None:
    assert faults(f"a: {text}") == [(1, "must be a number that JSON has")]


def test_numbers_as_keys_are_text() -> None:
    assert value("80: a\n'90': b") == {"80": "a", "90": "b"}


@pytest.mark.parametrize("key", ["yes", "~", "1.0", "true", "Off"])
def test_keys_of_which_nobody_knows_what_they_become_are_refused(key: str) -> None:
    assert faults(f"a: b\n{key}: c") == [(2, "has a key that must be put in quotes")]


def test_documents_know_the_lines_of_their_fields() -> None:
    first, second = read("# site\n\na:\n  b: 1\n  c:\n  - d\n  - e: f\n---\ng: h\n")

    assert first.line == 3
    assert first.line_of(("a", "c", 1, "e")) == 7
    assert first.line_of(("a", "c", 0)) == 6
    assert first.line_of(("a", "missing", "deep")) == 3
    assert first.line_of(("nothing",)) == 3
    assert (second.line, second.line_of(("g",))) == (9, 9)


def test_a_mistake_in_one_document_leaves_the_others_readable() -> None:
    documents = read("a: 1\n---\nb: [\n---\nc: 3\n")

    assert [document.value for document in documents] == [{"a": 1}, None, {"c": 3}]
    assert documents[1].faults == (Fault(3, "is not YAML: did not find expected node content"),)


def test_a_line_of_dashes_within_a_text_is_text() -> None:
    assert value("a: |\n  b\n  ---\n  c\nd: e---\n") == {"a": "b\n---\nc\n", "d": "e---"}


@pytest.mark.parametrize(
    "content", ["", "\n", "# nothing\n", "---\n", "---\n# a\n---\n...\n", "%YAML 1.1\n---\n", "~"]
)
def test_empty_documents_are_left_out(content: str) -> None:
    assert read(content) == ()


def test_documents_end_with_dots_too() -> None:
    documents = read("a: 1\n...\n---\nb: 2\n...\r--- {c: 3}\n")

    assert [document.value for document in documents] == [{"a": 1}, {"b": 2}, {"c": 3}]


def test_a_directive_belongs_to_the_document_after_it() -> None:
    assert value("%YAML 1.2\n---\na: b\n") == {"a": "b"}


def test_json_is_read_with_its_escapes_and_tabs() -> None:
    content = '{\n\t"a": "\\/\\ud83d\\ude00\\\\ud83d",\n\t"b": [1,\t2.5, null]\n}'

    assert value(content) == {"a": "/😀\\ud83d", "b": [1, 2.5, None]}
    assert read(content)[0].line_of(("b",)) == 3


def test_half_a_character_is_no_text() -> None:
    ((line, rule),) = faults('{"a": "\\ud83d"}')

    assert line == 1
    assert rule.startswith("is not YAML")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("a: &x 1\nb: *x\n", [(1, NO_ANCHORS), (2, NO_ANCHORS)]),
        ("&x a: 1", [(1, NO_ANCHORS)]),
        ("a: {*x : 1}", [(1, NO_ANCHORS)]),
        ("*x", [(1, NO_ANCHORS)]),
        ("- a\n- *x", [(2, NO_ANCHORS)]),
        ("a: &x\n  b: 1", [(1, NO_ANCHORS)]),
        ("a: !!binary aGk=", [(1, "tags are refused")]),
        ("a: !own {b: 1}", [(1, "tags are refused")]),
        ("!!int a: b", [(1, "tags are refused")]),
        ("a: 1\nb: 2\na: 3", [(3, "is there twice")]),
        ("? [a]\n: b\nc: d", [(1, "must have text as its keys")]),
        ("? {a: [b, *x]}\n: [c]\n", [(1, "must have text as its keys")]),
        ("a: b\n\tc: d", [(2, "is not YAML: found a tab character that violates indentation")]),
        ("a: @b", [(1, "is not YAML: found character that cannot start any token")]),
        ("a: 'b", [(1, "is not YAML: found unexpected end of stream")]),
        (b"a: \xff", [(1, "must be UTF-8")]),
        (b"a: b\nc: \xc3", [(2, "must be UTF-8")]),
        (b"\xff\xfea\x00", [(1, "must be UTF-8, this is UTF-16")]),
        ("a: b\nc: \0", [(2, "has the control character U+0000")]),
        ("a: \x1b[31m", [(1, "has the control character U+001B")]),
        ("a: \ufeff", [(1, "has the control character U+FEFF")]),
    ],
)
def test_what_is_dangerous_is_refused_at_its_line(
    content: str | bytes, expected: list[tuple[int, str]]
) -> None:
    assert faults(content) == expected


def test_the_mark_of_utf8_is_skipped() -> None:
    assert value("\ufeffa: 1") == {"a": 1}


def test_documents_nested_too_deep_are_refused() -> None:
    deep = "{a: " * 101 + "[b, {c: *x}]" + "}" * 101

    assert faults(deep) == [(1, "is nested more than 100 deep")]
    assert faults("[" * 5000) == [(1, "is not YAML: exceeded maximum nesting depth")]


def test_documents_too_long_are_refused_and_those_after_them_read() -> None:
    long = "a: " + "x" * reader.DOCUMENT_LIMIT

    first, second = read(f"{long}\n---\nb: 1\n")

    assert [fault.rule for fault in first.faults] == [
        f"has {len(long) + 1} bytes; at most {reader.DOCUMENT_LIMIT} are read"
    ]
    assert second.value == {"b": 1}
    assert second.line == 3


def test_files_too_long_are_refused() -> None:
    ((line, rule),) = faults(b"#" * (reader.FILE_LIMIT + 1))

    assert line == 1
    assert "are read of a file" in rule


def test_documents_of_too_many_parts_are_refused() -> None:
    ((line, rule),) = faults("a: [" + "1," * reader.NODE_LIMIT + "]")

    assert (line, rule) == (1, f"has more than {reader.NODE_LIMIT} parts")


def test_a_bomb_costs_nothing() -> None:
    bomb = "a: &a [x, x]\n" + "".join(
        f"{name}: &{name} [*{before}, *{before}]\n"
        for before, name in zip("abcdefgh", "bcdefghi", strict=True)
    )

    assert len(faults(bomb)) == 25


def test_faults_of_a_document_are_bounded() -> None:
    assert len(faults("a: 1\n" * 1000)) == reader.FAULT_LIMIT


def test_a_document_does_not_show_itself() -> None:
    assert "hunter2" not in repr(read("password: hunter2"))


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(
        st.characters(
            exclude_categories=["Cc", "Cs", "Cn"], exclude_characters="\ufeff\u2028\u2029"
        )
    ),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=9), inner
        )
    ),
    max_leaves=10,
)


@given(
    document=st.dictionaries(st.sampled_from("abcdef"), JSON, min_size=1), ascii_only=st.booleans()
)
def test_what_json_says_is_read_as_it_was(*, document: dict[str, Any], ascii_only: bool) -> None:
    assert value(json.dumps(document, ensure_ascii=ascii_only)) == document


@given(
    st.binary(max_size=200)
    | st.text(
        st.sampled_from("ab:-[]{}&*!|>'\"%@`?,#\n \t\\~<=0123\0é\ud7ff\x85\u2028"), max_size=60
    ).map(lambda text: text.encode("utf-8"))
)
@example(b"? ")
@example(b"- ? a")
@example(b"---\n%TAG ! a\n--- !x a")
def test_no_content_makes_the_reader_fall_over(content: bytes) -> None:
    for document in read_documents(content):
        assert document.line >= 1
        assert all(fault.line >= 1 and fault.rule for fault in document.faults)
        json.dumps(document.value, allow_nan=False)
