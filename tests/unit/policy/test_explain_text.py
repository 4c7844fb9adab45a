"""Times and lines as people read them."""

from datetime import timedelta

import pytest

from certwright.api.meta import Key
from certwright.base.evidence import Evidence
from certwright.policy.explain_text import MOST_LINES, explain_lines, relative, render, rough, when
from certwright.policy.explanation import Explanation, Named, Verdict
from tests.unit.policy.scene import NOW, Scene


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (timedelta(seconds=45), "45s"),
        (timedelta(minutes=3), "3m"),
        (timedelta(minutes=3, seconds=5), "3m5s"),
        (timedelta(minutes=45, seconds=5), "45m"),
        (timedelta(hours=2, minutes=5), "2h5m"),
        (timedelta(days=3, hours=4), "3d4h"),
        (timedelta(days=59, hours=4), "59d"),
        (timedelta(days=800), "2y70d"),
    ],
)
def test_a_span_is_written_in_at_most_two_units(span: timedelta, text: str) -> None:
    assert rough(span) == text


def test_a_moment_is_written_absolutely_and_from_here() -> None:
    assert when(NOW + timedelta(minutes=3), NOW) == "2026-01-11T00:03:00Z (in 3m)"
    assert relative(NOW - timedelta(hours=1), NOW) == "1h ago"
    assert relative(NOW, NOW) == "now"


def test_much_evidence_is_counted_and_the_lines_stay_few() -> None:
    about = Named("Certificate", "web", "default")
    explanation = Explanation(
        about=about,
        verdict=Verdict.STALLED,
        sentence="it is so",
        culprit=Named("Secret", "x", "default"),
        evidence=tuple(Evidence(f"ns{number}", "no") for number in range(40)),
        document="{}",
        remedy="Act.",
        notes=tuple("abcdefgh"),
    )

    lines = render(explanation, NOW)

    assert len(lines) <= MOST_LINES
    assert any("and 28 more" in line for line in lines)
    assert any(line.startswith("  remedy  Act.") for line in lines)


def test_a_live_view_is_explained_in_lines() -> None:
    lines = explain_lines(Scene(), Key("default", "web"), NOW)

    assert lines[0] == "Certificate default/web is being issued."
    assert explain_lines(Scene(), Key("default", "nobody"), NOW) == (
        "Certificate default/nobody does not exist",
    )
