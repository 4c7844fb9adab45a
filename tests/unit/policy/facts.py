"""A Certificate that is issued and at rest, by default; each test says what is otherwise."""

from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from certwright.api.certificate import Certificate, CertificateStatus
from certwright.api.core import Secret
from certwright.api.request import CertificateRequest, CertificateRequestSpec
from certwright.api.secret import summarize
from certwright.pki.certificate import Template, detail_annotations, self_sign
from certwright.pki.csr import build_csr
from certwright.pki.keys import PrivateKey, encode_key, generate_key
from certwright.policy.attempt import Attempt, read_attempt
from certwright.policy.checks import Facts
from certwright.policy.csr import csr_request
from certwright.policy.mismatch import wanted_algorithm, wanted_size
from tests.builders import a_certificate, metadata
from tests.fakes.clock import START


def a_key(certificate: Certificate) -> PrivateKey:
    return generate_key(wanted_algorithm(certificate.spec), wanted_size(certificate.spec))


def an_attempt(
    certificate: Certificate, key: PrivateKey, revision: str = "1", **spec: Any
) -> Attempt:
    wishes: dict[str, Any] = {
        "request": build_csr(csr_request(certificate.spec), key),
        "issuer_ref": certificate.spec.issuer_ref,
        "duration": certificate.spec.duration,
        "is_ca": certificate.spec.is_ca,
        "usages": certificate.spec.usages,
    }
    name = f"{certificate.metadata.name}-{revision}"
    return read_attempt(
        CertificateRequest(
            metadata=metadata(
                name, annotations={"cert-manager.io/certificate-revision": revision}, uid=name
            ),
            spec=CertificateRequestSpec(**{**wishes, **spec}),
        )
    )


def a_target(certificate: Certificate, key: PrivateKey, **changes: Any) -> Secret:
    csr = build_csr(csr_request(certificate.spec), key)
    template = Template(
        csr=csr,
        not_before=START,
        duration=timedelta(days=90),
        usages=tuple(certificate.spec.usages),
        is_ca=certificate.spec.is_ca,
    )
    chain = self_sign(template, key=key)
    reference = certificate.spec.issuer_ref
    annotations = {
        **detail_annotations(chain),
        "cert-manager.io/certificate-name": certificate.metadata.name,
        "cert-manager.io/issuer-name": reference.name,
        "cert-manager.io/issuer-kind": reference.kind,
        "cert-manager.io/issuer-group": reference.group,
    }
    fields: dict[str, Any] = {
        "metadata": metadata(certificate.spec.secret_name, annotations=annotations),
        "type": "kubernetes.io/tls",
        "data": {"tls.key": encode_key(key), "tls.crt": chain},
    }
    return Secret(**{**fields, **changes})


def annotated(secret: Secret, **words: str | None) -> Secret:
    """Set (or, by None, remove) annotations of cert-manager.io."""
    annotations = dict(secret.metadata.annotations)
    for word, text in words.items():
        name = f"cert-manager.io/{word.replace('_', '-')}"
        annotations.pop(name, None)
        if text is not None:
            annotations[name] = text
    return replace(secret, metadata=replace(secret.metadata, annotations=annotations))


def facts(**changes: Any) -> Facts:
    """Facts of an issued Certificate.

    `spec` changes the spec after it was issued; `secret` and `current` replace what is there.
    """
    issued = a_certificate(**changes.pop("issued", {}))
    key = a_key(issued)
    secret = a_target(issued, key)
    certificate = replace(
        issued,
        spec=replace(issued.spec, **changes.pop("spec", {})),
        status=CertificateStatus(revision=1, renewal_time=START + timedelta(days=60)),
    )
    edit = changes.pop("edit", None)
    if edit is not None:
        secret = edit(secret)
    found: dict[str, Any] = {
        "certificate": certificate,
        "secret": summarize(secret),
        "current": an_attempt(issued, key),
        "now": START,
    }
    return Facts(**{**found, **changes})
