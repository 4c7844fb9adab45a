"""Link headers (RFC 8288): pages of a list, alternate chains, the authorization of a challenge."""

import re
from urllib.parse import urljoin

from certwright.net.http import Response

_LINK = re.compile(r'<([^<>]*)>((?:\s*;\s*[!#-+.\w^`|~*-]+(?:\s*=\s*(?:"[^"]*"|[^",;\s]*))?)*)')
_REL = re.compile(r';\s*rel\s*=\s*(?:"([^"]*)"|([^",;\s]*))', re.IGNORECASE)


def links(response: Response, relation: str) -> tuple[str, ...]:
    """Absolute URLs of an answer's links of one relation, in order, without doubles."""
    found: dict[str, None] = {}
    for value in response.all("Link"):
        for target, parameters in _LINK.findall(value):
            rel = _REL.search(parameters)
            words = (rel.group(1) or rel.group(2) or "").lower().split() if rel else []
            url = absolute(response, target) if relation in words else ""
            if url:
                found[url] = None
    return tuple(found)


def absolute(response: Response, target: str) -> str:
    """Return the URL that an answer names, whole; empty where it is none."""
    try:
        return urljoin(response.url, target)
    except ValueError:  # such as http://[
        return ""
