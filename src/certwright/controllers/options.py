"""What an operator can choose about the controllers; defaults are cert-manager's (compat-spec 7.1).

`settings` fills it from flags; the names are the flags'.
"""

from datetime import timedelta

from msgspec import Struct

from certwright.controllers.names import DEFAULT


class Options(Struct, frozen=True, kw_only=True):
    """Options of the controllers."""

    cluster_resource_namespace: str = "kube-system"
    auto_certificate_annotations: tuple[str, ...] = ("kubernetes.io/tls-acme",)
    extra_certificate_annotations: tuple[str, ...] = ()
    default_issuer_name: str = ""
    default_issuer_kind: str = "Issuer"
    default_issuer_group: str = "cert-manager.io"
    copied_annotation_prefixes: tuple[str, ...] = (
        "*",
        "-kubectl.kubernetes.io/",
        "-fluxcd.io/",
        "-argocd.argoproj.io/",
    )
    enable_certificate_owner_ref: bool = False
    dns01_recursive_nameservers: tuple[str, ...] = ()
    dns01_recursive_nameservers_only: bool = False
    dns01_evidence_limit: timedelta = timedelta(seconds=120)
    """After this long without full evidence the CA is asked once anyway (design §8)."""
    controllers: frozenset[str] = DEFAULT
    """Which of cert-manager's controllers are stood for (`controllers.names`)."""
    approve: bool = True
    """Whether the built-in approver runs (certificaterequests-approver)."""
    request_minimum_backoff: timedelta | None = None
    """certificate-request-minimum-backoff-duration; None: back-off by class of failure."""
    request_maximum_backoff: timedelta | None = None
