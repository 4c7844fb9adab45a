"""Commands of cmctl's names say in a cluster what a script that parses cmctl expects."""

from certwright.api.conditions import find_condition
from certwright.api.kinds import Document
from certwright.api.request import CertificateRequest
from certwright.pki.csr import Names, Request, build_csr
from certwright.pki.keys import Algorithm, generate_key
from tests.e2e.kube.inherited import Pair, add_certificate, add_issuer, b64
from tests.e2e.kube.place import Place


def a_request(name: str) -> Document:
    key = generate_key(Algorithm.ECDSA)
    csr = build_csr(Request(names=Names(dns=("a.example.com",))), key)
    return {
        "apiVersion": "cert-manager.io/v1",
        "kind": "CertificateRequest",
        "metadata": {"name": name},
        "spec": {"request": b64(csr), "issuerRef": {"name": "ca"}},
    }


async def test_a_request_is_approved_once(place: Place) -> None:
    await place.create(a_request("one"))

    said, _ = place.say("approve", "one")
    _, again = place.say("approve", "one", status=1)
    _, denied = place.say("deny", "one", status=1)

    approved = find_condition(
        (await place.get(CertificateRequest, "one")).status.conditions, "Approved"
    )
    assert said == f"Approved CertificateRequest '{place.namespace}/one'\n"
    assert "CertificateRequest is already approved" in again
    assert "CertificateRequest is already approved" in denied
    assert approved is not None
    assert (approved.status, approved.reason) == ("True", "KubectlCertManager")
    assert approved.message == 'manually approved by "cmctl"'


async def test_a_request_is_denied_with_words_of_ones_own(place: Place) -> None:
    await place.create(a_request("one"))

    said, _ = place.say("deny", "one", "--reason=Policy", "--message=not here")
    _, again = place.say("approve", "one", status=1)

    denied = find_condition(
        (await place.get(CertificateRequest, "one")).status.conditions, "Denied"
    )
    assert said == f"Denied CertificateRequest '{place.namespace}/one'\n"
    assert "CertificateRequest is already denied" in again
    assert denied is not None
    assert (denied.reason, denied.message) == ("Policy", "not here")


async def test_a_certificate_is_renewed_by_the_program_that_runs(place: Place) -> None:
    since = place.clock.now().replace(microsecond=0)
    ca = Pair(since=since)
    await add_issuer(place, ca)
    old = await add_certificate(place, ca, "web", since)
    place.start(f"--namespace={place.namespace}")

    said, _ = place.say("renew", "web")
    _, missing = place.say("renew", "nothing", status=1)

    await place.ready("web", 2)
    assert said == f"Manually triggered issuance of Certificate {place.namespace}/web\n"
    assert "not found" in missing
    assert (await place.leaf("web-tls")).serial_number != old.certificate.serial_number


async def test_nothing_to_renew_is_said_as_cmctl_says_it(place: Place) -> None:
    _, said = place.say("renew", "--all")

    assert said == f"No Certificates found in {place.namespace} namespace.\n"
