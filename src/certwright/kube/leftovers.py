"""What cert-manager's Helm release leaves behind that would stop us or what we print.

A webhook configuration whose endpoints are gone and whose failurePolicy is Fail refuses every
write to our kinds; for CRD fields that Helm owns `kubectl apply --server-side` needs
--force-conflicts; objects that ask for a CA bundle need cainjector, which we are not.
"""

from collections.abc import Iterator
from typing import Any, Final

import msgspec
from msgspec import Struct, field

from certwright.base.problem import Problem
from certwright.kube.rest import Call, Rest

_GROUPS: Final = frozenset({"cert-manager.io", "acme.cert-manager.io", "*"})
_WEBHOOKS: Final = "/apis/admissionregistration.k8s.io/v1"
_CRDS: Final = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_SLICES: Final = "/apis/discovery.k8s.io/v1/namespaces/{}/endpointslices"
_INJECT: Final = (
    "cert-manager.io/inject-ca-from",
    "cert-manager.io/inject-ca-from-secret",
    "cert-manager.io/inject-apiserver-ca",
)


class Leftover(Struct, frozen=True):
    """What was found, and the command that mends it (empty for none)."""

    text: str
    command: str = ""


class _Manager(Struct, frozen=True):
    manager: str = ""


class _Metadata(Struct, frozen=True, rename="camel"):
    name: str = ""
    annotations: dict[str, str] = field(default_factory=dict)
    managed_fields: tuple[_Manager, ...] = ()


class _Service(Struct, frozen=True):
    name: str = ""
    namespace: str = ""


class _Client(Struct, frozen=True):
    service: _Service | None = None


class _Rule(Struct, frozen=True, rename="camel"):
    api_groups: tuple[str, ...] = ()


class _Webhook(Struct, frozen=True, rename="camel"):
    name: str = ""
    failure_policy: str = "Fail"
    client_config: _Client = _Client()
    rules: tuple[_Rule, ...] = ()


class _Item(Struct, frozen=True):
    metadata: _Metadata = _Metadata()
    webhooks: tuple[_Webhook, ...] = ()
    endpoints: tuple[dict[str, Any], ...] | None = None


class _Items(Struct, frozen=True):
    items: tuple[_Item, ...] = ()


_decode = msgspec.json.Decoder(_Items).decode


async def find_leftovers(rest: Rest) -> tuple[Leftover, ...]:
    """Look for them; what may not be read is left out.

    Raises:
        Retryable: there was no answer.
    """
    found: list[Leftover] = []
    for kind in ("validatingwebhookconfiguration", "mutatingwebhookconfiguration"):
        for item in await _list(rest, f"{_WEBHOOKS}/{kind}s"):
            found.extend(_needs_injection(kind, item))
            for webhook in item.webhooks:
                if await _is_dead(rest, webhook):
                    found.append(_dead(kind, item, webhook))
                    break
    crds = await _list(rest, _CRDS)
    found.extend(one for item in crds for one in _needs_injection("customresourcedefinition", item))
    if any(_is_helms(item) for item in crds):
        text = "CRDs of cert-manager have fields that Helm owns"
        command = "certwright crds | kubectl apply --server-side --force-conflicts -f -"
        found.append(Leftover(text, command))
    return tuple(found)


async def _is_dead(rest: Rest, webhook: _Webhook) -> bool:
    service = webhook.client_config.service
    ours = any(_GROUPS.intersection(rule.api_groups) for rule in webhook.rules)
    if service is None or not ours or webhook.failure_policy != "Fail":
        return False
    selector = {"labelSelector": f"kubernetes.io/service-name={service.name}"}
    slices = await _list(rest, _SLICES.format(service.namespace), **selector)
    return not any(one.endpoints for one in slices)


def _dead(kind: str, item: _Item, webhook: _Webhook) -> Leftover:
    service = webhook.client_config.service or _Service()
    return Leftover(
        f"{kind} {item.metadata.name}: nothing answers for {webhook.name} (Service"
        f" {service.namespace}/{service.name} has no endpoints), so every write is refused",
        f"kubectl delete {kind} {item.metadata.name}",
    )


def _needs_injection(kind: str, item: _Item) -> Iterator[Leftover]:
    ours = item.metadata.name.endswith(("cert-manager.io", "cert-manager-webhook"))
    for name in _INJECT:
        if name in item.metadata.annotations and not ours:
            yield Leftover(
                f"{kind} {item.metadata.name}: {name} needs cert-manager's cainjector; keep it"
                " running"
            )


def _is_helms(item: _Item) -> bool:
    is_ours = item.metadata.name.endswith("cert-manager.io")
    return is_ours and any(one.manager == "helm" for one in item.metadata.managed_fields)


async def _list(rest: Rest, path: str, **query: str) -> tuple[_Item, ...]:
    try:
        return _decode(await rest.request(Call(path=path, query=query))).items
    except msgspec.MsgspecError:
        return ()
    except Problem as problem:
        if problem.reason in {"Forbidden", "NotFound"}:
            return ()
        raise
