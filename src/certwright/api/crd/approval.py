"""Who may approve or deny: whoever has the verb `approve` on the issuer (compat-spec 1.2).

cert-manager asks with a SubjectAccessReview and learns an external issuer's plural by discovery. A
policy has the API server's own authorizer, and no discovery: the plural is lower(kind) + "s" unless
the ConfigMap has a line `<Kind>.<group>: <plural>`.
"""

from typing import Final

from certwright.api.crd.bindings import API_VERSION, Policy, binding, requests
from certwright.api.kinds import Document

NAME: Final = "certwright-approval"
SIGNERS: Final = "certwright-signers"
"""The ConfigMap with the plurals of external issuers' kinds that are not regular."""

_OURS: Final = "variables.group == 'cert-manager.io'"
_NEW: Final = (
    "has(object.status) && has(object.status.conditions) && object.status.conditions.exists(c,"
    " c.type in ['Approved', 'Denied'] && !(oldObject != null && has(oldObject.status)"
    " && has(oldObject.status.conditions)"
    " && oldObject.status.conditions.exists(o, o.type == c.type)))"
)
_REF: Final = "object.spec.issuerRef"


def _allowed(name: str) -> str:
    signers = "authorizer.group('cert-manager.io').resource('signers')"
    asked = f"name({name}).check('approve').allowed()"
    # in the namespace: where certwright has Roles only
    return f"{signers}.{asked} || {signers}.namespace(object.metadata.namespace).{asked}"


_VARIABLES: Final = {
    "group": f"has({_REF}.group) && {_REF}.group != '' ? {_REF}.group : 'cert-manager.io'",
    "kind": f"has({_REF}.kind) && {_REF}.kind != '' ? {_REF}.kind : 'Issuer'",
    "plural": (
        f"{_OURS} ? (variables.kind == 'ClusterIssuer' ? 'clusterissuers' : 'issuers')"
        " : has(params.data) && (variables.kind + '.' + variables.group) in params.data"
        " ? params.data[variables.kind + '.' + variables.group]"
        " : variables.kind.lowerAscii() + 's'"
    ),
    "signer": "variables.plural + '.' + variables.group",
    "inNamespace": f"variables.signer + '/' + object.metadata.namespace + '.' + {_REF}.name",
    "inCluster": f"variables.signer + '/' + {_REF}.name",
    # One variable each: one expression may ask the authorizer twice at most (its cost is bounded).
    "mayAll": _allowed("variables.signer + '/*'"),
    "mayInNamespace": _allowed("variables.inNamespace"),
    "mayInCluster": _allowed("variables.inCluster"),
}
# An external kind's scope is not known here: either name is accepted.
_IS_ALLOWED: Final = (
    "variables.mayAll"
    f" || (!({_OURS} && variables.kind == 'ClusterIssuer') && variables.mayInNamespace)"
    f" || (!({_OURS} && variables.kind != 'ClusterIssuer') && variables.mayInCluster)"
)
_TEXT: Final = "status.conditions: user \"' + request.userInfo.username + '\" does not have"


def approval_policy(namespace: str, prefix: str) -> tuple[Document, Document, Document]:
    """Return the ConfigMap in `namespace`, the policy that reads it, and its binding."""
    plurals = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": SIGNERS, "namespace": namespace},
    }
    policy = {
        "apiVersion": API_VERSION,
        "kind": Policy.VALIDATING.value,
        "metadata": {"name": NAME},
        "spec": {
            "failurePolicy": "Fail",
            "paramKind": {"apiVersion": "v1", "kind": "ConfigMap"},
            "matchConstraints": requests("UPDATE", subresource="status"),
            "matchConditions": [{"name": "decides", "expression": _NEW}],
            "variables": [
                {"name": name, "expression": expression} for name, expression in _VARIABLES.items()
            ],
            "validations": [
                {
                    "expression": _IS_ALLOWED,
                    "message": f"{prefix}status.conditions: you may not approve for this issuer",
                    "messageExpression": (
                        f"'{prefix}{_TEXT} permissions to set approved/denied conditions for issuer"
                        f" {{' + {_REF}.name + ' ' + variables.kind + ' ' + variables.group + '}}'"
                    ),
                    "reason": "Forbidden",
                }
            ],
        },
    }
    # Without the ConfigMap nobody could be told from nobody: refuse.
    found = {"name": SIGNERS, "namespace": namespace, "parameterNotFoundAction": "Deny"}
    return plurals, policy, binding(NAME, Policy.VALIDATING, paramRef=found)
