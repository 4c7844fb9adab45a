"""What a CA says when it refuses: problem documents (RFC 7807, RFC 8555 §6.7) as values and errors.

A document is data: it also appears in an order and a challenge. As an exception it is an
`AcmeProblem`, of the class that says who acts next; `type` and not the HTTP status decides, since
CAs disagree about statuses.
"""

import contextlib
from datetime import datetime

import msgspec

from certwright.acme.identifier import Identifier
from certwright.base.evidence import Evidence, printable
from certwright.base.problem import Cause, Problem, Retryable, Stalled
from certwright.base.reason import Reason

NAMESPACE = "urn:ietf:params:acme:error:"
CONTENT_TYPE = "application/problem+json"
_TOO_MANY_REQUESTS = 429
_SERVER_ERRORS = 500


class Subproblem(msgspec.Struct, frozen=True, kw_only=True):
    """One identifier's part in a refusal (RFC 8555 §6.7.1)."""

    type: str = "about:blank"
    detail: str = ""
    identifier: Identifier | None = None

    def __str__(self) -> str:
        return _sentence(self.type, self.detail, self.identifier)


class ProblemDocument(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A problem document. Its texts are a stranger's: `parse_problem` makes them printable."""

    type: str = "about:blank"
    title: str = ""
    detail: str = ""
    status: int = 0
    instance: str = ""
    identifier: Identifier | None = None
    subproblems: tuple[Subproblem, ...] = ()
    algorithms: tuple[str, ...] = ()

    @property
    def word(self) -> str:
        """The type without ACME's namespace, `rateLimited`; the whole type if it is another's."""
        return self.type.removeprefix(NAMESPACE)

    def __str__(self) -> str:
        return _sentence(self.type, self.detail or self.title, self.identifier)


class AcmeProblem(Problem):
    """The CA refused or failed. Always one of `AcmeRefused`, `AcmeRetryable`.

    Attributes:
        document: what the CA said.
        operation: what was asked for, in the directory's word where it has one (`newOrder`).
        url: whom we asked.
        location: where the CA points to in its answer, e.g. to the account that a key has already.
    """

    document: ProblemDocument
    operation: str
    url: str
    location: str

    def is_type(self, word: str) -> bool:
        """Whether the CA's error is ACME's `word`, e.g. `badNonce`."""
        return self.document.type == NAMESPACE + word

    def is_rate_limited(self) -> bool:
        """Whether the CA asked for fewer requests."""
        return self.is_type("rateLimited") or self.document.status == _TOO_MANY_REQUESTS

    def is_bad_nonce(self) -> bool:
        """Whether only the nonce was refused."""
        return self.is_type("badNonce")

    def is_refusal(self) -> bool:
        """Whether the CA understood and said no: a 4xx that is no matter of time."""
        return not self.is_rate_limited() and 400 <= self.document.status < _SERVER_ERRORS  # noqa: PLR2004


class AcmeRefused(AcmeProblem, Stalled):
    """The CA will say the same again until a person changes something."""


class AcmeRetryable(AcmeProblem, Retryable):
    """Worth another try, by `cause`, not before `not_before`."""


_STALLED = frozenset(
    {
        "accountDoesNotExist",
        "badPublicKey",
        "badSignatureAlgorithm",
        "externalAccountRequired",
        "invalidContact",
        "unauthorized",
        "unsupportedContact",
        "userActionRequired",
    }
)
"""About the account or its key: no other order fares better (RFC 8555 §6.7)."""

_CAUSES = {
    "badNonce": Cause.SERVER,
    "caa": Cause.VALIDATION,
    "connection": Cause.VALIDATION,
    "dns": Cause.VALIDATION,
    "incorrectResponse": Cause.VALIDATION,
    "tls": Cause.VALIDATION,
    "serverInternal": Cause.SERVER,
}


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """A refusal as it arrived: the document, for which operation, and the headers that matter."""

    document: ProblemDocument
    operation: str
    url: str
    location: str = ""
    retry_at: datetime | None = None


def build_error(refusal: Refusal) -> AcmeProblem:
    """Choose the class of error by the document's type, then by its status."""
    document = refusal.document
    message = f"the CA refused {refusal.operation}: {document}"
    evidence = tuple(
        Evidence(_subject(part, refusal.operation), str(part)) for part in document.subproblems
    )
    error: AcmeProblem
    if _is_for_a_person(refusal):
        error = AcmeRefused(Reason.REFUSED, message, evidence=evidence, remedy=_remedy(document))
    else:
        cause = _cause(document)
        error = AcmeRetryable(
            _REASONS.get(cause, Reason.REFUSED),
            message,
            cause=cause,
            not_before=refusal.retry_at,
            evidence=evidence,
        )
    error.document = document
    error.operation = refusal.operation
    error.url = refusal.url
    error.location = refusal.location
    return error


def parse_problem(body: bytes, status: int, content_type: str) -> ProblemDocument:
    """Read the body of an answer that is no success; what is no document becomes one.

    Args:
        body: as received.
        status: the answer's HTTP status; it counts, whatever the document claims.
        content_type: of the answer.
    """
    document = ProblemDocument(detail=_plain(body))
    if len(body) <= _MAX_JSON and content_type.partition(";")[0].strip().lower().endswith("json"):
        with contextlib.suppress(ValueError, RecursionError):  # the text is kept then
            document = msgspec.json.decode(body, type=ProblemDocument, strict=False)
    return clean(msgspec.structs.replace(document, status=status))


def clean(document: ProblemDocument) -> ProblemDocument:
    """Make every text of a document fit for a terminal and a log."""
    return msgspec.structs.replace(
        document,
        type=printable(document.type, 200),
        title=printable(document.title, 500),
        detail=printable(document.detail),
        instance=printable(document.instance, 500),
        identifier=clean_identifier(document.identifier) if document.identifier else None,
        subproblems=tuple(
            Subproblem(
                type=printable(part.type, 200),
                detail=printable(part.detail, 500),
                identifier=clean_identifier(part.identifier) if part.identifier else None,
            )
            for part in document.subproblems[:_MAX_SUBPROBLEMS]
        ),
        algorithms=tuple(printable(name, 50) for name in document.algorithms[:20]),
    )


_MAX_SUBPROBLEMS = 200
_MAX_JSON = 1024 * 1024
_REASONS = {
    Cause.RATE: Reason.RATE_LIMITED,
    Cause.SERVER: Reason.SERVER_ERROR,
}


def _is_for_a_person(refusal: Refusal) -> bool:
    # A finalize is "unauthorized" when the CSR is not that of the order; the account is fine.
    return refusal.document.word in _STALLED and refusal.operation != "finalize"


def _cause(document: ProblemDocument) -> Cause:
    # HTTP 429 is a matter of time whatever the type says.
    if document.word == "rateLimited" or document.status == _TOO_MANY_REQUESTS:
        return Cause.RATE
    if document.word in _CAUSES:
        return _CAUSES[document.word]
    is_refusal = 400 <= document.status < _SERVER_ERRORS  # noqa: PLR2004
    return Cause.POLICY if is_refusal else Cause.SERVER


def _remedy(document: ProblemDocument) -> str:
    if document.word == "externalAccountRequired":
        return "Ask the CA for external account binding credentials and configure them."
    if document.word == "userActionRequired" and document.instance:
        return f"Follow the CA's instructions at {document.instance}."
    return ""


def _sentence(kind: str, detail: str, identifier: Identifier | None) -> str:
    about = f"{identifier.value}: " if identifier else ""
    word = kind.removeprefix(NAMESPACE)
    return f"{about}{detail} ({word})" if detail else f"{about}{word}"


def _subject(part: Subproblem, operation: str) -> str:
    return part.identifier.value if part.identifier else operation


def _plain(body: bytes) -> str:
    return " ".join(body[:500].decode("utf-8", "replace").split())


def clean_identifier(identifier: Identifier) -> Identifier:
    """Make an identifier fit for a terminal and a log."""
    return Identifier(type=printable(identifier.type, 50), value=printable(identifier.value, 300))
