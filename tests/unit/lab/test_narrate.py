"""The lab's words."""

import io
from pathlib import Path

from certwright.lab.browser import Visit, browser_arguments
from certwright.lab.narrate import PlainNarrator, farewell, summary
from certwright.lab.place import Place
from certwright.lab.ports import Ports
from certwright.lab.tour import Line, Mood, Progress, Step

PLACE = Place(Path("/run/lab"))


def test_a_line_without_a_terminal_is_plain() -> None:
    out = io.StringIO()

    PlainNarrator(out).line(Line(Step.ORDER, Mood.BAD, "refused", 1.5))

    assert out.getvalue() == "   1.500 s  Order                refused\n"


def test_the_summary_counts_from_the_first_line_to_the_last() -> None:
    lines = (Line(Step.INGRESS, Mood.NEWS, "", 0.0), Line(Step.PAGE, Mood.GOOD, "", 1.25))

    assert summary(Progress(lines=lines)) == "From Ingress to verified HTTPS page: 1.250 s."


def test_the_farewell_tells_how_to_visit_where_state_lies_and_how_to_stop() -> None:
    text = farewell(PLACE, Ports(14000), ("foo.demo.localhost",), stays=True)

    assert (
        "curl --resolve foo.demo.localhost:14443:127.0.0.1 --cacert /run/lab/root.crt"
        " https://foo.demo.localhost:14443/"
    ) in text
    assert "State lies in: /run/lab" in text
    assert "Ctrl-C" in text


def test_three_commands_lead_to_a_domain_of_ones_own() -> None:
    lines = farewell(PLACE, Ports(14000), (), stays=False).splitlines()

    start = next(n for n, line in enumerate(lines) if "three commands" in line)
    assert len([line for line in lines[start + 1 :] if line.startswith("  ")]) == 3


def test_a_browser_without_the_root_is_told_the_signing_key_alone() -> None:
    visit = Visit(
        url="https://foo/",
        profile=Path("/p"),
        root=Path("/r"),
        signer_spki="00" * 32,
        log=Path("/l"),
    )

    loose = browser_arguments("chromium", visit, trusts_root=False)
    strict = browser_arguments("chromium", visit, trusts_root=True)

    pin = "--ignore-certificate-errors-spki-list=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
    assert pin in loose
    assert not any("ignore" in argument for argument in strict)
    assert "--user-data-dir=/p/profile" in strict
    assert strict[-1] == "https://foo/"
