"""Rules of Issuer and ClusterIssuer (compat-spec 1.3); what stands in a caBundle: `contents`."""

from certwright.api.rules.rule import (
    Home,
    Reason,
    Rule,
    at_least_one,
    at_most_one,
    placed,
    required,
)
from certwright.api.rules.solver import SOLVER

TYPES = ("acme", "ca", "vault", "selfSigned", "venafi")
_NO_PARENT = r"!self.matches('(^|/)\\.\\.(/|$)')"

_ACME: tuple[Rule, ...] = (
    *required("", "server"),
    *required("privateKeySecretRef", "name"),
    Rule(
        at="",
        rule=(
            "!(has(self.caBundle) && size(self.caBundle) > 0"
            " && has(self.skipTLSVerify) && self.skipTLSVerify)"
        ),
        message="must not be set together with skipTLSVerify",
        field=".caBundle",
    ),
    *required("externalAccountBinding", "keyID"),
    *required("externalAccountBinding.keySecretRef", "name", "key"),
    *placed(SOLVER, "solvers[]"),
)

_CA: tuple[Rule, ...] = (
    *required("", "secretName"),
    *(
        Rule(at=f"{name}[]", rule="size(self) > 0", message="must not be empty", home=Home.POLICY)
        for name in ("ocspServers", "issuingCertificateURLs")
    ),
)

_VAULT: tuple[Rule, ...] = (
    *required("", "server", "path"),
    *(
        Rule(at=at, rule=_NO_PARENT, message="must not have a '..' segment")
        for at in (
            "path",
            "auth.appRole.path",
            "auth.clientCertificate.mountPath",
            "auth.kubernetes.mountPath",
            "auth.aws.mountPath",
        )
    ),
    Rule(
        at="",
        rule="!(has(self.caBundle) && size(self.caBundle) > 0 && has(self.caBundleSecretRef))",
        message="must not be set together with caBundleSecretRef",
        field=".caBundle",
    ),
    Rule(
        at="",
        rule="has(self.clientCertSecretRef) == has(self.clientKeySecretRef)",
        message="clientCertSecretRef and clientKeySecretRef must be set together",
    ),
    # More than one is admitted, as everywhere, and fails when it is used (compat-spec 3.14).
    at_least_one(
        "auth",
        ("tokenSecretRef", "appRole", "clientCertificate", "kubernetes", "aws"),
        "at least one way to authenticate must be set",
    ),
    *required("auth.tokenSecretRef", "name"),
    *required("auth.appRole", "roleId"),
    *required("auth.appRole.secretRef", "name"),
    *required("auth.kubernetes", "role"),
    Rule(
        at="auth.kubernetes",
        rule="has(self.secretRef) != has(self.serviceAccountRef)",
        message="exactly one of secretRef and serviceAccountRef must be set",
    ),
    *required("auth.kubernetes.serviceAccountRef", "name"),
    *required("auth.aws", "role"),
    *required("auth.aws.serviceAccountRef", "name"),
    Rule(
        at="auth.aws",
        rule="!has(self.serviceAccountRef) || (has(self.iamRoleArn) && size(self.iamRoleArn) > 0)",
        message="is required with serviceAccountRef",
        field=".iamRoleArn",
        reason=Reason.REQUIRED,
    ),
)

_VENAFI: tuple[Rule, ...] = (
    *required("", "zone"),
    Rule(
        at="",
        rule="[has(self.tpp), has(self.cloud), has(self.ngts)].filter(x, x).size() == 1",
        message="exactly one of tpp, cloud, or ngts must be configured",
    ),
    *required("tpp", "url"),
    Rule(
        at="tpp",
        rule="!(has(self.caBundle) && size(self.caBundle) > 0 && has(self.caBundleSecretRef))",
        message="must not be set together with caBundleSecretRef",
        field=".caBundle",
    ),
    *required("ngts", "tsgID"),
    *required("ngts.credentialsRef", "name"),
)

ISSUER = placed(
    (
        at_least_one("", TYPES, "at least one issuer must be configured"),
        at_most_one("", TYPES, "may not specify more than one issuer type"),
        *placed(_ACME, "acme"),
        *placed(_CA, "ca"),
        *placed(_VAULT, "vault"),
        *placed(_VENAFI, "venafi"),
    ),
    "spec",
)
