"""Names of the DNS as this room writes them: lower case, absolute, with the final dot.

Pure. A name of a stranger enters through `canonical`, which refuses what is not a name.
"""

import dns.exception
import dns.name

CHALLENGE_LABEL = "_acme-challenge"
"""RFC 8555 §8.4: the label under which the CA looks for the TXT record."""
_LONGEST = 255


class BadName(ValueError):  # noqa: N818  # what was found
    """The text is not a domain name (RFC 1035 §2.3.4)."""


def canonical(name: str) -> str:
    """Return `name` absolute and in lower case.

    Raises:
        BadName: a label or the whole name is empty or too long, or an escape is broken.
    """
    try:
        return dns.name.from_text(name).canonicalize().to_text()
    except (dns.exception.DNSException, UnicodeError) as error:
        raise BadName("the text is not a domain name") from error


def challenge_name(domain: str) -> str:
    """Name of the TXT record that proves `domain`; a leading `*.` is stripped (RFC 8555 §8.4)."""
    return canonical(f"{CHALLENGE_LABEL}.{domain.removeprefix('*.')}")


def parents(name: str) -> tuple[str, ...]:
    """`name` and every name above it, longest first, without the root."""
    labels = dns.name.from_text(name).labels
    return tuple(dns.name.Name(labels[at:]).to_text() for at in range(len(labels) - 1))


def beside(name: str, label: str) -> str:
    """Return the name with another first label, which is cut where the whole would be too long."""
    above = dns.name.from_text(name).labels[1:] or (b"",)
    # RFC 1035 §2.3.4: 255 octets, of which each label has one for its length
    room = _LONGEST - sum(len(part) + 1 for part in above) - 1
    return dns.name.Name((label.encode()[:room], *above)).to_text()


def is_below(name: str, apex: str) -> bool:
    """Tell whether `name` is `apex` or lies under it."""
    return dns.name.from_text(name).is_subdomain(dns.name.from_text(apex))
