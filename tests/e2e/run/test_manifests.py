"""Manifests in, certificates out, as a person edits."""

from tests.e2e.run.home import Home, names_of, until


def test_an_annotated_ingress_becomes_a_certificate_on_disk(home: Home) -> None:
    home.write(
        "site.yaml",
        """\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: foo
  annotations:
    cert-manager.io/cluster-issuer: ca
    cert-manager.io/private-key-algorithm: ECDSA
spec:
  rules: [{host: foo.example.com}]
  tls: [{hosts: [foo.example.com], secretName: foo-tls-certificate}]
""",
    )

    with home.running():
        until(lambda: home.published("foo-tls-certificate"), home)

    assert names_of(home.published("foo-tls-certificate")) == ["foo.example.com"]


def test_a_name_that_is_added_issues_again(home: Home) -> None:
    home.certificate("web", "a.example.com")

    with home.running():
        until(lambda: home.published("web"), home)
        home.certificate("web", "a.example.com", "b.example.com")
        until(lambda: names_of(home.published("web")) == ["a.example.com", "b.example.com"], home)


def test_the_key_of_an_issuer_never_leaves(home: Home) -> None:
    home.certificate("web")

    with home.running():
        until(lambda: home.published("web"), home)

    assert sorted(path.name for path in home.out.iterdir()) == [".certwright.lock", "default"]


def test_a_manifest_that_is_removed_takes_its_certificate_but_not_its_files(home: Home) -> None:
    home.certificate("web")
    home.certificate("other")

    with home.running():
        until(lambda: home.published("web") and home.published("other"), home)
        (home.manifests / "web.yaml").unlink()
        until(lambda: '"deleted"' in home.words(), home)

    assert home.published("web") is not None


def test_a_broken_manifest_leaves_the_last_good_version_in_force(home: Home) -> None:
    home.certificate("web", "a.example.com")

    with home.running():
        until(lambda: home.published("web"), home)
        home.write("web.yaml", "kind: Certificate\n  metadata: {")
        until(lambda: "web.yaml:" in home.words(), home)
        home.certificate("other")
        until(lambda: home.published("other"), home)

    assert names_of(home.published("web")) == ["a.example.com"]
    assert '"deleted"' not in home.words()


def test_a_folder_that_vanishes_deletes_nothing_until_a_person_confirms(home: Home) -> None:
    home.certificate("web")
    home.certificate("other")
    away = home.root / "away"
    options = (f"--directory={home.manifests}", f"--state={home.state}")

    with home.running():
        until(lambda: home.published("web") and home.published("other"), home)
        home.manifests.rename(away)
        until(lambda: "cannot read" in home.words(), home, seconds=45)
        home.manifests.mkdir(mode=0o755)
        until(lambda: "vanished from the folder at once" in home.words(), home, seconds=45)
        assert '"deleted"' not in home.words()

        shown = home.command("prune", *options)
        deleted = home.command("prune", *options, "--confirm")

    assert "Certificate default/web would be deleted" in shown
    assert "Certificate default/web deleted" in deleted
    assert "nothing to delete" in home.command("prune", *options)


def test_check_names_file_line_object_field_and_rule(home: Home) -> None:
    path = home.write(
        "bad.yaml",
        """\
apiVersion: cert-manager.io/v1
kind: Certificate
metadata:
  name: web
spec:
  secretName: UPPER
  issuerRef: {name: ca}
  privateKey: {size: "big"}
""",
    )

    words = home.command("check", str(path), status=2)

    assert f"{path}:6: Certificate default/web: spec.secretName: " in words
    assert f"{path}:8: Certificate default/web: spec.privateKey.size: " in words


def test_credentials_of_a_service_manager_become_secrets(home: Home) -> None:
    credentials = home.root / "credentials"
    credentials.mkdir()
    with home.running():
        until(lambda: '"KeyPairVerified"' in home.words(), home)
    for part in ("tls.crt", "tls.key"):
        (credentials / f"kube-system_given_{part}").write_bytes(b"no PEM\n")
    home.write(
        "given.yaml",
        """\
apiVersion: cert-manager.io/v1
kind: ClusterIssuer
metadata: {name: given}
spec: {ca: {secretName: given}}
""",
    )

    with home.running(f"--credentials-directory={credentials}"):
        until(lambda: "Secret" in home.words() and '"object": "given"' in home.words(), home)
        until(lambda: "Error getting keypair for CA issuer" in home.words(), home)

    assert "no PEM" not in home.words()
