"""Ingresses: does one ask, is it understood, and how are its Certificates?"""

from msgspec.structs import replace

from certwright.api.core import Ingress, IngressSpec, IngressTLS
from certwright.api.kinds import owner_reference
from certwright.api.meta import Key
from certwright.policy.explain_ingress import explain_ingress
from certwright.policy.explanation import Explanation, Verdict
from certwright.policy.inventory import Inventory
from tests.builders import a_certificate, an_ingress, an_issuer
from tests.unit.policy.scene import NOW, Scene, condition


def explained(scene: Scene, name: str = "site") -> Explanation:
    chain = Inventory(scene).ingress_chain(Key("default", name))
    assert chain is not None
    return explain_ingress(chain, NOW)


def alone(ingress: Ingress) -> Explanation:
    scene = Scene(a_certificate("unrelated"))
    scene.add(ingress)
    return explained(scene)


def asking(issuer: str = "ca") -> dict[str, str]:
    return {"cert-manager.io/issuer": issuer}


def test_an_ingress_without_the_annotation_asks_for_nothing() -> None:
    found = alone(an_ingress(annotations={"kubernetes.io/ingress.class": "nginx"}))

    assert found.verdict is Verdict.STALLED
    assert found.sentence == "it asks for no certificate: no annotation names an issuer"
    assert "cert-manager.io/cluster-issuer" in found.remedy


def test_a_misspelt_annotation_is_pointed_out() -> None:
    found = alone(an_ingress(annotations={"cert-manger.io/cluster-issuer": "ca"}))

    assert found.remedy.startswith("Its annotation cert-manger.io/cluster-issuer is misspelt")


def test_two_issuers_at_once_are_bad() -> None:
    both = {**asking(), "cert-manager.io/cluster-issuer": "ca"}

    found = alone(an_ingress(annotations=both))

    assert (found.verdict, found.reason) == (Verdict.STALLED, "BadConfig")
    assert "may not be set" in found.sentence
    assert found.remedy.startswith("Set exactly one of")


def test_an_annotation_with_a_bad_value_is_named() -> None:
    found = alone(an_ingress(annotations={**asking(), "cert-manager.io/duration": "90d"}))

    assert "cert-manager.io/duration" in found.sentence


def test_an_entry_without_a_secret_is_bad() -> None:
    found = alone(an_ingress(annotations=asking(), secret=""))

    assert "spec.tls[0].secretName: Required value" in found.sentence


def test_an_ingress_without_tls_has_nothing_to_certify() -> None:
    found = alone(replace(an_ingress(annotations=asking()), spec=IngressSpec()))

    assert "spec.tls has no entry" in found.sentence


def test_a_certificate_that_is_not_made_yet_is_awaited() -> None:
    found = alone(an_ingress(annotations=asking()))

    assert found.verdict is Verdict.ISSUING
    assert found.sentence == "its Certificate site-tls is about to be made"


def a_site(issuer: str, *hosts: str) -> Scene:
    ingress = Scene(a_certificate("unrelated")).add(
        an_ingress(annotations=asking(issuer), hosts=hosts)
    )
    scene = Scene(
        a_certificate(
            "site-tls",
            secret_name="site-tls",
            dns_names=hosts,
            meta={"owner_references": (owner_reference(ingress),)},
        )
    )
    scene.add(ingress)
    return scene


def test_the_worst_of_its_certificates_is_explained() -> None:
    scene = a_site("ca", "www.example.com")
    scene.issuing()
    scene.request(condition("Approved", "True", "cert-manager.io"))

    found = explained(scene)

    assert str(found.about) == "Ingress default/site"
    assert found.verdict is Verdict.STALLED
    assert found.sentence == "its Certificate default/site-tls: Issuer default/ca does not exist"


def test_a_ready_ingress_says_so() -> None:
    scene = a_site("ca", "www.example.com")
    scene.issuer(an_issuer(), condition("Ready", "True", "KeyPairVerified"))
    scene.issued()

    assert explained(scene).verdict is Verdict.READY


def test_a_certificate_of_somebody_else_is_told() -> None:
    scene = Scene(a_certificate("site-tls", secret_name="site-tls"))
    scene.add(an_ingress(annotations=asking()))
    scene.issuer(an_issuer(), condition("Ready", "True", "KeyPairVerified"))
    scene.issued()

    assert "Certificate default/site-tls is not this Ingress's own" in explained(scene).notes


def test_entries_beside_bad_ones_still_count() -> None:
    scene = a_site("ca", "www.example.com")
    scene.issuer(an_issuer(), condition("Ready", "True", "KeyPairVerified"))
    scene.issued()
    spec = IngressSpec(
        tls=(
            IngressTLS(hosts=("www.example.com",), secret_name="site-tls"),
            IngressTLS(hosts=("x.example.com",)),
        )
    )
    ingress = next(iter(scene.list(Ingress)))
    scene.without(Ingress).add(replace(ingress, spec=spec))

    assert "spec.tls[1].secretName: Required value" in explained(scene).sentence
