"""The lab's folder, its manifests and its ports."""

import base64
import socket
import stat
from pathlib import Path

import pytest

from certwright.api.issuer import ClusterIssuer
from certwright.api.kinds import decode
from certwright.api.manifest import parse_manifest
from certwright.api.rules.admission import Rules
from certwright.base.problem import Stalled
from certwright.lab.place import examples, filled_in, new_key, opened, write_manifests
from certwright.lab.ports import Ports, require_free

PORTS = Ports(20000)


def test_every_example_is_a_manifest_without_a_mistake() -> None:
    for folder in ("lab", "staging"):
        for path in examples(folder).glob("*.yaml"):
            parsed = parse_manifest(path.read_bytes(), path.name, rules=Rules())

            assert parsed.errors == ()


def test_the_copies_name_this_labs_ca_root_and_name_server() -> None:
    text = (examples("lab") / "cluster-issuer.yaml").read_text()

    filled = filled_in(text, PORTS, b"the root", key=new_key())

    parsed = parse_manifest(filled.encode(), "x", rules=Rules())
    issuer = decode(parsed.resources[0].document, ClusterIssuer)
    acme = issuer.spec.acme
    assert acme is not None
    assert acme.server == "https://acme.demo.localhost:20000/acme/local/directory"
    assert acme.ca_bundle == b"the root"
    assert acme.solvers[0].dns01 is not None
    assert acme.solvers[0].dns01.rfc2136 is not None
    assert acme.solvers[0].dns01.rfc2136.nameserver == "127.0.0.1:20053"


def test_the_tsig_key_stands_in_its_secret_alone(tmp_path: Path) -> None:
    key = new_key()
    word = base64.b64encode(key.secret.reveal()).decode()
    with opened(tmp_path / "lab") as place:
        write_manifests(place, PORTS, root=b"root", key=key)

        holders = [path.name for path in place.manifests.iterdir() if word in path.read_text()]

    assert holders == ["tsig-secret.yaml"]


def test_nothing_in_the_folder_can_be_read_by_others(tmp_path: Path) -> None:
    with opened(tmp_path / "lab") as place:
        write_manifests(place, PORTS, root=b"root", key=new_key())

        modes = {path: stat.S_IMODE(path.stat().st_mode) for path in place.root.rglob("*")}
        modes[place.root] = stat.S_IMODE(place.root.stat().st_mode)

    assert [path for path, mode in modes.items() if mode & 0o077] == []


def test_what_a_person_edited_is_kept_and_the_addresses_are_renewed(tmp_path: Path) -> None:
    with opened(tmp_path / "lab") as place:
        write_manifests(place, PORTS, root=b"root", key=new_key())
        place.ingress.write_text("# mine\n")

        write_manifests(place, Ports(30000), root=b"root", key=new_key())

        assert place.ingress.read_text() == "# mine\n"
        assert ":30000/" in (place.manifests / "cluster-issuer.yaml").read_text()


def test_a_fresh_folder_is_removed_at_the_end_and_a_named_one_stays(tmp_path: Path) -> None:
    with opened(None) as fresh, opened(tmp_path / "lab") as kept:
        assert fresh.root.is_dir()

    assert not fresh.root.exists()
    assert kept.root.is_dir()


def test_a_folder_with_something_else_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()

    with pytest.raises(Stalled, match="something else than a lab"), opened(tmp_path):
        pass


@pytest.mark.parametrize("part", ["acme", "dns", "edge"])
def test_a_busy_port_is_named_with_the_part_that_needs_it(part: str) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        offset = {"acme": 0, "dns": 53, "edge": 443}[part]

        with pytest.raises(Stalled) as caught:
            require_free(Ports(port - offset))

    assert f"port {port} of 127.0.0.1 is taken" in caught.value.message
    assert "--port-base" in caught.value.remedy


def test_a_name_server_needs_the_port_for_datagrams_too() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as busy:
        busy.bind(("127.0.0.1", 0))
        port = busy.getsockname()[1]

        with pytest.raises(Stalled, match=f"port {port} .* the name server"):
            require_free(Ports(port - 53))


def test_a_base_that_leaves_no_room_is_refused() -> None:
    for base in (80, 65500):
        with pytest.raises(Stalled, match="out of range"):
            require_free(Ports(base))
