"""cert-manager's controllers by name, and which of them `--controllers` asks for (compat-spec 7.1).

Each controller of ours, and each step of a Certificate, declares which of these it stands for.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from certwright.base.evidence import printable
from certwright.base.problem import Stalled
from certwright.base.reason import Reason

INGRESS_SHIM: Final = "ingress-shim"
APPROVER: Final = "certificaterequests-approver"
ISSUER_PREFIX: Final = "certificaterequests-issuer-"
ORDERS: Final = "orders"
CHALLENGES: Final = "challenges"
CERTIFICATES: Final = tuple(
    f"certificates-{step}"
    for step in (
        "trigger", "issuing", "key-manager", "request-manager", "readiness", "revision-manager",
        "metrics",
    )
)  # fmt: skip
REQUESTS: Final = tuple(
    f"{ISSUER_PREFIX}{issuer}" for issuer in ("acme", "ca", "selfsigned", "vault", "venafi")
)
DEFAULT: Final = frozenset(
    {"issuers", "clusterissuers", INGRESS_SHIM, ORDERS, CHALLENGES, APPROVER}
    | {*CERTIFICATES, *REQUESTS}
)
"""The set that `*` means."""
NOT_SERVED: Final[Mapping[str, str]] = {
    "gateway-shim": "the Gateway API is not served yet",
    "listenerset": "the Gateway API is not served yet",
    **{
        f"certificatesigningrequests-issuer-{issuer}": "Kubernetes' own requests are not served"
        for issuer in ("acme", "ca", "selfsigned", "vault", "venafi")
    },
}


def choose_controllers(words: Iterable[str]) -> frozenset[str]:
    """Return the controllers that a list asks for: `*`, `name`, `-name`.

    Names alone that only take away take away from the default set; taking away counts last.

    Raises:
        Stalled: there is no controller of a name, or it is not served.
    """
    wanted, unwanted = set[str](), set[str]()
    for word in words:
        name = word.removeprefix("-")
        if name != "*" and name not in DEFAULT and name not in NOT_SERVED:
            raise _invalid(f"there is no controller {printable(name, 100)!r}")
        if word.startswith("-"):
            unwanted.add(name)
        elif name in NOT_SERVED:
            raise _invalid(f"{name}: {NOT_SERVED[name]}")
        else:
            wanted |= DEFAULT if name == "*" else {name}
    return frozenset((wanted or DEFAULT) - unwanted)


def _invalid(text: str) -> Stalled:
    return Stalled(Reason.INVALID_CONFIG, f"--controllers: {text}")
