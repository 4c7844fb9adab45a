"""Why a certificate is not there yet, out of what the resources on its way say."""

from certwright.api.certificate import Certificate
from certwright.api.conditions import find_condition
from certwright.api.issuer import ClusterIssuer, Issuer
from certwright.api.meta import Condition, ConditionStatus, Key
from certwright.api.order import Challenge, Order
from certwright.api.request import CertificateRequest
from certwright.app import App


async def explain(app: App, key: Key) -> str:
    """Tell, from the end of the way to its beginning, what each resource waits for."""
    found: list[str] = []
    found += [
        f"Challenge for {challenge.spec.dns_name}: {challenge.status.reason}"
        for challenge in (await app.store.list(Challenge, namespace=key.namespace)).items
        if challenge.status.reason
    ]
    found += [
        f"Order {order.key}: {order.status.reason}"
        for order in (await app.store.list(Order, namespace=key.namespace)).items
        if order.status.reason
    ]
    for cluster_issuer in (await app.store.list(ClusterIssuer)).items:
        found += _unmet(f"ClusterIssuer {cluster_issuer.key}", cluster_issuer.status.conditions)
    for issuer in (await app.store.list(Issuer)).items:
        found += _unmet(f"Issuer {issuer.key}", issuer.status.conditions)
    for request in (await app.store.list(CertificateRequest, namespace=key.namespace)).items:
        found += _unmet(f"CertificateRequest {request.key}", request.status.conditions)
    certificate = await app.store.get(Certificate, key)
    found += _unmet(f"Certificate {key}", certificate.status.conditions)
    return "\n".join(dict.fromkeys(found)) or f"Certificate {key} says nothing yet"


def _unmet(what: str, conditions: tuple[Condition, ...]) -> list[str]:
    ready = find_condition(conditions, "Ready")
    if ready is None or ready.status is ConditionStatus.TRUE:
        return []
    return [f"{what}: {ready.reason}: {ready.message}"]
