"""Objects as cert-manager 1.21 leaves them, written from its facts and not by our code.

Field managers, annotations, conditions and messages are those of compat-spec 2.3, 2.4, 3.5, 3.8,
3.9, 3.12, 3.13 and 3.14.
"""

from base64 import b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from certwright.api.certificate import Certificate
from certwright.api.core import Secret
from certwright.api.issuer import Issuer
from certwright.api.meta import Key, Resource
from certwright.api.request import CertificateRequest
from tests.e2e.kube.place import Place

DAY = timedelta(days=1)
GROUP = "cert-manager.io"
_ACCOUNT = "system:serviceaccount:cert-manager:cert-manager"


class Pair:
    """A key with its certificate; without an issuer it is a CA's."""

    def __init__(self, issuer: "Pair | None" = None, *names: str, since: datetime) -> None:
        self.key = rsa.generate_private_key(65537, 2048)
        self.since, self.until = since, since + 90 * DAY
        subject = x509.Name([] if issuer else [x509.NameAttribute(NameOID.COMMON_NAME, "old CA")])
        signer = issuer or self
        self._issuer_name = subject if issuer is None else issuer.certificate.subject
        san = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
        usage = _usage(ca=issuer is None)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._issuer_name)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self.since)
            .not_valid_after(self.until)
            .add_extension(x509.BasicConstraints(issuer is None, None), critical=True)
            .add_extension(usage, critical=True)
        )
        request = x509.CertificateSigningRequestBuilder().subject_name(subject)
        if names:
            builder = builder.add_extension(san, critical=True)
            request = request.add_extension(san, critical=True)
        request = request.add_extension(usage, critical=True)
        self.certificate: x509.Certificate = builder.sign(signer.key, hashes.SHA256())
        self.csr = request.sign(self.key, hashes.SHA256())

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )


def _usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=True,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def b64(content: bytes) -> str:
    return b64encode(content).decode()


def condition(name: str, reason: str, message: str, since: datetime, **more: Any) -> dict[str, Any]:
    return {
        "type": name,
        "status": "True",
        "reason": reason,
        "message": message,
        "lastTransitionTime": text(since),
        **more,
    }


async def add_issuer(place: Place, ca: Pair) -> None:
    """A CA issuer with its key pair, Ready."""
    data = {"tls.crt": b64(ca.pem), "tls.key": b64(ca.key_pem)}
    meta = {"name": "old-ca"}
    await place.create({"apiVersion": "v1", "kind": "Secret", "metadata": meta, "data": data})
    await place.create(
        {
            "apiVersion": f"{GROUP}/v1",
            "kind": "Issuer",
            "metadata": {"name": "ca"},
            "spec": {"ca": {"secretName": "old-ca"}},
        }
    )
    ready = condition(
        "Ready", "KeyPairVerified", "Signing CA verified", ca.since, observedGeneration=1
    )
    await place.store.patch_status(
        Issuer,
        Key(place.namespace, "ca"),
        {"conditions": [ready]},
        manager="cert-manager-issuers",
    )


async def add_certificate(place: Place, ca: Pair, name: str, since: datetime) -> Pair:
    """A Certificate that was issued at `since`, with its request and its Secret."""
    host = f"{name}.example.com"
    leaf = Pair(ca, host, since=since)
    made = await place.create(
        {
            "apiVersion": f"{GROUP}/v1",
            "kind": "Certificate",
            "metadata": {"name": name, "labels": {"app": "web"}},
            "spec": {
                "secretName": f"{name}-tls",
                "dnsNames": [host],
                "issuerRef": {"name": "ca"},
            },
        }
    )
    status = {
        "conditions": [
            condition(
                "Ready",
                "Ready",
                "Certificate is up to date and has not expired",
                since,
                observedGeneration=1,
            )
        ],
        "notBefore": text(leaf.since),
        "notAfter": text(leaf.until),
        "renewalTime": text(leaf.since + 60 * DAY),
        "revision": 1,
    }
    await place.store.patch_status(
        Certificate,
        Key(place.namespace, name),
        status,
        manager="cert-manager-certificates-readiness",
    )
    await _add_request(place, ca, leaf, made)
    await _add_secret(place, leaf, ca, name)
    return leaf


async def _add_request(place: Place, ca: Pair, leaf: Pair, owner: Resource) -> None:
    name = owner.metadata.name
    await place.create(
        {
            "apiVersion": f"{GROUP}/v1",
            "kind": "CertificateRequest",
            "metadata": {
                "name": f"{name}-1",
                "labels": {"app": "web"},
                "annotations": {
                    f"{GROUP}/certificate-name": name,
                    f"{GROUP}/certificate-revision": "1",
                    f"{GROUP}/private-key-secret-name": f"{name}-x7k2p",
                },
                "ownerReferences": [
                    {
                        "apiVersion": f"{GROUP}/v1",
                        "kind": "Certificate",
                        "name": name,
                        "uid": owner.metadata.uid,
                        "controller": True,
                        "blockOwnerDeletion": True,
                    }
                ],
            },
            "spec": {
                "request": b64(leaf.csr.public_bytes(serialization.Encoding.PEM)),
                "issuerRef": {"name": "ca"},
                "username": _ACCOUNT,
                "uid": "b1c2",
                "groups": ["system:serviceaccounts", "system:authenticated"],
            },
        }
    )
    approved = "Certificate request has been approved by cert-manager.io"
    fetched = "Certificate fetched from issuer successfully"
    await place.store.patch_status(
        CertificateRequest,
        Key(place.namespace, f"{name}-1"),
        {
            "conditions": [
                condition("Approved", "cert-manager.io", approved, leaf.since),
                condition("Ready", "Issued", fetched, leaf.since),
            ],
            "certificate": b64(leaf.pem),
            "ca": b64(ca.pem),
        },
        manager="cert-manager-certificaterequests-issuer-ca",
    )


async def _add_secret(place: Place, leaf: Pair, ca: Pair, name: str) -> None:
    await place.store.apply(
        Secret,
        Key(place.namespace, f"{name}-tls"),
        {
            "type": "kubernetes.io/tls",
            "metadata": {
                "labels": {f"controller.{GROUP}/fao": "true"},
                "annotations": {
                    f"{GROUP}/certificate-name": name,
                    f"{GROUP}/issuer-name": "ca",
                    f"{GROUP}/issuer-kind": "",
                    f"{GROUP}/issuer-group": "",
                    f"{GROUP}/common-name": "",
                    f"{GROUP}/alt-names": f"{name}.example.com",
                    f"{GROUP}/ip-sans": "",
                    f"{GROUP}/uri-sans": "",
                },
            },
            "data": {
                "tls.crt": b64(leaf.pem),
                "tls.key": b64(leaf.key_pem),
                "ca.crt": b64(ca.pem),
            },
        },
        manager="cert-manager-certificates-issuing",
        force=True,
    )
