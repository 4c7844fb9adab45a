"""Valid objects by default; a test names only what it is about."""

from datetime import timedelta
from typing import Any

from certwright.api.certificate import Certificate, CertificateSpec, KeyAlgorithm, PrivateKeySpec
from certwright.api.core import Ingress, IngressSpec, IngressTLS, Secret
from certwright.api.issuer import CAIssuer, ClusterIssuer, Issuer, IssuerSpec
from certwright.api.meta import IssuerReference, ObjectMeta
from certwright.pki.certificate import KeyPair, Template, self_sign
from certwright.pki.csr import Request, build_csr
from certwright.pki.keys import Algorithm, generate_key
from certwright.pki.names import Subject
from tests.fakes.clock import START

ECDSA = PrivateKeySpec(algorithm=KeyAlgorithm.ECDSA)


def metadata(name: str, namespace: str = "default", **fields: Any) -> ObjectMeta:
    return ObjectMeta(name=name, namespace=namespace, **fields)


def a_certificate(
    name: str = "web", *, meta: dict[str, Any] | None = None, **spec: Any
) -> Certificate:
    fields: dict[str, Any] = {
        "secret_name": f"{name}-tls",
        "issuer_ref": IssuerReference(name="ca"),
        "dns_names": ("www.example.com",),
        "private_key": ECDSA,
    }
    return Certificate(
        metadata=metadata(name, **(meta or {})), spec=CertificateSpec(**{**fields, **spec})
    )


def an_issuer(name: str = "ca", *, secret: str = "ca-key-pair") -> Issuer:
    return Issuer(metadata=metadata(name), spec=IssuerSpec(ca=CAIssuer(secret_name=secret)))


def a_cluster_issuer(name: str = "ca", *, secret: str = "ca-key-pair") -> ClusterIssuer:
    return ClusterIssuer(
        metadata=metadata(name, ""), spec=IssuerSpec(ca=CAIssuer(secret_name=secret))
    )


def a_secret(name: str = "web-tls", **fields: Any) -> Secret:
    return Secret(metadata=metadata(name), **fields)


def an_ingress(
    name: str = "site",
    *,
    hosts: tuple[str, ...] = ("www.example.com",),
    secret: str = "site-tls",
    annotations: dict[str, str] | None = None,
    **meta: Any,
) -> Ingress:
    annotations = (
        {"cert-manager.io/cluster-issuer": "letsencrypt"} if annotations is None else annotations
    )
    return Ingress(
        metadata=metadata(name, annotations=annotations, **meta),
        spec=IngressSpec(tls=(IngressTLS(hosts=hosts, secret_name=secret),)),
    )


def a_ca(common_name: str = "Test CA") -> KeyPair:
    key = generate_key(Algorithm.ECDSA)
    csr = build_csr(Request(subject=Subject(common_name=common_name), is_ca=True), key)
    template = Template(csr=csr, not_before=START, duration=timedelta(days=3650), is_ca=True)
    return KeyPair(key, self_sign(template, key=key))
