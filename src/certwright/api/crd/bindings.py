"""What every policy has beside its expressions: the binding that puts it in force, and to whom."""

from enum import StrEnum
from typing import Any, Final

from certwright.api.kinds import Document

API_VERSION: Final = "admissionregistration.k8s.io/v1"


class Policy(StrEnum):
    """The two kinds of policies."""

    VALIDATING = "ValidatingAdmissionPolicy"
    MUTATING = "MutatingAdmissionPolicy"


def binding(name: str, kind: Policy, **more: Any) -> Document:
    """Put a policy in force everywhere; a validating one refuses."""
    actions = {"validationActions": ["Deny"]} if kind is Policy.VALIDATING else {}
    return {
        "apiVersion": API_VERSION,
        "kind": f"{kind}Binding",
        "metadata": {"name": name},
        "spec": {"policyName": name} | actions | more,
    }


def requests(*operations: str, subresource: str = "") -> Document:
    """Match writes of CertificateRequests."""
    resource = "certificaterequests" + (f"/{subresource}" if subresource else "")
    return {
        "resourceRules": [
            {
                "apiGroups": ["cert-manager.io"],
                "apiVersions": ["v1"],
                "operations": list(operations),
                "resources": [resource],
            }
        ]
    }


def judged_namespaces() -> Document:
    """Select the namespaces whose objects are validated (compat-spec 1.6)."""
    return {
        "matchExpressions": [
            {
                "key": "cert-manager.io/disable-validation",
                "operator": "NotIn",
                "values": ["true"],
            }
        ]
    }
