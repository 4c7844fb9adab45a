"""What neither schema nor CEL can know: CSRs, subjects, trust bundles, cron, time zones.

The controllers ask before they use an object; it stays, with `Ready=False` and the field, on both
backends. `certwright check` shows the same. Bytes are parsed by `pki`, which is imported here.
"""

from collections.abc import Iterator
from functools import singledispatch
from zoneinfo import ZoneInfo

from certwright.api.certificate import Certificate, CertificateSpec, RenewalWindow
from certwright.api.cron import BadCronError, parse_cron
from certwright.api.issuer import ClusterIssuer, Issuer, IssuerSpec
from certwright.api.meta import Resource
from certwright.api.request import CertificateRequest, CertificateRequestSpec
from certwright.api.rules.rule import REQUIRED, Path, Violation, shown
from certwright.pki.certificate import parse_bundle
from certwright.pki.csr import CsrFacts, parse_csr
from certwright.pki.errors import PkiError
from certwright.pki.literal import ATTRIBUTES, literal_subject_der, parse_literal
from certwright.pki.usages import key_usages

_COMMON_NAME_LIMIT = 64

CHECKED: tuple[tuple[str, str, str], ...] = (
    ("Certificate", "spec.literalSubject", "must be an RFC 4514 name"),
    ("Certificate", "spec.literalSubject", "must have at most 64 bytes in its CN"),
    ("Certificate", "spec", "at least one name must be set: literalSubject has no CN"),
    ("Certificate", "spec.renewal.windows[].cron", "must be a cron expression"),
    ("Certificate", "spec.renewal.windows[].timezone", "must be an IANA time zone"),
    ("CertificateRequest", "spec.request", "must be a CSR whose signature holds"),
    ("CertificateRequest", "spec.request", "CA flag and usages must be those of the spec"),
    ("Issuer, ClusterIssuer", "spec.acme.caBundle", "must be certificates as PEM"),
    ("Issuer, ClusterIssuer", "spec.vault.caBundle", "must be certificates as PEM"),
    ("Issuer, ClusterIssuer", "spec.venafi.tpp.caBundle", "must be certificates as PEM"),
)
"""What is checked here, for the reference: kind, field, rule."""


def content_violations(resource: Resource) -> tuple[Violation, ...]:
    """Return what is wrong with the contents of a resource's fields, all of it at once."""
    return tuple(_contents(resource))


@singledispatch
def _contents(resource: Resource) -> Iterator[Violation]:  # noqa: ARG001  # the others use it
    yield from ()


@_contents.register
def _of_certificate(certificate: Certificate) -> Iterator[Violation]:
    spec = certificate.spec
    yield from _literal_subject(spec)
    for place, window in enumerate(spec.renewal.windows if spec.renewal else ()):
        yield from _window(window, ("spec", "renewal", "windows", place))


def _literal_subject(spec: CertificateSpec) -> Iterator[Violation]:
    if not spec.literal_subject:
        return
    path = ("spec", "literalSubject")
    try:
        rdns = parse_literal(spec.literal_subject)
        literal_subject_der(spec.literal_subject)
    except PkiError as error:
        yield Violation(path, f"must be an RFC 4514 name: {error}", shown(spec.literal_subject))
        return
    names = [value for rdn in rdns for oid, value in rdn if oid == ATTRIBUTES["CN"]]
    if any(len(name.encode()) > _COMMON_NAME_LIMIT for name in names):
        message = "must have at most 64 bytes in its CN"
        yield Violation(path, message, shown(spec.literal_subject))
    others = (spec.dns_names, spec.uris, spec.email_addresses, spec.ip_addresses, spec.other_names)
    if not any(names) and not any(others):
        yield Violation(("spec",), "at least one name must be set: literalSubject has no CN")


def _window(window: RenewalWindow, path: Path) -> Iterator[Violation]:
    try:
        parse_cron(window.cron)
    except BadCronError as error:
        yield Violation((*path, "cron"), str(error), shown(window.cron))
    if not is_time_zone(window.timezone or "UTC"):
        yield Violation((*path, "timezone"), "must be an IANA time zone", shown(window.timezone))


def is_time_zone(name: str) -> bool:
    """Whether a name is a zone of the IANA database."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # OSError: the name of a folder of the database
        return False
    return True


@_contents.register
def _of_request(request: CertificateRequest) -> Iterator[Violation]:
    spec, path = request.spec, ("spec", "request")
    if not spec.request:
        yield Violation(path, REQUIRED)
        return
    try:
        facts = parse_csr(spec.request)
    except PkiError as error:
        # A CSR holds no secret; compat-spec 1.2 shows its first 100 characters.
        yield Violation(path, str(error), shown(spec.request.decode("ascii", "replace")))
        return
    yield from _csr(facts, spec)


def _csr(facts: CsrFacts, spec: CertificateRequestSpec) -> Iterator[Violation]:
    path = ("spec", "request")
    if facts.is_ca is not None and facts.is_ca != spec.is_ca:
        yield Violation(path, f"the CSR says CA={facts.is_ca}, the request isCA={spec.is_ca}")
    if facts.key_usage is None and facts.extended is None:
        return
    # compat-spec 1.2: one of the two extensions alone must agree in both; the order of the
    # extended usages counts.
    usages, extended = key_usages(spec.usages, spec.is_ca)
    if (facts.key_usage or frozenset()) != usages:
        has, wants = _words(facts.key_usage or ()), _words(usages)
        yield Violation(path, f"the CSR has the key usages {has}, the request {wants}")
    if (facts.extended or ()) != extended:
        has, wants = _words(facts.extended or (), ordered=True), _words(extended, ordered=True)
        yield Violation(path, f"the CSR has the extended key usages {has}, the request {wants}")


def _words(words: frozenset[str] | tuple[str, ...], *, ordered: bool = False) -> str:
    return "[" + ", ".join(words if ordered else sorted(words)) + "]"


@_contents.register(Issuer)
@_contents.register(ClusterIssuer)
def _of_issuer(issuer: Issuer | ClusterIssuer) -> Iterator[Violation]:
    for path, bundle in _bundles(issuer.spec):
        try:
            parse_bundle(bundle)
        except PkiError as error:
            yield Violation(path, f"must be certificates as PEM: {error}")


def _bundles(spec: IssuerSpec) -> Iterator[tuple[Path, bytes]]:
    """The trust bundles that are set, each with its place."""
    for name, bundle in (
        ("acme", spec.acme.ca_bundle if spec.acme else b""),
        ("vault", spec.vault.ca_bundle if spec.vault else b""),
    ):
        if bundle:
            yield ("spec", name, "caBundle"), bundle
    if spec.venafi and spec.venafi.tpp and spec.venafi.tpp.ca_bundle:
        yield ("spec", "venafi", "tpp", "caBundle"), spec.venafi.tpp.ca_bundle
