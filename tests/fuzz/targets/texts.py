"""Short texts: headers, durations, times, subjects, keys, and what a hook prints."""

from collections.abc import Callable, Mapping
from datetime import timedelta

from certwright.acme.answers import location
from certwright.acme.links import links
from certwright.acme.polling import MAX_RETRY_AFTER, parse_retry_after
from certwright.api.cron import BadCronError, parse_cron
from certwright.api.duration import BadDurationError, format_duration, parse_duration
from certwright.base.evidence import printable
from certwright.base.secret import Redacted, scrub
from certwright.dns.name import BadName, canonical, challenge_name
from certwright.dns.server import BadServer, parse_server
from certwright.dns.update import parse_tsig_key
from certwright.net.guard import check_url, origin
from certwright.net.http import Response
from certwright.pki.errors import PkiError
from certwright.pki.literal import literal_subject_der
from tests.fakes.clock import START
from tests.fuzz.laws import check_text, only, only_problems

_URL = "https://ca.example/acme/order/1"
_CANARY = "c4n4ry"
_LIMIT = 200


def header(data: bytes) -> None:
    """Retry-After, Link, Location, and any URL."""
    text = data.decode("latin-1")
    moment = parse_retry_after(text, START)
    assert moment is None or START <= moment <= START + MAX_RETRY_AFTER
    answer = Response(200, (("Location", text), ("Link", text), ("link", text)), b"", _URL)
    for relation in ("next", "alternate"):
        links(answer, relation)
    with only_problems():
        location(answer, "newOrder")
    for url in (text, data.decode("utf-8", "replace")):
        with only_problems():
            check_url(url)
        check_text(origin(url), 3100)


def duration(data: bytes) -> None:
    """Durations, and the schedules of renewal windows."""
    text = data.decode("utf-8", "replace")
    with only(BadDurationError):
        span = parse_duration(text)
        assert parse_duration(format_duration(span)) == span
        assert abs(span) < timedelta(days=293 * 366)
    with only(BadCronError):
        parse_cron(text)


def word(data: bytes) -> None:
    """What a person writes into an issuer: names, servers, subjects, secrets."""
    text = data.decode("utf-8", "surrogatepass" if data.isascii() else "replace")
    for read in (canonical, challenge_name):
        with only(BadName):
            check_text(read(text), 1100)
    with only(BadServer):
        parse_server(text)
    with only(PkiError):
        literal_subject_der(text)
    with only_problems():
        parse_tsig_key(text, Redacted(b"c2VjcmV0"), "")
    with only_problems():
        parse_tsig_key("key.", Redacted(data), text)


def output(data: bytes) -> None:
    """What a hook prints, with a private key in the middle of it."""
    lines = f"-----BEGIN EC PRIVATE KEY-----\n{_CANARY}\n-----END EC PRIVATE KEY-----\n"
    text = data.decode("utf-8", "replace")
    at = len(text) // 2
    for whole in (text[:at] + lines + text[at:], text[:at] + lines[: len(lines) // 2]):
        shown = printable(scrub(whole, (Redacted("s3cret"),)), _LIMIT)
        assert _CANARY not in shown or _CANARY in text
        assert "s3cret" not in shown
        check_text(shown, 10 * _LIMIT)


TARGETS: Mapping[str, Callable[[bytes], None]] = {
    "header": header,
    "duration": duration,
    "word": word,
    "output": output,
}
