"""Explanations as lines for people: at most 24, plain text, times absolute and relative."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from certwright.api.meta import Key
from certwright.policy.explain import explain
from certwright.policy.explanation import Explanation, Verdict
from certwright.policy.inventory import Choices, Inventory, Lister

MOST_LINES = 24
_MOST_EVIDENCE = 12
_MOST_NOTES = 4


def explain_lines(
    lister: Lister, key: Key, now: datetime, choices: Choices | None = None
) -> tuple[str, ...]:
    """Explain one Certificate out of a live view (or any other listing)."""
    chain = Inventory(lister, choices).chain(key)
    if chain is None:
        return (f"Certificate {key} does not exist",)
    return render(explain(chain, now), now)


def render(explanation: Explanation, now: datetime) -> tuple[str, ...]:
    """Write an explanation down; the shape is for eyes, scripts take `-o json`."""
    return tuple(_lines(explanation, now))[:MOST_LINES]


def _lines(explanation: Explanation, now: datetime) -> Iterator[str]:
    yield f"{explanation.about} is {_PHRASES[explanation.verdict]}."
    yield _row("why", f"{_capital(explanation.sentence)}")
    if explanation.verdict not in (Verdict.READY, Verdict.ISSUING):
        word = f", {explanation.reason}" if explanation.reason else ""
        yield _row("cause", f"{explanation.fault}{word}")
    if explanation.culprit != explanation.about:
        yield _row("object", str(explanation.culprit))
    shown = explanation.evidence[:_MOST_EVIDENCE]
    for number, one in enumerate(shown):
        yield _row("" if number else "seen", str(one))
    if len(explanation.evidence) > len(shown):
        yield _row("", f"… and {len(explanation.evidence) - len(shown)} more (-o json has all)")
    if explanation.document:
        yield _row("CA said", explanation.document)
    if explanation.next_attempt is not None:
        word = "renewal" if explanation.verdict is Verdict.READY else "next"
        yield _row(word, when(explanation.next_attempt, now))
    elif explanation.verdict is Verdict.STALLED:
        yield _row("next", "when one of these objects changes")
    if explanation.remedy:
        yield _row("remedy", explanation.remedy)
    for number, note in enumerate(explanation.notes[:_MOST_NOTES]):
        yield _row("" if number else "note", _capital(note))


_PHRASES = {
    Verdict.READY: "ready",
    Verdict.ISSUING: "being issued",
    Verdict.WAITING: "waiting",
    Verdict.FAILED: "failing, and will be tried again",
    Verdict.STALLED: "stalled until somebody acts",
}


def _row(word: str, text: str) -> str:
    return f"  {word:<8}{text}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def when(moment: datetime, now: datetime) -> str:
    """Write a moment absolutely and from here: `2026-01-01T00:03:00Z (in 3m)`."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ} ({relative(moment, now)})"


def relative(moment: datetime, now: datetime) -> str:
    """Write how far a moment is: `in 3m`, `5d ago`, `now`."""
    span = moment - now
    if abs(span) < timedelta(seconds=1):
        return "now"
    return f"in {rough(span)}" if span > timedelta() else f"{rough(-span)} ago"


def rough(span: timedelta) -> str:
    """Write a span in one or two units: `45s`, `3m`, `2h5m`, `59d`, `2y30d`."""
    seconds = int(span.total_seconds())
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if seconds < 60:  # noqa: PLR2004  # the units of time
        return f"{seconds}s"
    if hours == 0:
        return _two(minutes, "m", seconds % 60, "s") if minutes < 10 else f"{minutes}m"  # noqa: PLR2004
    if days == 0:
        return _two(hours, "h", minutes % 60, "m")
    if days < 365:  # noqa: PLR2004
        return _two(days, "d", hours % 24, "h") if days < 10 else f"{days}d"  # noqa: PLR2004
    return _two(days // 365, "y", days % 365, "d")


def _two(large: int, unit: str, small: int, other: str) -> str:
    return f"{large}{unit}{small}{other}" if small else f"{large}{unit}"
