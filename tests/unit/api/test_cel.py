"""The CEL that both evaluators speak."""

import re
import subprocess
import sys
from datetime import timedelta

import pytest

from certwright.api.rules.cel import (
    KNOWN,
    EvaluationError,
    Expressions,
    go_duration,
    is_cidr,
    is_ip,
    load_library,
)
from certwright.api.rules.tables import RULES

EVERY_RULE = [rule for rules in RULES.values() for rule in rules]


def test_rules_call_only_what_both_evaluators_know() -> None:
    called = {
        name
        for rule in EVERY_RULE
        for name in re.findall(
            r"([A-Za-z_]+)\(", re.sub(r"'[^']*'", "''", rule.rule + rule.message_expression)
        )
    }

    assert called == KNOWN


def test_patterns_use_no_class_that_the_engines_read_differently() -> None:
    odd = [rule.rule for rule in EVERY_RULE if re.search(r"\\[dswDSWbB]", rule.rule)]

    assert odd == []


def test_every_rule_says_something_else_at_its_place() -> None:
    for kind, rules in RULES.items():
        places = [(rule.at, rule.field, rule.rule) for rule in rules]

        assert len(set(places)) == len(places), kind


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("192.0.2.1", True),
        ("2001:db8::1", True),
        ("::ffff:192.0.2.1", False),
        ("fe80::1%eth0", False),
        ("192.0.2", False),
        ("192.0.2.01", False),
        ("", False),
    ],
)
def test_addresses_are_those_of_kubernetes(text: str, *, verdict: bool) -> None:
    assert is_ip(text) is verdict


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("10.0.0.0/8", True),
        ("10.0.0.1/8", True),
        ("10.0.0.0/32", True),
        ("10.0.0.0/33", False),
        ("10.0.0.0/08", False),
        ("10.0.0.0", False),
        ("2001:db8::/129", False),
        ("2001:db8::/0", True),
        ("a/8", False),
        ("10.0.0.0/", False),
    ],
)
def test_ranges_are_those_of_kubernetes(text: str, *, verdict: bool) -> None:
    assert is_cidr(text) is verdict


def test_durations_are_those_of_go() -> None:
    expressions = Expressions()
    context = expressions.context({"duration": "1500µs", "renewBefore": "1h"})

    assert expressions.evaluate("duration(self.duration)", context) == timedelta(microseconds=1500)
    assert expressions.evaluate("duration(self.renewBefore) > duration('59m')", context) is True
    assert go_duration("1d") is None


def test_an_expression_without_a_value_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    expressions = Expressions()
    context = expressions.context({"a": "soon"})

    for expression in ("self.b == 1", "duration(self.a) > duration('1h')", "self.a > 5"):
        with pytest.raises(EvaluationError):
            expressions.evaluate(expression, context)

    assert capfd.readouterr() == ("", "")


def test_what_was_before_is_known_only_where_there_was_something() -> None:
    expressions = Expressions()

    assert expressions.evaluate("self != oldSelf", expressions.context(1, 2)) is True
    with pytest.raises(EvaluationError):
        expressions.evaluate("self != oldSelf", expressions.context(1))


def test_the_library_is_loaded_once_and_without_its_command_line() -> None:
    program = (
        "import sys; from certwright.api.rules.cel import load_library as load;"
        "assert load() is load(); print('cel.cli' in sys.modules, 'cel.cel' in sys.modules)"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stdout.split() == ["False", "True"]


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "cel.cel", raising=False)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)

    with pytest.raises(ImportError, match="common-expression-language"):
        load_library()
