"""A TLS certificate for a server on loopback, signed by itself."""

from datetime import timedelta
from pathlib import Path

import msgspec

from certwright.base.clock import SystemClock
from certwright.pki.certificate import self_sign
from certwright.pki.csr import Names, Request, Subject, build_csr
from certwright.pki.keys import Algorithm, encode_key, generate_key
from certwright.pki.signing import Template


class ServerTls(msgspec.Struct, frozen=True):
    """Where certificate and key are; the certificate is its own CA bundle."""

    certificate: Path
    key: Path

    @property
    def ca_bundle(self) -> bytes:
        return self.certificate.read_bytes()


def loopback_tls(folder: Path) -> ServerTls:
    """Make a certificate for 127.0.0.1 and `localhost`, valid for a day."""
    key = generate_key(Algorithm.ECDSA)
    names = Names(dns=("localhost",), ips=("127.0.0.1",))
    request = Request(subject=Subject(), names=names, encode_usages=False)
    template = Template(
        csr=build_csr(request, key),
        not_before=SystemClock().now() - timedelta(hours=1),
        duration=timedelta(days=1),
        usages=("server auth", "digital signature"),
    )
    files = ServerTls(folder / "server.crt", folder / "server.key")
    files.certificate.write_bytes(self_sign(template, key=key))
    files.key.write_bytes(encode_key(key))
    return files
