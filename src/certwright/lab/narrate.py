"""The lab's words: plain lines, or coloured ones on a terminal."""

import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, TextIO

from certwright.lab.edge import DOMAIN
from certwright.lab.place import Place, examples
from certwright.lab.ports import Ports
from certwright.lab.tour import Line, Mood, Progress
from certwright.net.tcp import LOOPBACK

_STEP_WIDTH = 19
_STYLES = {Mood.NEWS: "", Mood.GOOD: "green", Mood.BAD: "red"}


class Narrator(Protocol):
    """Shows the tour."""

    def line(self, line: Line) -> None:
        """Show one line of the tour."""

    def say(self, text: str) -> None:
        """Show a heading or an explanation; may have several lines."""


class PlainNarrator:
    """For files, pipes and those who want no colours."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def line(self, line: Line) -> None:
        """Show one line of the tour."""
        self.say(f"{_seconds(line)}  {_step(line)}  {line.text}")

    def say(self, text: str) -> None:
        """Show a text."""
        self._out.write(f"{text}\n")
        self._out.flush()


class ColouredNarrator:
    """For terminals."""

    def __init__(self) -> None:
        from rich.console import Console  # noqa: PLC0415  # costs what a pipe need not pay

        self._console = Console(highlight=False, soft_wrap=True)

    def line(self, line: Line) -> None:
        """Show one line of the tour."""
        from rich.text import Text  # noqa: PLC0415  # the same

        style = _STYLES[line.mood]
        text = Text.assemble(
            (f"{_seconds(line)}  ", "dim"),
            (_step(line), f"bold {style}".strip()),
            "  ",
            (line.text, style),
        )
        self._console.print(text)

    def say(self, text: str) -> None:
        """Show a text."""
        self._console.print(text, markup=False)


def summary(progress: Progress) -> str:
    """Say how long it took."""
    if not progress.lines:
        return ""
    first, last = progress.lines[0], progress.lines[-1]
    return f"From {first.step} to verified HTTPS page: {last.seconds:.3f} s."


def farewell(place: Place, ports: Ports, hosts: Sequence[str], *, stays: bool) -> str:
    """Say what to do next: visit, edit, stop, and go on to a domain of one's own."""
    host = next((name for name in hosts if not name.startswith("*.")), f"foo.{DOMAIN}")
    site = f"https://{host}:{ports.edge}/"
    root = shlex.quote(str(place.certificate))
    staging = shlex.quote(str(examples("staging")))
    visit = [
        f"Visit it:      curl --resolve {host}:{ports.edge}:{LOOPBACK} --cacert {root} {site}",
        f"In a browser:  start the lab with --open, or {site} in one that trusts {root}",
        f"State lies in: {place.root} (removed at the end, unless --dir names it)",
        f"Change it:     edit {place.ingress}",
        "               add a host, or name the issuer lab-selfsigned; it is issued again",
        "To stop:       Ctrl-C",
    ]
    own = [
        "Your own domain on Let's Encrypt staging, three commands from here:",
        f"  cp -r {staging} my-site && chmod -R go= my-site",
        '  "${EDITOR:-vi}" my-site/site.yaml',
        f"  {program()} run --directory my-site --state my-site.sqlite --out certificates",
    ]
    return "\n".join(["", *(visit if stays else ()), *([""] if stays else ()), *own, ""])


def program() -> str:
    """Return how this program is called from a shell here: by name, or by its path."""
    ours = Path(sys.executable).with_name("certwright")
    if shutil.which("certwright") or not ours.is_file():
        return "certwright"
    return shlex.quote(str(ours))


def _seconds(line: Line) -> str:
    return f"{line.seconds:8.3f} s"


def _step(line: Line) -> str:
    return f"{line.step.value:<{_STEP_WIDTH}}"
