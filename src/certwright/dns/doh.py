"""DNS over HTTPS (RFC 8484): one POST, through the HTTP room with its limits."""

from datetime import timedelta
from http import HTTPStatus

from certwright.dns.problem import NameServerSilent
from certwright.net.http import Http

MEDIA_TYPE = "application/dns-message"
_LIMIT_BYTES = 65535


async def post_message(http: Http, url: str, message: bytes, timeout_seconds: float) -> bytes:
    """Post a DNS message and return the one in the answer.

    Raises:
        NameServerSilent: the answer is not 200 with a DNS message.
        Retryable: the resolver could not be reached.
    """
    response = await http.request(
        "POST",
        url,
        headers={"Content-Type": MEDIA_TYPE, "Accept": MEDIA_TYPE},
        body=message,
        timeout=timedelta(seconds=timeout_seconds),
        limit_bytes=_LIMIT_BYTES,
    )
    if response.status != HTTPStatus.OK:
        raise NameServerSilent(url, f"HTTP status {response.status}")
    kind = response.header("Content-Type").partition(";")[0].strip().lower()
    if kind != MEDIA_TYPE:
        raise NameServerSilent(url, f"the answer is {kind or 'of no type'}, not {MEDIA_TYPE}")
    return response.body
