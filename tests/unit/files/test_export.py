"""Secrets out: what readers of OUT can rely on."""

import os
import stat
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from msgspec.structs import replace

from certwright.api.core import Secret
from certwright.api.meta import Key, ObjectMeta
from certwright.base.problem import Stalled
from certwright.files.disk import Disk
from certwright.files.export import Export, Rights


def a_secret(number: int = 1, *, name: str = "web", namespace: str = "default") -> Secret:
    return Secret(
        metadata=ObjectMeta(name=name, namespace=namespace),
        type="kubernetes.io/tls",
        data={"tls.crt": b"chain %d\n" % number, "tls.key": b"key %d\n" % number},
    )


def an_export(out: Path, rights: Rights | None = None, disk: Disk | None = None) -> Export:
    out.mkdir(exist_ok=True)
    return Export(out, rights or Rights(), disk or Disk())


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_secret_appears_with_all_its_forms(tmp_path: Path) -> None:
    secret = a_secret()
    with_ca = replace(secret, data={**secret.data, "ca.crt": b"root\n"})

    changed = an_export(tmp_path).write(with_ca)

    here = tmp_path / "default" / "web"
    assert changed
    assert {file.name: file.read_bytes() for file in here.iterdir()} == {
        "tls.crt": b"chain 1\n",
        "tls.key": b"key 1\n",
        "ca.crt": b"root\n",
        "fullchain.pem": b"chain 1\n",
        "privkey.pem": b"key 1\n",
        "combined.pem": b"key 1\nchain 1\n",
    }


def test_private_files_are_for_the_owner_and_certificates_for_all(tmp_path: Path) -> None:
    an_export(tmp_path).write(a_secret())

    here = tmp_path / "default" / "web"
    assert {file.name: mode_of(file) for file in here.iterdir()} == {
        "tls.crt": 0o644,
        "fullchain.pem": 0o644,
        "tls.key": 0o600,
        "privkey.pem": 0o600,
        "combined.pem": 0o600,
    }


def test_mode_and_group_of_private_files_can_be_chosen(tmp_path: Path) -> None:
    rights = Rights(mode=0o640, group=os.getegid())

    an_export(tmp_path, rights).write(a_secret())

    key = tmp_path / "default" / "web" / "tls.key"
    assert mode_of(key) == 0o640
    assert key.stat().st_gid == os.getegid()


def test_writing_the_same_again_changes_nothing(tmp_path: Path) -> None:
    export = an_export(tmp_path)
    export.write(a_secret())
    before = (tmp_path / "default" / "web").readlink()

    changed = export.write(a_secret())

    assert not changed
    assert (tmp_path / "default" / "web").readlink() == before


def test_a_file_that_somebody_changed_is_written_anew(tmp_path: Path) -> None:
    export = an_export(tmp_path)
    export.write(a_secret())
    (tmp_path / "default" / "web" / "tls.crt").write_bytes(b"garbage")

    changed = export.write(a_secret())

    assert changed
    assert (tmp_path / "default" / "web" / "tls.crt").read_bytes() == b"chain 1\n"


def test_a_reader_with_an_open_folder_never_sees_a_foreign_key(tmp_path: Path) -> None:
    export = an_export(tmp_path)
    export.write(a_secret(0))
    stop = threading.Event()
    mixed: list[tuple[bytes, bytes]] = []

    def read() -> None:
        while not stop.is_set():
            folder = os.open(tmp_path / "default" / "web", os.O_RDONLY | os.O_DIRECTORY)
            try:
                crt, key = (_read_at(folder, name) for name in ("tls.crt", "tls.key"))
            finally:
                os.close(folder)
            if b"none" not in crt + key and crt.split()[1] != key.split()[1]:
                mixed.append((crt, key))

    reader = threading.Thread(target=read)
    reader.start()

    for number in range(1, 60):
        export.write(a_secret(number))
    stop.set()
    reader.join()

    assert mixed == []


def _read_at(folder: int, name: str) -> bytes:
    try:
        with os.fdopen(os.open(name, os.O_RDONLY, dir_fd=folder), "rb") as file:
            return file.read()
    except FileNotFoundError:  # two swaps ago: the reader opens the link again
        return b"none none"


def test_only_the_newest_two_versions_are_kept(tmp_path: Path) -> None:
    export = an_export(tmp_path)

    for number in range(5):
        export.write(a_secret(number))

    versions = [path for path in (tmp_path / "default").glob(".web.*") if path.is_dir()]
    assert len(versions) == 2


def test_a_secret_without_a_certificate_leaves_the_last_good_files(tmp_path: Path) -> None:
    export = an_export(tmp_path)
    export.write(a_secret())

    changed = export.write(replace(a_secret(), data={"tls.key": b"key 2\n"}))

    assert not changed
    assert (tmp_path / "default" / "web" / "tls.key").read_bytes() == b"key 1\n"


@pytest.mark.parametrize("name", ["..", "a/../../b", "/etc", "A", "", "a..b", "a\nb"])
def test_a_name_that_could_leave_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    out = tmp_path / "out"

    with pytest.raises(Stalled):
        an_export(out).write(a_secret(name=name))
    with pytest.raises(Stalled):
        an_export(out).write(a_secret(namespace=name))

    assert sorted(tmp_path.iterdir()) == [out]


def test_a_link_in_the_place_of_a_namespace_is_not_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    out = tmp_path / "out"
    out.mkdir()
    (out / "default").symlink_to(elsewhere)

    with pytest.raises(OSError, match="default"):
        an_export(out).write(a_secret())

    assert list(elsewhere.iterdir()) == []


def test_a_foreign_folder_in_the_way_is_left_alone(tmp_path: Path) -> None:
    foreign = tmp_path / "default" / "web"
    foreign.mkdir(parents=True)
    (foreign / "precious").write_text("mine")

    with pytest.raises(Stalled, match="left as it is"):
        an_export(tmp_path).write(a_secret())

    assert (foreign / "precious").read_text() == "mine"


def test_a_second_process_on_the_same_folder_is_told_so(tmp_path: Path) -> None:
    first, second = an_export(tmp_path), an_export(tmp_path)

    with first.locked(), pytest.raises(Stalled, match="another certwright"), second.locked():
        pytest.fail("both hold the folder")


def test_what_the_hook_has_not_seen_is_known_after_a_restart(tmp_path: Path) -> None:
    an_export(tmp_path).write(a_secret())
    restarted = an_export(tmp_path)

    pending = restarted.pending()
    restarted.settled(pending)

    assert pending == (Key("default", "web"),)
    assert restarted.pending() == ()


class StopsAt(Disk):
    """A disk that fails at its k-th verb, as a power cut would."""

    def __init__(self, k: int) -> None:
        self.left = k

    def _count(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise OSError("cut")

    def make_folder(self, name: str, *, inside: int, mode: int) -> None:
        self._count()
        super().make_folder(name, inside=inside, mode=mode)

    def touch(self, name: str, *, inside: int) -> None:
        self._count()
        super().touch(name, inside=inside)

    def swap_link(self, name: str, target: str, *, inside: int) -> None:
        self._count()
        super().swap_link(name, target, inside=inside)

    def remove(self, name: str, *, inside: int) -> None:
        self._count()
        super().remove(name, inside=inside)


@pytest.mark.parametrize("k", range(8))
def test_a_cut_at_any_verb_leaves_one_whole_version_and_the_hook_pending(
    tmp_path: Path, k: int
) -> None:
    an_export(tmp_path).write(a_secret(1))
    an_export(tmp_path).settled((Key("default", "web"),))
    with suppress(OSError):
        an_export(tmp_path, disk=StopsAt(k)).write(a_secret(2))

    here = tmp_path / "default" / "web"
    pair = ((here / "tls.crt").read_bytes(), (here / "tls.key").read_bytes())
    export = an_export(tmp_path)
    export.write(a_secret(2))

    assert pair in {(b"chain 1\n", b"key 1\n"), (b"chain 2\n", b"key 2\n")}
    assert (here / "tls.crt").read_bytes() == b"chain 2\n"
    assert export.pending() == (Key("default", "web"),)


def test_a_removed_export_leaves_nothing(tmp_path: Path) -> None:
    export = an_export(tmp_path)
    export.write(a_secret())

    export.remove(Key("default", "web"))

    assert list((tmp_path / "default").iterdir()) == []
    assert export.present() == ()
