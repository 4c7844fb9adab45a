"""What status, why and renew print on a machine, while `run` is up and when it is down."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.cli.machine import BROKEN, TROUBLED, WELL, Machine


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A machine where some things are well, some are not, and `run` is up."""
    made = Machine(tmp_path_factory.mktemp("machine"))
    made.write("well.yaml", WELL)
    made.write("troubled.yaml", TROUBLED)
    made.write("broken.yaml", BROKEN)
    with made.running():
        made.until(("why", "web"), "is ready")
        made.until(("why", "typo"), "does not exist")
        yield made


FLEET = """\
certwright run: up (process PID, started AGO)

NAMESPACE  NAME  READY  NAMES                        ISSUER              EXPIRES IN  RENEWS IN  NEXT TRY
default    root  True   -                            Issuer/self-signed  DAYS         DAYS        -
default    typo  False  typo.example.com             Issuer/selfsigned   -           -          -
default    web   True   www.example.com,example.com  Issuer/ca           DAYS         DAYS        -

Not well (certwright why NAME says more):
  default/typo: Issuer default/selfsigned does not exist

Mistakes in manifests:
  broken.yaml:4: Certificate default/broken: spec.issuerRef: is required
"""  # noqa: E501  # as it is printed


def test_status_shows_the_fleet_and_what_is_wrong_around_it(machine: Machine) -> None:
    said = machine.say("status")

    assert (said.code, said.text) == (0, FLEET)


def test_status_is_the_same_for_programs(machine: Machine) -> None:
    said = machine.say("status", "-o", "json")

    fleet = json.loads(said.out)
    assert fleet["run"]["up"] is True
    assert [one["name"] for one in fleet["certificates"]] == ["root", "typo", "web"]
    assert [one["ready"] for one in fleet["certificates"]] == [True, False, True]
    assert fleet["manifestErrors"]


TYPO = """\
Certificate default/typo is stalled until somebody acts.
  why     Issuer default/selfsigned does not exist
  cause   configuration, IssuerNotFound
  object  Issuer default/selfsigned
  seen    CertificateRequest: Referenced "Issuer" not found: issuer.cert-manager.io "selfsigned" not found
          issuers that exist: Issuer default/ca, Issuer default/self-signed
  next    when one of these objects changes
  remedy  Did you mean Issuer default/self-signed? Correct spec.issuerRef.
  note    There is no certificate in Secret default/typo-tls yet
"""  # noqa: E501  # as it is printed


@pytest.mark.parametrize("name", ["typo", "typo.example.com", "certificate/typo"])
def test_why_explains_a_certificate_by_its_name_or_one_it_carries(
    machine: Machine, name: str
) -> None:
    said = machine.say("why", name)

    assert (said.code, said.text) == (0, TYPO)


def test_why_explains_an_ingress(machine: Machine) -> None:
    said = machine.say("why", "ingress/site")

    assert said.code == 0
    assert "Its annotation cert-manger.io/issuer is misspelt" in said.out


WEB = """\
Certificate default/web is ready.
  why     The certificate in Secret default/web-tls is up to date and valid until DAY
  renewal TIME (SPAN)
"""


def test_why_says_that_all_is_well(machine: Machine) -> None:
    said = machine.say("why", "web")

    assert (said.code, said.text) == (0, WEB)


def test_why_speaks_json_and_yaml(machine: Machine) -> None:
    as_json = json.loads(machine.say("why", "typo", "-o", "json").out)
    as_yaml = machine.say("why", "typo", "-o", "yaml").out

    assert as_json["verdict"] == "stalled"
    assert as_json["object"] == {"kind": "Issuer", "name": "selfsigned", "namespace": "default"}
    assert "verdict: stalled\n" in as_yaml


def test_why_points_to_the_manifest_that_has_mistakes(machine: Machine) -> None:
    said = machine.say("why", "broken")

    assert said.code == 1
    assert "broken.yaml:4: Certificate default/broken: spec.issuerRef: is required" in said.err
    assert "certwright: hint: its manifest has mistakes" in said.err


def test_why_knows_names_that_are_close(machine: Machine) -> None:
    said = machine.say("why", "wbe")

    assert (said.code, said.out) == (1, "")
    assert "certwright: hint: did you mean web?" in said.err


def test_status_of_one_certificate_shows_each_object_on_its_way(machine: Machine) -> None:
    said = machine.say("status", "certificate", "web")

    heads = [line for line in said.text.splitlines() if not line.startswith((" ", "-"))]
    assert said.code == 0
    assert heads == [
        "Name: web",
        "Namespace: default",
        "Created at: TIME",
        "Conditions:",
        "DNS Names:",
        "Events:",
        "Issuer:",
        "Secret:",
        "Not Before: TIME",
        "Not After: TIME",
        "Renewal Time: TIME",
        "No CertificateRequest found for this Certificate",
        "Why:",
    ]
    assert "  Ready: True, Reason: Ready, Message: Certificate is up to date" in said.out


def test_a_state_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    said = Machine(tmp_path).say("status")

    assert said.code == 1
    assert said.err.startswith("certwright: error: ")


def test_renew_says_what_cmctl_says_and_the_certificate_is_issued_again(machine: Machine) -> None:
    before = json.loads(machine.say("status", "certificate", "web", "-o", "json").out)

    said = machine.say("renew", "-l", "app=web")

    assert (said.code, said.err) == (0, "")
    assert said.out == "Manually triggered issuance of Certificate default/web\n"
    serial = before["secret"]["facts"]["Serial Number"]
    for _ in range(20):
        after = json.loads(machine.say("status", "certificate", "web", "-o", "json").out)
        if after["secret"]["facts"]["Serial Number"] != serial:
            return
    raise AssertionError("the certificate was not issued again")


@pytest.mark.parametrize(
    ("words", "code", "err"),
    [
        ((), 2, "certwright: error: name Certificates, or use --selector or --all\n"),
        (("web", "--all"), 2, "certwright: error: names, --selector and --all exclude each other"),
        (("-l", "app=nobody"), 0, "No Certificates found in default namespace.\n"),
        (("-l", "app=nobody", "-A"), 0, "No Certificates found\n"),
        (("nobody",), 1, "certwright: error: "),
        (("-l", "a=b=c"), 2, "certwright: error: --selector: 'a=b=c' is no condition on a label"),
    ],
)
def test_renew_refuses_what_names_nothing(
    machine: Machine, words: tuple[str, ...], code: int, err: str
) -> None:
    said = machine.say("renew", *words)

    assert (said.code, said.out) == (code, "")
    assert said.err.startswith(err)


def test_everything_is_answered_when_run_is_down(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.write("well.yaml", WELL)
    machine.write("troubled.yaml", TROUBLED)
    with machine.running():
        machine.until(("why", "web"), "is ready")
        machine.until(("why", "typo"), "does not exist")

    status, why = machine.say("status"), machine.say("why", "typo")
    renewed = machine.say("renew", "web")
    waiting = machine.say("why", "web")

    assert status.out.startswith("certwright run: not running on this state file\n")
    assert "Not well" in status.out
    assert "`certwright run` is not running on this state file" in why.out
    assert renewed.out == "Manually triggered issuance of Certificate default/web\n"
    assert "nothing is issued until `certwright run` runs" in renewed.err
    assert waiting.out.startswith("Certificate default/web is being issued.\n")
