"""The lab that stays up: its page, edits, renewals, and its end."""

import re
import signal
import stat
import time
from datetime import datetime

import pytest

from tests.e2e.lab.laboratory import Laboratory, descendants, is_alive

PAGE = "From Ingress to verified HTTPS page"


def test_the_page_shows_the_serial_of_the_certificate_it_came_with(lab: Laboratory) -> None:
    with lab.running():
        lab.until(PAGE)
        page, serial = lab.page(), lab.served().serial_number

    assert f"{serial:032X}" in page
    assert "content-security-policy: default-src 'none'" in page.lower()
    assert "certwright lab CA" in page
    assert "CertificateRequest" in page


def test_what_it_prints_leads_to_the_page_and_onwards(lab: Laboratory) -> None:
    with lab.running():
        words = lab.until(PAGE, "To stop:")

    assert re.search(rf"curl --resolve \S+:{lab.base + 443}:127.0.0.1 --cacert \S+ https://", words)
    assert f"State lies in: {lab.folder}" in words
    assert "Let's Encrypt staging, three commands from here" in words


def test_a_wildcard_host_is_served_and_a_foreign_one_is_not(lab: Laboratory) -> None:
    with lab.running():
        lab.until(PAGE)
        lab.served("any.foo.demo.localhost")

        for host in ("evil.example", "other.demo.localhost"):
            with pytest.raises(OSError, match="alert"):
                lab.served(host)
        log = (lab.folder / "caddy.log").read_text()

    assert "api.letsencrypt.org" not in log


def test_no_secret_is_readable_by_others_and_no_log_has_the_address_of_keys(
    lab: Laboratory,
) -> None:
    with lab.running():
        lab.until(PAGE)
        lab.served()
        modes = {p: stat.S_IMODE(p.stat().st_mode) for p in lab.folder.rglob("*")}
        logs = "".join(p.read_text() for p in lab.folder.glob("*.log")) + lab.words

    assert [path for path, mode in modes.items() if mode & 0o077] == []
    assert not re.search(r"http://127\.0\.0\.1:\d+/[\w-]{20,}", logs)
    assert "PRIVATE KEY" not in logs


def test_a_host_that_is_added_issues_again(lab: Laboratory) -> None:
    with lab.running():
        lab.until(PAGE, "To stop:")
        lab.edit_ingress("        - foo.demo", "        - bar.demo.localhost\n        - foo.demo")
        words = lab.until("changed: bar.demo.localhost", PAGE, times=1)
        lab.until("over verified TLS", times=2)
        names = lab.served("bar.demo.localhost")

    assert "RequestChanged" in lab.words
    assert names is not None
    assert "bar.demo.localhost" in words


def test_another_issuer_issues_again(lab: Laboratory) -> None:
    with lab.running():
        lab.until(PAGE, "To stop:")
        lab.edit_ingress("issuer: letsencrypt-prod", "issuer: lab-selfsigned")
        words = lab.until("over verified TLS", times=2)

    assert "IncorrectIssuer" in words
    assert "by lab-selfsigned" in words


def test_short_lives_show_renewals(lab: Laboratory) -> None:
    # two thirds of the shortest life are too long for a test: a fifth of it
    lab.prepare_ingress(
        "  annotations:\n", '  annotations:\n    cert-manager.io/renew-before-percentage: "80"\n'
    )

    with lab.running("--lifetime=5m"):
        lab.until(PAGE)
        before = lab.served()
        lab.until("Renewing: Renewing certificate as renewal was scheduled")
        lab.wait(lambda: lab.served().serial_number != before.serial_number)
        lab.wait(lambda: f"{lab.served().serial_number:032X}" in lab.page())

    life = before.not_valid_after_utc - before.not_valid_before_utc
    assert life.total_seconds() in (300, 360)  # it dates back by a minute


def test_short_lives_are_renewed_at_two_thirds(lab: Laboratory) -> None:
    words = lab.once("--lifetime=5m")

    found = re.search(r"ready until (\S+ \S+) UTC, renews at (\S+ \S+) UTC", words)
    assert found is not None
    until, renewal = (datetime.fromisoformat(text) for text in found.groups())
    assert (until - renewal).total_seconds() in (100, 120)  # a third of 300 or 360 s


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_within_two_seconds_with_all_its_children(
    lab: Laboratory, number: signal.Signals
) -> None:
    with lab.running() as process:
        lab.until(PAGE)
        children = descendants(process.pid)

        process.send_signal(number)
        begin = time.monotonic()
        code = process.wait(timeout=20)
        took = time.monotonic() - begin

    assert (code, children != [], [pid for pid in children if is_alive(pid)]) == (0, True, [])
    assert took < 2
    assert lab.is_quiet()


def test_its_children_die_with_it_when_it_is_killed(lab: Laboratory) -> None:
    with lab.running() as process:
        lab.until(PAGE)
        children = descendants(process.pid)

        process.kill()
        process.wait(timeout=20)
        lab.wait(lambda: not any(map(is_alive, children)), seconds=5)

    assert children != []
    lab.wait(lab.is_quiet, seconds=5)


def test_it_can_be_stopped_before_the_page_came(lab: Laboratory) -> None:
    with lab.running("--break=ca") as process:
        lab.wait((lab.folder / "caddy.log").exists)

        process.send_signal(signal.SIGTERM)
        code = process.wait(timeout=20)

    assert code == 128 + signal.SIGTERM
    assert lab.is_quiet()
