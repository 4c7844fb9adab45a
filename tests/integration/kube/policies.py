"""Puts our policies in force on an API server, and waits until they are."""

from datetime import timedelta
from typing import Any

import msgspec

from certwright.api.crd.policies import policies
from certwright.kube.problem import ApiProblem
from certwright.kube.rest import Call, Rest
from tests.integration.kube.applying import apply

_PATIENCE_SECONDS = 30


async def make_namespace(rest: Rest, name: str) -> None:
    """Policies look at the namespace of what they judge."""
    metadata = {"name": name}
    await apply(rest, {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})


async def install_policies(rest: Rest) -> None:
    """Install all policies, and wait until they are in force."""
    await make_namespace(rest, "cert-manager")
    for document in sorted(policies(), key=_is_probed):
        await apply(rest, document)
    await until_in_force(rest)


async def until_in_force(rest: Rest) -> None:
    """Wait until the server refuses what it should."""
    await make_namespace(rest, "probe")
    deadline = rest.clock.monotonic() + _PATIENCE_SECONDS
    while not await _is_in_force(rest):
        assert rest.clock.monotonic() < deadline, "the policies are not in force"
        await rest.clock.sleep(timedelta(milliseconds=100))


def _is_probed(document: dict[str, Any]) -> bool:
    name: str = document["metadata"]["name"]
    return name == "certwright-certificaterequests"


async def _is_in_force(rest: Rest) -> bool:
    """Ask for what the policy refuses that was installed last, and who a good request is of.

    The two kinds of policies come into force one by one.
    """
    try:
        await _try(rest, "aW52YWxpZA==")
    except ApiProblem as problem:
        if "spec.request" not in problem.message:
            return False
    else:
        return False
    good = await _try(rest, "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0K")
    return bool(good["spec"].get("username"))


async def _try(rest: Rest, csr: str) -> dict[str, Any]:
    request = {
        "apiVersion": "cert-manager.io/v1",
        "kind": "CertificateRequest",
        "metadata": {"name": "probe", "namespace": "probe"},
        "spec": {"request": csr, "issuerRef": {"name": "probe"}},
    }
    path = "/apis/cert-manager.io/v1/namespaces/probe/certificaterequests"
    body = msgspec.json.encode(request)
    call = Call(method="POST", path=path, query={"dryRun": "All"}, body=body)
    written: dict[str, Any] = msgspec.json.decode(await rest.request(call))
    return written
