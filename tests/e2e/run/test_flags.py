"""What `certwright run` says about flags before it does anything."""

import subprocess
from pathlib import Path

import pytest

from tests.e2e.run.home import PROGRAM, Home, until

KUBECONFIG = """\
apiVersion: v1
kind: Config
current-context: a
clusters: [{name: a, cluster: {server: "http://127.0.0.1:9"}}]
contexts: [{name: a, context: {cluster: a}}]
"""


def run(*options: str, kubeconfig: Path) -> tuple[int, str]:
    command = [*PROGRAM, "run", f"--kubeconfig={kubeconfig}", "--log-format=json", *options]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return answer.returncode, " ".join((answer.stdout + answer.stderr).split())


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Path:
    path = tmp_path / "kubeconfig"
    path.write_text(KUBECONFIG)
    return path


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--controllers=cerificates",), "there is no controller 'cerificates'"),
        (("--kube-api-qps=50", "--kube-api-burst=20"), "must not be below --kube-api-qps"),
        (("--certificate-request-minimum-backoff-duration=33h",), "longer than the maximum"),
        (("--leader-election-lease-duration=10s",), "must be longer than -renew-deadline"),
        (("--feature-gates=Unheard=true",), "there is no feature gate 'Unheard'"),
        (("--context=b",), "b"),
    ],
)
def test_what_cannot_work_together_is_refused_at_the_start(
    kubeconfig: Path, options: tuple[str, ...], said: str
) -> None:
    code, words = run(*options, kubeconfig=kubeconfig)

    assert code == 1
    assert said in words


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--directory=/etc",), "excludes --directory"),
        (("--out=elsewhere",), "needs --directory"),
        (("--no-such-flag",), "--no-such-flag"),
    ],
)
def test_flags_of_the_other_home_are_bad_usage(
    kubeconfig: Path, options: tuple[str, ...], said: str
) -> None:
    code, words = run(*options, kubeconfig=kubeconfig)

    assert code == 2
    assert said in words.replace("│ ", "")


def test_a_flag_that_does_nothing_is_answered_and_the_machine_runs(home: Home) -> None:
    options = ("--max-concurrent-challenges=5", "--controllers=*,-orders,-challenges")
    with home.running(*options):
        home.certificate("web")

        until(lambda: home.published("web"), home)

    assert "--max-concurrent-challenges has no effect" in home.words()
