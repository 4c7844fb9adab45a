"""What of cert-manager's API certwright does not serve yet, object by object.

Asked at the start in a cluster: such objects are listed, and left alone.
"""

from collections.abc import Iterator
from typing import Final

from msgspec import Struct, structs

from certwright.api.certificate import Certificate
from certwright.api.issuer import AnyIssuer
from certwright.api.solver import DNS01, ACMEChallengeSolver
from certwright.policy.issuer import IssuerType, issuer_type

DNS_PROVIDERS: Final = frozenset({"cloudflare", "rfc2136"})
"""The providers that are served; `solvers.providers` has them."""
_TYPES: Final = frozenset({IssuerType.ACME, IssuerType.CA, IssuerType.SELF_SIGNED, None})


def unserved_issuer(issuer: AnyIssuer) -> str:
    """Say why an issuer is not served at all; empty where it is."""
    kind = issuer_type(issuer.spec)
    if kind not in _TYPES:
        return f"issuers of the type {kind} are not served yet"
    acme = issuer.spec.acme
    if acme is None or not acme.solvers:
        return ""
    missing = [unserved_solver(solver) for solver in acme.solvers]
    return "" if "" in missing else "; ".join(dict.fromkeys(missing))


def unserved_parts(issuer: AnyIssuer) -> Iterator[str]:
    """Yield what of a served issuer is not served, solver by solver."""
    acme = issuer.spec.acme
    for number, solver in enumerate(acme.solvers if acme is not None else ()):
        if missing := unserved_solver(solver):
            yield f"spec.acme.solvers[{number}]: {missing}"


def unserved_solver(solver: ACMEChallengeSolver) -> str:
    """Say why a solver is not served; empty where it is."""
    if solver.http01 is not None:
        return "HTTP-01 is not served yet"
    if solver.dns01 is None:
        return ""
    missing = [name for name in _providers(solver.dns01) if name not in DNS_PROVIDERS]
    return f"the DNS01 provider {', '.join(missing)} is not served yet" if missing else ""


def unserved_certificate(certificate: Certificate) -> str:
    """Say why a Certificate is not served by itself; empty where it is."""
    stores = certificate.spec.keystores
    wanted = (stores.jks, stores.pkcs12) if stores is not None else ()
    asked = any(one is not None and one.create for one in wanted)
    return "keystores are not served yet" if asked else ""


def _providers(config: DNS01) -> Iterator[str]:
    for field in structs.fields(config):
        if isinstance(getattr(config, field.name), Struct):
            yield field.encode_name
