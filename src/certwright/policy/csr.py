"""What is asked for in a CSR, from a Certificate's spec (compat-spec 5.1)."""

from certwright.api.certificate import (
    CertificateSpec,
    KeyEncoding,
    NameConstraintItem,
    X509Subject,
)
from certwright.pki import csr, names


def csr_request(spec: CertificateSpec) -> csr.Request:
    """Return what a CSR for this spec says."""
    return csr.Request(
        subject=_subject(spec),
        names=names.Names(
            dns=spec.dns_names,
            ips=spec.ip_addresses,
            uris=spec.uris,
            emails=spec.email_addresses,
            others=tuple(
                names.OtherName(other.oid, other.utf8_value) for other in spec.other_names or ()
            ),
        ),
        usages=tuple(spec.usages),
        is_ca=spec.is_ca,
        encode_usages=spec.encode_usages_in_request is not False,
        signature_algorithm=str(spec.signature_algorithm or ""),
        name_constraints=_constraints(spec),
    )


def wanted_encoding(spec: CertificateSpec) -> KeyEncoding:
    """Return how the private key is written into the target Secret, default filled in."""
    asked = spec.private_key.encoding if spec.private_key else None
    return asked or KeyEncoding.PKCS1


def _subject(spec: CertificateSpec) -> names.Subject:
    subject = spec.subject or X509Subject()
    return names.Subject(
        countries=subject.countries,
        organizations=subject.organizations,
        organizational_units=subject.organizational_units,
        localities=subject.localities,
        provinces=subject.provinces,
        street_addresses=subject.street_addresses,
        postal_codes=subject.postal_codes,
        common_name=spec.common_name,
        serial_number=subject.serial_number,
        literal=spec.literal_subject,
    )


def _constraints(spec: CertificateSpec) -> names.NameConstraints | None:
    found = spec.name_constraints
    if found is None:
        return None
    return names.NameConstraints(
        critical=found.critical,
        permitted=_subtrees(found.permitted),
        excluded=_subtrees(found.excluded),
    )


def _subtrees(item: NameConstraintItem | None) -> names.Subtrees:
    if item is None:
        return names.Subtrees()
    return names.Subtrees(
        dns_domains=item.dns_domains,
        ip_ranges=item.ip_ranges,
        email_addresses=item.email_addresses,
        uri_domains=item.uri_domains,
    )
