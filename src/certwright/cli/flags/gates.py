"""cert-manager's feature gates by name (compat-spec 7.5): what we do in their place.

Gates are switches of its releases, not ours. A gate that asks for what is done anyway is taken
silently; any other is answered with a line.
"""

from collections.abc import Iterator, Mapping

from certwright.base.evidence import printable
from certwright.base.problem import Stalled
from certwright.base.reason import Reason

DONE: Mapping[str, str] = {
    "DisallowInsecureCSRUsageDefinition": "usages of CSR and request must agree",
    "AdditionalCertificateOutputFormats": "it is always done",
    "UseDomainQualifiedFinalizer": "the finalizer is acme.cert-manager.io/finalizer",
    "DefaultPrivateKeyRotationPolicyAlways": "write rotationPolicy: Never where a key shall stay",
    "CAInjectorMerging": "there is no CA injector here",
    "StableCertificateRequestName": "names are <certificate>-<revision>",
    "SecretsFilteredCaching": "only labelled Secrets are read in full",
    "LiteralCertificateSubject": "it is always done",
    "NameConstraints": "it is always done",
    "OtherNames": "it is always done",
    "ACMEHTTP01IngressPathTypeExact": "HTTP-01 is not served yet",
}
"""Gates that are as if they were on, and why they cannot be off."""
NOT_DONE: Mapping[str, str] = {
    "ExperimentalGatewayAPISupport": "the Gateway API is not served yet",
    "ExperimentalCertificateSigningRequestControllers": "Kubernetes' own requests are not served",
    "ListenerSets": "the Gateway API is not served yet",
    "ServerSideApply": "status is merged, which takes Issuing away; target Secrets are applied",
    "UseCertificateRequestBasicConstraints": "a CSR carries no basic constraints",
    "ACMEUseARI": "renewal information is not served yet",
    "ValidateCAA": "it has no effect in cert-manager either",
}
"""Gates that are as if they were off, and why they cannot be on."""
_GROUPS = frozenset({"AllAlpha", "AllBeta"})


def gate_notes(wanted: Mapping[str, str]) -> Iterator[str]:
    """Yield a line for each gate that asks for something else than what is done.

    Raises:
        Stalled: there is no such gate, or its value is neither true nor false.
    """
    for name, value in wanted.items():
        if name not in {*DONE, *NOT_DONE, *_GROUPS}:
            raise _invalid(f"there is no feature gate {printable(name, 100)!r}")
        if value.lower() not in {"true", "false"}:
            raise _invalid(f"{name}={printable(value, 100)!r} is neither true nor false")
        on = value.lower() == "true"
        why = (NOT_DONE if on else DONE).get(name)
        if name in _GROUPS:
            why = "gates are named one by one here"
        if why is not None:
            yield f"--feature-gates {name}={value} has no effect: {why}"


def _invalid(text: str) -> Stalled:
    return Stalled(Reason.INVALID_CONFIG, f"--feature-gates: {text}")
