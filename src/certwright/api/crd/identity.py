"""Who asks for a certificate: written by the API server, never believed (compat-spec 1.2).

From Kubernetes 1.36 on a MutatingAdmissionPolicy writes the requester's identity into every new
CertificateRequest. Everywhere a ValidatingAdmissionPolicy refuses the identity of somebody else.
"""

from typing import Final

from certwright.api.crd.bindings import API_VERSION, Policy, binding, requests
from certwright.api.kinds import Document

NAME: Final = "certwright-requester"

_WHO: Final = "request.userInfo"
_MUTATION: Final = f"""\
[JSONPatch{{op: "add", path: "/spec/username", value: {_WHO}.username}}] +
(has({_WHO}.uid) && {_WHO}.uid != ""
  ? [JSONPatch{{op: "add", path: "/spec/uid", value: {_WHO}.uid}}]
  : has(object.spec.uid) ? [JSONPatch{{op: "remove", path: "/spec/uid"}}] : []) +
(has({_WHO}.groups) && size({_WHO}.groups) > 0
  ? [JSONPatch{{op: "add", path: "/spec/groups", value: {_WHO}.groups.map(g, g)}}]
  : has(object.spec.groups) ? [JSONPatch{{op: "remove", path: "/spec/groups"}}] : []) +
(has({_WHO}.extra) && size({_WHO}.extra) > 0
  ? [JSONPatch{{op: "add", path: "/spec/extra", value: {{}}}}]
  : has(object.spec.extra) ? [JSONPatch{{op: "remove", path: "/spec/extra"}}] : []) +
(has({_WHO}.extra)
  ? {_WHO}.extra.map(k, JSONPatch{{
      op: "add", path: "/spec/extra/" + jsonpatch.escapeKey(k), value: {_WHO}.extra[k].map(v, v)
    }})
  : [])
"""
"""A JSON patch: an apply configuration cannot own `groups`, and typed lists are copied first."""


def _unless_set(field: str, condition: str) -> str:
    return f"!has(object.spec.{field}) || size(object.spec.{field}) == 0 || ({condition})"


_SAME: Final = {
    "username": _unless_set("username", f"object.spec.username == {_WHO}.username"),
    "uid": _unless_set("uid", f"has({_WHO}.uid) && object.spec.uid == {_WHO}.uid"),
    "groups": _unless_set(
        "groups",
        f"has({_WHO}.groups) && object.spec.groups.all(g, g in {_WHO}.groups)"
        f" && {_WHO}.groups.all(g, g in object.spec.groups)",
    ),
    "extra": _unless_set(
        "extra",
        f"has({_WHO}.extra) && size(object.spec.extra) == size({_WHO}.extra)"
        f" && object.spec.extra.all(k, k in {_WHO}.extra"
        f" && size(object.spec.extra[k]) == size({_WHO}.extra[k])"
        f" && object.spec.extra[k].all(v, v in {_WHO}.extra[k]))",
    ),
}


def identity_mutation() -> tuple[Document, Document]:
    """Return the policy that writes who asks, and its binding."""
    policy = {
        "apiVersion": API_VERSION,
        "kind": Policy.MUTATING.value,
        "metadata": {"name": NAME},
        "spec": {
            "failurePolicy": "Fail",
            "reinvocationPolicy": "Never",
            "matchConstraints": requests("CREATE"),
            "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": _MUTATION}}],
        },
    }
    return policy, binding(NAME, Policy.MUTATING)


def identity_policy(prefix: str) -> tuple[Document, Document]:
    """Return the policy that refuses a foreign identity, and its binding.

    A request that names nobody passes: below 1.36 nobody fills the fields.
    """
    policy = {
        "apiVersion": API_VERSION,
        "kind": Policy.VALIDATING.value,
        "metadata": {"name": NAME},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": requests("CREATE"),
            "validations": [
                {
                    "expression": expression,
                    "message": f"{prefix}spec.{field}: {field} identity must be that of the"
                    " requester",
                    "reason": "Forbidden",
                }
                for field, expression in _SAME.items()
            ],
        },
    }
    return policy, binding(NAME, Policy.VALIDATING)
