"""Scanning a folder of manifests, as hostile as it may be."""

import os
from pathlib import Path

import pytest

from certwright.api.meta import Key
from certwright.api.rules.admission import Rules
from certwright.files.credentials import CredentialsFolder
from certwright.files.folder import Folder

ISSUER = """\
apiVersion: cert-manager.io/v1
kind: ClusterIssuer
metadata: {name: %s}
spec: {selfSigned: {}}
"""


def write(path: Path, name: str = "one") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(ISSUER % name)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "manifests"
    folder.mkdir(mode=0o755)
    return folder


def test_files_of_sub_folders_are_read_and_others_left_alone(root: Path) -> None:
    write(root / "a.yaml", "one")
    write(root / "deep" / "er" / "b.yml", "two")
    write(root / ".hidden.yaml", "three")
    write(root / ".git" / "c.yaml", "four")
    write(root / "notes.txt", "five")
    write(root / "a.yaml~", "six")

    scan = Folder(root, Rules()).scan()

    assert sorted(scan.files) == ["a.yaml", "deep/er/b.yml"]
    assert scan.errors == ()


def test_a_link_out_of_the_folder_is_refused(root: Path, tmp_path: Path) -> None:
    write(tmp_path / "outside.yaml")
    (root / "link.yaml").symlink_to(tmp_path / "outside.yaml")
    (root / "folder").symlink_to(tmp_path)

    scan = Folder(root, Rules()).scan()

    assert scan.files == {}
    assert sorted(str(error) for error in scan.errors) == [
        "folder:1: is a link that leaves the folder; it is not followed",
        "link.yaml:1: is a link that leaves the folder; it is not followed",
    ]


def test_a_link_within_the_folder_is_read(root: Path) -> None:
    write(root / ".data" / "a.yaml")
    (root / "a.yaml").symlink_to(".data/a.yaml")

    scan = Folder(root, Rules()).scan()

    assert sorted(scan.files) == ["a.yaml"]
    assert scan.errors == ()


def test_a_folder_that_others_can_write_to_is_refused(root: Path) -> None:
    write(root / "a.yaml")
    root.chmod(0o777)

    scan = Folder(root, Rules()).scan()

    assert "writable by others" in scan.failure
    assert scan.files == {}


def test_a_file_that_others_can_write_to_is_refused(root: Path) -> None:
    write(root / "a.yaml")
    (root / "a.yaml").chmod(0o666)

    scan = Folder(root, Rules()).scan()

    assert scan.unreadable == {"a.yaml"}
    assert "writable by others" in str(scan.errors[0])


def test_a_missing_folder_is_a_failure_and_not_an_empty_one(tmp_path: Path) -> None:
    scan = Folder(tmp_path / "nowhere", Rules()).scan()

    assert "nowhere" in scan.failure


def test_a_pipe_does_not_hang_the_scan(root: Path) -> None:
    os.mkfifo(root / "a.yaml")

    scan = Folder(root, Rules()).scan()

    assert scan.unreadable == {"a.yaml"}


def test_an_unchanged_file_is_parsed_once(root: Path) -> None:
    write(root / "a.yaml")
    folder = Folder(root, Rules())

    first, second = folder.scan(), folder.scan()

    assert first.files["a.yaml"] is second.files["a.yaml"]


def test_a_changed_file_is_read_again(root: Path) -> None:
    write(root / "a.yaml", "one")
    folder = Folder(root, Rules())
    folder.scan()

    write(root / "a.yaml", "two")

    assert folder.scan().files["a.yaml"].named == {("ClusterIssuer", Key("", "two"))}


def test_credentials_of_a_service_manager_become_secrets(tmp_path: Path) -> None:
    (tmp_path / "kube-system_tsig_key").write_bytes(b"aGVsbG8=\n")
    (tmp_path / "kube-system_tsig_other").write_bytes(b"x")
    (tmp_path / "something-else").write_bytes(b"not ours")

    scan = CredentialsFolder(tmp_path, Rules()).scan()

    (parsed,) = scan.files.values()
    (located,) = parsed.resources
    assert located.key == Key("kube-system", "tsig")
    assert located.document["data"] == {"key": "YUdWc2JHOD0=", "other": "eA=="}
    assert "YUdWc2JHOD0" not in repr(scan)
