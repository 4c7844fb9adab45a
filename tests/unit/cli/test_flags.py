"""The flags of `certwright run`: cert-manager's names, its file, and what replaces what."""

from datetime import timedelta
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from certwright.base.problem import Stalled
from certwright.cli.flags.chosen import choose
from certwright.cli.flags.command import FlagCommand, Given, with_flags
from certwright.cli.flags.gates import gate_notes
from certwright.cli.flags.table import FLAGS

FILE = """\
apiVersion: controller.config.cert-manager.io/v1alpha1
kind: ControllerConfiguration
namespace: team-a
leaderElectionConfig: {leaseDuration: 30s, enabled: false}
controllers: ["*", "-certificaterequests-approver"]
featureGates: {ACMEUseARI: true}
numberOfConcurrentWorkers: 9
ingressShimConfig: {defaultIssuerName: ca}
"""


def parsed(*words: str) -> Given:
    seen: list[Given] = []
    app = typer.Typer()
    app.command(cls=FlagCommand)(with_flags(seen.append))
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    return seen[0]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(FILE)
    return path


def test_every_flag_has_one_name_one_field_and_a_default_of_its_form() -> None:
    names = [flag.name for flag in FLAGS]
    fields = [flag.field for flag in FLAGS if flag.field]

    for flag in FLAGS:
        flag.parse(flag.default)

    assert len(names) == len(set(names))
    assert len(fields) == len(set(fields))


def test_switches_and_lists_are_written_as_for_gos_programs() -> None:
    given = parsed(
        "--enable-certificate-owner-ref",
        "--leader-elect=false",
        "--controllers=*",
        "--controllers",
        "-orders,-challenges",
        "-v=2",
    )

    chosen = choose(given)

    assert chosen.on("enable-certificate-owner-ref")
    assert not chosen.on("leader-elect")
    assert chosen.list("controllers") == ("*", "-orders", "-challenges")


def test_what_nobody_chose_is_as_in_cert_manager() -> None:
    chosen = choose({})

    assert chosen.on("leader-elect")
    assert chosen.span("leader-election-lease-duration") == timedelta(seconds=60)
    assert chosen.list("auto-certificate-annotations") == ("kubernetes.io/tls-acme",)
    assert list(chosen.notes()) == []


def test_the_command_line_comes_before_the_file(file: Path) -> None:
    chosen = choose({"config": str(file), "namespace": "team-b"})

    assert chosen.text("namespace") == "team-b"
    assert chosen.span("leader-election-lease-duration") == timedelta(seconds=30)
    assert not chosen.on("leader-elect")
    assert chosen.list("controllers") == ("*", "-certificaterequests-approver")
    assert chosen.text("default-issuer-name") == "ca"


def test_what_has_no_effect_is_said_in_one_line_each(file: Path) -> None:
    notes = list(choose({"config": str(file), "max-concurrent-challenges": "5"}).notes())

    assert [note.split(" has no effect: ")[0] for note in notes] == [
        "--feature-gates ACMEUseARI=true",
        "--concurrent-workers",
        "--max-concurrent-challenges",
    ]


def test_a_gate_that_asks_for_what_is_done_anyway_is_taken_silently() -> None:
    assert list(gate_notes({"ValidateCAA": "false", "NameConstraints": "true"})) == []
    assert len(list(gate_notes({"NameConstraints": "false", "AllBeta": "true"}))) == 2


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("leader-elect", "perhaps"),
        ("kube-api-qps", "many"),
        ("leader-election-retry-period", "15"),
        ("feature-gates", "Unheard=true"),
        ("feature-gates", "NameConstraints=2"),
        ("feature-gates", "NameConstraints"),
    ],
)
def test_a_value_of_another_form_is_refused(name: str, text: str) -> None:
    with pytest.raises(Stalled, match=f"--{name}"):
        list(choose({name: text}).notes())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("apiVersion: v1\nkind: ConfigMap\n", "must be a ControllerConfiguration"),
        (FILE + "colour: green\n", "colour is no field"),
        (FILE + "acmeDNS01Config: {shade: 1}\n", r"acmeDNS01Config\.shade is no field"),
        ("a: [\n", "must hold one"),
        (FILE + "---\n" + FILE, "must hold one"),
    ],
)
def test_a_file_that_says_what_no_flag_knows_is_refused(file: Path, text: str, said: str) -> None:
    file.write_text(text)

    with pytest.raises(Stalled, match=said):
        choose({"config": str(file)})


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Stalled, match="No such file"):
        choose({"config": str(tmp_path / "missing.yaml")})
