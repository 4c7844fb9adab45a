"""What every way of proving ownership offers: present, check, clean up.

Called by the Challenge controller. A solver keeps nothing between calls: a restart in the middle,
or a second process, finds what is there by name and value (design chapter 8).
"""

from typing import Protocol

import msgspec

from certwright.base.evidence import Evidence


class Presentation(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One challenge as a solver sees it, derived from Issuer and Order, never from a Challenge.

    `domain` is the name without `*.`; `fqdn` and `value` are owner and content of the TXT record
    of DNS-01; `token` and `key_authorization` are the last part of the path and the body of
    HTTP-01 (RFC 8555 §8.3, §8.4).
    """

    domain: str
    wildcard: bool = False
    fqdn: str = ""
    value: str = ""
    token: str = ""
    key_authorization: str = ""


class Report(Protocol):
    """What was seen from outside: whether the CA would find the answer, and who said what."""

    @property
    def complete(self) -> bool:
        """Everybody who was asked has the answer."""

    @property
    def message(self) -> str:
        """One sentence, in the words of compat-spec 6.7 and 6.8."""

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """One line per party asked."""


class Solver(Protocol):
    """One way to prove ownership; every verb may be called again at any time."""

    async def present(self, presentation: Presentation) -> None:
        """Publish the answer; returns before it is visible everywhere.

        What others published at the same place stays.

        Raises:
            Stalled: the zone is not ours, or the credentials or the settings were refused.
            Retryable: the other side could not be reached, failed, or asked for fewer requests.
        """

    async def check(self, presentation: Presentation) -> Report:
        """Look once, from outside; what fails is in the report."""

    async def clean_up(self, presentation: Presentation) -> None:
        """Remove this answer and nothing else; one that is gone is not missed.

        Raises:
            Stalled: the zone is not ours, or the credentials or the settings were refused.
            Retryable: the other side could not be reached, failed, or asked for fewer requests.
        """
