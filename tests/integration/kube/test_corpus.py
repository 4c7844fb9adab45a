"""The corpus on a real API server: the same verdict and field as on the embedded store."""

import copy
import re
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from certwright.api.kinds import find_kind
from certwright.api.meta import Key
from certwright.api.rules.admission import Rules
from certwright.api.rules.tables import RULES
from certwright.kube.paths import collection, item
from certwright.kube.problem import ApiProblem
from certwright.kube.rest import Call, Rest
from tests.integration.kube.policies import install_policies, make_namespace
from tests.integration.servers.apiserver import ApiServer
from tests.unit.api.corpus import Case, cases

EMBEDDED = Rules()
STRICT = {"fieldValidation": "Strict"}
_MISTYPED = re.compile(r"Checked value must be of type .* in (\S+)")
_UNKNOWN = re.compile(r'unknown field "([^"]+)"')
_POLICY = re.compile(
    r"denied request: (?:admission webhook \S+ denied the request: )?(.+)", re.DOTALL
)


@pytest.fixture
async def server_of_rules(ruled: ApiServer, prepared: list[bool]) -> AsyncIterator[Rest]:
    rest = ruled.rest()
    if not prepared:
        await install_policies(rest)
        prepared.append(True)
    await make_namespace(rest, "shop")
    yield rest
    await rest.aclose()


def ours() -> list[Case]:
    """All cases of our kinds, but those whose old object this server would never have taken."""
    return [
        case
        for case in cases()
        if case.document.get("kind") in RULES
        and (case.old is None or not EMBEDDED.violations(case.old, None))
    ]


async def refused(rest: Rest, case: Case, name: str) -> set[str] | None:
    """Write the case; return the fields that the server refuses, None if it takes it."""
    kind = find_kind(case.document["apiVersion"], case.document["kind"])
    assert kind is not None
    document = copy.deepcopy(case.document)
    metadata = document["metadata"]
    key = Key(metadata.get("namespace", "") if kind.namespaced else "", name)
    if case.old is not None:
        await _replace(rest, key, case.old)
    if "name" in metadata:
        metadata["name"] = name
    try:
        if case.old is None:
            path = collection(kind, key.namespace)
            await _send(rest, "POST", path, document=document, dryRun="All", **STRICT)
        else:
            path = item(kind, key, case.subresource)
            stored = await _stored(rest, item(kind, key))
            document["metadata"]["resourceVersion"] = stored["metadata"]["resourceVersion"]
            document["spec"] = _identity(stored["spec"]) | document["spec"]
            await _send(rest, "PUT", path, document=document, **STRICT)
    except ApiProblem as problem:
        return fields(problem)
    return None


async def _replace(rest: Rest, key: Key, old: dict[str, Any]) -> None:
    """Make the object that is changed afterwards, with its status."""
    kind = find_kind(old["apiVersion"], old["kind"])
    assert kind is not None
    document = copy.deepcopy(old)
    document["metadata"]["name"] = key.name
    await _send(rest, "POST", collection(kind, key.namespace), document=document)
    if "status" in document:
        path = item(kind, key)
        stored = await _stored(rest, path)
        document["metadata"]["resourceVersion"] = stored["metadata"]["resourceVersion"]
        await _send(rest, "PUT", f"{path}/status", document=document)


async def _stored(rest: Rest, path: str) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(await rest.request(Call(path=path)))
    return found


def _identity(spec: dict[str, Any]) -> dict[str, Any]:
    """What the server has written into a request when it was made."""
    names = ("username", "uid", "groups", "extra")
    return {name: spec[name] for name in names if name in spec}


async def _send(
    rest: Rest, method: str, path: str, *, document: dict[str, Any], **query: str
) -> None:
    body = msgspec.json.encode(document)
    await rest.request(Call(method=method, path=path, query=query, body=body))


def fields(problem: ApiProblem) -> set[str]:
    """The fields that an answer names, as the embedded store writes them."""
    unknown = _UNKNOWN.findall(problem.message)
    if unknown:
        return set(unknown)
    by_policy = _POLICY.search(problem.message)
    if by_policy:
        return {by_policy[1].partition(": ")[0]}
    mistyped = _MISTYPED.findall(problem.message)
    if mistyped:
        return set(mistyped)
    return {field for field, _ in problem.causes if field not in {"", "<nil>"}} or {problem.message}


@pytest.mark.parametrize("case", ours(), ids=lambda case: case.name)
async def test_the_server_refuses_what_the_embedded_store_refuses(
    server_of_rules: Rest, case: Case, request: pytest.FixtureRequest
) -> None:
    name = f"case-{abs(hash(request.node.name)) % 10**9}"

    found = await refused(server_of_rules, case, name)

    if not case.refused:
        assert found is None
    else:
        # the schema's verdict comes before the policies', and a policy tells one field
        assert found is not None
        assert found <= set(case.refused), found
