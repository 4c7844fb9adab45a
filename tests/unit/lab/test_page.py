"""The page shows its own certificate and the way to it."""

from datetime import timedelta

from certwright.lab.page import Facts, Shown, render
from certwright.lab.tour import Line, Mood, Step
from tests.fakes.clock import START

FACTS = Facts(
    secret="default/foo-tls-certificate",
    serial="0ABC",
    issuer="certwright lab CA",
    names=("foo.demo.localhost",),
    not_before=START,
    not_after=START + timedelta(days=90),
    renewal=START + timedelta(days=60),
)


def shown(*lines: Line, facts: Facts | None = FACTS) -> Shown:
    now = START + timedelta(days=45)
    return Shown(host="foo.demo.localhost", lines=lines, round=1, now=now, facts=facts)


def test_the_page_shows_steps_timings_issuer_serial_validity_and_renewal() -> None:
    page = render(shown(Line(Step.ORDER, Mood.NEWS, "default/order created", 0.125)))

    for text in (
        "0.125 s",
        "default/order created",
        "0ABC",
        "certwright lab CA",
        f"{FACTS.not_before:%Y-%m-%d %H:%M:%S} UTC",
        f"{FACTS.not_after:%Y-%m-%d %H:%M:%S} UTC",
        f"{FACTS.renewal:%Y-%m-%d %H:%M:%S} UTC",
    ):
        assert text in page


def test_the_bar_shows_how_much_of_the_life_is_over_and_when_it_renews() -> None:
    page = shown()

    assert page.elapsed == 50.0
    assert round(page.share(FACTS.renewal), 1) == 66.7
    assert page.share(START - timedelta(days=1)) == 0.0


def test_what_strangers_say_is_text_on_the_page_and_never_markup() -> None:
    page = render(shown(Line(Step.ORDER, Mood.BAD, "<script>alert(1)</script>", 0.0)))

    assert "<script>alert" not in page


def test_the_page_has_no_inline_script_and_no_inline_style() -> None:
    page = render(shown(Line(Step.ORDER, Mood.GOOD, "x", 0.0)))

    assert page.count("<script") == page.count('<script src="/lab.js"') == 1
    assert "<style" not in page
    assert "style=" not in page
    assert "onload" not in page


def test_a_host_without_a_certificate_is_told_so() -> None:
    assert "There is no certificate for this host yet." in render(shown(facts=None))
