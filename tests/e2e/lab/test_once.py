"""`certwright lab --once`: from nothing to a verified page, and out."""

import os
import socket
from pathlib import Path

from tests.e2e.lab.laboratory import Laboratory, normalised

# Challenges go side by side, so these lines come in any order within the whole.
TOLD = """\
   0.000 s  Ingress              default/foo applied: foo.demo.localhost, *.foo.demo.localhost by letsencrypt-prod
   0.000 s  Certificate          default/foo-tls-certificate created: foo.demo.localhost, *.foo.demo.localhost
   0.000 s  Certificate          to be issued, DoesNotExist: Issuing certificate as Secret does not exist
   0.000 s  Issuer               letsencrypt-prod ACMEAccountRegistered: The ACME account was registered with the ACME server
   0.000 s  CertificateRequest   default/foo-tls-certificate-1 created
   0.000 s  Order                default/foo-tls-certificate-1-HASH created
   0.000 s  Challenge            DNS-01 for foo.demo.localhost
   0.000 s  Challenge            DNS-01 for *.foo.demo.localhost
   0.000 s  TXT record           added _acme-challenge.foo.demo.localhost. 60 TXT "VALUE"
   0.000 s  CA's look-up         the CA asks for _acme-challenge.foo.demo.localhost. TXT: NOERROR
   0.000 s  Challenge            foo.demo.localhost proven
   0.000 s  Challenge            *.foo.demo.localhost proven
   0.000 s  Order                default/foo-tls-certificate-1-HASH valid
   0.000 s  CertificateRequest   default/foo-tls-certificate-1 signed
   0.000 s  Secret               default/foo-tls-certificate holds certificate SERIAL
   0.000 s  Certificate          ready until DATE UTC, renews at DATE UTC
   0.000 s  HTTPS page           https://foo.demo.localhost:14443/ over verified TLS, with certificate SERIAL
"""  # noqa: E501  # a transcript
IN_ORDER = (
    "Ingress",
    "Certificate",
    "CertificateRequest",
    "Order",
    "Challenge",
    "TXT record",
    "CA's look-up",
    "Secret",
    "HTTPS page",
)


def test_the_whole_way_is_told_in_plain_lines(lab: Laboratory) -> None:
    words = normalised(lab.once(), lab.base)

    assert words.startswith(
        "certwright lab on 127.0.0.1: ACME CA :14000, name server :14053, site :14443\n"
    )
    assert [line for line in TOLD.splitlines() if line not in words.splitlines()] == []
    starts = [words.index(f" s  {step} ") for step in IN_ORDER]
    assert starts == sorted(starts)
    assert "From Ingress to verified HTTPS page: 0.000 s." in words
    assert "\x1b" not in words


def test_it_ends_with_nothing_left_behind(lab: Laboratory) -> None:
    stores = [Path("/etc/ssl/certs"), Path("/usr/local/share/ca-certificates")]
    before = [snapshot(store) for store in stores]

    lab.once()

    assert lab.is_quiet()
    assert [snapshot(store) for store in stores] == before
    assert list(lab.home.rglob("*")) == []


def test_a_second_run_in_the_same_folder_finds_the_certificate(lab: Laboratory) -> None:
    lab.once(f"--dir={lab.folder}")

    words = lab.once(f"--dir={lab.folder}")

    assert "over verified TLS" in words
    assert "CertificateRequest   default/foo-tls-certificate-1 created" not in words


def test_a_busy_port_is_named(lab: Laboratory) -> None:
    with socket.socket() as busy:
        busy.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        busy.bind(("127.0.0.1", lab.base + 443))
        busy.listen()

        words = lab.once(status=1)

    assert f"port {lab.base + 443} of 127.0.0.1 is taken; the site of the lab needs it" in words
    assert "--port-base" in words


def test_a_page_that_does_not_come_ends_with_the_step_and_its_reason(lab: Laboratory) -> None:
    lab.prepare_ingress("issuer: letsencrypt-prod", "issuer: nobody")

    words = lab.once(f"--dir={lab.folder}", "--patience=8s", status=1)

    assert "the step Order was not done within 8 s" in words
    assert "nobody" in words.rpartition("certwright: error: ")[2]
    assert "Traceback" not in words


def test_options_that_make_no_sense_are_bad_usage(lab: Laboratory) -> None:
    assert "tsig, zone, ca" in lab.once("--break=everything", status=2)
    assert "--lifetime" in lab.once("--lifetime=soon", status=2)
    assert "5m" in lab.once("--lifetime=30s", status=2)


def snapshot(folder: Path) -> list[tuple[str, int]]:
    return (
        sorted(
            (entry.name, entry.stat(follow_symlinks=False).st_mtime_ns)
            for entry in os.scandir(folder)
        )
        if folder.is_dir()
        else []
    )
