"""The keys of annotations and labels, ours and cert-manager's (compat-spec 2)."""

PREFIX = "cert-manager.io/"
ACME_PREFIX = "acme.cert-manager.io/"
OWN_PREFIX = "certwright.io/"

# Certificate → CertificateRequest → Order
CERTIFICATE_NAME = "cert-manager.io/certificate-name"
CERTIFICATE_REVISION = "cert-manager.io/certificate-revision"
PRIVATE_KEY_SECRET = "cert-manager.io/private-key-secret-name"  # noqa: S105  # a key of the API
TEMPORARY_CERTIFICATE = "cert-manager.io/issue-temporary-certificate"

# Target Secret
ISSUER_NAME = "cert-manager.io/issuer-name"
ISSUER_KIND = "cert-manager.io/issuer-kind"
ISSUER_GROUP = "cert-manager.io/issuer-group"
ALLOW_DIRECT_INJECTION = "cert-manager.io/allow-direct-injection"
FAO_LABEL = "controller.cert-manager.io/fao"
NEXT_KEY_LABEL = "cert-manager.io/next-private-key"
MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"

# Ours: what cert-manager's types have no field for; never written on the happy path.
# Each value is bounded to 2,000 characters.
FAILURE_CLASS = "certwright.io/failure-class"
"""`base.problem.Cause` of the last failure; on whatever failed, up to the Certificate."""
FAILURE_REASON = "certwright.io/failure-reason"
"""The failure's word for machines (`base.reason.Reason`)."""
FAILURE_MESSAGE = "certwright.io/failure"
"""The failure in one sentence, where the status has no place for it."""
NEXT_ATTEMPT = "certwright.io/next-attempt"
"""RFC 3339 moment of the next try; on the object that waits."""
EVIDENCE = "certwright.io/evidence"
"""JSON list of [subject, seen]; what was observed when it failed."""
PROBLEM = "certwright.io/acme-problem"
"""The CA's problem document (RFC 7807) as JSON, verbatim but for escapes and length."""
REMEDY = "certwright.io/remedy"
"""One sentence: what a person can do."""
FAILED_WITH = "certwright.io/failed-with"
"""Fingerprint of what a failed attempt depended on; a new one is due when that changes."""
