"""Rules of CertificateRequest (compat-spec 1.2); what only the CSR's bytes tell: `contents`."""

from certwright.api.rules.rule import Home, Reason, Rule, placed, required
from certwright.api.rules.text import ISSUER_REFERENCE, duration_text

# "CERTIFICATE REQUEST" in base64, at each of the three places where it may begin.
_HAS_CSR = "Q0VSVElGSUNBVEUgUkVRVUVTV|NFUlRJRklDQVRFIFJFUVVFU1|DRVJUSUZJQ0FURSBSRVFVRVNU"
_OURS = "(k.startsWith('cert-manager.io') || k.startsWith('acme.cert-manager.io'))"


def _kept(condition: str) -> Rule:
    return Rule(
        at="status",
        rule=(
            "!has(oldSelf.conditions) || oldSelf.conditions.all(o,"
            f" o.type != '{condition}' || (has(self.conditions)"
            " && self.conditions.exists(c, c == o)))"
        ),
        message=f"'{condition}' condition may not be modified once set",
        field=".conditions",
        reason=Reason.FORBIDDEN,
        home=Home.POLICY,
    )


REQUEST = (
    *placed((*required("", "request"), *ISSUER_REFERENCE, duration_text("", "duration")), "spec"),
    Rule(
        at="spec.request",
        # The controller parses it; this much is told at once, as `cmctl check api` wants it.
        rule=f"size(self) == 0 || self.matches('{_HAS_CSR}')",
        message="must be a PEM encoded certificate request",
        home=Home.POLICY,  # there it is text; a CRD's rule sees the decoded bytes
    ),
    Rule(
        at="spec",
        rule="self == oldSelf",
        message="cannot change spec after creation",
        reason=Reason.FORBIDDEN,
    ),
    Rule(
        at="metadata",
        rule=(
            f"(!has(self.annotations) || self.annotations.all(k, !{_OURS}"
            " || (has(oldSelf.annotations) && k in oldSelf.annotations"
            " && oldSelf.annotations[k] == self.annotations[k])))"
            f" && (!has(oldSelf.annotations) || oldSelf.annotations.all(k, !{_OURS}"
            " || (has(self.annotations) && k in self.annotations)))"
        ),
        message="cannot change cert-manager annotation after creation",
        field=".annotations",
        reason=Reason.FORBIDDEN,
        home=Home.POLICY,
    ),
    _kept("Approved"),
    _kept("Denied"),
    Rule(
        at="status.conditions",
        rule="!(self.exists(c, c.type == 'Approved') && self.exists(c, c.type == 'Denied'))",
        message="both 'Denied' and 'Approved' conditions cannot coexist",
        reason=Reason.FORBIDDEN,
        home=Home.POLICY,
    ),
    Rule(
        at="status.conditions[]",
        rule="!(self.type in ['Approved', 'Denied']) || self.status == 'True'",
        message="an approval or denial may only be set to True",
        message_expression="""'"' + self.type + '" condition may only be set to True'""",
        field=".status",
        home=Home.POLICY,
    ),
)
